"""The choice of connectors, as a table."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.operations.routing import Charge, Passage, Rule, Way, by_default, draw, matches, route

PAYMENT = UUID(int=1)
CHARGE = Charge(PAYMENT, 1999, "EUR", "pm_card_visa")
ALPHA, BETA, GAMMA, DELTA = (Way(name, UUID(int=number)) for number, name in enumerate(("alpha", "beta", "gamma", "d")))
SANDBOX = Way("sandbox")


def rule(*connectors: str, currency: str | None = None, percentage: int = 100) -> Rule:
    """Return a rule."""
    return Rule(uuid4(), connectors, currency=currency, percentage=percentage)


def barred(way: Way) -> Way:
    """Return the same way with an open breaker."""
    return Way(way.connector, way.account_id, Passage.BARRED)


@pytest.mark.parametrize(
    ("rules", "ways", "expected"),
    [
        ([], [], []),
        ([], [SANDBOX], ["sandbox"]),
        ([], [ALPHA, BETA], ["alpha", "beta"]),
        ([], [BETA, ALPHA, SANDBOX], ["beta", "alpha"]),
        ([], [ALPHA, BETA, GAMMA, DELTA], ["alpha", "beta", "gamma"]),
        ([rule("beta", "alpha")], [ALPHA, BETA], ["beta", "alpha"]),
        ([rule("beta")], [ALPHA, BETA], ["beta"]),
        ([rule("beta"), rule("alpha")], [ALPHA, BETA], ["beta"]),
        ([rule("beta", currency="USD"), rule("alpha")], [ALPHA, BETA], ["alpha"]),
        ([rule("beta", currency="USD")], [ALPHA, BETA], ["alpha", "beta"]),
        # Where there is no such way.
        ([rule("gamma", "beta")], [ALPHA, BETA], ["beta"]),
        ([rule("gamma"), rule("beta")], [ALPHA, BETA], ["beta"]),
        ([rule("gamma")], [ALPHA, BETA], ["alpha", "beta"]),
        # The sandbox, by name.
        ([rule("alpha", "sandbox")], [ALPHA, SANDBOX], ["alpha", "sandbox"]),
        ([rule("sandbox")], [ALPHA], ["alpha"]),
        # Open breakers.
        ([], [barred(ALPHA), BETA], ["beta"]),
        ([], [barred(ALPHA)], []),
        ([], [barred(ALPHA), SANDBOX], []),
        ([rule("alpha"), rule("beta")], [barred(ALPHA), BETA], []),
        ([rule("alpha", "beta")], [barred(ALPHA), BETA], ["beta"]),
        ([], [barred(ALPHA), BETA, GAMMA, DELTA], ["beta", "gamma", "d"]),
        ([], [Way("alpha", UUID(int=1), Passage.TRIAL), BETA], ["alpha", "beta"]),
    ],
)
def test_route(rules: list[Rule], ways: list[Way], expected: list[str]) -> None:
    assert route(CHARGE, rules=rules, ways=ways) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"currency": "EUR"}, True),
        ({"currency": "USD"}, False),
        ({"currency": "EUR", "amount_from": 1999}, True),
        ({"currency": "EUR", "amount_from": 2000}, False),
        ({"currency": "EUR", "amount_to": 1999}, True),
        ({"currency": "EUR", "amount_to": 1998}, False),
        ({"payment_method_prefix": "pm_card_"}, True),
        ({"payment_method_prefix": "pm_card_visa"}, True),
        ({"payment_method_prefix": "pm_card_visa_"}, False),
        ({"payment_method_prefix": "PM_"}, False),
        ({"currency": "EUR", "payment_method_prefix": "ba_"}, False),
    ],
)
def test_rule_matches(changes: dict[str, object], expected: bool) -> None:
    assert matches(Rule(uuid4(), ("alpha",), **changes), CHARGE) is expected  # type: ignore[arg-type]


def test_payouts_go_by_accounts_before_the_sandbox() -> None:
    assert by_default([ALPHA, BETA, SANDBOX]) == ["alpha", "beta"]
    assert by_default([SANDBOX]) == ["sandbox"]


@given(st.uuids(), st.uuids())
def test_a_payment_draws_the_same_at_a_rule_for_ever(rule_id: UUID, payment_id: UUID) -> None:
    assert draw(rule_id, payment_id) == draw(rule_id, payment_id)
    assert 0 <= draw(rule_id, payment_id) < 100


@given(st.uuids(), st.uuids(), st.integers(1, 100), st.integers(1, 100))
def test_whom_a_share_takes_a_larger_one_takes_too(rule_id: UUID, payment_id: UUID, one: int, other: int) -> None:
    charge = Charge(payment_id, 1, "EUR", "pm")
    smaller, larger = (matches(Rule(rule_id, ("alpha",), percentage=share), charge) for share in sorted((one, other)))

    assert larger or not smaller


@given(st.uuids(), st.uuids())
def test_a_hundred_of_a_hundred_is_all(rule_id: UUID, payment_id: UUID) -> None:
    assert matches(Rule(rule_id, ("alpha",), percentage=100), Charge(payment_id, 1, "EUR", "pm"))


@pytest.mark.parametrize("share", [1, 10, 50, 90])
def test_a_share_is_that_of_many_payments(share: int) -> None:
    rule_id, number = UUID(int=7), 20_000

    taken = sum(draw(rule_id, UUID(int=payment)) < share for payment in range(number))

    # Four standard deviations of a fair draw.
    assert abs(taken - number * share / 100) < 4 * (number * share / 100 * (1 - share / 100)) ** 0.5


def test_half_of_what_another_half_leaves_is_a_quarter() -> None:
    rules = [rule("alpha", percentage=50), rule("beta", percentage=50), rule("gamma")]
    number = 20_000

    taken = [
        route(Charge(UUID(int=payment), 1, "EUR", "pm"), rules=rules, ways=[ALPHA, BETA, GAMMA])[0]
        for payment in range(number)
    ]

    for name, share in (("alpha", 0.5), ("beta", 0.25), ("gamma", 0.25)):
        assert abs(taken.count(name) / number - share) < 0.02
