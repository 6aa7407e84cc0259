"""A client made from the served OpenAPI document, by a generator we have no hand in, takes and gives back money."""

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from inspect import isclass
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.conftest import ROOT, Server
from tests.shop import Shop

PACKAGE = "payments_api_client"
GENERATOR = [sys.executable, "-m", "openapi_python_client"]
# What it does with the code afterwards is formatting; on a busy machine five seconds may be short for a document.
CONFIGURATION = "post_hooks: []\nhttp_timeout: 60\n"


def written_in_the_docs(language: str) -> str:
    """Return the block in that language of "A client for free"."""
    section = (ROOT / "docs" / "payments.md").read_text(encoding="utf-8").partition("## A client for free")[2]
    return section.partition(f"```{language}\n")[2].partition("```")[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the client is made, once for all tests here."""
    return tmp_path_factory.mktemp("client")


@pytest.fixture
def said(server: Server, folder: Path) -> str:
    """Make the client as the docs say, unless it is there, and return what the generator said."""
    log = folder / "generator.log"
    if not log.exists():
        (folder / "configuration.yaml").write_text(CONFIGURATION, encoding="utf-8")
        command = written_in_the_docs("sh").splitlines()[1].replace("http://127.0.0.1:8000", server.url)
        program, *arguments = command.split()
        assert program == "openapi-python-client"
        ran = subprocess.run(
            [*GENERATOR, *arguments, "--config", "configuration.yaml"],
            cwd=folder,
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        log.write_text(ran.stdout, encoding="utf-8")
    return log.read_text(encoding="utf-8")


class Made:
    """The client, with a shop's key: `made.create_payment(…)` is the operation, `made.Payment` the model."""

    def __init__(self, server: Server, shop: Shop) -> None:
        """Take the server that is called, and the shop that calls."""
        self.shop = shop
        self.models = import_module(f"{PACKAGE}.models")
        kind = import_module(PACKAGE).AuthenticatedClient
        self.client = kind(base_url=server.url, token=shop.key)

    def __getattr__(self, model: str) -> Any:
        """Return a model."""
        return getattr(self.models, model)

    def get(self, tag: str, operation: str, *ids: str, **parameters: Any) -> Any:
        """Read something, and return what the client made of the answer."""
        return import_module(f"{PACKAGE}.api.{tag}.{operation}").sync(*ids, client=self.client, **parameters)

    def post(self, tag: str, operation: str, *ids: str, body: Any) -> Any:
        """Do something under a new idempotency key."""
        return self.get(tag, operation, *ids, body=body, idempotency_key=self.shop.fresh_key())

    def pay(self, **changes: Any) -> Any:
        """Take a payment of 19.99 EUR."""
        members = {"amount": 1999, "currency": self.Currency.EUR, "payment_method": "pm_card_visa"} | changes
        return self.post("payments", "create_payment", body=self.CreatePaymentBody(**members))


@pytest.fixture
def made(server: Server, shop: Shop, said: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Made]:
    """Return the client."""
    monkeypatch.syspath_prepend(folder / "payments-api-client")
    client = Made(server, shop)
    with client.client:
        yield client


def test_the_generator_has_nothing_to_complain_of(said: str, folder: Path) -> None:
    assert said == f"Generating {folder / 'payments-api-client'}\n"


def test_every_member_of_every_model_has_a_type(made: Made) -> None:
    models = [each for each in vars(made.models).values() if isclass(each) and hasattr(each, "__attrs_attrs__")]

    untyped = {
        f"{model.__name__}.{member.name}: {member.type}"
        for model in models
        for member in model.__attrs_attrs__
        if "Any" in str(member.type) and member.name != "additional_properties"
    }

    assert len(models) > 20
    assert untyped == set()


def test_money_is_reserved_captured_and_given_back(made: Made) -> None:
    reserved = made.pay(capture_method=made.CaptureMethod.MANUAL, metadata=made.Metadata.from_dict({"order": "1001"}))
    captured = made.post(
        "payments", "capture_payment", reserved.id, body=made.CapturePaymentBody(amount=1500, final_capture=True)
    )
    refund = made.post(
        "refunds", "create_refund", body=made.CreateRefundBody(payment=reserved.id, amount=500, reason="late")
    )
    payment = made.get("payments", "get_payment", reserved.id)

    assert isinstance(reserved, made.Payment)
    assert (reserved.status, reserved.amount_capturable) == (made.PaymentStatus.REQUIRES_CAPTURE, 1999)
    assert reserved.metadata["order"] == "1001"
    assert (captured.status, captured.amount_captured) == (made.PaymentStatus.SUCCEEDED, 1500)
    assert isinstance(refund, made.Refund)
    assert (refund.status, refund.amount, refund.payment) == (made.TransferStatus.SUCCEEDED, 500, payment.id)
    assert (payment.amount_refunded, payment.next_action, payment.last_error) == (500, None, None)
    assert payment.created_at.tzinfo is not None


def test_a_decline_is_a_problem_with_the_payment_in_it(made: Made) -> None:
    problem = made.pay(payment_method="pm_card_insufficient_funds")

    assert isinstance(problem, made.Problem)
    assert (problem.status, problem.code, problem.retryable) == (402, "payment_declined", True)
    assert problem.decline_code == "insufficient_funds"
    assert isinstance(problem.payment, made.Payment)
    assert problem.payment.last_error.decline_code == "insufficient_funds"


def test_a_body_that_is_not_valid_names_its_fields(made: Made) -> None:
    problem = made.pay(amount=0)

    assert (problem.status, problem.param) == (400, "amount")
    assert [type(fault) for fault in problem.errors] == [made.Fault]


def test_a_list_is_read_page_by_page(made: Made) -> None:
    payments = [made.pay().id for _ in range(3)]

    first = made.get("payments", "list_payments", limit=2)
    second = made.get("payments", "list_payments", limit=2, starting_after=first.data[-1].id)

    assert [payment.id for page in (first, second) for payment in page.data] == payments[::-1]
    assert (first.has_more, second.has_more) == (True, False)
    assert made.get("payments", "list_payments", status=made.PaymentStatus.CANCELED).data == []


def test_an_event_holds_the_object_it_is_about(made: Made) -> None:
    payment = made.pay()
    made.post("refunds", "create_refund", body=made.CreateRefundBody(payment=payment.id))

    events = made.get("events", "list_events", limit=100).data

    kinds = {event.type_.partition(".")[0]: type(event.data) for event in events}
    assert kinds == {"payment": made.Payment, "refund": made.Refund}


def test_the_example_in_the_docs_runs(server: Server, shop: Shop, said: str, folder: Path) -> None:
    example = written_in_the_docs("python").replace("http://127.0.0.1:8000", server.url)
    script = re.sub(r'token="[^"]*"', f'token="{shop.key}"', example)

    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=folder / "payments-api-client", check=True, capture_output=True, text=True
    )

    assert ran.stdout == "requires_capture 1000\n"
