"""Working days in Vietnam: holidays of the library, exchanged Saturdays, and corrections that came as data."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.regulations.calendar import FIRST_DAY, LAST_DAY, WorkingCalendar, day_of, end_of, plausible
from app.regulations.file import load

SHIPPED = load().calendar


def worked(day: str, calendar: WorkingCalendar = SHIPPED) -> bool:
    return calendar.is_working_day(date.fromisoformat(day))


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2026-11-20", True),  # a Friday
        ("2026-11-21", False),  # a Saturday
        ("2026-11-22", False),
        ("2026-01-01", False),  # New Year
        ("2026-02-13", True),  # the last day before Tết of Bính Ngọ
        ("2026-02-16", False),
        ("2026-02-20", False),
        ("2026-02-23", True),
        ("2026-04-27", False),  # Giỗ Tổ fell on a Sunday: the Monday instead
        ("2026-04-30", False),
        ("2026-09-02", False),
    ],
)
def test_weekends_and_public_holidays_are_not_worked(day: str, expected: bool) -> None:
    """Bộ luật Lao động 2019 Đ112: Tết, Giỗ Tổ, 30/4, 1/5, 2/9; a holiday on a weekly day off is made up for."""
    assert worked(day) is expected


def test_a_saturday_that_was_exchanged_is_worked_and_the_day_it_gave_is_not() -> None:
    assert worked("2026-08-22")
    assert date(2026, 8, 22).isoweekday() == 6
    assert not worked("2026-08-31")
    assert date(2026, 8, 31).isoweekday() == 1


def test_an_exchange_the_library_does_not_know_is_a_shipped_correction() -> None:
    assert not worked("2026-01-02")
    assert date(2026, 1, 2).isoweekday() == 5
    assert worked("2026-01-10")
    assert date(2026, 1, 10).isoweekday() == 6


def test_corrections_go_before_the_library_and_the_week() -> None:
    corrected = WorkingCalendar(
        SHIPPED.week_on,
        days_off=frozenset({date(2026, 11, 20), date(2026, 8, 22)}),
        working_days=frozenset({date(2026, 11, 21), date(2026, 1, 1)}),
    )
    assert [worked(day, corrected) for day in ("2026-11-20", "2026-08-22", "2026-11-21", "2026-01-01")] == [
        False,
        False,
        True,
        True,
    ]


def test_the_day_changes_at_midnight_in_vietnam() -> None:
    before = datetime(2026, 11, 20, 16, 59, 59, tzinfo=UTC)
    assert day_of(before) == date(2026, 11, 20)
    assert day_of(before + timedelta(seconds=1)) == date(2026, 11, 21)
    assert end_of(date(2026, 11, 20)) == before + timedelta(seconds=1)


@given(st.dates(min_value=date(2018, 1, 1), max_value=date(2040, 1, 1)), st.integers(0, 30))
@settings(max_examples=60, deadline=None)
def test_so_many_working_days_later_is_so_many_worked_days_on(day: date, count: int) -> None:
    later = SHIPPED.working_day_after(day, count)
    between = [day + timedelta(days=each) for each in range(1, (later - day).days + 1)]
    assert sum(map(SHIPPED.is_working_day, between)) == count
    assert count == 0 or SHIPPED.is_working_day(later)


@pytest.mark.parametrize("day", [date.min, date.max, FIRST_DAY, LAST_DAY])
def test_no_day_a_sender_can_write_overflows(day: date) -> None:
    rules = load()
    moment = datetime(2026, 11, 22, tzinfo=UTC)
    assert isinstance(end_of(day) > moment, bool)
    assert rules.send_by(day).astimezone(UTC).year >= 1899
    assert rules.sent_on_time(day, at=moment) is {date.min: None, date.max: None, FIRST_DAY: False, LAST_DAY: True}[day]
    assert FIRST_DAY <= plausible(day) <= LAST_DAY
