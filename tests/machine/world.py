"""What a story is played in: merchants, a clock, a worker, and whatever goes wrong on the way.

All of it happens in one transaction, which is rolled back with the example. Transactions within are savepoints, so
that a process that dies loses what it had not committed and nothing else.
"""

import json
import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from hypothesis import note
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from django.db import transaction
from django.utils import timezone

from payments import conf, tasks
from payments.lifecycles import Mode
from payments.models import Payment, Refund, Sweep
from payments.operations.unknown_outcomes import LOST_AFTER
from tests.api.schema import CheckedClient
from tests.books import check_deferred_rules
from tests.boundaries import Boundary, Died, When, watch
from tests.machine.fates import Breaks, Calm, Dies, Fate, Meanwhile, Waits
from tests.shop import Shop, new_client, open_shop

# Long before anything that other tests have left in the database is due.
BEGINNING = datetime(2020, 1, 6, 12, tzinfo=UTC)
# Answers that end the work of a key, and are kept under it. A request that is refused leaves its key free.
KEPT = frozenset({200, 201, 402, 502})
# Until each of these is over, something may come that is late.
REST = (
    *(timedelta(seconds=1), timedelta(minutes=1), timedelta(minutes=15), timedelta(hours=7)),
    *(timedelta(days=2), timedelta(days=2)),
)
# As long as nothing expires.
SOON = REST[:4]


@dataclass
class Asked:
    """One request of a merchant's, which it may repeat under its key."""

    shop: Shop
    text: str
    kind: str
    path: str
    body: dict[str, Any]
    key: str
    # The answer that is kept under the key, as the merchant got it.
    kept: bytes | None = None
    # Whether there was any answer, be it that it is refused.
    answered: bool = False
    # When it is over that somebody may still be working on it.
    lease_until: datetime = BEGINNING


@dataclass(frozen=True)
class Answered:
    """An HTTP status, and the document that came with it."""

    status: int
    document: dict[str, Any]
    replayed: bool

    def __str__(self) -> str:
        """Return how a story tells it."""
        return f"{self.status} {self.document.get('code') or self.document['status']}"


@dataclass
class World:
    """One example's merchants, time, worker and network."""

    told: list[str] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    seen: list[Payment] = field(default_factory=list)
    done_jobs: set[int] = field(default_factory=set)
    exits: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        """Open the transaction and three shops: two merchants in test mode, and the first in live mode."""
        outermost = transaction.atomic()
        # As Django's own test cases mark theirs: a durable transaction may stand in it.
        outermost._from_testcase = True  # type: ignore[attr-defined] # pylint: disable=protected-access
        self.exits.enter_context(outermost)
        self.exits.callback(transaction.set_rollback, True)
        # A story breaks so much that its log would take more time than the story.
        logging.disable()
        self.exits.callback(logging.disable, logging.NOTSET)
        self.traveller = self.exits.enter_context(time_machine.travel(BEGINNING, tick=False))
        # A real worker, which another test has run, may have looked for reports already: later than all of this.
        Sweep.objects.all().delete()
        self.watching = watch(self.exits.enter_context(pytest.MonkeyPatch.context()))
        first, second = open_shop(), open_shop()
        self.shops = [first, second, open_shop(mode=Mode.LIVE, merchant=first.merchant)]
        for shop in self.shops:
            shop.client = new_client(CheckedClient)
        self.merchant_ids = [first.merchant.id, second.merchant.id]
        self.names = {id(first): "merchant 1", id(second): "merchant 2", id(self.shops[2]): "merchant 1 (live)"}
        self.first_job = ProcrastinateJob.objects.order_by("-id").values_list("id", flat=True).first() or 0

    def end(self) -> None:
        """Undo everything."""
        self.exits.close()

    def tell(self, text: str) -> None:
        """Write the next line of the story, which is printed if it ends badly."""
        self.told.append(text)

    def print_story(self) -> None:
        """Print what has happened, if it is what Hypothesis shows in the end."""
        note("\n".join(("The story:", *(f"  {number}. {line}" for number, line in enumerate(self.told, start=1)))))

    @property
    def payments(self) -> list[Payment]:
        """Return all payments, in the order in which they came to be."""
        return list(Payment.objects.filter(merchant_id__in=self.merchant_ids).order_by("id"))

    @property
    def refunds(self) -> list[Refund]:
        """Return all refunds, in the order in which they came to be."""
        return list(Refund.objects.filter(merchant_id__in=self.merchant_ids).order_by("id"))

    def look(self) -> None:
        """Remember what there is, for the rules that ask what is possible next."""
        self.seen = self.payments

    def has(self, *statuses: str) -> bool:
        """Tell whether there is a payment in one of these statuses, or at all."""
        return any(payment.status in statuses or not statuses for payment in self.seen)

    def has_refundable(self) -> bool:
        """Tell whether there is a payment to refund."""
        return any(refundable(payment) for payment in self.seen)

    def shop_of(self, payment: Payment) -> Shop:
        """Return the shop whose payment it is."""
        return next(
            shop
            for shop in self.shops
            if (shop.merchant.id, str(shop.mode)) == (payment.merchant_id, str(payment.mode))
        )

    def advance(self, time: timedelta) -> None:
        """Let time pass."""
        self.traveller.shift(time)

    def ask(self, shop: Shop, text: str, kind: str, path: str, *, body: dict[str, Any], fate: Fate) -> Answered | None:
        """Send a new request; see `send`."""
        asked = Asked(shop, text, kind, path, body, shop.fresh_key())
        self.asked.append(asked)
        return self.send(asked, fate)

    def send(self, asked: Asked, fate: Fate = Calm()) -> Answered | None:
        """Send a request, again or for the first time, and check what every answer has to be; None if it died."""
        line, first = f"{self.names[id(asked.shop)]} {asked.text}", len(self.watching.passed)
        try:
            with self.struck_by(fate, asked):
                answered = self._post(asked)
            line += f"{self._as_it_struck(fate, first)} -> {answered}{', as before' if answered.replayed else ''}"
            return answered
        except Died as died:
            line += f"; the process dies: {died}"
            return None
        except BaseException as error:
            line += f"{self._as_it_struck(fate, first)} -> {type(error).__name__}"
            raise
        finally:
            self.tell(line)

    def _post(self, asked: Asked) -> Answered:
        running = asked.lease_until > timezone.now()
        lease = timezone.now() + timedelta(seconds=conf.idempotency_lease_seconds())
        asked.lease_until, before = lease, asked.lease_until
        client = new_client(CheckedClient)
        response = client.post(
            asked.path,
            json.dumps(asked.body),
            content_type="application/json",
            headers={"Authorization": f"Bearer {asked.shop.key}", "Idempotency-Key": asked.key},
        )
        answered = Answered(response.status_code, response.json(), "Idempotent-Replayed" in response)
        assert answered.status < 500 or answered.status == 502, answered.document
        if answered.document.get("code") == "request_in_progress":
            assert running, "nobody is working on it any more"
            assert asked.kept is None, "it was answered before"
            asked.lease_until = before
            return answered
        asked.lease_until, asked.answered = BEGINNING, True
        if asked.kept is not None:
            assert answered.status in KEPT and response.content == asked.kept, "the same request got two answers"
            assert answered.replayed, "a repeated answer says that it is one"
        elif answered.status in KEPT:
            asked.kept = response.content
        return answered

    def struck_by(self, fate: Fate, asked: Asked | None = None) -> AbstractContextManager[None]:
        """Have the fate strike whatever is done within."""
        match fate:
            case Dies():
                return self.watching.dying_at(fate.boundary)
            case Breaks():
                return self.watching.breaking(fate.network)
            case Waits() if asked is not None:
                return self.watching.doing(_Interruption(self, fate, asked))
            case _:
                return nullcontext()

    def _as_it_struck(self, fate: Fate, first: int) -> str:
        """Return what a story tells of a fate, if there was a call to the processor that it could strike."""
        asked = any(not boundary.site.is_transaction for boundary in self.watching.passed[first:])
        return f"; {fate}" if asked and isinstance(fate, Breaks | Waits) else ""

    def jobs(self, *, about: str | None = None, due: bool = False) -> list[ProcrastinateJob]:
        """Return the jobs of this story, oldest first: all, those that wait of one task, or those that are due."""
        jobs = ProcrastinateJob.objects.filter(id__gt=self.first_job).order_by("id")
        if about is not None:
            jobs = jobs.filter(task_name=about).exclude(id__in=self.done_jobs)
        if due:
            jobs = jobs.filter(scheduled_at__lte=timezone.now()).exclude(id__in=self.done_jobs)
        return list(jobs)

    def run(self, job: ProcrastinateJob, fate: Fate = Calm()) -> None:
        """Run a job as the worker does, be it due or not, done before or not; a job that dies is not done."""
        arguments = ", ".join(f"{name} {_short(value)}" for name, value in job.args.items())
        if self.work(f"runs {job.task_name} ({arguments})", app.tasks[job.task_name].func, fate, **job.args):
            self.done_jobs.add(job.id)

    def work(self, text: str, task: Any, fate: Fate = Calm(), **arguments: Any) -> bool:
        """Do what a worker does; return whether it came to its end."""
        line, first = f"the worker {text}", len(self.watching.passed)
        try:
            with self.struck_by(fate):
                task(**arguments)
            line += self._as_it_struck(fate, first)
            return True
        except Died as died:
            line += f"; the process dies: {died}"
        except (ConnectionError, TimeoutError) as error:
            line += f"; {error}"
        finally:
            self.tell(line)
        return False

    def run_due_jobs(self) -> None:
        """Run what is due, and what that brings about."""
        while due := self.jobs(due=True):
            for job in due:
                self.run(job)

    def rest(self, times: Sequence[timedelta] = REST) -> None:
        """Let days go by, with a worker that does everything that is to be done."""
        for time in times:
            self.advance(time)
            self.tell(f"{time} pass")
            self.sweep()
            self.work("collects news", tasks.collect_news.func)
            self.run_due_jobs()

    def sweep(self) -> None:
        """Do what a worker does each minute, whatever has happened."""
        self.work("looks for lost calls", tasks.find_lost_calls.func, timestamp=0)
        self.work("expires payments", tasks.expire_payments.func, timestamp=0)
        self.work("expires reserves", tasks.expire_authorizations.func, timestamp=0)

    def check_constraints(self) -> None:
        """Have PostgreSQL check what it would check at a commit."""
        check_deferred_rules()


@dataclass
class _Interruption:
    """What others do, once, while a request waits for the processor."""

    world: World
    fate: Waits
    asked: Asked
    over: bool = False

    def __call__(self, boundary: Boundary) -> None:
        when = When.AFTER if self.fate.acted else When.BEFORE
        if self.over or boundary.site.is_transaction or boundary.when is not when:
            return
        self.over = True
        world, asked = self.world, self.asked
        match self.fate.meanwhile:
            case Meanwhile.RETRY_AT_ONCE:
                world.send(asked)
            case Meanwhile.RETRY_LATER:
                world.advance(timedelta(seconds=conf.idempotency_lease_seconds() + 1))
                world.send(asked)
            case Meanwhile.WORKER_LATER:
                world.advance(LOST_AFTER + timedelta(minutes=5))
                world.work("looks for lost calls", tasks.find_lost_calls.func, timestamp=0)
            case Meanwhile.NEWS:
                world.work("collects news", tasks.collect_news.func)
                world.run_due_jobs()


def refundable(payment: Payment) -> int:
    """Return what of a payment can still be given back."""
    gone = payment.amount_refunded + payment.amount_refund_pending + payment.amount_disputed
    return max(0, payment.amount_captured - gone)


def _short(value: Any) -> str:
    """Return the end of an id, which tells it from others."""
    return f"…{str(value)[-4:]}" if _is_uuid(value) else str(value)


def _is_uuid(value: Any) -> bool:
    try:
        UUID(str(value))
    except ValueError:
        return False
    return True
