"""Entries and calls that are about no payment are shown like all others."""

from http import HTTPStatus

import pytest

from django.test import Client

from payments.models import JournalEntry, ProcessorCall
from tests.books import Books

ENTRIES = ("captured_entry", "dispute_entry", "payout_entry", "report_entry", "write_off_entry")
CALLS = ("captured_call", "dispute_call", "payout_call")


@pytest.mark.parametrize("name", ENTRIES)
def test_entry_is_shown_whatever_its_cause(name: str, more_books: Books, staff: Client) -> None:
    entry = JournalEntry.objects.get(pk=more_books[name])

    page = staff.get(f"/admin/payments/journalentry/{entry.pk}/change/")
    listed = staff.get("/admin/payments/journalentry/", {"q": entry.public_id})

    assert (page.status_code, listed.status_code) == (HTTPStatus.OK, HTTPStatus.OK)
    assert entry.public_id in page.content.decode()
    assert entry.public_id in listed.content.decode()


@pytest.mark.parametrize("name", CALLS)
def test_call_is_shown_whatever_it_is_about(name: str, more_books: Books, staff: Client) -> None:
    call = ProcessorCall.objects.get(pk=more_books[name])

    page = staff.get(f"/admin/payments/processorcall/{call.pk}/change/")
    listed = staff.get("/admin/payments/processorcall/", {"q": call.public_id})

    assert (page.status_code, listed.status_code) == (HTTPStatus.OK, HTTPStatus.OK)
    assert call.public_id in page.content.decode()
    assert call.public_id in listed.content.decode()
