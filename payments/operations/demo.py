"""A platform to look at: demo merchants with two weeks of payments, and somebody who may see them.

Everything here goes through the same operations as a merchant's own requests, in the order of time, under
idempotency keys that are always the same: a seed that was interrupted carries on where it was left, and one that
is complete changes nothing.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Final, Protocol
from uuid import UUID

from django.contrib.auth import get_user_model

from payments.lifecycles import CaptureMethod, Mode
from payments.models.merchants import Merchant
from payments.models.payments import Payment
from payments.operations.api_keys import Bounds, RateLimit, find_api_key, has_ended, issue_api_key
from payments.operations.callers import Answer, Caller, IdempotentRequest
from payments.operations.merchants import create_merchant
from payments.operations.payments import cancel_payment, capture_payment, confirm_payment, create_payment
from payments.operations.refunds import create_refund
from payments.public_ids import decode, encode

MERCHANT_NAME: Final = "Demo Store"
SECOND_MERCHANT_NAME: Final = "Harbor Books"
PERIOD: Final = timedelta(days=14)
# The newest payment is this old. Every other action comes before it, so that where it is there, all is.
_LAST_AGE: Final = timedelta(minutes=10)
_BREAK: Final = timedelta(hours=1)
# Whoever tries the platform out may well do so with a program that is as quick as it can be.
_BOUNDS: Final = Bounds(rate_limit=RateLimit(per_second=1000, burst=2000))


class Step(Protocol):
    """What a merchant does with a payment of `amount` minor units, some time after creating it."""

    def __call__(self, *, request: IdempotentRequest, payment_id: UUID, amount: int, now: datetime) -> Answer:
        """Do it."""


@dataclass(frozen=True, slots=True)
class Story:
    """The life of one payment: how it is created, and the later steps."""

    payment_method: str | None = "pm_card_visa"
    capture_method: CaptureMethod = CaptureMethod.AUTOMATIC
    confirm: bool = True
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody bought, and the story of its payment; all idempotency keys begin with `key`."""

    key: str
    caller: Caller
    story: Story
    amount: int
    currency: str
    merchant_reference: str | None
    description: str | None
    metadata: dict[str, str]
    created_at: datetime


def _confirm(
    payment_method: str, *, request: IdempotentRequest, payment_id: UUID, amount: int, now: datetime
) -> Answer:
    del amount
    return confirm_payment(request=request, payment_id=payment_id, payment_method=payment_method, now=now)


def _capture(
    percent: int, *, final: bool = False, request: IdempotentRequest, payment_id: UUID, amount: int, now: datetime
) -> Answer:
    share = amount * percent // 100
    return capture_payment(request=request, payment_id=payment_id, amount=share, final_capture=final, now=now)


def _capture_rest(*, request: IdempotentRequest, payment_id: UUID, amount: int, now: datetime) -> Answer:
    del amount
    return capture_payment(request=request, payment_id=payment_id, amount=None, final_capture=True, now=now)


def _cancel(*, request: IdempotentRequest, payment_id: UUID, amount: int, now: datetime) -> Answer:
    del amount
    return cancel_payment(request=request, payment_id=payment_id, now=now)


def _refund(percent: int, *, request: IdempotentRequest, payment_id: UUID, amount: int, now: datetime) -> Answer:
    share = amount * percent // 100
    reason = "requested_by_customer"
    return create_refund(request=request, payment_id=payment_id, amount=share, reason=reason, metadata={}, now=now)


_MANUAL: Final = CaptureMethod.MANUAL
_PAID: Final = Story()
_PAID_BY_MASTERCARD: Final = Story("pm_card_mastercard")
_PARTLY_REFUNDED: Final = Story(steps=(partial(_refund, 30),))
_REFUNDED: Final = Story("pm_card_mastercard", steps=(partial(_refund, 40), partial(_refund, 60)))
_RESERVED: Final = Story(capture_method=_MANUAL)
_SHIPPED_LATER: Final = Story(capture_method=_MANUAL, steps=(_capture_rest,))
_SHIPPED_IN_PARTS: Final = Story(
    "pm_card_mastercard", _MANUAL, steps=(partial(_capture, 40), partial(_capture, 25), _capture_rest)
)
_PARTLY_SOLD_OUT: Final = Story(capture_method=_MANUAL, steps=(partial(_capture, 60, final=True),))
_FIRST_PART_SHIPPED: Final = Story(capture_method=_MANUAL, steps=(partial(_capture, 50),))
_CALLED_OFF: Final = Story("pm_card_mastercard", _MANUAL, steps=(_cancel,))
_ABANDONED: Final = Story(None, confirm=False)
_UNCONFIRMED: Final = Story(confirm=False)
_CANCELED_UNCONFIRMED: Final = Story(confirm=False, steps=(_cancel,))
_CONFIRMED_LATER: Final = Story(None, confirm=False, steps=(partial(_confirm, "pm_card_visa"),))
_ANOTHER_CARD: Final = Story("pm_card_insufficient_funds", steps=(partial(_confirm, "pm_card_mastercard"),))
_THIRD_CARD: Final = Story(
    "pm_card_expired", steps=(partial(_confirm, "pm_card_incorrect_cvc"), partial(_confirm, "pm_card_visa"))
)
_DISPUTED: Final = Story("pm_card_disputed")
_REACHED_LATER: Final = Story("pm_fault_unreachable", steps=(partial(_confirm, "pm_card_visa"),))
_FAILING_METHODS: Final = (
    *("pm_card_declined", "pm_card_insufficient_funds", "pm_card_lost", "pm_card_stolen"),
    *("pm_card_expired", "pm_card_incorrect_cvc", "pm_card_processing_error", "pm_fault_unreachable"),
)

STORIES: Final = (
    *(
        [_PAID] * 7
        + [_PAID_BY_MASTERCARD] * 3
        + [_PARTLY_REFUNDED, _PARTLY_REFUNDED, _REFUNDED]
        + [_SHIPPED_LATER] * 3
        + [_SHIPPED_IN_PARTS] * 2
    ),
    *([_PARTLY_SOLD_OUT] * 2 + [_RESERVED] * 3 + [_FIRST_PART_SHIPPED, _CALLED_OFF, _CALLED_OFF]),
    *(_ABANDONED, _UNCONFIRMED, _UNCONFIRMED, _CANCELED_UNCONFIRMED, _CONFIRMED_LATER),
    *(_ANOTHER_CARD, _THIRD_CARD, _REACHED_LATER, _DISPUTED),
    *(Story(method) for method in _FAILING_METHODS),
)
_EXPIRING: Final = (_RESERVED, _FIRST_PART_SHIPPED, _UNCONFIRMED)
SECOND_STORIES: Final = (_PAID, _PAID_BY_MASTERCARD, _SHIPPED_LATER, _RESERVED, _ANOTHER_CARD, Story("pm_card_lost"))

# How many minor units a hundredth of a euro comes to, in hundredths: currencies with 0, 2 and 3 decimals.
_RATES: Final = {"EUR": 100, "USD": 115, "GBP": 85, "CHF": 95, "JPY": 165, "KWD": 340}
_CURRENCY_WEIGHTS: Final = (10, 6, 4, 2, 4, 3)
# What is sold, and its price in hundredths of a euro.
_PRODUCTS: Final = {
    "Walnut desk lamp": 8900,
    "Linen bedding set": 14900,
    "Espresso cups, set of six": 3450,
    "Wool throw blanket": 7990,
    "Standing desk, oak": 64900,
    "Ceramic vase": 4200,
    "Gift card": 2500,
    "Cast iron pan": 5995,
    "Reading chair": 38900,
    "Beeswax candles": 1999,
    "Wall clock": 6450,
    "Garden bench, teak": 123450,
}


def ensure_demo(*, api_key: str, now: datetime) -> Merchant:
    """See to it that `api_key` works, and that its merchant and a second one have their demo payments.

    Raises:
        ValueError: `api_key` is not a key for test mode, or has ended.
    """
    merchant = _ensure_key(api_key, now=now)
    second = _ensure_merchant(SECOND_MERCHANT_NAME, now=now)
    orders = [
        *_orders(second, SECOND_STORIES, newest=now - 2 * _LAST_AGE, now=now),
        *_orders(merchant, STORIES, newest=now - _LAST_AGE, now=now),
    ]
    last = {"merchant": merchant, "mode": Mode.TEST, "merchant_reference": orders[-1].merchant_reference}
    if not Payment.objects.filter(**last).exists():
        _carry_out(orders, now=now)
    return merchant


def ensure_admin(*, username: str, password: str) -> None:
    """See to it that this user may do everything in the admin, with this password."""
    user_model = get_user_model()
    user = user_model.objects.filter(username=username).first() or user_model(username=username)
    # A hash is slow on purpose: it is checked where there is one, and written where it differs.
    if not user.password or not user.check_password(password):
        user.set_password(password)
    user.is_active = user.is_staff = user.is_superuser = True
    user.save()


def _ensure_key(api_key: str, *, now: datetime) -> Merchant:
    found = find_api_key(secret=api_key)
    if found is None:
        merchant = _ensure_merchant(MERCHANT_NAME, now=now)
        issue_api_key(merchant=merchant, mode=Mode.TEST, name="Demo key", secret=api_key, bounds=_BOUNDS, now=now)
        return merchant
    if found.mode != Mode.TEST:
        raise ValueError("the demo needs a key for test mode")
    if has_ended(found, now=now):
        raise ValueError("the demo's key was revoked or rolled")
    return found.merchant


def _ensure_merchant(name: str, *, now: datetime) -> Merchant:
    found = Merchant.objects.filter(name=name).order_by("id").first()
    return found or create_merchant(name=name, now=now - PERIOD)


def _orders(merchant: Merchant, stories: Sequence[Story], *, newest: datetime, now: datetime) -> list[Order]:
    """Return what was ordered from a merchant, oldest first, mixed in a way that is the same each time."""
    dice = Random(merchant.name)  # nosec B311  # It has to throw the same each time.
    # What would expire comes last, so that it is still there to look at.
    mixed = sorted(dice.sample(stories, len(stories)), key=_EXPIRING.__contains__)
    interval = (PERIOD - _BREAK) / len(mixed)
    orders = []
    for number, story in enumerate([*mixed, _PAID], start=1):
        last = number > len(mixed)
        product, price = dice.choice(list(_PRODUCTS.items()))
        currency = dice.choices(list(_RATES), weights=_CURRENCY_WEIGHTS)[0]
        reference = f"order-{1000 + number}"
        orders.append(
            Order(
                key=f"seed-{number:02}",
                caller=Caller(merchant.id, Mode.TEST),
                story=story,
                amount=price * _RATES[currency] // 100,
                currency=currency,
                merchant_reference=reference if last or dice.random() < 0.8 else None,
                description=product if dice.random() < 0.8 else None,
                metadata={"channel": dice.choice(("web", "app", "shop")), "order": reference},
                created_at=newest if last else now - PERIOD + interval * (number - 1 + dice.random() * 0.9),
            )
        )
    return orders


def _carry_out(orders: Sequence[Order], *, now: datetime) -> None:
    """Do all that happens to the orders, in the order of time: ids then sort as the moments do."""
    payment_ids: dict[int, UUID] = {}
    for when, number, position in sorted(_timeline(orders, now=now)):
        order = orders[number]
        if position == 0:
            payment_ids[number] = _create(order, now=when)
        else:
            order.story.steps[position - 1](
                request=_request(order, position, f"/{encode(Payment.PREFIX, payment_ids[number])}"),
                payment_id=payment_ids[number],
                amount=order.amount,
                now=when,
            )


def _timeline(orders: Sequence[Order], *, now: datetime) -> Iterator[tuple[datetime, int, int]]:
    """Yield when each step is done, with the number of its order and its place in the story (0 creates)."""
    before = now - _BREAK
    for number, order in enumerate(orders):
        yield order.created_at, number, 0
        when = order.created_at
        for position in range(1, len(order.story.steps) + 1):
            # Hours later, but never so late that it would be in the future.
            when += min(timedelta(hours=7, minutes=13 * position), (before - when) / 2)
            yield when, number, position


def _create(order: Order, *, now: datetime) -> UUID:
    answer = create_payment(
        request=_request(order, 0),
        amount=order.amount,
        currency=order.currency,
        capture_method=order.story.capture_method,
        confirm=order.story.confirm,
        payment_method=order.story.payment_method,
        merchant_reference=order.merchant_reference,
        description=order.description,
        metadata=order.metadata,
        now=now,
    )
    document = json.loads(answer.body)
    # A decline is answered with a problem document that holds the payment.
    return decode(Payment.PREFIX, document.get("payment", document)["id"])


def _request(order: Order, position: int, path: str = "") -> IdempotentRequest:
    key = f"{order.key}-{position}"
    return IdempotentRequest(
        caller=order.caller,
        key=key,
        # The key says all there is to say: what it stands for never changes.
        fingerprint=hashlib.sha256(key.encode()).hexdigest(),
        path=f"/v1/payments{path}",
        request_id=key,
    )
