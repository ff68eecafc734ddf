"""When sources are asked again: always later, never too late, and sooner the shorter an answer lives."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from app.registry.revocation_schedule import (
    FAILURE_LONGEST,
    FAILURES_ALARM,
    JITTER_MAX,
    after_answer,
    after_failure,
    is_alarming,
)
from tests.support.pki import NOW

SPANS = st.timedeltas(timedelta(minutes=-60), timedelta(days=400))
INTERVALS = st.timedeltas(timedelta(minutes=1), timedelta(days=7))
DICE = st.floats(0, 1, exclude_max=True)


@settings(max_examples=100, deadline=None)
@given(st.none() | SPANS, INTERVALS, DICE)
def test_after_an_answer_it_is_asked_within_the_interval_and_half_of_its_life(
    life: timedelta | None, interval: timedelta, dice: float
) -> None:
    until = None if life is None else NOW + life
    again = after_answer(NOW, fresh_until=until, interval=interval, dice=dice)
    assert NOW < again <= NOW + interval
    if life is not None and life > timedelta(minutes=2):
        assert again <= NOW + life / 2


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 10_000), st.none() | SPANS, INTERVALS, DICE)
def test_after_a_failure_it_is_asked_again_within_an_hour_and_a_bit(
    failures: int, left: timedelta | None, interval: timedelta, dice: float
) -> None:
    until = None if left is None else NOW + left
    again = after_failure(NOW, failures=failures, fresh_until=until, interval=interval, dice=dice)
    assert NOW < again <= NOW + FAILURE_LONGEST * (1 + JITTER_MAX)
    if until is not None and until >= NOW:
        assert again <= max(until + timedelta(seconds=1), NOW + timedelta(minutes=1) * (1 + JITTER_MAX))


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 20), st.none() | SPANS)
def test_it_is_told_when_knowledge_ends_or_after_a_quarter_of_an_hour(failures: int, left: timedelta | None) -> None:
    until = None if left is None else NOW + left
    stale = left is not None and left < timedelta(0)
    assert is_alarming(NOW, failures=failures, fresh_until=until) is (stale or failures >= FAILURES_ALARM)
