"""A processor's news arrives at its account's address: verified, kept once, answered at once and applied later."""

import json
import logging
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob

from django.utils import timezone

from payments.models import Discrepancy, Event, JournalEntry, ProcessorAccount, ProcessorCall, ProcessorEvent
from payments.operations.ledger_check import check_ledger
from payments.operations.processor_accounts import enable_account, webhook_address
from payments.operations.processor_events import DELAYS, apply_event
from tests.api.answers import problem_in
from tests.api.conftest import checked
from tests.concurrency.collisions import at_once, clone
from tests.processors import Processor, account_at, news_body, set_up, signed
from tests.shop import Shop, open_shop, payment_named
from tests.snapshot import nothing_written

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse

SUCCEEDED = {"outcome": "Succeeded", "processor_reference": "sbx_other", "authorization_code": None}
DECLINED = {
    "outcome": "Declined",
    "decline_code": "generic_decline",
    "advice_code": None,
    "message": "No.",
    "processor_reference": None,
}


@pytest.fixture
def alpha(monkeypatch: pytest.MonkeyPatch) -> Processor:
    """Return a processor."""
    return set_up(monkeypatch, "alpha")[0]


@pytest.fixture
def account(shop: Shop, alpha: Processor) -> ProcessorAccount:
    """Return the shop's account there."""
    return account_at(shop, alpha)


def path_of(account: ProcessorAccount) -> str:
    """Return where the account's news is sent."""
    return f"/v1/processor_webhooks/{account.connector}/{account.public_id}"


def news(news_type: str = "request.answered", *, at: datetime | None = None, **data: Any) -> bytes:
    """Return the body of a piece of news."""
    return news_body(news_type, data, occurred_at=at)


def send(
    shop: Shop, account: ProcessorAccount, body: bytes, headers: dict[str, str] | None = None, **more: Any
) -> "_MonkeyPatchedWSGIResponse":
    """Send a body to the account's address as the processor does: without a key, signed unless told otherwise."""
    sent = signed(body) if headers is None else headers
    return shop.client.post(path_of(account), body, content_type="application/json", headers=sent, **more)


def apply(*, attempt: int = 0) -> list[str]:
    """Apply what waits in the order of its arrival, and return where each piece of news stands."""
    for event in ProcessorEvent.objects.filter(status="received").order_by("id"):
        apply_event(event_id=event.pk, attempt=attempt, now=timezone.now())
    return list(ProcessorEvent.objects.order_by("id").values_list("status", flat=True))


def doubt(shop: Shop, alpha: Processor) -> ProcessorCall:
    """Take a payment to which no answer comes, and return its call."""
    alpha.is_silent()
    shop.pay()
    alpha.is_well()
    return ProcessorCall.objects.filter(merchant_id=shop.merchant.pk).latest("id")


def test_news_is_answered_at_once_and_applied_later(shop: Shop, alpha: Processor, account: ProcessorAccount) -> None:
    call = doubt(shop, alpha)
    assert call.payment is not None
    before = call.payment.status

    response = send(shop, account, news(idempotency_key=call.public_id, answer=SUCCEEDED))

    event = ProcessorEvent.objects.get()
    jobs = ProcrastinateJob.objects.filter(task_name="apply_processor_event")
    assert (response.status_code, response.json()) == (200, {"received": True})
    assert (event.connector, event.account, event.status) == ("alpha", account, "received")
    assert [job.args["event_id"] for job in jobs] == [str(event.pk)]
    assert (before, payment_named(call.payment.public_id).status) == ("processing", "processing")
    assert apply() == ["applied"]
    assert payment_named(call.payment.public_id).status == "succeeded"
    assert check_ledger() == []


def test_address_is_the_one_that_the_account_shows(shop: Shop, account: ProcessorAccount) -> None:
    assert webhook_address(account).endswith(path_of(account))


def test_the_same_news_again_is_kept_once(shop: Shop, alpha: Processor, account: ProcessorAccount) -> None:
    body = news(idempotency_key=doubt(shop, alpha).public_id, answer=SUCCEEDED)

    answers = [send(shop, account, body).status_code for _ in range(3)]
    outcomes = apply()
    late = send(shop, account, body)

    assert answers == [200] * 3
    assert late.status_code == 200
    assert (outcomes, apply()) == (["applied"], ["applied"])
    assert JournalEntry.objects.count() == 1


def test_news_that_overtakes_older_news_is_not_undone_by_it(
    shop: Shop, alpha: Processor, account: ProcessorAccount
) -> None:
    key, now = doubt(shop, alpha).public_id, datetime.now(UTC)

    send(shop, account, news(at=now, idempotency_key=key, answer=SUCCEEDED))
    send(shop, account, news(at=now - timedelta(seconds=1), idempotency_key=key, answer=DECLINED))

    assert apply() == ["applied", "ignored"]
    assert payment_named(shop.get("/v1/payments").json()["data"][0]["id"]).status == "succeeded"
    assert not Discrepancy.objects.exists()


def test_late_news_that_agrees_changes_nothing(shop: Shop, account: ProcessorAccount) -> None:
    shop.pay()
    call = ProcessorCall.objects.get()
    events = Event.objects.count()

    send(shop, account, news(idempotency_key=call.public_id, answer=SUCCEEDED))

    assert apply() == ["ignored"]
    assert Event.objects.count() == events


def test_news_that_contradicts_an_end_opens_a_discrepancy(shop: Shop, account: ProcessorAccount) -> None:
    payment = shop.pay().json()
    call = ProcessorCall.objects.get()

    send(shop, account, news(idempotency_key=call.public_id, answer=DECLINED))

    assert apply() == ["contradicted"]
    assert payment_named(payment["id"]).status == "succeeded"
    assert Discrepancy.objects.get().kind == "contradictory_news"
    assert check_ledger() == []


def test_news_about_what_nobody_knows_waits_and_then_opens_a_discrepancy(shop: Shop, account: ProcessorAccount) -> None:
    send(shop, account, news(idempotency_key="call_of_another_platform", answer=SUCCEEDED))

    assert apply() == ["received"]
    assert apply(attempt=len(DELAYS)) == ["contradicted"]
    assert Discrepancy.objects.get().kind == "unknown_object"


def test_account_of_another_merchant_says_nothing_of_my_payments(
    shop: Shop, other_shop: Shop, alpha: Processor, account: ProcessorAccount
) -> None:
    call = doubt(shop, alpha)
    foreign = account_at(other_shop, alpha)

    response = send(other_shop, foreign, news(idempotency_key=call.public_id, answer=SUCCEEDED))

    assert response.status_code == 200
    assert apply(attempt=len(DELAYS)) == ["contradicted"]
    call.refresh_from_db()
    discrepancy = Discrepancy.objects.get()
    assert (call.status, call.payment and call.payment.status) == ("unknown", "processing")
    assert (discrepancy.kind, discrepancy.payment, discrepancy.merchant) == ("unknown_object", None, None)


def test_test_account_says_nothing_of_live_payments(
    live_shop: Shop, alpha: Processor, account: ProcessorAccount
) -> None:
    account_at(live_shop, alpha)
    call = doubt(live_shop, alpha)

    send(live_shop, account, news(idempotency_key=call.public_id, answer=SUCCEEDED))

    assert apply(attempt=len(DELAYS)) == ["contradicted"]
    call.refresh_from_db()
    assert call.status == "unknown"


def test_two_accounts_may_use_one_event_id(
    shop: Shop, other_shop: Shop, alpha: Processor, account: ProcessorAccount
) -> None:
    body = news(idempotency_key="call_x", answer=SUCCEEDED)

    send(shop, account, body)
    send(shop, account_at(other_shop, alpha), body)

    assert ProcessorEvent.objects.count() == 2


def test_disabled_account_hears_of_its_old_payments(shop: Shop, alpha: Processor, account: ProcessorAccount) -> None:
    call = doubt(shop, alpha)
    enable_account(account=account, is_enabled=False, now=timezone.now())

    send(shop, account, news(idempotency_key=call.public_id, answer=SUCCEEDED))

    assert apply() == ["applied"]


def test_news_of_no_interest_is_answered_and_not_kept(shop: Shop, account: ProcessorAccount) -> None:
    with nothing_written():
        response = send(shop, account, news("coffee.ready"))

    assert response.status_code == 200


@pytest.mark.parametrize("headers", [{}, {"X-Signature": ""}, {"X-Signature": "0" * 64}, {"Authorization": "Bearer x"}])
def test_news_that_is_not_signed_is_refused_and_its_body_not_logged(
    shop: Shop, account: ProcessorAccount, headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    body = news(idempotency_key="call_a_secret", answer=SUCCEEDED)

    with caplog.at_level(logging.DEBUG), nothing_written():
        response = send(shop, account, body, headers)

    problem_in(response, status=400, code="signature_invalid")
    assert "is not from its processor" in caplog.text
    assert "call_a_secret" not in caplog.text


def test_signature_of_one_body_does_not_fit_another(shop: Shop, account: ProcessorAccount) -> None:
    body = news(idempotency_key="call_x", answer=SUCCEEDED)

    response = send(shop, account, body + b" ", signed(body))

    problem_in(response, status=400, code="signature_invalid")


def test_signature_of_one_account_does_not_fit_another(
    shop: Shop, other_shop: Shop, alpha: Processor, account: ProcessorAccount
) -> None:
    body = news(idempotency_key="call_x", answer=SUCCEEDED)

    response = send(shop, account, body, signed(body, {"webhook_secret": "another"}))

    problem_in(response, status=400, code="signature_invalid")


def long(**members: Any) -> bytes:
    """Return news with members of one's own."""
    return json.dumps(json.loads(news()) | members).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b"[" * 100_000,
        b"\xff\xfe",
        long(id="e" * 256),
        long(id="nul\0"),
        long(type="t" * 41),
        long(object="\ud800"),
        long(data={"nul": "\0"}),
        long(data={"half": "\ud800"}),
        long(occurred_at="yesterday"),
    ],
    ids=["nothing", "no json", "deep", "no text", "id", "nul", "type", "surrogate", "nul within", "half", "no time"],
)
def test_signed_garbage_is_refused_and_not_kept(shop: Shop, account: ProcessorAccount, body: bytes) -> None:
    with nothing_written():
        response = send(shop, account, body)

    problem_in(response, status=400, code="malformed_body")


def test_what_looks_like_a_card_number_is_let_in(shop: Shop, account: ProcessorAccount) -> None:
    response = send(shop, account, news("coffee.ready", number="4242424242424242"))

    assert response.status_code == 200


def test_large_news_is_let_in_and_larger_is_not(shop: Shop, account: ProcessorAccount) -> None:
    frame = len(news("coffee.ready", text=""))
    largest, larger = (news("coffee.ready", text="x" * (262_144 - frame + more)) for more in (0, 1))

    assert send(shop, account, largest).status_code == 200
    problem_in(send(shop, account, larger), status=413, code="body_too_large")
    problem_in(send(shop, account, b"x" * 3_000_000), status=413, code="body_too_large")


@pytest.mark.parametrize("length", ["", "-1"])
def test_length_that_is_none_breaks_nothing(shop: Shop, account: ProcessorAccount, length: str) -> None:
    response = send(shop, account, news("coffee.ready"), CONTENT_LENGTH=length)

    assert response.status_code in (400, 411)


def test_chunked_body_is_refused(shop: Shop, account: ProcessorAccount) -> None:
    body = news("coffee.ready")

    response = send(shop, account, body, signed(body) | {"Transfer-Encoding": "chunked"})

    problem_in(response, status=411, code="length_required")


@pytest.mark.parametrize("accepted", ["text/html", "application/xml", "*/*; q=0.5, application/xml", "nonsense"])
@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "multipart/form-data", "nonsense"])
def test_form_of_the_request_does_not_matter(
    shop: Shop, account: ProcessorAccount, accepted: str, content_type: str
) -> None:
    body = news("coffee.ready")

    response = shop.client.generic(
        "POST", path_of(account), body, content_type=content_type, headers=signed(body) | {"Accept": accepted}
    )

    assert (response.status_code, response["Content-Type"]) == (200, "application/json")


def test_address_that_leads_to_no_account_is_not_found(
    shop: Shop, account: ProcessorAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(monkeypatch, "beta")
    body = news("coffee.ready")
    own = account.public_id

    for tail in (
        *(f"beta/{own}", f"sandbox/{own}", f"gamma/{own}", "alpha/pac_01jv8k3x5rf2dbh0v9q2w8m7ce"),
        *(f"alpha/{own}x", f"alpha/{shop.merchant.public_id}", f"alpha/{own[:-1]}%00", "alpha/%F0%9F"),
    ):
        response = shop.client.post(
            f"/v1/processor_webhooks/{tail}", body, content_type="application/json", headers=signed(body)
        )
        problem_in(response, status=404, code="not_found")


def test_account_at_a_processor_of_another_version_is_not_found(
    shop: Shop, account: ProcessorAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()

    problem_in(send(shop, account, news("coffee.ready")), status=404, code="not_found")


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_news_is_posted(shop: Shop, account: ProcessorAccount, method: str) -> None:
    response = getattr(shop.client, method)(path_of(account))

    problem_in(response, status=405, code="method_not_allowed")
    assert response["Allow"] == "POST, OPTIONS"


def test_news_that_comes_many_times_at_once_is_kept_once(committed_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    shop, (alpha,) = checked(open_shop()), set_up(monkeypatch, "alpha")
    account = account_at(shop, alpha)
    body = news(idempotency_key=doubt(shop, alpha).public_id, answer=SUCCEEDED)

    responses = at_once([partial(send, clone(shop), account, body) for _ in range(8)])

    events = ProcessorEvent.objects.filter(account=account)
    jobs = ProcrastinateJob.objects.filter(args__event_id=str(events.get().pk))
    assert [response.status_code for response in responses] == [200] * 8
    assert (events.count(), jobs.count()) == (1, 1)
    apply_event(event_id=events.get().pk, attempt=0, now=timezone.now())
    assert shop.get("/v1/payments").json()["data"][0]["status"] == "succeeded"
