"""On one page a support agent sees what happened to a payment."""

import re

import pytest
from pytest_django import DjangoAssertNumQueries

from django.test import Client

from payments.models import Event, Payment, Refund
from tests.payer import ask_payer
from tests.shop import Shop, payment_named

pytestmark = pytest.mark.usefixtures("demo")

# The session, the user, the payment with its merchant, its refunds, disputes, calls, settlement lines, discrepancies,
# journal lines and events.
STATEMENTS = 10


def text_of(staff: Client, payment: Payment) -> str:
    content = staff.get(f"/admin/payments/payment/{payment.pk}/change/").content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", content))


def shipped_in_parts() -> Payment:
    return next(
        payment
        for payment in Payment.objects.order_by("id")
        if payment.processor_calls.filter(kind="capture").count() > 2
    )


def test_amounts_are_in_major_units(staff: Client) -> None:
    payment = Payment.objects.filter(currency="KWD", status="succeeded", amount_refunded=0)[0]

    text = text_of(staff, payment)

    assert f"Captured {payment.amount // 1000}.{payment.amount % 1000:03} KWD" in text
    assert "Refunded 0.000 KWD" in text


def test_refunds_are_listed_with_a_link(staff: Client) -> None:
    refund = Refund.objects.select_related("payment").order_by("id")[0]

    content = staff.get(f"/admin/payments/payment/{refund.payment.pk}/change/").content.decode()

    assert f'href="/admin/payments/refund/{refund.pk}/change/"' in content


def test_every_call_entry_and_event_has_a_link(staff: Client) -> None:
    payment = shipped_in_parts()

    content = staff.get(f"/admin/payments/payment/{payment.pk}/change/").content.decode()

    for call in payment.processor_calls.all():
        assert f'href="/admin/payments/processorcall/{call.pk}/change/"' in content
    for entry in payment.journal_entries.all():
        assert f'href="/admin/payments/journalentry/{entry.pk}/change/"' in content
    for event in Event.objects.filter(object_id=payment.pk):
        assert f'href="/admin/payments/event/{event.pk}/change/"' in content


def test_journal_lines_stand_in_debit_and_credit_columns(staff: Client) -> None:
    payment = Payment.objects.filter(currency="JPY", status="succeeded", capture_method="automatic")[0]
    entry = payment.journal_entries.get()
    amount = f"{payment.amount:,} JPY"

    rows = re.findall(
        r"<tr>(.*?)</tr>", staff.get(f"/admin/payments/journalentry/{entry.pk}/change/").content.decode(), re.S
    )
    cells = [
        [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<td.*?>(.*?)</td>", row, re.S)] for row in rows
    ]

    assert ["psp_receivable", "posted", amount, ""] in cells
    assert ["merchant_payable", "posted", "", amount] in cells


def test_events_are_in_sequence(staff: Client) -> None:
    payment = shipped_in_parts()

    text = text_of(staff, payment)

    shown = re.findall(r" (\d+) (payment\.\w+) ", text)
    assert shown == [
        (str(event.sequence), event.type) for event in Event.objects.filter(object_id=payment.pk).order_by("sequence")
    ]
    assert len(shown) > 5


def test_the_last_error_is_spelled_out(staff: Client) -> None:
    payment = Payment.objects.get(last_error__decline_code="stolen_card")

    text = text_of(staff, payment)

    assert "Last error: The card was reported stolen." in text
    assert "payment_declined · stolen_card · do_not_try_again · not to be retried as it is" in text


def test_a_payment_without_an_error_shows_none(staff: Client) -> None:
    assert "Last error" not in text_of(staff, shipped_in_parts())


def test_what_time_and_the_payer_have_to_do_is_shown(staff: Client, shop: Shop) -> None:
    waiting = ask_payer(shop, return_url="https://shop.example/back")
    reserved = shop.authorize()

    texts = [text_of(staff, payment_named(payment["id"])) for payment in (waiting, reserved)]

    assert waiting["next_action"]["url"] in texts[0] and "https://shop.example/back" in texts[0]
    for text, payment, name in [
        (texts[0], waiting, "expires_at"),
        (texts[1], reserved, "expires_at"),
        (texts[1], reserved, "authorization_expires_at"),
    ]:
        assert payment[name][:19].replace("T", " ") in text
    assert "Authorized until (UTC)" in texts[1] or "authorized until (UTC)" in texts[1].lower()


def test_what_merchants_send_is_escaped(staff: Client) -> None:
    payment = shipped_in_parts()
    markup = "<script>alert(1)</script>"
    Payment.objects.filter(pk=payment.pk).update(
        description=markup,
        merchant_reference=markup,
        metadata={markup: markup},
        last_error={"code": markup, "message": markup},
    )

    for address in ("/admin/payments/payment/", f"/admin/payments/payment/{payment.pk}/change/"):
        assert markup not in staff.get(address).content.decode()


def test_the_page_takes_the_same_few_statements_however_much_happened(
    staff: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for payment in (Payment.objects.filter(status="requires_confirmation")[0], shipped_in_parts()):
        with django_assert_num_queries(STATEMENTS):
            staff.get(f"/admin/payments/payment/{payment.pk}/change/")
