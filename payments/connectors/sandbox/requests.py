"""What the sandbox has been asked: done once under each idempotency key, with the same answer for good."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from django.db import IntegrityError, transaction

from payments.connectors.base import ActionRequired, Declined, Submitted, Succeeded
from payments.models.sandbox import SandboxRequest
from payments.money import Money

Answer = Submitted | Succeeded | Declined | ActionRequired

_ANSWERS: Final[dict[str, type[Answer]]] = {
    kind.__name__: kind for kind in (Submitted, Succeeded, Declined, ActionRequired)
}


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a request, and the money it moved, for the settlement report."""

    answer: Answer
    charge_reference: str | None = None
    moved: Money | None = None


def once(idempotency_key: str, kind: str, work: Callable[[], Done], *, now: datetime) -> Answer:
    """Do the work and keep the answer, both or neither; a key that was answered gets that answer again."""
    try:
        with transaction.atomic():
            known = answer_to(idempotency_key)
            if known is None:
                done = work()
                known = done.answer
                SandboxRequest.objects.create(
                    idempotency_key=idempotency_key,
                    kind=kind,
                    answer=as_document(known),
                    charge_reference=done.charge_reference,
                    currency=done.moved.currency if done.moved else None,
                    moved=done.moved.amount if done.moved else None,
                    created_at=now,
                )
            return known
    except IntegrityError:
        # The same request at the same time was quicker: what was done here is rolled back, and its answer counts.
        known = answer_to(idempotency_key)
        if known is None:
            raise
        return known


def answer_to(idempotency_key: str) -> Answer | None:
    """Return the answer that a request got; None, if it was never received."""
    stored = SandboxRequest.objects.filter(idempotency_key=idempotency_key).values_list("answer", flat=True).first()
    return None if stored is None else as_answer(stored)


def as_document(answer: Answer) -> dict[str, Any]:
    """Return an answer as JSON."""
    members = {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(answer).items()
    }
    return {"outcome": type(answer).__name__, **members}


def as_answer(document: dict[str, Any]) -> Answer:
    """Return the answer that `as_document` made this of.

    Raises:
        ValueError: it is none.
    """
    members = dict(document)
    kind = _ANSWERS.get(members.pop("outcome", ""))
    if kind is None:
        raise ValueError(f"no answer of the sandbox: {document!r}")
    if "expires_at" in members:
        members["expires_at"] = datetime.fromisoformat(members["expires_at"])
    return kind(**members)
