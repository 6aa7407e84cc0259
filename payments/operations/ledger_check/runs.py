"""Runs: a check over everything, or over what was touched since the last one, and the record of it."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from logging import getLogger
from time import perf_counter
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import Value
from django.db.models.functions import Cast

from payments.models.ledger_checks import LedgerCheck
from payments.models.transaction_ids import TransactionIdField
from payments.operations.ledger_check.checking import RULES, differences_of_all, differences_since
from payments.operations.ledger_check.rule import Difference
from payments.operations.ledger_check.touched import TOUCHED

logger = getLogger(__name__)

_DIGEST: Final = sha256(repr((RULES, TOUCHED)).encode()).hexdigest()

# A row tells no more than the lower 32 bits of the transaction that wrote it.
_TRANSACTIONS_MAX: Final = 2**31 - 1

_SNAPSHOT: Final = """
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint, system_identifier FROM pg_control_system()
"""


@dataclass(frozen=True, slots=True)
class Result:
    """What a run found: the differences, and how much it looked at. `full` is over everything."""

    full: bool
    checked_at: datetime
    seconds: float
    differences: list[Difference]

    @property
    def ok(self) -> bool:
        """Tell whether the ledger adds up."""
        return not self.differences

    def as_document(self) -> dict[str, Any]:
        """Return the result as programs read it."""
        return {
            "ok": self.ok,
            "full": self.full,
            "checked_at": self.checked_at.isoformat(),
            "seconds": round(self.seconds, 3),
            "rules": len(RULES),
            "differences": [asdict(difference) for difference in self.differences],
        }


@dataclass(frozen=True, slots=True)
class _Scope:
    full: bool
    boundary: int
    cluster_id: int


def check_ledger(*, full: bool = True) -> list[Difference]:
    """Return the differences, at most a hundred for each rule; an empty list is a clean ledger.

    All rules see one snapshot of the database, so that payments under way do not disturb. Within a transaction of
    the caller's, it is that transaction's view. With `full=False` it looks at what was touched since the last
    recorded run, or at everything, where that one was not clean or does not count (see `run_check`).
    """
    differences, _ = _look(full=full)
    return differences


def run_check(*, full: bool, now: datetime) -> Result:
    """Check the ledger as `check_ledger` does, record the run, and return what it found.

    An incremental run looks at everything where there is no run before it, the last one was not clean, was made by
    other rules or in another database cluster, or is too long ago.
    """
    started = perf_counter()
    differences, scope = _look(full=full)
    seconds = perf_counter() - started
    with transaction.atomic(durable=True):
        LedgerCheck.objects.create(
            started_at=now,
            finished_at=now + timedelta(seconds=seconds),
            seconds=seconds,
            full=scope.full,
            differences=len(differences),
            cluster_id=scope.cluster_id,
            below_transaction_id=Cast(Value(str(scope.boundary)), TransactionIdField()),
            rules_digest=_DIGEST,
        )
    for difference in differences:
        logger.error("the ledger does not add up: %s", difference)
    return Result(scope.full, now, seconds, differences)


def _look(*, full: bool) -> tuple[list[Difference], _Scope]:
    own_transaction = not connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        if own_transaction:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute(_SNAPSHOT)
        boundary, cluster_id = cursor.fetchone()
        since = None if full else _clean_until(boundary, cluster_id)
        found = differences_of_all(cursor) if since is None else differences_since(cursor, boundary=since)
    return found, _Scope(since is None, boundary, cluster_id)


def _clean_until(boundary: int, cluster_id: int) -> int | None:
    """Return the boundary of the last run, where everything below it is known to be clean."""
    last = LedgerCheck.objects.order_by("-id").first()
    counts = (
        last is not None
        and last.differences == 0
        and (last.cluster_id, last.rules_digest) == (cluster_id, _DIGEST)
        and boundary - last.below_transaction_id < _TRANSACTIONS_MAX
    )
    return last.below_transaction_id if last is not None and counts else None
