"""Reports as the tests make them: lines of settlement, files of them, and what is reconciled from them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from io import BytesIO
from itertools import count
from typing import Any, Final
from uuid import uuid4

from django.utils import timezone

from payments.models import Discrepancy, ProcessorCall
from payments.operations.processor_reports import sandbox_settlement
from payments.operations.reconciliation import Summary, reconcile
from tests.ledger.reading import every_balance
from tests.shop import Shop, uuid_of

HEADER: Final = "line_reference,batch_reference,kind,processor_reference,currency,gross,fee,net,occurred_at"
_NUMBERS = count(1)


@dataclass(frozen=True)
class Line:
    """One line of a settlement report, with values that are right unless a test says otherwise."""

    line_reference: str
    processor_reference: str
    gross: int
    batch_reference: str = "BATCH-1"
    kind: str = "charge"
    currency: str = "EUR"
    fee: int = 0
    occurred_at: str = "2026-03-10T12:00:00+00:00"

    def __str__(self) -> str:
        """Return it as CSV."""
        return (
            f"{self.line_reference},{self.batch_reference},{self.kind},{self.processor_reference},{self.currency},"
            f"{self.gross},{self.fee},{self.gross - self.fee},{self.occurred_at}"
        )

    def but(self, **changes: Any) -> "Line":
        """Return the same with other values."""
        return replace(self, **changes)


def unique(name: str) -> str:
    """Return a reference that no other test uses."""
    return f"{name}{uuid4().hex[:12]}X{next(_NUMBERS)}"


def charge_line(payment: dict[str, Any], **changes: Any) -> Line:
    """Return the line that settles a payment which was captured at once."""
    call = ProcessorCall.objects.get(payment_id=uuid_of(payment["id"]), kind="authorize", status="succeeded")
    return line_of(call).but(**changes)


def line_of(call: ProcessorCall) -> Line:
    """Return the line that settles what a call has captured."""
    return Line(unique("line"), str(call.processor_reference), call.amount, currency=call.currency)


def refund_line(refund: dict[str, Any], **changes: Any) -> Line:
    """Return the line that settles a refund."""
    line = Line(unique("line"), refund["processor_reference"], -refund["amount"], kind="refund")
    return line.but(currency=refund["currency"]).but(**changes)


def csv_of(lines: Iterable[Line]) -> bytes:
    """Return a settlement report."""
    return "\n".join([HEADER, *map(str, lines), ""]).encode()


def take_in(content: bytes | Sequence[Line], *, now: datetime | None = None, name: str = "report.csv") -> Summary:
    """Reconcile a file."""
    file = BytesIO(content if isinstance(content, bytes) else csv_of(content))
    return reconcile(name=name, file=file, connector="sandbox", now=now or timezone.now())


def settle_sandbox(*, now: datetime | None = None) -> Summary:
    """Reconcile all that moved at the sandbox until now."""
    moment = now or timezone.now() + timedelta(seconds=1)
    return take_in("".join(sandbox_settlement(now=moment)).encode(), now=moment)


def camt(*entries: str, account: str = "DE89370400440532013000", version: str = "001.08", before: str = "") -> bytes:
    """Return a camt.053 statement with these entries."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{before}'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.{version}">\n<BkToCstmrStmt>\n'
        "<GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-03-11T05:00:00</CreDtTm></GrpHdr>\n"
        f"<Stmt><Id>S1</Id><Acct><Id><IBAN>{account}</IBAN></Id></Acct>\n"
        "<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp>"
        '<Amt Ccy="EUR">1.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-03-11</Dt></Dt></Bal>\n'
        + "\n".join(entries)
        + "\n</Stmt>\n</BkToCstmrStmt>\n</Document>\n"
    ).encode()


def entry(
    amount: str,
    text: str,
    *,
    currency: str = "EUR",
    direction: str = "CRDT",
    reference: str | None = None,
    status: str = "<Cd>BOOK</Cd>",
) -> str:
    """Return one entry of a camt.053 statement; without a `reference` it gets one of its own."""
    reference = unique("BANK") if reference is None else reference
    return (
        f'<Ntry><NtryRef>1</NtryRef><Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd>'
        f"<Sts>{status}</Sts>\n<BookgDt><Dt>2026-03-11</Dt></BookgDt><ValDt><Dt>2026-03-12</Dt></ValDt>"
        f"<AcctSvcrRef>{reference}</AcctSvcrRef>\n"
        "<BkTxCd><Domn><Cd>PMNT</Cd></Domn></BkTxCd><NtryDtls><TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs>"
        f"<RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
    )


def discrepancies(**filters: Any) -> list[tuple[str, str, int]]:
    """Return kind, status and amount of each discrepancy, in the order they opened."""
    rows = Discrepancy.objects.filter(**filters).order_by("id")
    return [(row.kind, row.status, row.amount) for row in rows]


def receivable(shop: Shop) -> dict[str, int]:
    """Return what the processor still owes for a shop's payments, by currency."""
    return _posted(shop, "psp_receivable")


def cash(shop: Shop) -> dict[str, int]:
    """Return what has arrived for a shop, by currency."""
    return _posted(shop, "cash")


def _posted(shop: Shop, account: str) -> dict[str, int]:
    return {
        currency: amount
        for currency, code, layer, amount in every_balance(shop)
        if (code, layer) == (account, "posted")
    }
