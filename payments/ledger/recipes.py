"""What each event means in double entry: pure functions from an amount to lines.

Each recipe is one row of the ledger table in the docs, and a worked example in tests/ledger.
"""

from dataclasses import dataclass

from payments.models.ledger import AccountCode, Direction, EntryKind, Layer
from payments.money import Money


@dataclass(frozen=True, slots=True)
class Line:
    """One side of an entry; the amount is in minor units and greater than zero."""

    account: AccountCode
    direction: Direction
    layer: Layer
    amount: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """An entry that is not yet written: its kind, its currency and lines that balance in each layer."""

    kind: EntryKind
    currency: str
    lines: tuple[Line, ...]


def payment_authorized(*, authorized: Money) -> Recipe:
    """The issuer reserves the amount: the processor will owe it to us, and we to the merchant."""
    return Recipe(EntryKind.PAYMENT_AUTHORIZED, authorized.currency, _owed(Layer.PENDING, authorized.amount))


def payment_captured(*, captured: Money, reserved: int) -> Recipe:
    """Money is taken: what it used of the reserve (`reserved` minor units) goes back, the capture is posted.

    A payment captured with its authorization never was pending: its reserve is zero. A final capture gives back
    more than it takes.
    """
    return Recipe(
        EntryKind.PAYMENT_CAPTURED,
        captured.currency,
        _released(reserved) + _owed(Layer.POSTED, captured.amount),
    )


def payment_canceled(*, released: Money) -> Recipe:
    """The rest of the reserve goes back to the payer."""
    return Recipe(EntryKind.PAYMENT_CANCELED, released.currency, _released(released.amount))


def payment_expired(*, released: Money) -> Recipe:
    """The reserve has lapsed: what was left of it goes back to the payer."""
    return Recipe(EntryKind.PAYMENT_EXPIRED, released.currency, _released(released.amount))


def platform_fee(*, fee: Money) -> Recipe:
    """The merchant pays us for a capture, out of what it is owed."""
    return _transfer(EntryKind.PLATFORM_FEE, AccountCode.MERCHANT_PAYABLE, AccountCode.FEE_INCOME, fee)


def refund_reserved(*, amount: Money) -> Recipe:
    """A refund is on its way: what it will take from both sides is set aside."""
    return Recipe(EntryKind.REFUND_RESERVED, amount.currency, _given_back(Layer.PENDING, amount.amount))


def refund_succeeded(*, amount: Money) -> Recipe:
    """The payer has the money back: what was set aside is posted."""
    lines = _owed(Layer.PENDING, amount.amount) + _given_back(Layer.POSTED, amount.amount)
    return Recipe(EntryKind.REFUND_SUCCEEDED, amount.currency, lines)


def refund_released(*, amount: Money) -> Recipe:
    """A refund failed before it went through: nothing is set aside any more."""
    return Recipe(EntryKind.REFUND_RELEASED, amount.currency, _owed(Layer.PENDING, amount.amount))


def refund_returned(*, amount: Money) -> Recipe:
    """The payer's bank sent a refund back, days after it succeeded: it is owed again."""
    return Recipe(EntryKind.REFUND_RETURNED, amount.currency, _owed(Layer.POSTED, amount.amount))


def settlement(*, gross: Money, fee: int) -> Recipe:
    """The processor transfers `gross` less its `fee`; both, in minor units, are negative where it takes back."""
    lines = (
        *_signed(AccountCode.CASH, gross.amount - fee),
        *_signed(AccountCode.PSP_FEE_EXPENSE, fee),
        *_signed(AccountCode.PSP_RECEIVABLE, -gross.amount),
    )
    return Recipe(EntryKind.SETTLEMENT, gross.currency, lines)


def payout_created(*, amount: Money) -> Recipe:
    """A payout is on its way: the merchant is not owed it any more."""
    return _transfer(EntryKind.PAYOUT_CREATED, AccountCode.MERCHANT_PAYABLE, AccountCode.PAYOUT_IN_TRANSIT, amount)


def payout_paid(*, amount: Money) -> Recipe:
    """A payout has arrived: the cash is gone."""
    return _transfer(EntryKind.PAYOUT_PAID, AccountCode.PAYOUT_IN_TRANSIT, AccountCode.CASH, amount)


def payout_released(*, amount: Money) -> Recipe:
    """A payout failed on its way: the merchant is owed it again."""
    return _transfer(EntryKind.PAYOUT_RELEASED, AccountCode.PAYOUT_IN_TRANSIT, AccountCode.MERCHANT_PAYABLE, amount)


def payout_returned(*, amount: Money) -> Recipe:
    """The bank sent a payout back, days after it was paid: the cash is here, and the merchant is owed it again."""
    return _transfer(EntryKind.PAYOUT_RETURNED, AccountCode.CASH, AccountCode.MERCHANT_PAYABLE, amount)


def dispute_opened(*, held: Money) -> Recipe:
    """The processor takes the disputed amount and its fee back, and holds both."""
    return _transfer(EntryKind.DISPUTE_OPENED, AccountCode.DISPUTE_HOLD, AccountCode.PSP_RECEIVABLE, held)


def dispute_won(*, held: Money) -> Recipe:
    """The processor gives back what it held."""
    return _transfer(EntryKind.DISPUTE_WON, AccountCode.PSP_RECEIVABLE, AccountCode.DISPUTE_HOLD, held)


def dispute_lost(*, held: Money) -> Recipe:
    """What was held is gone, at the merchant's cost."""
    return _transfer(EntryKind.DISPUTE_LOST, AccountCode.MERCHANT_PAYABLE, AccountCode.DISPUTE_HOLD, held)


def write_off(*, missing: Money) -> Recipe:
    """We bear what a processor will never pay (or, where `missing` is negative, keep what it has paid too much)."""
    lines = (
        *_signed(AccountCode.PSP_FEE_EXPENSE, missing.amount),
        *_signed(AccountCode.PSP_RECEIVABLE, -missing.amount),
    )
    return Recipe(EntryKind.WRITE_OFF, missing.currency, lines)


def _transfer(kind: EntryKind, debited: AccountCode, credited: AccountCode, amount: Money) -> Recipe:
    lines = (
        Line(debited, Direction.DEBIT, Layer.POSTED, amount.amount),
        Line(credited, Direction.CREDIT, Layer.POSTED, amount.amount),
    )
    return Recipe(kind, amount.currency, lines)


def _signed(account: AccountCode, debit: int) -> tuple[Line, ...]:
    """Return a posted debit, or where it is negative a credit; nothing, where it is nothing."""
    if debit == 0:
        return ()
    return (Line(account, Direction.DEBIT if debit > 0 else Direction.CREDIT, Layer.POSTED, abs(debit)),)


def _owed(layer: Layer, amount: int) -> tuple[Line, ...]:
    return (
        Line(AccountCode.PSP_RECEIVABLE, Direction.DEBIT, layer, amount),
        Line(AccountCode.MERCHANT_PAYABLE, Direction.CREDIT, layer, amount),
    )


def _given_back(layer: Layer, amount: int) -> tuple[Line, ...]:
    return (
        Line(AccountCode.MERCHANT_PAYABLE, Direction.DEBIT, layer, amount),
        Line(AccountCode.PSP_RECEIVABLE, Direction.CREDIT, layer, amount),
    )


def _released(amount: int) -> tuple[Line, ...]:
    return _given_back(Layer.PENDING, amount) if amount else ()
