"""Measurements, each a module to run: `python -m perf.webhooks`."""
