"""Something to look at, made by operations and the API, and the staff who look at it."""

from datetime import UTC, datetime

import pytest

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.utils import timezone

from payments.models import (
    ApiKey,
    BankLine,
    Discrepancy,
    Dispute,
    Event,
    IdempotencyRecord,
    JournalEntry,
    LedgerAccount,
    LedgerCheck,
    Merchant,
    Payment,
    Payout,
    ProcessorCall,
    ProcessorEvent,
    Refund,
    Report,
    SettlementLine,
    WebhookDelivery,
    WebhookEndpoint,
)
from payments.operations.demo import ensure_demo
from payments.operations.ledger_check import run_check
from payments.operations.webhook_endpoints import send_test_event
from tests.disputes import disputed
from tests.news import deliver
from tests.reports import camt, charge_line, entry, take_in
from tests.settling import earn
from tests.shop import Shop, new_client, open_shop
from tests.webhooks import new_endpoint

NOW = datetime(2026, 3, 15, 12, 0, tzinfo=UTC)
PAGES = {
    "apikey": ApiKey,
    "dispute": Dispute,
    "bankline": BankLine,
    "discrepancy": Discrepancy,
    "event": Event,
    "idempotencyrecord": IdempotencyRecord,
    "journalentry": JournalEntry,
    "ledgeraccount": LedgerAccount,
    "ledgercheck": LedgerCheck,
    "merchant": Merchant,
    "payment": Payment,
    "payout": Payout,
    "processorcall": ProcessorCall,
    "processorevent": ProcessorEvent,
    "refund": Refund,
    "report": Report,
    "settlementline": SettlementLine,
    "webhookdelivery": WebhookDelivery,
    "webhookendpoint": WebhookEndpoint,
}


@pytest.fixture
def shop(db: None) -> Shop:
    """Return a merchant with payments (one disputed, one partly refunded and settled short), a payout, and a check."""
    shop = open_shop()
    shop.pay(payment_method="pm_fault_duplicate_webhook")
    deliver()
    disputed(shop)
    earn(shop, 700)
    shop.post("/v1/payouts", {"currency": "EUR", "amount": 100, "destination": "ba_sandbox_instant"})
    payment = shop.pay().json()
    shop.post("/v1/refunds", {"payment": payment["id"], "amount": 500})
    take_in([charge_line(payment, gross=1800, batch_reference="BATCH1")])
    take_in(camt(entry("18.00", "Settlement BATCH1")))
    send_test_event(caller=shop.caller, endpoint_id=new_endpoint(shop).pk, now=timezone.now())
    run_check(full=True, now=timezone.now())
    return shop


@pytest.fixture
def demo(db: None) -> Merchant:
    """Return the demo merchant, with all its payments."""
    return ensure_demo(api_key="sk_test_" + "DemoKeyForTests0" * 2, now=NOW)


@pytest.fixture
def client() -> Client:
    """Return a client that nobody is logged in with."""
    return new_client()


@pytest.fixture
def staff(client: Client, db: None) -> Client:
    """Return a client that a superuser is logged in with."""
    # A process looks a content type up once and then knows it. Here, so that no page is the first to ask.
    ContentType.objects.get_for_models(*PAGES.values())
    client.force_login(get_user_model().objects.create(username="root", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def support(client: Client, db: None) -> Client:
    """Return a client for somebody who may look at payments, and at nothing else."""
    user = get_user_model().objects.create(username="support", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_payment"))
    client.force_login(user)
    return client
