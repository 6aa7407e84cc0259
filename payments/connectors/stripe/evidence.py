"""Evidence in a dispute, under the names that Stripe's form has."""

from collections.abc import Mapping
from typing import Final, cast

from stripe.params import DisputeUpdateParamsEvidence

# The texts of Stripe's form. Its files cannot be given: our evidence is texts.
FIELDS: Final = frozenset(
    {
        *("access_activity_log", "billing_address", "cancellation_policy_disclosure", "cancellation_rebuttal"),
        *("customer_email_address", "customer_name", "customer_purchase_ip", "duplicate_charge_explanation"),
        *("duplicate_charge_id", "product_description", "refund_policy_disclosure", "refund_refusal_explanation"),
        *("service_date", "shipping_address", "shipping_carrier", "shipping_date", "shipping_tracking_number"),
    }
)
# What has no field of its own goes here, each text under its name.
_REST: Final = "uncategorized_text"


def evidence_fields(evidence: Mapping[str, str]) -> DisputeUpdateParamsEvidence:
    """Return texts by the names of Stripe's fields."""
    named = {name: text for name, text in evidence.items() if name in FIELDS}
    rest = [
        text if name == _REST else f"{name}: {text}" for name, text in sorted(evidence.items()) if name not in FIELDS
    ]
    return cast(DisputeUpdateParamsEvidence, named | ({_REST: "\n\n".join(rest)} if rest else {}))
