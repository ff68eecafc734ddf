"""Back-off: the schedule as Standard Webhooks suggests it, chance within its bounds, and servers that rest."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from app.webhooks.schedule import DELAYS, JITTER_MAX, REST_FIRST, REST_LONGEST, Rests, delay_after

AT = datetime(2026, 11, 22, tzinfo=UTC)


def test_the_schedule_is_the_suggested_one() -> None:
    hours = [delay / timedelta(hours=1) for delay in DELAYS[2:]]
    assert DELAYS[:2] == (timedelta(seconds=5), timedelta(minutes=5))
    assert hours == [0.5, 2, 5, 10, 14, 20, 24]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=len(DELAYS) + 1, max_size=len(DELAYS) + 1))
def test_delays_grow_and_end_after_three_days_and_before_four(dice: list[float]) -> None:
    delays = [delay_after(number, dice=chance) for number, chance in enumerate(dice, 1)]
    assert delays[-1] is None
    waits = [delay for delay in delays if delay is not None]
    assert len(waits) == len(DELAYS)
    for delay, suggested in zip(waits, DELAYS, strict=True):
        assert suggested <= delay <= suggested * (1 + JITTER_MAX)
    assert waits == sorted(waits)
    assert timedelta(days=3) < sum(waits, timedelta()) < timedelta(days=4)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.booleans(), max_size=40))
def test_a_server_rests_after_failures_and_never_for_long(taken: list[bool]) -> None:
    rests, at, row = Rests(), AT, 0
    for success in taken:
        if success:
            rests.forget("w")
            row = 0
            assert rests.resting(at) == set()
        else:
            rests.failed("w", at=at)
            row += 1
            rest = min(REST_FIRST * 2 ** (row - 1), REST_LONGEST)
            assert rests.resting(at + rest - timedelta(microseconds=1)) == {"w"}
            assert rests.resting(at + rest) == set()
        assert rests.failing("w") is (row > 0)
        at += REST_LONGEST


def test_one_server_that_rests_is_no_other() -> None:
    rests = Rests()
    rests.failed("one", at=AT)
    assert rests.resting(AT) == {"one"}
    assert not rests.failing("other")
