"""Medians from counts: near enough to the exact ones, whatever was measured and however it was added up."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.statistics.spread import ERROR_MAX, SECONDS_MAX, bucket_of, middle_of, percentile

SECONDS = st.integers(0, 200) | st.integers(0, 10**7) | st.integers(0, SECONDS_MAX)
SPANS = st.lists(SECONDS, min_size=1, max_size=60)


def exact(spans: list[int], percent: int) -> int:
    """Return the smallest span that at least so many per cent of them do not exceed."""
    return next(span for span in sorted(spans) if 100 * sum(each <= span for each in spans) >= percent * len(spans))


@given(SPANS, st.integers(1, 100))
def test_a_percentile_is_within_one_per_cent_of_the_exact_one(spans: list[int], percent: int) -> None:
    told = percentile(Counter(map(bucket_of, spans)), percent)
    assert told is not None
    assert abs(told - exact(spans, percent)) <= ERROR_MAX * exact(spans, percent)


@given(SPANS, SPANS, st.integers(1, 100))
def test_counts_of_two_months_add_up_to_those_of_both(one: list[int], other: list[int], percent: int) -> None:
    both = Counter(map(bucket_of, one)) + Counter(map(bucket_of, other))
    assert percentile(both, percent) == percentile(Counter(map(bucket_of, other + one)), percent)


@given(SECONDS, SECONDS)
def test_longer_spans_never_have_smaller_buckets(one: int, other: int) -> None:
    assert (one <= other) or bucket_of(one) >= bucket_of(other)
    assert bucket_of(middle_of(bucket_of(one))) == bucket_of(one)
    assert abs(middle_of(bucket_of(one)) - one) <= ERROR_MAX * one


def test_buckets_follow_one_another_without_a_gap_and_fit_their_column() -> None:
    assert [bucket_of(second) for second in range(128)] == list(range(128))
    passed = [bucket_of(second) for second in range(100_000)]
    assert sorted(set(passed)) == list(range(passed[-1] + 1))
    assert bucket_of(SECONDS_MAX) == bucket_of(10**30) < 2**15


@pytest.mark.parametrize("edge", [2**power + step for power in range(7, 40) for step in (-1, 0, 1)])
def test_at_every_doubling_the_error_stays_bounded(edge: int) -> None:
    assert abs(middle_of(bucket_of(edge)) - edge) <= ERROR_MAX * edge


def test_the_median_of_few_is_the_lower_middle_and_exact_below_two_minutes() -> None:
    counts = Counter(map(bucket_of, [5, 1, 9, 127]))
    assert percentile(counts, 50) == 5
    assert percentile(counts, 95) == percentile(counts, 100) == 127
    assert percentile(counts, 1) == 1


def test_of_nothing_there_is_no_median_and_no_time_is_negative() -> None:
    assert percentile({}, 50) is None
    assert percentile({3: 0}, 50) is None
    with pytest.raises(ValueError, match="no span"):
        bucket_of(-1)
