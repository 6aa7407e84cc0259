"""What can go wrong in the work of staff. The API answers with none of it, so no page of the docs is about it."""

from payments.errors import PaymentsError


class RepairRefused(PaymentsError):
    """The repair cannot be proposed or decided like this."""

    status = 409


class KeyRefused(PaymentsError):
    """The API key cannot be issued or changed like this."""

    status = 409


class NewsApplied(PaymentsError):
    """The news is applied already, and is not applied again."""

    status = 409


class BadReport(Exception):
    """A file that cannot be reconciled: what is wrong with it, and on which of its lines."""

    def __init__(self, detail: str, *, line_number: int) -> None:
        """Take what is wrong, and the number of the line, from 1."""
        super().__init__(f"line {line_number}: {detail}")
        self.detail = detail
        self.line_number = line_number


class DiscrepancyResolved(Exception):
    """A discrepancy is resolved already, and does not change any more."""
