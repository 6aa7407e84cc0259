"""A Stripe of our own, on loopback: its wire format, its rules as far as they matter to us, and faults on demand."""

from tests.stripe_server.faults import Fault
from tests.stripe_server.server import StripeServer

__all__ = ["Fault", "StripeServer"]
