"""The chart of accounts, and how an account of a merchant is found."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from payments.lifecycles import Mode
from payments.models.ledger import AccountCode, Direction, LedgerAccount

# The side on which an account grows: what we are owed on the debit side, what we owe on the credit side.
NORMAL_SIDE: Final = {
    AccountCode.PSP_RECEIVABLE: Direction.DEBIT,
    AccountCode.MERCHANT_PAYABLE: Direction.CREDIT,
    AccountCode.FEE_INCOME: Direction.CREDIT,
    AccountCode.PSP_FEE_EXPENSE: Direction.DEBIT,
    AccountCode.CASH: Direction.DEBIT,
    AccountCode.PAYOUT_IN_TRANSIT: Direction.CREDIT,
    AccountCode.DISPUTE_HOLD: Direction.DEBIT,
}


def account_ids(*, merchant_id: UUID, mode: Mode, currency: str, codes: set[AccountCode]) -> dict[AccountCode, int]:
    """Return the ids of a merchant's accounts by code; an account is opened when it is first needed."""
    accounts = LedgerAccount.objects.filter(merchant_id=merchant_id, mode=mode, currency=currency, code__in=codes)
    found = _by_code(accounts.values_list("code", "id"))
    if len(found) < len(codes):
        LedgerAccount.objects.bulk_create(
            [
                LedgerAccount(merchant_id=merchant_id, mode=mode, currency=currency, code=code)
                for code in sorted(codes - found.keys())
            ],
            ignore_conflicts=True,
        )
        found = _by_code(accounts.values_list("code", "id"))
    return found


def lock_account(*, merchant_id: UUID, mode: Mode, currency: str, code: AccountCode) -> None:
    """Hold one account until the transaction ends, for what must not overdraw it; a new one is opened first.

    It keeps off whoever else would hold the account, and nobody who writes lines to it: captures go on.
    """
    ids = account_ids(merchant_id=merchant_id, mode=mode, currency=currency, codes={code})
    LedgerAccount.objects.select_for_update(no_key=True).get(pk=ids[code])


def _by_code(rows: Iterable[tuple[str, int]]) -> dict[AccountCode, int]:
    return {AccountCode(code): account_id for code, account_id in rows}
