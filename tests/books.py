"""Rows to break rules with, made through the API, and the few words of SQL that the tests share."""

from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from django.apps import apps
from django.db import connection
from django.db.models import AutoField
from django.utils import timezone

from payments.lifecycles import Mode
from payments.models import Event, IdempotencyRecord, JournalEntry, JournalLine, LedgerAccount, Payment, ProcessorCall
from payments.public_ids import encode
from tests.shop import Shop, open_shop, uuid_of

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse

# Names that statements use as parameters: `%(captured)s` is the id of the captured payment.
Books = dict[str, Any]


def write_books() -> Books:
    """Take payments of several kinds, and return the ids of what that wrote by name."""
    shop = open_shop()
    live, other = open_shop(mode=Mode.LIVE, merchant=shop.merchant), open_shop()
    books: Books = {"merchant": shop.merchant.id, "other_merchant": other.merchant.id, "new": uuid4()}
    books["unconfirmed"] = _id(shop.pay(confirm=False, merchant_reference="order-1"))
    books["captured"] = _id(shop.pay())
    books["authorized"] = _id(shop.pay(capture_method="manual"))
    books["refunded"] = _id(shop.pay())
    books["refund"] = _id(shop.post("/v1/refunds", {"payment": encode("pay", books["refunded"]), "amount": 500}))
    books["disputed"] = _id(shop.pay())
    books["declined"] = _declined(shop, "EUR")
    books["usd_declined"] = _declined(shop, "USD")
    books["other_declined"] = _declined(other, "EUR")
    books["live_payment"] = _id(live.pay(confirm=False))
    books["usd_payment"] = _id(shop.pay(currency="USD"))
    books["other_payment"] = _id(other.pay())
    for name in ("captured", "declined", "usd_declined", "other_declined", "disputed"):
        books[f"{name}_call"] = ProcessorCall.objects.get(payment_id=books[name]).id
    books["refund_call"] = ProcessorCall.objects.get(refund_id=books["refund"]).id
    books["captured_entry"] = JournalEntry.objects.get(payment_id=books["captured"]).id
    books["captured_line"] = JournalLine.objects.filter(entry_id=books["captured_entry"]).earliest("id").id
    books["authorized_event"] = Event.objects.get(object_id=books["authorized"], type="payment.created").id
    books["captured_event"] = Event.objects.get(object_id=books["captured"], type="payment.succeeded").id
    accounts = LedgerAccount.objects.filter(code="psp_receivable")
    books["account"] = accounts.get(merchant_id=shop.merchant.id, currency="EUR").id
    books["usd_account"] = accounts.get(merchant_id=shop.merchant.id, currency="USD").id
    books["other_account"] = accounts.get(merchant_id=other.merchant.id).id
    books["live_account"] = LedgerAccount.objects.create(
        merchant=shop.merchant, mode=Mode.LIVE, currency="EUR", code="psp_receivable"
    ).id
    # Keys lapse after 30 days; without its record nothing but the rules keeps the declined call.
    IdempotencyRecord.objects.filter(processor_call_id=books["declined_call"]).delete()
    return books | {"now": timezone.now()}


def copy_of(model: str, row: str, /, **changes: str) -> str:
    """Return an INSERT of a row like the one named `row`, with other SQL expressions in some columns."""
    meta = apps.get_model("payments", model)._meta
    columns = [field.column for field in meta.concrete_fields]
    if isinstance(meta.pk, AutoField):
        columns.remove("id")
    else:
        changes = {"id": "gen_random_uuid()"} | changes
    values = ", ".join(changes.get(column, f"{model}.{column}") for column in columns)
    return (
        f"INSERT INTO payments_{model} ({', '.join(columns)}) SELECT {values} FROM payments_{model} AS {model}"
        f" WHERE {model}.id = %({row})s"
    )


def execute(statement: str, parameters: Books) -> None:
    """Run one statement past the ORM."""
    used = {name: value for name, value in parameters.items() if f"%({name})s" in statement}
    with connection.cursor() as cursor:
        cursor.execute(statement, used)


def check_deferred_rules() -> None:
    """Check now what PostgreSQL would check at commit."""
    execute("SET CONSTRAINTS ALL IMMEDIATE", {})
    execute("SET CONSTRAINTS ALL DEFERRED", {})


def _id(response: "_MonkeyPatchedWSGIResponse") -> UUID:
    assert response.status_code == 201, response.content
    return uuid_of(response.json()["id"])


def _declined(shop: Shop, currency: str) -> UUID:
    assert shop.pay(payment_method="pm_card_declined", currency=currency).status_code == 402
    return Payment.objects.get(merchant_id=shop.merchant.id, currency=currency, status="requires_payment_method").id
