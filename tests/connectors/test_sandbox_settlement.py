"""The sandbox's settlement reports and its bank's statements."""

import csv
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from payments.connectors.sandbox import SandboxConnector
from payments.connectors.sandbox.settlement import close_batches, record_movement
from payments.models import SandboxBatch
from payments.models.reconciliation import SettlementKind
from payments.money import Money
from tests.shop import Shop

SANDBOX = SandboxConnector()
NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def march(shop: Shop) -> Shop:
    """Return a shop that took 19.99 EUR and 500 JPY and gave 5.00 EUR back, on March 10."""
    with time_machine.travel(NOON, tick=False):
        payment = shop.pay().json()
        shop.post("/v1/refunds", {"payment": payment["id"], "amount": 500})
        shop.pay(currency="JPY", amount=500)
        shop.authorize()
    return shop


def rows_of(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(SANDBOX.report(name)))


def test_what_moved_is_in_a_batch_for_each_currency(march: Shop) -> None:
    name = close_batches(before=NOON + DAY, now=NOON + DAY)

    assert name == "sandbox-20260311-1.csv"
    told = [(row["batch_reference"], row["kind"], row["gross"], row["fee"], row["net"]) for row in rows_of(name)]
    assert told == [
        ("SBX260311EUR1", "charge", "1999", "28", "1971"),
        ("SBX260311EUR1", "refund", "-500", "0", "-500"),
        ("SBX260311JPY1", "charge", "500", "7", "493"),
    ]


def test_a_report_is_the_same_whenever_it_is_asked_for(march: Shop) -> None:
    first = close_batches(before=NOON + DAY, now=NOON + DAY)
    assert first is not None
    before = "".join(SANDBOX.report(first))
    with time_machine.travel(NOON + DAY, tick=False):
        march.pay(amount=700)

    second = close_batches(before=NOON + 2 * DAY, now=NOON + DAY + timedelta(hours=1))

    assert "".join(SANDBOX.report(first)) == before
    assert second == "sandbox-20260311-2.csv"
    assert [(row["batch_reference"], row["gross"]) for row in rows_of(second)] == [("SBX260311EUR2", "700")]


def test_a_report_is_made_once_a_day(march: Shop) -> None:
    same_day = SANDBOX.reports(since=NOON - DAY, now=NOON + timedelta(hours=11))
    next_day = SANDBOX.reports(since=NOON - DAY, now=NOON + timedelta(hours=13))
    later = SANDBOX.reports(since=NOON - DAY, now=NOON + timedelta(hours=14))

    assert same_day == []
    assert next_day == later == ["sandbox-20260311-1.csv"]


def test_a_batch_is_at_the_bank_a_day_later(march: Shop) -> None:
    made_at = NOON + timedelta(hours=13)
    SANDBOX.reports(since=NOON, now=made_at)

    names = SANDBOX.reports(since=made_at, now=made_at + DAY)

    assert names == ["sandbox-20260311-1.xml"]
    text = "".join(SANDBOX.report(names[0]))
    assert '<Amt Ccy="EUR">14.71</Amt><CdtDbtInd>CRDT</CdtDbtInd>' in text
    assert '<Amt Ccy="JPY">493</Amt>' in text
    assert "<EndToEndId>SBX260311EUR1</EndToEndId>" in text


def test_a_day_can_be_made_short(march: Shop, settings: object) -> None:
    settings.PAYMENTS_SANDBOX_DAY_SECONDS = 60  # type: ignore[attr-defined]

    assert SANDBOX.reports(since=NOON - DAY, now=NOON + timedelta(seconds=59)) == []
    assert SANDBOX.reports(since=NOON - DAY, now=NOON + timedelta(seconds=61)) == ["sandbox-20260310-1.csv"]


def test_where_nothing_moved_there_is_no_report(shop: Shop) -> None:
    shop.authorize()
    shop.pay(payment_method="pm_card_declined")

    assert close_batches(before=NOON + 365 * DAY, now=NOON + 365 * DAY) is None
    assert not SandboxBatch.objects.exists()


@pytest.mark.parametrize(("amount", "gross", "fee"), [(1000, "900", "13"), (1, "0", "0"), (9, "8", "0")])
def test_a_charge_may_be_settled_short(shop: Shop, amount: int, gross: str, fee: str) -> None:
    shop.pay(payment_method="pm_fault_short_settlement", amount=amount)
    later = datetime.now(UTC) + DAY

    (row,) = rows_of(str(close_batches(before=later, now=later)))

    assert (row["gross"], row["fee"]) == (gross, fee)


def test_a_refund_that_comes_back_is_settled_when_it_does(shop: Shop) -> None:
    with time_machine.travel(NOON, tick=False):
        payment = shop.pay(payment_method="pm_card_refund_fails").json()
        refund = shop.post("/v1/refunds", {"payment": payment["id"]}).json()

    first = str(close_batches(before=NOON + DAY, now=NOON + DAY))
    second = str(close_batches(before=NOON + 3 * DAY, now=NOON + 3 * DAY))

    assert [row["kind"] for row in rows_of(first)] == ["charge", "refund"]
    (row,) = rows_of(second)
    assert (row["kind"], row["gross"], row["processor_reference"]) == (
        "adjustment",
        "1999",
        refund["processor_reference"],
    )


def test_what_moves_without_a_request_is_settled_too(db: None) -> None:
    record_movement(SettlementKind.DISPUTE, "sbd_1", Money(-3499, "EUR"), at=NOON)

    (row,) = rows_of(str(close_batches(before=NOON + DAY, now=NOON + DAY)))

    assert (row["kind"], row["processor_reference"], row["gross"], row["fee"]) == ("dispute", "sbd_1", "-3499", "0")


@pytest.mark.parametrize("name", ["sandbox-20260311-9.csv", "nothing", "", "sandbox-20260311-1.txt"])
def test_a_report_that_was_never_made_is_refused(march: Shop, name: str) -> None:
    close_batches(before=NOON + DAY, now=NOON + DAY)

    with pytest.raises(ValueError, match="the sandbox has no report"):
        list(SANDBOX.report(name))
