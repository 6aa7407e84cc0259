"""Bank statements: which batch and which payout each entry carries, and what does not match."""

from datetime import timedelta
from typing import Any

import pytest

from django.utils import timezone

from payments.models import BankLine, Discrepancy, Payout
from payments.operations.processor_reports import fetch_reports
from tests.reports import camt, charge_line, discrepancies, entry, take_in, unique
from tests.shop import Shop


@pytest.fixture
def batch(shop: Shop) -> str:
    """Return the name of a batch in which 19.00 EUR were settled (of 19.99, less the fee)."""
    name = unique("BATCH")
    take_in([charge_line(shop.pay().json(), batch_reference=name, fee=99)])
    return name


@pytest.fixture
def payout(shop: Shop) -> Payout:
    """Return a payout of 100.00 EUR."""
    now = timezone.now()
    return Payout.objects.create(
        merchant=shop.merchant,
        mode="test",
        currency="EUR",
        status="pending",
        amount=10000,
        destination="ba_test",
        connector="sandbox",
        created_at=now,
        updated_at=now,
    )


def take(*entries: str, **options: Any) -> BankLine:
    """Reconcile a statement, and return the row of its last entry."""
    take_in(camt(*entries, **options))
    return BankLine.objects.latest("id")


@pytest.mark.parametrize("text", ["Settlement {}", "ref:{}/2026", "EREF+{}, thanks", "{}."])
def test_an_entry_is_known_by_the_batch_it_names(batch: str, text: str) -> None:
    row = take(entry("19.00", text.format(batch)))

    assert row.batch_reference == batch
    assert discrepancies() == []


def test_a_name_that_a_line_s_end_has_broken_is_known(batch: str) -> None:
    text = f":86:166?00GUTSCHRIFT?20Settlement?21{batch[:9]}?22{batch[9:]}"
    statement = f":20:X\n:25:1\n:28C:1\n:60F:C260310EUR0,\n:61:260311C19,00NTRFNONREF//B1\n{text}\n:62F:C260311EUR19,\n"

    take_in(statement.encode())

    assert BankLine.objects.get().batch_reference == batch
    assert discrepancies() == []


def test_a_name_is_not_found_within_another(batch: str) -> None:
    take(entry("19.00", f"Settlement {batch}9"))

    assert discrepancies() == [("unknown_bank_entry", "open", 1900)]


@pytest.mark.parametrize(("amount", "difference"), [("18.00", -100), ("19.01", 1)])
def test_a_batch_that_arrives_with_another_amount_is_told(batch: str, amount: str, difference: int) -> None:
    take(entry(amount, batch))

    assert discrepancies() == [("wrong_batch_amount", "open", difference)]


def test_the_rest_of_a_batch_clears_the_difference_up(batch: str) -> None:
    take(entry("18.00", batch))

    take(entry("1.00", batch))

    assert discrepancies() == [("wrong_batch_amount", "resolved", -100)]
    assert "something else by now" in str(Discrepancy.objects.get().resolution)


def test_a_batch_that_arrives_twice_is_told(batch: str) -> None:
    take(entry("19.00", batch))

    take(entry("19.00", batch))

    assert discrepancies() == [("wrong_batch_amount", "open", 1900)]


def test_a_batch_in_another_currency_is_told(batch: str) -> None:
    take(entry("19.00", batch, currency="USD"))

    assert discrepancies() == [("wrong_batch_amount", "open", -1900), ("wrong_batch_amount", "open", 1900)]


def test_an_entry_before_its_settlement_report_waits_for_it(shop: Shop) -> None:
    name = unique("BATCH")
    row = take(entry("19.99", name))
    before = discrepancies()

    take_in([charge_line(shop.pay().json(), batch_reference=name)])

    row.refresh_from_db()
    assert before == [("unknown_bank_entry", "open", 1999)]
    assert discrepancies() == [("unknown_bank_entry", "resolved", 1999)]
    assert row.batch_reference == name


def test_an_entry_that_names_nothing_of_ours_is_told(db: None) -> None:
    take(entry("5.00", "Office rent", direction="DBIT"))

    assert discrepancies() == [("unknown_bank_entry", "open", -500)]


@pytest.mark.parametrize(
    "name", [lambda name: name, lambda name: name.upper(), lambda name: name.replace("_", "-").upper()]
)
def test_a_payout_is_known_by_its_id_however_the_bank_prints_it(payout: Payout, name: Any) -> None:
    row = take(entry("100.00", f"PAYOUT {name(payout.public_id)} THANK YOU", direction="DBIT"))

    assert row.payout == payout
    assert discrepancies() == []


def test_a_payout_that_comes_back_is_known(payout: Payout) -> None:
    take(entry("100.00", payout.public_id, direction="DBIT"), entry("100.00", f"RETURN {payout.public_id}"))

    assert BankLine.objects.filter(payout=payout).count() == 2
    assert discrepancies() == []


@pytest.mark.parametrize(
    ("amounts", "difference"), [(["99.00"], 100), (["101.00"], -100), (["100.00", "100.00"], -10000)]
)
def test_a_payout_with_another_amount_is_told(payout: Payout, shop: Shop, amounts: list[str], difference: int) -> None:
    take(*(entry(amount, payout.public_id, direction="DBIT") for amount in amounts))

    assert discrepancies(merchant=shop.merchant, payout=payout) == [("wrong_payout_amount", "open", difference)]


def test_a_payout_id_that_is_nobody_s_is_unknown(db: None) -> None:
    take(entry("100.00", "po_01jv8k3x5rf2dbh0v9q2w8m7ce", direction="DBIT"))

    assert discrepancies() == [("unknown_bank_entry", "open", -10000)]


def test_statements_that_overlap_count_each_entry_once(batch: str) -> None:
    one, two = entry("19.00", batch), entry("5.00", "rent", reference="")
    take(one, two)

    take(one, two, entry("7.00", "more"))

    assert BankLine.objects.count() == 3
    assert [kind for kind, _, _ in discrepancies()] == ["unknown_bank_entry"] * 2


def test_an_entry_whose_reference_says_something_else_the_second_time_is_told(batch: str) -> None:
    take(entry("19.00", batch, reference="B-77"))

    take(entry("18.00", batch, reference="B-77"))

    assert discrepancies() == [("unknown_bank_entry", "open", 1800)]


def test_the_sandbox_s_money_arrives_by_itself(shop: Shop) -> None:
    shop.pay()
    shop.pay(currency="JPY", amount=500)
    tomorrow = timezone.now() + timedelta(days=1)

    settled = fetch_reports(now=tomorrow)
    arrived = fetch_reports(now=tomorrow + timedelta(days=1))
    nothing = fetch_reports(now=tomorrow + timedelta(days=1, hours=1))

    assert [(summary.new, summary.matched, summary.opened) for summary in settled] == [(2, 2, 0)]
    assert [(summary.new, summary.matched, summary.opened) for summary in arrived] == [(2, 2, 0)]
    assert nothing == []
    assert discrepancies() == []


def test_a_payout_s_id_that_line_ends_have_broken_is_known(payout: Payout) -> None:
    name = payout.public_id
    text = f":86:166?00TRANSFER?20PAYOUT {name[:1]}?21{name[1:28]}?22{name[28:]} THANKS"
    statement = f":20:X\n:25:1\n:28C:1\n:60F:C260310EUR0,\n:61:260311D100,NTRFNONREF//B1\n{text}\n:62F:C260311EUR0,\n"

    take_in(statement.encode())

    assert BankLine.objects.get().payout == payout
