"""Which connector takes a payment: a pure choice, fed by one statement that reads all it depends on."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from django.db import connection

from payments.connectors.registry import SANDBOX
from payments.errors import NoProcessorAvailable, ProcessorUnreachable
from payments.lifecycles import Mode
from payments.models.payments import Payment
from payments.models.routing import CONNECTORS_MAX
from payments.operations.callers import Caller
from payments.operations.circuit_breakers import claim_trial

# The merchant's rules and enabled accounts, with what each account's circuit breaker lets through.
_READ: Final = """
SELECT
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
        'id', rule.id, 'currency', rule.currency, 'amount_from', rule.amount_from, 'amount_to', rule.amount_to,
        'payment_method_prefix', rule.payment_method_prefix, 'percentage', rule.percentage,
        'connectors', rule.connectors) ORDER BY rule.position), '[]')
     FROM payments_routingrule rule
     WHERE rule.merchant_id = %(merchant_id)s AND rule.mode = %(mode)s AND rule.is_enabled),
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
        'connector', account.connector, 'account_id', account.id,
        'passage', CASE WHEN breaker.retry_at IS NULL THEN 'free'
                        WHEN breaker.retry_at <= %(now)s THEN 'trial' ELSE 'barred' END)
        ORDER BY account.created_at, account.id), '[]')
     FROM payments_processoraccount account
     LEFT JOIN payments_circuitbreaker breaker ON breaker.account_id = account.id
     WHERE account.merchant_id = %(merchant_id)s AND account.mode = %(mode)s AND account.is_enabled)
"""


class Passage(StrEnum):
    """What a circuit breaker lets through: everything, one payment to try, or nothing."""

    FREE = "free"
    TRIAL = "trial"
    BARRED = "barred"


@dataclass(frozen=True, slots=True)
class Way:
    """A connector that can serve a merchant, and the account it speaks for; the sandbox needs none."""

    connector: str
    account_id: UUID | None = None
    passage: Passage = Passage.FREE


@dataclass(frozen=True, slots=True)
class Rule:
    """A routing rule as a value; what is None matches everything. Amounts are in minor units, both included."""

    id: UUID
    connectors: tuple[str, ...]
    currency: str | None = None
    amount_from: int | None = None
    amount_to: int | None = None
    payment_method_prefix: str | None = None
    percentage: int = 100


@dataclass(frozen=True, slots=True)
class Charge:
    """What the choice depends on of a payment; `amount` is in minor units."""

    payment_id: UUID
    amount: int
    currency: str
    payment_method: str


def route(charge: Charge, *, rules: Sequence[Rule], ways: Sequence[Way]) -> list[str]:
    """Return the connectors to try for a payment, the first choice first; none, where no way is open to it.

    The first rule that matches decides, if it names a way there is. Otherwise all ways are taken as they come. Of these
    the sandbox is only taken where it is the only one: play money stands in for a processor that is not set up, and
    never for one that is.
    """
    passages = {way.connector: way.passage for way in ways}
    chosen = next((names for rule in rules if matches(rule, charge) and (names := _known(rule, passages))), None)
    if chosen is None:
        chosen = by_default(ways)
    return [name for name in chosen if passages[name] is not Passage.BARRED][:CONNECTORS_MAX]


def by_default(ways: Sequence[Way]) -> list[str]:
    """Return the connectors of all accounts, or the sandbox where there is none."""
    return [way.connector for way in ways if way.account_id is not None] or [way.connector for way in ways]


def matches(rule: Rule, charge: Charge) -> bool:
    """Tell whether a rule takes a payment."""
    return (
        rule.currency in (None, charge.currency)
        and (rule.amount_from is None or rule.amount_from <= charge.amount)
        and (rule.amount_to is None or charge.amount <= rule.amount_to)
        and charge.payment_method.startswith(rule.payment_method_prefix or "")
        and draw(rule.id, charge.payment_id) < rule.percentage
    )


def draw(rule_id: UUID, payment_id: UUID) -> int:
    """Return a number from 0 to 99: the same for one payment at one rule, for ever, and evenly spread over payments.

    Each rule draws anew, so that "half of those who come here" means that, whatever earlier rules have taken.
    """
    digest = sha256(rule_id.bytes + payment_id.bytes).digest()
    return int.from_bytes(digest[:8]) * 100 >> 64


def first_connector(payment: Payment, *, now: datetime) -> str:
    """Return the connector that is asked first to authorize a payment, in the caller's transaction.

    Raises:
        NoProcessorAvailable: the merchant has none in this mode.
        ProcessorUnreachable: none that it has is answering.
    """
    caller = Caller(payment.merchant_id, Mode(payment.mode))
    rules, ways = _read(caller, now=now)
    _require_any(ways, caller.mode)
    chosen = _first_open(route(_charge_of(payment), rules=rules, ways=ways), ways, now=now)
    return _require_open(chosen)


def next_connector(payment: Payment, *, tried: Sequence[str], now: datetime) -> str | None:
    """Return the connector that is asked after those that could not be reached; None, where there is no other."""
    if len(tried) >= CONNECTORS_MAX:
        return None
    rules, ways = _read(Caller(payment.merchant_id, Mode(payment.mode)), now=now)
    names = route(_charge_of(payment), rules=rules, ways=ways)
    return _first_open([name for name in names if name not in tried], ways, now=now)


def payout_connector(*, caller: Caller, now: datetime) -> str:
    """Return the connector that pays out, in the caller's transaction: the merchant's first. Rules have no say in it.

    Raises:
        NoProcessorAvailable: the merchant has none in this mode.
        ProcessorUnreachable: it is not answering. What it holds, no other can pay out.
    """
    _, ways = _read(caller, now=now)
    _require_any(ways, caller.mode)
    first = by_default(ways)[:1]
    barred = {way.connector for way in ways if way.passage is Passage.BARRED}
    return _require_open(_first_open([name for name in first if name not in barred], ways, now=now))


def _known(rule: Rule, passages: dict[str, Passage]) -> list[str]:
    return [name for name in rule.connectors if name in passages]


def _charge_of(payment: Payment) -> Charge:
    assert payment.payment_method is not None
    return Charge(payment.id, payment.amount, payment.currency, payment.payment_method)


def _first_open(names: Sequence[str], ways: Sequence[Way], *, now: datetime) -> str | None:
    """Return the first that lets this payment through: of those who try an open breaker at once, one does."""
    by_name = {way.connector: way for way in ways}
    for name in names:
        way = by_name[name]
        if way.passage is Passage.FREE or way.account_id is None or claim_trial(account_id=way.account_id, now=now):
            return name
    return None


def _read(caller: Caller, *, now: datetime) -> tuple[list[Rule], list[Way]]:
    with connection.cursor() as cursor:
        cursor.execute(_READ, {"merchant_id": caller.merchant_id, "mode": str(caller.mode), "now": now})
        rules, accounts = (json.loads(found) for found in cursor.fetchone())
    ways = [Way(account["connector"], UUID(account["account_id"]), Passage(account["passage"])) for account in accounts]
    # Money at the sandbox is not real.
    return [_rule(found) for found in rules], ways if caller.mode is Mode.LIVE else [*ways, Way(SANDBOX)]


def _rule(found: dict[str, Any]) -> Rule:
    return Rule(**found | {"id": UUID(found["id"]), "connectors": tuple(found["connectors"])})


def _require_any(ways: Sequence[Way], mode: Mode) -> None:
    if not ways:
        raise NoProcessorAvailable(
            f"No {mode} processor is set up for this merchant. Use a test key (sk_test_…) to try the API in the"
            " sandbox."
        )


def _require_open(connector: str | None) -> str:
    if connector is None:
        raise ProcessorUnreachable(
            "The processor does not answer at present. Nothing was written down: repeat the request under the same"
            " idempotency key in a while."
        )
    return connector
