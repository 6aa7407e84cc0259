"""What payments, refunds, disputes and payouts look like, for the documentation: in answers, events and problems."""

from typing import Any

from rest_framework import serializers

from payments.api.fields import EvidenceField, MetadataField
from payments.lifecycles import (
    CaptureMethod,
    DisabledReason,
    DiscrepancyStatus,
    DisputeStatus,
    Mode,
    PaymentStatus,
    PayoutStatus,
    RefundStatus,
    WebhookDeliveryStatus,
    WebhookEndpointStatus,
)
from payments.models.reconciliation import DiscrepancyKind
from payments.money import AMOUNT_MAX


class LastErrorSchema(serializers.Serializer[Any]):
    """Why the last attempt failed."""

    code = serializers.CharField()
    message = serializers.CharField()
    decline_code = serializers.CharField(allow_null=True)
    advice_code = serializers.CharField(allow_null=True)
    retryable = serializers.BooleanField(help_text="Whether the same payment method may work later.")


class NextActionSchema(serializers.Serializer[Any]):
    """What the payer has to do before the payment goes on."""

    type = serializers.ChoiceField(choices=["redirect"], help_text="Send the payer to `url`.")
    url = serializers.CharField()


class PaymentSchema(serializers.Serializer[Any]):
    """A payment; amounts are integers of the currency's minor unit."""

    id = serializers.CharField(help_text="`pay_…`")
    object = serializers.ChoiceField(choices=["payment"])
    mode = serializers.ChoiceField(choices=[mode.value for mode in Mode])
    status = serializers.ChoiceField(choices=[status.value for status in PaymentStatus])
    amount = serializers.IntegerField(min_value=1, max_value=AMOUNT_MAX)
    currency = serializers.CharField(help_text="ISO 4217, upper case.")
    capture_method = serializers.ChoiceField(choices=[method.value for method in CaptureMethod])
    amount_authorized = serializers.IntegerField()
    amount_capturable = serializers.IntegerField(help_text="Authorized and not yet captured.")
    amount_captured = serializers.IntegerField()
    amount_refunded = serializers.IntegerField()
    amount_disputed = serializers.IntegerField()
    platform_fee = serializers.IntegerField(help_text="What the platform has charged you for the captures so far.")
    payment_method = serializers.CharField(allow_null=True)
    merchant_reference = serializers.CharField(allow_null=True)
    description = serializers.CharField(allow_null=True)
    metadata = MetadataField()
    connector = serializers.CharField(allow_null=True)
    processor_reference = serializers.CharField(allow_null=True)
    authorization_code = serializers.CharField(allow_null=True)
    last_error = LastErrorSchema(allow_null=True)
    next_action = NextActionSchema(allow_null=True, help_text="Set while the payment `requires_action`.")
    return_url = serializers.CharField(allow_null=True, help_text="Where the payer comes back to.")
    expires_at = serializers.DateTimeField(allow_null=True, help_text="Until when it can be confirmed.")
    authorization_expires_at = serializers.DateTimeField(
        allow_null=True, help_text="Until when it can be captured, once it is authorized."
    )
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class PayoutSchema(serializers.Serializer[Any]):
    """A transfer of what you are owed to your bank."""

    id = serializers.CharField(help_text="`po_…`")
    object = serializers.ChoiceField(choices=["payout"])
    mode = serializers.ChoiceField(choices=[mode.value for mode in Mode])
    status = serializers.ChoiceField(
        choices=[status.value for status in PayoutStatus], help_text="`submitted` is in transit, `succeeded` is paid."
    )
    amount = serializers.IntegerField(help_text="In minor units.")
    currency = serializers.CharField(help_text="ISO 4217, upper case.")
    destination = serializers.CharField(help_text="The processor's token of the bank account.")
    scheduled_for = serializers.DateField(allow_null=True, help_text="The day (UTC) whose schedule made it.")
    description = serializers.CharField(allow_null=True)
    metadata = MetadataField()
    processor_reference = serializers.CharField(allow_null=True)
    last_error = LastErrorSchema(allow_null=True, help_text="Why it failed or came back.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class RefundSchema(serializers.Serializer[Any]):
    """A refund of a part or all of a payment."""

    id = serializers.CharField(help_text="`re_…`")
    object = serializers.ChoiceField(choices=["refund"])
    mode = serializers.ChoiceField(choices=[mode.value for mode in Mode])
    status = serializers.ChoiceField(choices=[status.value for status in RefundStatus])
    payment = serializers.CharField(help_text="`pay_…`")
    amount = serializers.IntegerField(help_text="In minor units.")
    currency = serializers.CharField(help_text="The payment's.")
    reason = serializers.CharField(allow_null=True)
    metadata = MetadataField()
    processor_reference = serializers.CharField(allow_null=True)
    last_error = LastErrorSchema(allow_null=True, help_text="Why it failed.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class DisputeSchema(serializers.Serializer[Any]):
    """A dispute of a part or all of a payment: the payer's bank has taken it back."""

    id = serializers.CharField(help_text="`dp_…`")
    object = serializers.ChoiceField(choices=["dispute"])
    mode = serializers.ChoiceField(choices=[mode.value for mode in Mode])
    status = serializers.ChoiceField(choices=[status.value for status in DisputeStatus])
    payment = serializers.CharField(help_text="`pay_…`")
    amount = serializers.IntegerField(help_text="In minor units.")
    fee = serializers.IntegerField(help_text="What the processor charges for it, in minor units; not charged if won.")
    currency = serializers.CharField(help_text="The payment's.")
    reason = serializers.CharField(help_text="In the processor's words: `fraudulent`.")
    evidence = EvidenceField(allow_null=True, help_text="What you have sent, by name; null until then.")
    evidence_due_at = serializers.DateTimeField(help_text="Evidence is taken until then.")
    processor_reference = serializers.CharField()
    last_error = LastErrorSchema(allow_null=True, help_text="Why the last answer did not get there.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class DiscrepancySchema(serializers.Serializer[Any]):
    """Something of yours that does not match, and is looked into."""

    id = serializers.CharField(help_text="`dis_…`")
    object = serializers.ChoiceField(choices=["discrepancy"])
    mode = serializers.ChoiceField(choices=[mode.value for mode in Mode])
    kind = serializers.ChoiceField(choices=[kind.value for kind in DiscrepancyKind])
    status = serializers.ChoiceField(choices=[status.value for status in DiscrepancyStatus])
    amount = serializers.IntegerField(help_text="What there is too much (negative: too little), in minor units.")
    currency = serializers.CharField(allow_null=True)
    payment = serializers.CharField(allow_null=True, help_text="`pay_…`")
    payout = serializers.CharField(allow_null=True, help_text="`po_…`")
    detail = serializers.CharField(help_text="What does not match, for people.")
    resolution = serializers.CharField(allow_null=True, help_text="Why it is none any more.")
    created_at = serializers.DateTimeField()
    resolved_at = serializers.DateTimeField(allow_null=True)


class WebhookEndpointSchema(serializers.Serializer[Any]):
    """An address of yours to which events are sent."""

    id = serializers.CharField(help_text="`we_…`")
    object = serializers.ChoiceField(choices=["webhook_endpoint"])
    mode = serializers.ChoiceField(choices=[mode.value for mode in Mode])
    status = serializers.ChoiceField(choices=[status.value for status in WebhookEndpointStatus])
    url = serializers.CharField()
    description = serializers.CharField(allow_null=True)
    event_types = serializers.ListField(
        child=serializers.CharField(), help_text="The types that are sent there: `payment.succeeded`, `payment.*`, `*`."
    )
    ordered = serializers.BooleanField(
        help_text="Whether a later event waits until an earlier one is delivered or given up."
    )
    disabled_reason = serializers.ChoiceField(
        choices=[reason.value for reason in DisabledReason],
        allow_null=True,
        help_text="`by_merchant`: you have asked for it. `gone`: it answered 410. `failing`: it failed for 5 days.",
    )
    failing_since = serializers.DateTimeField(allow_null=True, help_text="The first failure after the last success.")
    previous_secret_expires_at = serializers.DateTimeField(
        allow_null=True, help_text="Until when the previous secret signs as well, during a rotation."
    )
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class WebhookDeliverySchema(serializers.Serializer[Any]):
    """One event on its way to one endpoint."""

    id = serializers.CharField(help_text="`whd_…`")
    object = serializers.ChoiceField(choices=["webhook_delivery"])
    mode = serializers.ChoiceField(choices=[mode.value for mode in Mode])
    status = serializers.ChoiceField(
        choices=[status.value for status in WebhookDeliveryStatus],
        help_text="`failed` has been given up after the last attempt; `canceled` was pending when its endpoint was"
        " disabled. Both can be sent again.",
    )
    webhook_endpoint = serializers.CharField(help_text="`we_…`")
    event = serializers.CharField(help_text="`evt_…`, which is the webhook's `webhook-id`, too.")
    event_type = serializers.CharField()
    attempt_count = serializers.IntegerField()
    next_attempt_at = serializers.DateTimeField(allow_null=True, help_text="Set while it is `pending`.")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
