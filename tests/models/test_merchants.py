"""A merchant whose money the platform has handled stays."""

import pytest

from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError

from payments.models import Merchant
from tests.books import Books, check_deferred_rules, execute
from tests.shop import Shop

# In pg_constraint: what becomes of a row when the one it points to goes. `a` is NO ACTION: it is refused.
_ACTIONS = """
SELECT conname, confdeltype::text FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
WHERE contype = 'f' AND relname LIKE 'payments\\_%'
"""
_POINTING_AT_MERCHANT = """
SELECT DISTINCT conrelid::regclass::text FROM pg_constraint
WHERE contype = 'f' AND confrelid = 'payments_merchant'::regclass
"""


def test_sql_does_not_delete_a_merchant_with_payments(books: Books) -> None:
    with pytest.raises(IntegrityError, match="_fk_payments_"), transaction.atomic():
        execute("DELETE FROM payments_merchant WHERE id = %(merchant)s", books)
        check_deferred_rules()


def test_django_does_not_delete_a_merchant_with_payments(shop: Shop) -> None:
    shop.pay()

    with pytest.raises(ProtectedError):
        Merchant.objects.get(pk=shop.merchant.id).delete()


def test_each_table_alone_keeps_its_merchant(books: Books) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_POINTING_AT_MERCHANT)
        found = {table for (table,) in cursor.fetchall()}

    assert found == {
        "payments_apikey",
        "payments_payment",
        "payments_ledgeraccount",
        "payments_journalentry",
        "payments_event",
        "payments_idempotencyrecord",
        "payments_payout",
        "payments_payoutschedule",
        "payments_platformfee",
        "payments_discrepancy",
        "payments_processoraccount",
        "payments_routingrule",
        "payments_webhookendpoint",
    }


def test_no_foreign_key_deletes_or_empties_anything(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_ACTIONS)
        others = {name: action for name, action in cursor.fetchall() if action != "a"}

    assert others == {}
