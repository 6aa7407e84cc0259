"""Idempotency keys: claimed in the transaction of the work, answered in the transaction that ends it.

Whatever crashes, a key is in one of three states: unknown (nothing was done), under way (the processor call it
names says what was asked, and asking again under the call's id does it once) or answered.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from payments import conf
from payments.errors import IdempotencyKeyReused, RequestInProgress
from payments.models.idempotency import IdempotencyRecord
from payments.models.processor import ProcessorCall
from payments.operations.callers import Answer, IdempotentRequest
from payments.public_ids import new_uuid

# The first request is most likely done by then; its lease is longer, for the case that its process has died.
_RETRY_AFTER_SECONDS = 1
_DELETED_AT_ONCE = 5_000

# A key whose time is over counts as new: its row is overwritten in the same statement.
_CLAIM = """
INSERT INTO payments_idempotencyrecord AS record
    (merchant_id, mode, key, fingerprint, processor_call_id, lease_expires_at, created_at, expires_at)
VALUES (%(merchant_id)s, %(mode)s, %(key)s, %(fingerprint)s, %(call_id)s, %(lease)s, %(now)s, %(expires_at)s)
ON CONFLICT (merchant_id, mode, key) DO UPDATE SET
    fingerprint = excluded.fingerprint, processor_call_id = excluded.processor_call_id,
    lease_expires_at = excluded.lease_expires_at, response_status = NULL, response_body = NULL,
    created_at = excluded.created_at, expires_at = excluded.expires_at
WHERE record.expires_at <= excluded.created_at AND record.response_status IS NOT NULL
RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to carry one request out.

    `call_id` is the id of the request's processor call, given out before the call exists. `resumed` says that an
    earlier attempt has written that call and died. It holds until `lease`; then a retry may take it over.
    """

    record_id: int
    call_id: UUID
    resumed: bool
    lease: datetime


def claim_key(request: IdempotentRequest, *, now: datetime) -> Claim | Answer:
    """Claim the request's key, or return the answer it has already got. Call this first in transaction A.

    Two requests under one key at the same moment meet at the unique index: the second waits for the first's
    transaction A, and then finds it running.

    Raises:
        IdempotencyKeyReused: the key belongs to another request.
        RequestInProgress: the first request is still running.
    """
    call_id = new_uuid()
    lease = now + timedelta(seconds=conf.idempotency_lease_seconds())
    with connection.cursor() as cursor:
        cursor.execute(
            _CLAIM,
            {
                "merchant_id": request.caller.merchant_id,
                "mode": str(request.caller.mode),
                "key": request.key,
                "fingerprint": request.fingerprint,
                "call_id": call_id,
                "lease": lease,
                "now": now,
                "expires_at": now + timedelta(days=conf.IDEMPOTENCY_KEY_LIFETIME_DAYS),
            },
        )
        inserted = cursor.fetchone()
    if inserted is not None:
        return Claim(inserted[0], call_id, resumed=False, lease=lease)
    return _take_up(request, now=now, lease=lease)


def _take_up(request: IdempotentRequest, *, now: datetime, lease: datetime) -> Claim | Answer:
    """Return the stored answer, or take over a request whose process has died."""
    record = IdempotencyRecord.objects.select_for_update().get(**request.caller.owned, key=request.key)
    if record.fingerprint != request.fingerprint:
        raise IdempotencyKeyReused(
            f"The idempotency key {request.key!r} was used with another method, path or body."
            " Take a new key for a new request.",
        )
    if record.response_status is not None and record.response_body is not None:
        return Answer(record.response_status, record.response_body, replayed=True)
    if record.lease_expires_at > now:
        raise RequestInProgress(
            "A request with this idempotency key is still running. Repeat it in a moment to get its answer.",
            retry_after_seconds=_RETRY_AFTER_SECONDS,
        )
    assert record.processor_call_id is not None, "the database keeps a call for every record without an answer"
    IdempotencyRecord.objects.filter(pk=record.pk).update(lease_expires_at=lease)
    return Claim(record.pk, record.processor_call_id, resumed=True, lease=lease)


def is_held(claim: Claim) -> bool:
    """Tell whether nobody has taken the request over, and keep it so until the caller's transaction ends."""
    records = IdempotencyRecord.objects.select_for_update().filter(
        pk=claim.record_id, response_status__isnull=True, lease_expires_at=claim.lease
    )
    return records.exists()


def move_on(claim: Claim, *, call_id: UUID, now: datetime) -> Claim:
    """Have the key name the call that is made next, in the caller's transaction, in which `is_held` has said yes."""
    lease = now + timedelta(seconds=conf.idempotency_lease_seconds())
    IdempotencyRecord.objects.filter(pk=claim.record_id).update(processor_call_id=call_id, lease_expires_at=lease)
    return Claim(claim.record_id, call_id, resumed=False, lease=lease)


def take_lease(call: ProcessorCall, *, now: datetime) -> bool:
    """Take over the request whose call this is, as a retry of the merchant's would; False while somebody else has it.

    Until the lease is over a retry is told that the request is running: nobody sends the call meanwhile. A call that a
    worker made on its own belongs to no request: nobody but that worker ever sends it, and it is always free.
    """
    records = IdempotencyRecord.objects.filter(merchant_id=call.merchant_id, mode=call.mode, processor_call_id=call.pk)
    lease = now + timedelta(seconds=conf.idempotency_lease_seconds())
    free = records.filter(response_status__isnull=True, lease_expires_at__lte=now)
    return bool(free.update(lease_expires_at=lease)) or not records.exists()


def delete_expired_keys(*, now: datetime) -> int:
    """Delete the answered keys whose time is over, some thousands in a transaction; return how many there were."""
    expired = IdempotencyRecord.objects.filter(expires_at__lte=now, response_status__isnull=False)
    deleted = 0
    while batch := list(expired.order_by("expires_at", "id").values_list("pk", flat=True)[:_DELETED_AT_ONCE]):
        deleted += IdempotencyRecord.objects.filter(pk__in=batch).delete()[0]
    return deleted


def store_answer(claim: Claim, *, status: int, body: str, called: bool) -> Answer:
    """Keep the answer under the key, in the transaction that ends the work.

    `called` is False for work that needed no processor, whose reserved call id stands for nothing. If another
    process has taken the request over and answered it first, that answer stays and is returned.
    """
    changes: dict[str, object] = {"response_status": status, "response_body": body}
    if not called:
        changes["processor_call_id"] = None
    stored = IdempotencyRecord.objects.filter(pk=claim.record_id, response_status__isnull=True).update(**changes)
    if stored:
        return Answer(status, body)
    first = IdempotencyRecord.objects.get(pk=claim.record_id)
    assert first.response_status is not None and first.response_body is not None
    return Answer(first.response_status, first.response_body, replayed=True)
