"""The merchant's balance, and the journal entries behind it."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from drf_spectacular.utils import extend_schema, inline_serializer

from payments.api.authentication import caller_of
from payments.api.errors import PROBLEMS
from payments.api.fields import PublicIdField, StrictSerializer
from payments.api.pagination import PageQuery, cursor, list_response, list_schema
from payments.lifecycles import Mode
from payments.models.ledger import AccountCode, Direction, EntryKind, JournalEntry, Layer
from payments.models.payments import Payment
from payments.operations import balances
from payments.operations.representations import represent_entry
from payments.scopes import Scope


class BalanceQuery(StrictSerializer):
    """Of which moment the balance is."""

    at = serializers.DateTimeField(required=False, help_text="Now, if not given.")


class LineSchema(serializers.Serializer[Any]):
    """One side of an entry."""

    account = serializers.ChoiceField(choices=[code.value for code in AccountCode])
    direction = serializers.ChoiceField(choices=[side.value for side in Direction])
    layer = serializers.ChoiceField(choices=[layer.value for layer in Layer])
    amount = serializers.IntegerField()


class BalanceEntrySchema(serializers.Serializer[Any]):
    """One entry of the journal; debits and credits are equal in each layer."""

    id = serializers.CharField(help_text="`je_…`")
    object = serializers.ChoiceField(choices=["balance_entry"])
    mode = serializers.ChoiceField(choices=[mode.value for mode in Mode])
    kind = serializers.ChoiceField(choices=[kind.value for kind in EntryKind])
    currency = serializers.CharField()
    payment = serializers.CharField(allow_null=True, help_text="`pay_…`, where it is about one.")
    payout = serializers.CharField(allow_null=True, help_text="`po_…`, where it is about one.")
    lines = LineSchema(many=True)
    effective_at = serializers.DateTimeField()


class EntryQuery(PageQuery):
    """How a list of entries is narrowed."""

    starting_after = cursor(JournalEntry)
    ending_before = cursor(JournalEntry)
    payment = PublicIdField(Payment.PREFIX, required=False, source="payment_id")


class BalanceView(APIView):
    """`/v1/balance`"""

    scopes = {"GET": Scope.BALANCE_READ}

    @extend_schema(
        operation_id="get_balance",
        summary="Get what you are owed, by currency",
        parameters=[BalanceQuery],
        responses={
            200: inline_serializer(
                "Balance",
                {
                    "object": serializers.ChoiceField(choices=["balance"]),
                    "mode": serializers.ChoiceField(choices=[mode.value for mode in Mode]),
                    "balances": inline_serializer(
                        "CurrencyBalance",
                        {
                            "currency": serializers.CharField(),
                            "pending": serializers.IntegerField(help_text="Authorized and not yet captured."),
                            "posted": serializers.IntegerField(help_text="Captured: what the merchant is owed."),
                            "available": serializers.IntegerField(
                                allow_null=True,
                                help_text="What can be paid out: settled by the processor, and held by nothing. It may"
                                " be negative, and is null with `at`.",
                            ),
                        },
                        many=True,
                    ),
                },
            ),
            **PROBLEMS,
        },
        tags=["balance"],
    )
    def get(self, request: Request) -> Response:
        """Get what the merchant is owed, by currency, in minor units."""
        query = BalanceQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        caller = caller_of(request)
        found = balances.merchant_balance(caller=caller, **query.validated_data)
        return Response({"object": "balance", "mode": str(caller.mode), "balances": found})


class BalanceEntryList(APIView):
    """`/v1/balance/entries`"""

    scopes = {"GET": Scope.BALANCE_READ}

    @extend_schema(
        operation_id="list_balance_entries",
        summary="List journal entries with their lines",
        parameters=[EntryQuery],
        responses={200: list_schema("BalanceEntryList", BalanceEntrySchema), **PROBLEMS},
        tags=["balance"],
    )
    def get(self, request: Request) -> Response:
        """List journal entries with their lines, newest first."""
        page, filters = EntryQuery.read(request)
        return list_response(balances.list_entries(caller=caller_of(request), page=page, **filters), represent_entry)
