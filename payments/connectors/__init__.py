"""Connectors: our adapters to payment processors."""
