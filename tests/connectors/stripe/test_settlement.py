"""Stripe's own payouts as settlement reports: every line under the name that our call has, in our units."""

import io
from datetime import timedelta

import pytest

from django.utils import timezone

from payments.connectors.base import CannotAsk, Succeeded
from payments.connectors.stripe import StripeConnector
from payments.money import Money
from payments.operations.report_formats import Settled
from payments.operations.report_formats.settlement_csv import read_settlement_csv
from payments.staff_errors import BadReport
from tests.connectors.contract.asking import TEN_EUROS, authorize, capture, euros, reference_of, refund
from tests.stripe_server import StripeServer
from tests.stripe_server.movements import decide_dispute, finish_refund, settle

WEEK = timedelta(days=7)


def lines_of(connector: StripeConnector, name: str) -> list[Settled]:
    """Return the lines of a report as reconciliation reads them."""
    return list(read_settlement_csv(io.BytesIO("".join(connector.report(name)).encode())))


def said(lines: list[Settled]) -> set[tuple[str, str, int, int]]:
    """Return what each line says."""
    return {(str(line.kind), line.processor_reference, line.gross, line.fee) for line in lines}


def names_of(connector: StripeConnector) -> list[str]:
    """Return the reports of the last week."""
    now = timezone.now()
    return connector.reports(since=now - WEEK, now=now + timedelta(seconds=1))


def test_a_payout_is_made_of_charges_refunds_and_disputes(
    connector: StripeConnector, stripe_server: StripeServer
) -> None:
    at_once = reference_of(authorize(connector, "pm_card_visa", capture=True))
    given_back = reference_of(refund(connector, at_once, euros(300)))
    later = reference_of(authorize(connector, "pm_card_visa"))
    captured = reference_of(capture(connector, later, euros(700)))
    disputed = reference_of(authorize(connector, "pm_card_createDispute", capture=True))
    (dispute,) = stripe_server.books.all("dispute")
    payout = settle(stripe_server.books, "eur")

    lines = lines_of(connector, payout["id"])

    assert said(lines) == {
        ("charge", at_once, 1000, 15),
        ("refund", given_back, -300, 0),
        ("charge", captured, 700, 10),
        ("charge", disputed, 1000, 15),
        ("dispute", dispute["id"], -2500, 0),
    }
    assert {line.batch_reference for line in lines} == {payout["id"]}
    assert {line.currency for line in lines} == {"EUR"}
    assert sum(line.net for line in lines) == payout["amount"]
    assert len({line.line_reference for line in lines}) == 5


def test_what_comes_back_is_named_after_what_it_was(connector: StripeConnector, stripe_server: StripeServer) -> None:
    refunded = reference_of(authorize(connector, "pm_card_refundFail", capture=True))
    refund(connector, refunded, TEN_EUROS)
    authorize(connector, "pm_card_createDispute", capture=True)
    settle(stripe_server.books, "eur")
    (made,), (dispute,) = stripe_server.books.all("refund"), stripe_server.books.all("dispute")
    finish_refund(stripe_server.books, made, "failed")
    decide_dispute(stripe_server.books, dispute, won=True)
    payout = settle(stripe_server.books, "eur")

    assert said(lines_of(connector, payout["id"])) == {
        ("adjustment", made["id"], 1000, 0),
        ("dispute_won", dispute["id"], 2500, 0),
    }


def test_captures_of_one_reserve_are_told_apart_over_payouts(
    connector: StripeConnector, stripe_server: StripeServer
) -> None:
    reference = reference_of(authorize(connector, "pm_card_visa"))
    captures, payouts = [], []
    for amount, final in ((300, False), (300, False), (400, True)):
        captures.append(reference_of(capture(connector, reference, euros(amount), final=final)))
        payouts.append(settle(stripe_server.books, "eur")["id"])

    references = [line.processor_reference for name in payouts for line in lines_of(connector, name)]

    assert len(set(references)) == 3
    assert set(references) == set(captures)
    assert references[2] == captures[2]


@pytest.mark.parametrize(
    ("money", "gross", "fee"), [(Money(700_00, "ISK"), 700_00, 1050), (Money(10_000, "KWD"), 10_000, 150)], ids=str
)
def test_amounts_are_in_our_units(
    money: Money, gross: int, fee: int, connector: StripeConnector, stripe_server: StripeServer
) -> None:
    authorize(connector, "pm_card_visa", amount=money, capture=True)
    payout = settle(stripe_server.books, money.currency.lower())

    (line,) = lines_of(connector, payout["id"])

    assert (line.currency, line.gross, line.fee) == (money.currency, gross, fee)


def test_an_amount_that_is_not_exact_with_us_makes_the_report_unreadable(
    connector: StripeConnector, stripe_server: StripeServer
) -> None:
    authorize(connector, "pm_card_visa", amount=Money(7, "ISK"), capture=True)
    payout = settle(stripe_server.books, "isk")

    with pytest.raises(BadReport, match="not exact"):
        list(connector.report(payout["id"]))


def test_only_stripe_s_own_payouts_that_are_paid_are_reports(
    connector: StripeConnector, stripe_server: StripeServer
) -> None:
    names = []
    for _ in range(3):
        assert isinstance(authorize(connector, "pm_card_visa", capture=True), Succeeded)
        names.append(settle(stripe_server.books, "eur"))
    names[0]["status"], names[1]["automatic"] = "in_transit", False

    assert names_of(connector) == [names[2]["id"]]


def test_a_payout_that_was_due_days_ago_and_is_paid_now_is_found(
    connector: StripeConnector, stripe_server: StripeServer
) -> None:
    authorize(connector, "pm_card_visa", capture=True)
    payout = settle(stripe_server.books, "eur")
    now = timezone.now()

    assert connector.reports(since=now + timedelta(days=3), now=now + timedelta(days=4)) == [payout["id"]]


def test_reports_are_oldest_first_and_read_over_pages(connector: StripeConnector, stripe_server: StripeServer) -> None:
    reference = reference_of(authorize(connector, "pm_card_visa", amount=euros(100_000), capture=True))
    charge = stripe_server.books.get(stripe_server.books.get(reference, "payment_intent")["latest_charge"], "charge")
    for _ in range(230):
        stripe_server.books.move_money("charge", charge, 1, currency="eur")
    first, second = settle(stripe_server.books, "eur"), settle(stripe_server.books, "eur")
    first["arrival_date"] -= 86_400

    assert names_of(connector) == [first["id"], second["id"]]
    assert len(lines_of(connector, first["id"])) == 231


def test_a_key_that_is_refused_is_told_apart_from_an_empty_report(
    connector: StripeConnector, stripe_server: StripeServer
) -> None:
    payout = settle(stripe_server.books, "eur")
    refused = StripeConnector({"secret_key": "sk_test_revoked", "webhook_secret": "whsec_any"})

    with pytest.raises(CannotAsk):
        names_of(refused)
    with pytest.raises(CannotAsk):
        list(refused.report(payout["id"]))


def test_there_is_no_report_of_another_name(connector: StripeConnector) -> None:
    with pytest.raises(ValueError, match="no payout 'po_unheard_of'"):
        list(connector.report("po_unheard_of"))
