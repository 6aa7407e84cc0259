"""Staff see what is disputed, until when it can be answered, and what became of it."""

import re

import pytest

from django.test import Client
from django.utils import timezone

from payments.models import Dispute, JournalEntry, ProcessorCall
from tests.disputes import LATER, bring_news, disputed
from tests.shop import Shop, open_shop

LIST = "/admin/payments/dispute/"


@pytest.fixture
def shop(db: None) -> Shop:
    """Return a merchant."""
    return open_shop()


@pytest.fixture
def dispute(shop: Shop) -> Dispute:
    """Return a dispute of 19.99 EUR that was argued about and won."""
    found = disputed(shop)
    shop.post(f"/v1/disputes/{found.public_id}/evidence", {"evidence": {"receipt": "<b>winning_evidence</b>"}})
    bring_news(shop, now=timezone.now() + LATER)
    return found


def text_of(staff: Client, address: str) -> str:
    """Return a page without its markup."""
    content = staff.get(address).content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", content))


def page_of(dispute: Dispute) -> str:
    """Return the address of a dispute's own page."""
    return f"{LIST}{dispute.pk}/change/"


def test_list_shows_status_amount_and_due_date(staff: Client, shop: Shop) -> None:
    dispute = disputed(shop)

    text = text_of(staff, LIST)

    due = dispute.evidence_due_at.strftime("%Y-%m-%d %H:%M:%S")
    assert f"19.99 EUR needs response fraudulent {due}" in text


def test_list_is_narrowed_by_status(staff: Client, shop: Shop, dispute: Dispute) -> None:
    open_one = disputed(shop)

    content = staff.get(LIST, {"status__exact": "needs_response"}).content.decode()

    assert open_one.public_id in content
    assert dispute.public_id not in content


def test_page_shows_fee_evidence_calls_books_and_events(staff: Client, dispute: Dispute) -> None:
    content, text = staff.get(page_of(dispute)).content.decode(), text_of(staff, page_of(dispute))

    call = ProcessorCall.objects.get(dispute=dispute)
    entries = JournalEntry.objects.filter(dispute=dispute)
    assert "15.00 EUR" in text and "won" in text
    assert "receipt : &lt;b&gt;winning_evidence&lt;/b&gt;" in text
    for row in (call, *entries):
        assert row.public_id in content
    assert [kind in text for kind in ("submit_evidence", "dispute opened", "dispute won")] == [True] * 3
    assert re.findall(r" (\d) (dispute\.\w+) ", text) == [
        ("1", "dispute.created"),
        ("2", "dispute.updated"),
        ("3", "dispute.under_review"),
        ("4", "dispute.won"),
    ]


def test_payments_page_links_to_its_disputes(staff: Client, dispute: Dispute) -> None:
    content = staff.get(f"/admin/payments/payment/{dispute.payment_id}/change/").content.decode()

    assert f'href="{page_of(dispute)}"' in content


def test_calls_entries_and_events_lead_back_to_the_dispute(staff: Client, dispute: Dispute) -> None:
    call = ProcessorCall.objects.get(dispute=dispute)
    entry = JournalEntry.objects.filter(dispute=dispute)[0]

    pages = [
        f"/admin/payments/processorcall/{call.pk}/change/",
        f"/admin/payments/journalentry/{entry.pk}/change/",
        f"/admin/payments/event/?q={dispute.public_id}",
    ]

    for address in pages:
        assert f'href="{page_of(dispute)}"' in staff.get(address).content.decode(), address


@pytest.mark.parametrize(("name", "found"), [("dispute", 1), ("processorcall", 1), ("journalentry", 2), ("event", 4)])
def test_search_for_a_dispute_finds_what_belongs_to_it(staff: Client, dispute: Dispute, name: str, found: int) -> None:
    content = staff.get(f"/admin/payments/{name}/", {"q": dispute.public_id}).content.decode()

    assert len(set(re.findall(rf"/admin/payments/{name}/([\w-]+)/change/", content))) == found
