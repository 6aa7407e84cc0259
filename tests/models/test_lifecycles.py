"""PostgreSQL lets a status move along the edges of `lifecycles.py` and nowhere else."""

from dataclasses import dataclass, field

import pytest

from django.apps import apps
from django.db import IntegrityError, transaction

from payments import lifecycles
from payments.lifecycles import LIFECYCLES, Lifecycle
from payments.models import LifecycleEdge
from payments.models.lifecycle_edges import edges_of_lifecycles, write_edges
from tests.books import Books, copy_of, execute

_NO_AMOUNTS = {"amount_authorized": "0", "amount_captured": "0", "amount_capturable": "0", "next_action_url": "NULL"}
_UNDECIDED = {"decided_by": "NULL", "decided_at": "NULL"}
_RETRIED = {"retry_at": "%(now)s"}
_DECIDED = {"decided_by": "'bob'", "decided_at": "%(now)s"}


@dataclass(frozen=True)
class Noun:
    """A row to move, a row to copy, and per status the columns that suit it, so that no other rule has a say."""

    lifecycle: Lifecycle
    model: str
    row: str
    # What tells the copy from its original.
    copy: dict[str, str] = field(default_factory=dict)
    otherwise: dict[str, str] = field(default_factory=dict)
    suiting: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def statuses(self) -> list[str]:
        """Return every status that the lifecycle names."""
        return sorted({status for pair in self.lifecycle.pairs() for status in pair if status})

    def columns(self, status: str) -> dict[str, str]:
        """Return the status and what suits it."""
        return {"status": f"'{status}'"} | self.otherwise | self.suiting.get(status, {})

    def to(self, status: str) -> str:
        """Return the SQL that gives the row a status."""
        assignments = ", ".join(f"{column} = {value}" for column, value in self.columns(status).items())
        return f"UPDATE payments_{self.model.lower()} SET {assignments} WHERE id = %({self.row})s"

    def born(self, status: str) -> str:
        """Return the SQL that writes a new row in a status."""
        return copy_of(self.model, self.row, **self.copy | self.columns(status))


_SETTLED = {status: {"settled_at": "%(now)s"} for status in ("applied", "ignored", "contradicted")}
NOUNS = {
    noun.lifecycle.noun: noun
    for noun in (
        Noun(
            lifecycles.PAYMENT,
            *("Payment", "unconfirmed"),
            copy={"merchant_reference": "NULL"},
            otherwise=_NO_AMOUNTS,
            suiting={
                "succeeded": _NO_AMOUNTS | {"amount_authorized": "amount", "amount_captured": "amount"},
                "requires_capture": _NO_AMOUNTS | {"amount_authorized": "amount", "amount_capturable": "amount"},
                "requires_action": _NO_AMOUNTS | {"next_action_url": "'https://pay.example/'"},
            },
        ),
        Noun(lifecycles.PROCESSOR_CALL, "ProcessorCall", "declined_call"),
        Noun(lifecycles.REFUND, "Refund", "refund"),
        Noun(lifecycles.PAYOUT, "Payout", "usd_payout"),
        Noun(lifecycles.DISPUTE, "Dispute", "loose_dispute", copy={"processor_reference": "'dp-new'"}),
        Noun(
            lifecycles.PROCESSOR_EVENT,
            *("ProcessorEvent", "news"),
            copy={"event_id": "'sbe-new'"},
            otherwise={"settled_at": "NULL"},
            suiting=_SETTLED,
        ),
        Noun(
            lifecycles.DISCREPANCY,
            *("Discrepancy", "loose_discrepancy"),
            copy={"key": "'new'"},
            otherwise={"resolution": "NULL", "resolved_at": "NULL"},
            suiting={"resolved": {"resolution": "'Paid later.'", "resolved_at": "%(now)s"}},
        ),
        Noun(
            lifecycles.REPAIR,
            *("Repair", "repair"),
            copy={"processor_call_id": "%(declined_call)s"},
            otherwise=_UNDECIDED,
            suiting={"approved": _DECIDED, "rejected": _DECIDED},
        ),
        Noun(
            lifecycles.WEBHOOK_ENDPOINT,
            *("WebhookEndpoint", "endpoint"),
            otherwise={"disabled_reason": "NULL", "deleted_at": "NULL"},
            suiting={"disabled": {"disabled_reason": "'gone'"}, "deleted": {"deleted_at": "%(now)s"}},
        ),
        Noun(
            lifecycles.WEBHOOK_DELIVERY,
            *("WebhookDelivery", "delivery"),
            copy={"event_id": "%(captured_event)s"},
            otherwise={"next_attempt_at": "NULL", "finished_at": "%(now)s"},
            suiting={"pending": {"next_attempt_at": "%(now)s", "finished_at": "NULL"}},
        ),
        Noun(
            lifecycles.CIRCUIT_BREAKER,
            *("CircuitBreaker", "breaker"),
            copy={"account_id": "%(account_without_breaker)s"},
            otherwise={"retry_at": "NULL"},
            suiting={"open": _RETRIED, "half_open": _RETRIED},
        ),
    )
}
MOVES = [(name, status) for name, noun in NOUNS.items() for status in noun.statuses]


def accepts(statement: str, books: Books) -> bool:
    """Tell whether PostgreSQL takes the statement, and undo it; any refusal but the lifecycle's is an error."""
    try:
        with transaction.atomic():
            execute(statement, books)
            transaction.set_rollback(True)
    except IntegrityError as refusal:
        assert 'does not go from "' in str(refusal)
        return False
    return True


def place(statement: str, books: Books) -> None:
    """Put a row where no lifecycle need lead, as if it had always been there."""
    execute("SET LOCAL session_replication_role = replica", {})
    execute(statement, books)
    execute("SET LOCAL session_replication_role = origin", {})


def test_every_lifecycle_is_tried() -> None:
    assert NOUNS.keys() == {lifecycle.noun for lifecycle in LIFECYCLES}


@pytest.mark.parametrize(("name", "status"), MOVES)
def test_a_row_goes_only_where_the_lifecycle_leads(name: str, status: str, books: Books) -> None:
    noun = NOUNS[name]
    place(noun.to(status), books)
    # What a status brings with it is set once, which is shown elsewhere.
    execute(f"ALTER TABLE payments_{noun.model.lower()} DISABLE TRIGGER USER", {})
    execute(f"ALTER TABLE payments_{noun.model.lower()} ENABLE TRIGGER lifecycle", {})

    reached = {following for following in noun.statuses if accepts(noun.to(following), books)}

    assert reached == noun.lifecycle.edges.get(status, frozenset()) | {status}


@pytest.mark.parametrize("name", NOUNS)
def test_a_row_begins_only_where_the_lifecycle_begins(name: str, books: Books) -> None:
    noun = NOUNS[name]

    begun = {status for status in noun.statuses if accepts(noun.born(status), books)}

    assert begun == noun.lifecycle.initial


@pytest.mark.parametrize("name", NOUNS)
def test_a_status_that_no_lifecycle_knows_is_refused(name: str, books: Books) -> None:
    assert not accepts(NOUNS[name].to("paid"), books)


def test_the_table_of_edges_is_that_of_the_code(db: None) -> None:
    stored = set(LifecycleEdge.objects.values_list("noun", "from_status", "to_status"))

    assert stored == edges_of_lifecycles()


def test_writing_the_edges_again_repairs_the_table(db: None) -> None:
    LifecycleEdge.objects.filter(noun="payment", from_status="processing").delete()
    LifecycleEdge.objects.create(noun="payment", from_status="canceled", to_status="succeeded")

    write_edges(apps, None)

    assert set(LifecycleEdge.objects.values_list("noun", "from_status", "to_status")) == edges_of_lifecycles()
