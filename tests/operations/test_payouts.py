"""A payout after it is asked for: paid, returned, failed or in doubt, by news in any order and by asking."""

from datetime import timedelta

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob

from django.utils import timezone

from payments.connectors.base import Declined, PayoutReturned, Succeeded
from payments.connectors.sandbox import SandboxConnector
from payments.models import Discrepancy, Event, Payout, ProcessorCall, ProcessorEvent
from payments.operations.ledger_check import check_ledger
from payments.operations.news import Applied, Ignored, NotYet, Origin
from payments.operations.payouts import return_payout
from payments.operations.processor_events import apply_event, collect_news
from payments.operations.unknown_outcomes import ask_again
from tests.api.test_balance import available
from tests.news import days_pass
from tests.settling import earn
from tests.shop import Shop


def pay_out(shop: Shop, destination: str) -> Payout:
    """Pay out 10.00 EUR, all that there is."""
    earn(shop, 1000)
    response = shop.post("/v1/payouts", {"currency": "EUR", "destination": destination})
    assert response.status_code == 201, response.content
    return Payout.objects.get(merchant=shop.merchant)


def call_of(payout: Payout) -> ProcessorCall:
    """Return the call that makes a payout."""
    return ProcessorCall.objects.get(payout=payout)


def ask(payout: Payout, *, days: float = 0) -> None:
    """Ask the processor, some days from now."""
    ask_again(call_id=call_of(payout).pk, attempt=0, now=timezone.now() + timedelta(days=days))
    payout.refresh_from_db()


def returned(payout: Payout) -> PayoutReturned:
    """Return the news that a payout came back."""
    return PayoutReturned(call_of(payout).processor_reference or "none", "The account is closed.")


def event_types(payout: Payout) -> list[str]:
    """Return what happened to a payout, oldest first."""
    return list(Event.objects.filter(object_id=payout.pk).order_by("sequence").values_list("type", flat=True))


@pytest.mark.parametrize(("days", "status"), [(0.9, "submitted"), (1, "succeeded"), (30, "succeeded")])
def test_payout_in_transit_is_paid_after_a_day(shop: Shop, days: float, status: str) -> None:
    payout = pay_out(shop, "ba_sandbox")

    days_pass(days, since=payout.created_at)

    payout.refresh_from_db()
    assert payout.status == status
    assert available(shop) == {"EUR": 0}
    assert check_ledger() == []


@pytest.mark.parametrize(("days", "status"), [(0.9, "submitted"), (1, "succeeded")])
def test_processor_says_when_asked_whether_it_is_paid(shop: Shop, days: float, status: str) -> None:
    payout = pay_out(shop, "ba_sandbox")

    ask_again(call_id=call_of(payout).pk, attempt=0, now=payout.created_at + timedelta(days=days))

    payout.refresh_from_db()
    assert payout.status == status
    assert check_ledger() == []


def test_payout_that_bounces_is_paid_and_comes_back(shop: Shop) -> None:
    payout = pay_out(shop, "ba_sandbox_bounces")
    days_pass(2.9, since=payout.created_at)
    before = Payout.objects.get(pk=payout.pk).status

    days_pass(3, since=payout.created_at)

    payout.refresh_from_db()
    assert (before, payout.status) == ("succeeded", "failed")
    assert payout.last_error == {
        "code": "payout_declined",
        "message": "The merchant's bank sent the payout back.",
        "decline_code": "returned",
        "advice_code": None,
        "retryable": False,
    }
    assert event_types(payout) == ["payout.created", "payout.submitted", "payout.succeeded", "payout.failed"]
    assert available(shop) == {"EUR": 1000}
    assert check_ledger() == []


def test_all_its_news_at_once_is_applied_in_order(shop: Shop) -> None:
    payout = pay_out(shop, "ba_sandbox_bounces")

    days_pass(30)

    payout.refresh_from_db()
    assert (payout.status, available(shop)) == ("failed", {"EUR": 1000})
    assert check_ledger() == []


def test_news_that_it_came_back_overtakes_that_it_was_paid(shop: Shop) -> None:
    payout = pay_out(shop, "ba_sandbox_bounces")
    late = timezone.now() + timedelta(days=30)
    collect_news(now=late)

    for event in ProcessorEvent.objects.order_by("-occurred_at"):
        apply_event(event_id=event.pk, attempt=0, now=late)

    payout.refresh_from_db()
    assert (payout.status, call_of(payout).status) == ("failed", "declined")
    assert event_types(payout)[-1] == "payout.failed"
    assert set(ProcessorEvent.objects.values_list("status", flat=True)) == {"applied", "ignored"}
    assert available(shop) == {"EUR": 1000}
    assert not Discrepancy.objects.exists()
    assert check_ledger() == []


def test_news_that_it_came_back_counts_once(shop: Shop) -> None:
    payout = pay_out(shop, "ba_sandbox_instant")

    results = [return_payout(news=returned(payout), origin=Origin("sandbox"), now=timezone.now()) for _ in range(2)]

    assert results == [Applied(), Ignored(f"{payout.public_id} is failed already")]
    assert available(shop) == {"EUR": 1000}
    assert check_ledger() == []


def test_news_of_a_payout_that_is_not_known_yet_waits(shop: Shop) -> None:
    result = return_payout(news=PayoutReturned("sbp_1", "Closed."), origin=Origin("sandbox"), now=timezone.now())

    assert result == NotYet("no payout of ours is 'sbp_1' at the processor")


def test_that_it_came_back_waits_while_nobody_knows_whether_it_was_paid(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    payout = pay_out(shop, "ba_fault_timeout_after")
    ProcessorCall.objects.filter(payout=payout).update(processor_reference="sbp_1")

    first = return_payout(news=PayoutReturned("sbp_1", "Closed."), origin=Origin("sandbox"), now=timezone.now())
    ask(payout)
    second = return_payout(news=returned(payout), origin=Origin("sandbox"), now=timezone.now())

    assert first == NotYet(f"{payout.public_id} is unknown: that it was paid is not known yet")
    assert second == Applied()
    assert available(shop) == {"EUR": 1000}


def test_processor_that_acted_says_so_when_asked(shop: Shop) -> None:
    payout = pay_out(shop, "ba_fault_timeout_after")

    ask(payout)

    assert (payout.status, event_types(payout)[1:]) == ("succeeded", ["payout.unknown", "payout.succeeded"])
    assert available(shop) == {"EUR": 0}
    assert check_ledger() == []


def test_processor_that_never_received_it_says_so_and_the_amount_is_available_again(shop: Shop) -> None:
    payout = pay_out(shop, "ba_fault_timeout_before")
    meanwhile = available(shop)

    ask(payout)

    assert (payout.status, payout.last_error and payout.last_error["decline_code"]) == ("failed", "never_received")
    assert (meanwhile, available(shop)) == ({"EUR": 0}, {"EUR": 1000})
    assert check_ledger() == []


def test_doubt_is_asked_about_later(shop: Shop) -> None:
    payout = pay_out(shop, "ba_fault_timeout_after")

    jobs = ProcrastinateJob.objects.filter(task_name="resolve_call", args__call_id=str(call_of(payout).pk))

    assert [job.args["attempt"] for job in jobs] == [0]


def test_processor_that_fails_a_payout_it_had_accepted_releases_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    payout = pay_out(shop, "ba_sandbox")
    declined = Declined("account_closed", None, "The account is closed.")
    monkeypatch.setattr(SandboxConnector, "query", lambda self, query: declined)

    ask(payout)

    assert (payout.status, available(shop)) == ("failed", {"EUR": 1000})
    assert check_ledger() == []


def test_later_word_changes_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    payout = pay_out(shop, "ba_sandbox_instant")
    before = event_types(payout)
    monkeypatch.setattr(SandboxConnector, "query", lambda self, query: Succeeded("sbp_another"))

    ask(payout)
    days_pass(30)

    assert event_types(payout) == before
    assert check_ledger() == []
