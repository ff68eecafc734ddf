"""Working days in Vietnam: the week, the public holidays of a kept library, and corrections that came later."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import holidays

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
"""The zone all days and hours of the rules are in (QĐ 28/2018/QĐ-TTg Đ14.4)."""

FIRST_DAY = date(1900, 1, 1)
LAST_DAY = date(2199, 12, 1)
"""Days that are reckoned with. Senders write any; beyond these, which no document is of, reckoning overflows."""

_PUBLIC_HOLIDAYS = holidays.country_holidays("VN")


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """Which days are worked.

    Attributes:
        week_on: the worked days of the week in force on a day; Monday is 1.
        days_off: days that are not worked although nothing else says so.
        working_days: days that are worked although they are a weekend or in the library.
    """

    week_on: Callable[[date], frozenset[int]] = field(repr=False)
    days_off: frozenset[date] = frozenset()
    working_days: frozenset[date] = frozenset()

    def is_working_day(self, day: date) -> bool:
        """Whether agencies work on this day: corrections first, then exchanged days and holidays, then the week."""
        if day in self.working_days:
            return True
        if day in self.days_off or day in _PUBLIC_HOLIDAYS:
            return False
        return day.isoweekday() in self.week_on(day) or day in _PUBLIC_HOLIDAYS.weekend_workdays

    def working_day_after(self, day: date, count: int) -> date:
        """Return the so-manieth working day after a day; with 0 the day itself, worked or not."""
        for _ in range(count):
            day += timedelta(days=1)
            while not self.is_working_day(day):
                day += timedelta(days=1)
        return day


def day_of(moment: datetime) -> date:
    """Return the day of a moment in Vietnam."""
    return moment.astimezone(ZONE).date()


def end_of(day: date) -> datetime:
    """Return the moment a day in Vietnam is over; of days that are not reckoned with, that of the nearest that is."""
    return datetime.combine(plausible(day) + timedelta(days=1), time(), tzinfo=ZONE)


def plausible(day: date) -> date:
    """Return the day itself, or the nearest one that is reckoned with."""
    return min(max(day, FIRST_DAY), LAST_DAY)
