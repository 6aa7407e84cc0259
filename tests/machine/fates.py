"""What can happen to a process while it works."""

from dataclasses import dataclass
from enum import StrEnum

from hypothesis import strategies as st

from tests.boundaries import Network


class Meanwhile(StrEnum):
    """What others do while a processor takes its time."""

    RETRY_AT_ONCE = "the merchant repeats it at once"
    RETRY_LATER = "the merchant repeats it after its lease"
    WORKER_LATER = "the worker finds it after a quarter of an hour"
    NEWS = "the processor's news is applied"


@dataclass(frozen=True)
class Calm:
    """Nothing goes wrong."""


@dataclass(frozen=True)
class Dies:
    """The process dies at its boundary of this number, if it has so many."""

    boundary: int


@dataclass(frozen=True)
class Breaks:
    """The network to the processor is broken."""

    network: Network

    def __str__(self) -> str:
        """Return how a story tells it."""
        return str(self.network)


@dataclass(frozen=True)
class Waits:
    """The processor takes its time, before it acts or before its answer arrives."""

    acted: bool
    meanwhile: Meanwhile

    def __str__(self) -> str:
        """Return how a story tells it."""
        return f"while it waits for the processor, which has {'acted' if self.acted else 'not acted'}, {self.meanwhile}"


Fate = Calm | Dies | Breaks | Waits

# The longest request passes eight boundaries: three of each of two transactions, two of one call.
BOUNDARIES_MAX = 8

fates: st.SearchStrategy[Fate] = st.one_of(
    st.just(Calm()),
    st.just(Calm()),
    st.builds(Dies, st.integers(0, BOUNDARIES_MAX - 1)),
    st.builds(Breaks, st.sampled_from(Network)),
    st.sampled_from(
        [
            Waits(acted, meanwhile)
            for acted in (False, True)
            for meanwhile in Meanwhile
            # No request lives so long: connectors give up much sooner than the worker takes a call for lost.
            if acted or meanwhile is not Meanwhile.WORKER_LATER
        ]
    ),
)
