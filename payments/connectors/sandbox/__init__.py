"""The sandbox: a processor with no bank behind it, for test mode.

It stands for another company's machine. It keeps its own books in its own tables, commits them on its own, and
answers the same idempotency key with the same answer, for good. The payment method decides what happens.
"""

from payments.connectors.sandbox.connector import SandboxConnector

__all__ = ["SandboxConnector"]
