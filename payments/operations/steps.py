"""One step of a merchant's: write down (A), ask the processor, apply its word and answer (B)."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.db import transaction

from payments.lifecycles import CallStatus
from payments.models.processor import ProcessorCall
from payments.operations.callers import Answer, IdempotentRequest
from payments.operations.failover import fail_over, sure_of
from payments.operations.idempotency import Claim, claim_key, move_on, store_answer
from payments.operations.outcomes import lock_subject, problem_of, settle_call
from payments.operations.processor_calls import send_call
from payments.operations.representations import Subject, as_json, represent

# What a step does in transaction A: given the id of its processor call, change and return what it is about, and the
# call to make, if there is one.
Step = Callable[[UUID], tuple[Subject, ProcessorCall | None]]


def carry_out(request: IdempotentRequest, begin: Step, *, now: datetime, success_status: int = 200) -> Answer:
    """Run one step: write down (A), ask the processor, apply its word and answer (B).

    A retry under the same key comes in at the point where the first attempt was left. Neither transaction is
    ever nested in another (`durable`), so that what was written down is there whatever happens next.

    An authorization that could not be sent goes to the next connector of the payment's route: B then writes down the
    next call, as A has the first, and the key moves on to it.
    """
    with transaction.atomic(durable=True):
        claim = claim_key(request, now=now)
        if isinstance(claim, Answer):
            return claim
        if claim.resumed:
            call = ProcessorCall.objects.select_related("payment", "dispute").get(pk=claim.call_id)
        else:
            subject, opened = begin(claim.call_id)
            if opened is None:
                return _store(claim, subject, None, request, success_status)
            call = opened
    if call.status != CallStatus.CREATED:
        # The processor's word came by another way before the retry did.
        with transaction.atomic(durable=True):
            return _store(claim, lock_subject(call), call, request, success_status)
    tried: list[str] = []
    while True:
        outcome, answered_at = send_call(call, sent_before=claim.resumed, now=now)
        tried.append(call.connector)
        with transaction.atomic(durable=True):
            outcome = sure_of(outcome, claim)
            following = fail_over(call, outcome, tried=tried, now=answered_at)
            if following is None:
                subject = settle_call(call, outcome, now=answered_at)
                return _store(claim, subject, call, request, success_status)
            claim = move_on(claim, call_id=following.pk, now=answered_at)
        call, now = following, answered_at


def _store(
    claim: Claim, subject: Subject, call: ProcessorCall | None, request: IdempotentRequest, success_status: int
) -> Answer:
    problem = None if call is None else problem_of(call, subject)
    if problem is None:
        status, document = success_status, represent(subject)
    else:
        status = problem.status
        document = problem.as_problem(instance=request.path, request_id=request.request_id)
    return store_answer(claim, status=status, body=as_json(document), called=call is not None)
