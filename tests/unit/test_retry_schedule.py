"""When a webhook is sent again."""

from datetime import timedelta

import pytest

from payments.operations.retry_schedule import DELAYS, delay_before, wait_asked_for

# As the page on payments has them, in seconds.
PAGE = [0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]


@pytest.mark.parametrize(("attempt", "seconds"), list(enumerate(PAGE, start=1)))
def test_each_attempt_waits_as_the_page_says(attempt: int, seconds: int) -> None:
    assert delay_before(attempt, chance=0) == timedelta(seconds=seconds)


@pytest.mark.parametrize("attempt", range(1, len(PAGE) + 1))
@pytest.mark.parametrize("chance", [0.001, 0.5, 1.0])
def test_chance_lengthens_a_delay_by_a_tenth_at_most(attempt: int, chance: float) -> None:
    delay, page = delay_before(attempt, chance=chance), timedelta(seconds=PAGE[attempt - 1])

    assert delay is not None
    assert page <= delay <= page * 1.1
    assert delay > page or attempt == 1


def test_after_the_last_attempt_there_is_none() -> None:
    assert delay_before(len(PAGE) + 1, chance=0) is None
    assert len(DELAYS) == len(PAGE)


@pytest.mark.parametrize(
    ("status", "asked", "waits"),
    [(429, 30, 30), (503, 30, 30), (503, None, 0), (500, 30, 0), (302, 30, 0), (None, None, 0)],
)
def test_only_who_is_busy_may_ask_us_to_wait(status: int | None, asked: int | None, waits: int) -> None:
    retry_after = None if asked is None else timedelta(seconds=asked)

    assert wait_asked_for(status=status, retry_after=retry_after) == timedelta(seconds=waits)
