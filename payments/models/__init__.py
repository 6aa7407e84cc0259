"""The tables: constraints, triggers and querysets, and no verbs."""

from payments.models.api_keys import ApiKey, ApiKeyMeter
from payments.models.circuit_breakers import CircuitBreaker
from payments.models.disputes import Dispute
from payments.models.events import Event
from payments.models.idempotency import IdempotencyRecord
from payments.models.ledger import BalanceCheckpoint, JournalEntry, JournalLine, LedgerAccount
from payments.models.ledger_checks import LedgerCheck
from payments.models.lifecycle_edges import LifecycleEdge
from payments.models.merchants import Merchant, PlatformFee
from payments.models.payments import Payment
from payments.models.payouts import Payout, PayoutSchedule
from payments.models.processor import CallInDoubt, ProcessorCall
from payments.models.processor_accounts import ProcessorAccount
from payments.models.processor_events import NewsReplay, ProcessorEvent
from payments.models.reconciliation import BankLine, Discrepancy, Repair, Report, SettlementLine, Sweep
from payments.models.refunds import Refund
from payments.models.routing import RoutingRule
from payments.models.sandbox import (
    SandboxAction,
    SandboxBatch,
    SandboxCharge,
    SandboxDispute,
    SandboxMovement,
    SandboxNotice,
    SandboxPayout,
    SandboxRequest,
)
from payments.models.webhooks import DeliveryAttempt, WebhookDelivery, WebhookEndpoint

__all__ = [
    "ApiKey",
    "ApiKeyMeter",
    "BalanceCheckpoint",
    "BankLine",
    "CallInDoubt",
    "CircuitBreaker",
    "DeliveryAttempt",
    "Discrepancy",
    "Dispute",
    "Event",
    "IdempotencyRecord",
    "JournalEntry",
    "JournalLine",
    "LedgerAccount",
    "LedgerCheck",
    "LifecycleEdge",
    "Merchant",
    "NewsReplay",
    "Payment",
    "Payout",
    "PayoutSchedule",
    "PlatformFee",
    "ProcessorAccount",
    "ProcessorCall",
    "ProcessorEvent",
    "Refund",
    "Repair",
    "Report",
    "RoutingRule",
    "SandboxAction",
    "SandboxBatch",
    "SandboxCharge",
    "SandboxDispute",
    "SandboxMovement",
    "SandboxNotice",
    "SandboxPayout",
    "SandboxRequest",
    "SettlementLine",
    "Sweep",
    "WebhookDelivery",
    "WebhookEndpoint",
]
