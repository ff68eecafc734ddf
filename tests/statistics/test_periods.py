"""Months as Vietnam counts them: they begin at 17:00 UTC of the day before."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import RequestInvalid
from app.statistics.periods import Month

FIRST, LAST = datetime.fromisoformat("1900-02-01"), datetime.fromisoformat("2199-11-30")
MOMENTS = st.datetimes(FIRST, LAST, timezones=st.just(UTC))
MONTHS = st.builds(Month, st.integers(1900, 2199), st.integers(1, 12))


@pytest.mark.parametrize(
    ("moment", "month"),
    [
        ("2026-10-31T16:59:59.999999+00:00", "2026-10"),
        ("2026-10-31T17:00:00+00:00", "2026-11"),
        ("2026-11-30T16:59:59.999999+00:00", "2026-11"),
        ("2026-11-30T17:00:00+00:00", "2026-12"),
        ("2026-12-31T16:59:59.999999+00:00", "2026-12"),
        ("2026-12-31T17:00:00+00:00", "2027-01"),
        ("2028-02-28T17:00:00+00:00", "2028-02"),
        ("2028-02-29T17:00:00+00:00", "2028-03"),
        ("2026-11-01T00:00:00+07:00", "2026-11"),
        ("2026-10-31T23:59:59+07:00", "2026-10"),
        ("2026-11-01T06:59:59+14:00", "2026-10"),
    ],
)
def test_months_are_cut_at_midnight_in_vietnam(moment: str, month: str) -> None:
    assert str(Month.of(datetime.fromisoformat(moment))) == month


def test_a_month_begins_and_ends_at_17_utc() -> None:
    month = Month.parse("2026-12")
    assert month.start == datetime(2026, 11, 30, 17, tzinfo=UTC)
    assert month.end == datetime(2026, 12, 31, 17, tzinfo=UTC)
    assert month.start.tzinfo is UTC


@given(MOMENTS)
def test_a_moment_lies_in_its_month_and_in_no_other(moment: datetime) -> None:
    month = Month.of(moment)
    assert month.start <= moment < month.end
    assert Month.of(month.start) == month
    assert Month.of(month.end) == month.following
    assert Month.of(month.end - timedelta(microseconds=1)) == month


@given(MOMENTS, st.integers(-14 * 60, 14 * 60))
def test_the_zone_a_moment_is_written_in_does_not_matter(moment: datetime, minutes: int) -> None:
    assert Month.of(moment.astimezone(timezone(timedelta(minutes=minutes)))) == Month.of(moment)


@given(MONTHS, MONTHS)
def test_months_sort_as_time_and_as_text_do(one: Month, other: Month) -> None:
    assert (one < other) == (one.start < other.start) == (str(one) < str(other))


@given(MONTHS)
def test_reading_what_was_written_gives_the_month_again(month: Month) -> None:
    assert Month.parse(str(month)) == month
    assert month < month.following


@pytest.mark.parametrize(
    "text",
    [
        "", "2026", "2026-00", "2026-13", "2026-1", "26-11", "2026-11-01", " 2026-11", "2026-11 ", "2026-11\n",
        "2026/11", "٢٠٢٦-١١", "20２6-11", "0000-01", "0001-01", "1899-12", "2200-01", "9999-12", "-026-11", "x" * 1000,
    ],
)  # fmt: skip
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(RequestInvalid, match="YYYY-MM") as refused:
        Month.parse(text)
    assert len(refused.value.detail) < 100
