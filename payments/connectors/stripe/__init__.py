"""Stripe: spoken to through the official SDK, for one merchant's account at a time.

Nothing outside this package imports the SDK. What maps to what stands in docs/stripe.md.
"""

from payments.connectors.stripe.connector import StripeConnector

__all__ = ["StripeConnector"]
