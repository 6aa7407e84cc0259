"""Searching finds what people paste and type, by exact look-ups, and never fails."""

import re
from datetime import timedelta
from http import HTTPStatus

import pytest

from django.test import Client

from payments.admin.amounts import amount_typed
from payments.models import ApiKey, Event, IdempotencyRecord, JournalEntry, LedgerAccount, Merchant, Payment
from payments.models.processor import ProcessorCall
from tests.admin.conftest import NOW, PAGES

pytestmark = pytest.mark.usefixtures("demo")

NAMING_NOTHING = (
    *("nothing", "pay_", "pay_zzzz", "pay_" + "u" * 26, "%", "'", '"', "\\", "19,99", "19.999 EUR", "1.5 JPY"),
    *("9" * 12, "9" * 400, "0", "0.00", "-5", "1e9", "NaN", "12 XXX", "EUR 5 USD", "\u0663", "\x00", "pay_\x00"),
    *("\U0001f600", "a" * 4000),
)


def found(staff: Client, name: str, **asked: str) -> set[str]:
    """Return the primary keys of the rows that a list shows."""
    answer = staff.get(f"/admin/payments/{name}/", asked)
    assert answer.status_code == HTTPStatus.OK
    return set(re.findall(rf"/admin/payments/{name}/([\w-]+)/change/", answer.content.decode()))


def keys_of(**lookups: object) -> set[str]:
    return {str(pk) for pk in Payment.objects.filter(**lookups).values_list("pk", flat=True)}


def test_payment_is_found_by_its_public_id_however_it_is_pasted(staff: Client) -> None:
    payment = Payment.objects.order_by("id")[7]

    for term in (payment.public_id, f"  {payment.public_id}\t", payment.public_id.upper(), str(payment.pk)):
        assert found(staff, "payment", q=term) == {str(payment.pk)}


def test_payment_is_found_by_its_reference(staff: Client) -> None:
    assert found(staff, "payment", q="order-1001") == keys_of(merchant_reference="order-1001")
    assert found(staff, "payment", q="order-100") == set()


def test_payment_is_found_by_one_of_its_calls(staff: Client) -> None:
    call = ProcessorCall.objects.order_by("id")[3]

    assert found(staff, "payment", q=call.public_id) == {str(call.payment_id)}


def test_payment_is_found_by_its_amount_as_people_type_it(staff: Client) -> None:
    for typed, amount, currency in (
        ("19.99", 1999, "EUR"),
        ("19.99 EUR", 1999, "EUR"),
        ("eur 19.99", 1999, "EUR"),
        ("1999", 1999, "EUR"),
        ("1,419.67", 141967, "USD"),
        ("3,298 JPY", 3298, "JPY"),
        ("3298JPY", 3298, "JPY"),
        ("419.730", 419730, "KWD"),
        ("419.73 KWD", 419730, "KWD"),
    ):
        expected = keys_of(amount=amount, currency=currency)
        assert expected
        assert (typed, expected & found(staff, "payment", q=typed)) == (typed, expected)


def test_amount_with_a_currency_finds_that_currency_only(staff: Client) -> None:
    assert found(staff, "payment", q="25.00 EUR") == keys_of(amount=2500, currency="EUR")
    assert found(staff, "payment", q="25.00") == keys_of(amount=2500, currency__in=("EUR", "USD", "GBP", "CHF"))


@pytest.mark.parametrize("name", PAGES)
def test_a_term_that_names_nothing_gives_an_empty_list(staff: Client, name: str) -> None:
    for term in NAMING_NOTHING:
        assert (term, found(staff, name, q=term)) == (term, set())


@pytest.mark.parametrize("name", PAGES)
def test_a_filter_with_nonsense_never_fails(staff: Client, name: str) -> None:
    for lookup in ("status__exact", "mode__exact", "currency", "created_at_from", "merchant__id__exact"):
        for value in ("\x00", "nonsense", "9" * 400):
            answer = staff.get(f"/admin/payments/{name}/", {lookup: value}, follow=True)
            assert answer.status_code in {HTTPStatus.OK, HTTPStatus.BAD_REQUEST}


def test_rows_of_the_other_lists_are_found_by_their_ids_and_by_the_payment(staff: Client) -> None:
    entry = JournalEntry.objects.order_by("id")[5]
    call = ProcessorCall.objects.get(journal_entries=entry)
    booked = Payment.objects.get(journal_entries=entry)
    event = Event.objects.filter(object_id=booked.pk).order_by("id")[0]
    payment = booked.public_id

    assert found(staff, "journalentry", q=entry.public_id) == {str(entry.pk)}
    assert found(staff, "journalentry", q=call.public_id) == {str(entry.pk)}
    assert found(staff, "event", q=f" {event.public_id} ") == {str(event.pk)}
    assert found(staff, "processorcall", q=call.public_id) == {str(call.pk)}
    assert str(entry.pk) in found(staff, "journalentry", q=payment)
    assert str(event.pk) in found(staff, "event", q=payment)
    assert str(call.pk) in found(staff, "processorcall", q=payment)


def test_merchant_is_found_by_its_id_and_the_beginning_of_its_name(staff: Client, demo: Merchant) -> None:
    assert found(staff, "merchant", q=demo.public_id) == {str(demo.pk)}
    assert found(staff, "merchant", q="demo st") == {str(demo.pk)}
    assert found(staff, "merchant", q="store") == set()
    assert found(staff, "apikey", q=demo.public_id) == {str(key.pk) for key in ApiKey.objects.all()}
    assert found(staff, "ledgeraccount", q=demo.public_id) == {
        str(account.pk) for account in LedgerAccount.objects.filter(merchant=demo)
    }


def test_idempotency_record_is_found_by_its_key(staff: Client) -> None:
    records = IdempotencyRecord.objects.filter(key="seed-03-0")

    assert found(staff, "idempotencyrecord", q="seed-03-0") == {str(record.pk) for record in records}


def test_filters_narrow_the_list(staff: Client, demo: Merchant) -> None:
    day = (NOW - timedelta(days=3)).date()

    assert found(staff, "payment", status__exact="canceled") == keys_of(status="canceled")
    assert found(staff, "payment", mode__exact="live") == set()
    assert found(staff, "payment", currency="JPY") == keys_of(currency="JPY")
    assert found(staff, "payment", merchant__id__exact=str(demo.pk)) == keys_of(merchant=demo)
    assert found(staff, "payment", created_at_from=str(day), created_at_to=str(day)) == keys_of(created_at__date=day)
    assert keys_of(created_at__date=day)


def test_filters_and_search_go_together(staff: Client) -> None:
    assert found(staff, "payment", q="25.00", currency="USD") == keys_of(amount=2500, currency="USD")


def test_commas_stand_between_thousands_only() -> None:
    assert amount_typed("1,234.56") == amount_typed("1234.56")
    assert amount_typed("12,34.56") is None
    assert amount_typed("1,2345") is None
