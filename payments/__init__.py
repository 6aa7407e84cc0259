"""The payments domain: one Django app in layers (see the contracts in pyproject.toml)."""

__version__ = "0.1.0"
