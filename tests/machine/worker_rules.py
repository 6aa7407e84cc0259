"""What a worker does, and time: news, doubts, dead processes."""

from datetime import timedelta
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from django.utils import timezone

from payments import tasks
from payments.lifecycles import OPEN_CALL_STATUSES, CallStatus
from payments.models import ProcessorCall, ProcessorEvent, SandboxNotice
from tests.boundaries import Network
from tests.machine.base import Rules
from tests.machine.fates import Breaks, Calm, Dies, Fate
from tests.machine.world import BEGINNING

TIMES: Final = {
    "a second": timedelta(seconds=1),
    "half a minute": timedelta(seconds=31),
    "a minute": timedelta(seconds=61),
    "a quarter of an hour": timedelta(minutes=15),
    "seven hours": timedelta(hours=7),
    "two days": timedelta(days=2, seconds=1),
}
# A key lives 30 days; a story and its end are shorter.
STORY_MAX: Final = timedelta(days=15)

worker_fates: st.SearchStrategy[Fate] = st.one_of(
    st.just(Calm()),
    st.just(Calm()),
    st.builds(Dies, st.integers(0, 6)),
    st.builds(Breaks, st.sampled_from(Network)),
)


class WorkerRules(Rules):
    """The worker takes its time, does things twice and in any order, and dies."""

    @precondition(lambda self: timezone.now() < BEGINNING + STORY_MAX)
    @rule(time=st.sampled_from(sorted(TIMES)))
    def time_passes(self, time: str) -> None:
        """Time passes."""
        self.world.advance(TIMES[time])
        self.world.tell(f"{time} passes")

    @precondition(lambda self: SandboxNotice.objects.filter(delivered_at__isnull=True).exists())
    @rule(fate=worker_fates)
    def worker_collects_news(self, fate: Fate) -> None:
        """The worker fetches the processor's news."""
        self.world.work("collects news", tasks.collect_news.func, fate)

    @precondition(lambda self: self.world.jobs())
    @rule(pick=st.integers(0, 19), fate=worker_fates)
    def worker_runs_any_job(self, pick: int, fate: Fate) -> None:
        """The worker runs a job: in any order, not due yet perhaps, or done before and taken over as stalled."""
        jobs = self.world.jobs()
        self.world.run(jobs[-1 - pick % len(jobs)], fate)

    @precondition(lambda self: self.world.jobs(due=True))
    @rule()
    def worker_runs_what_is_due(self) -> None:
        """The worker is quick."""
        self.world.run_due_jobs()

    @precondition(lambda self: self.world.jobs(about="resolve_call"))
    @rule(fate=st.one_of(worker_fates, st.builds(Breaks, st.sampled_from(Network))))
    def worker_asks_about_doubts(self, fate: Fate) -> None:
        """The worker asks what became of every call in doubt, before its time."""
        for job in self.world.jobs(about="resolve_call"):
            self.world.run(job, fate)

    @precondition(lambda self: ProcessorCall.objects.filter(status=CallStatus.CREATED).exists())
    @rule(fate=worker_fates)
    def worker_looks_for_lost_calls(self, fate: Fate) -> None:
        """The worker looks for calls whose process has died."""
        self.world.work("looks for lost calls", tasks.find_lost_calls.func, fate, timestamp=0)

    @rule(fate=worker_fates, task=st.sampled_from((tasks.expire_payments, tasks.expire_authorizations)))
    def worker_expires(self, fate: Fate, task: Any) -> None:
        """The worker ends what time has ended."""
        self.world.work(task.name.replace("expire_", "expires "), task.func, fate, timestamp=0)

    def in_bounds(self) -> None:
        """News is stored once, however often it is delivered."""
        super().in_bounds()
        events = ProcessorEvent.objects.filter(received_at__lt=BEGINNING + timedelta(days=365))
        ids = list(events.values_list("connector", "payload__id"))
        assert len(ids) == len(set(ids)), "the same news is stored twice"

    def come_to_rest(self) -> None:
        """Days go by, the worker does everything that is to be done, and nothing stays open."""
        super().come_to_rest()
        self.world.rest()
        waiting = ProcessorCall.objects.filter(
            merchant_id__in=self.world.merchant_ids, status__in=OPEN_CALL_STATUSES
        ).exclude(status=CallStatus.ACTION_REQUIRED)
        assert not waiting, f"nobody asks any more about {[str(call) for call in waiting]}"
        assert not SandboxNotice.objects.filter(delivered_at__isnull=True, deliver_at__lte=timezone.now())
        assert not ProcessorEvent.objects.filter(status="received", received_at__lte=timezone.now())
