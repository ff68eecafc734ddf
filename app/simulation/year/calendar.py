"""The year 2025 in Vietnam as people had it on the wall, written out by hand; nothing of it comes from a library.

Sources: Bộ luật Lao động 2019 Đ112; thông báo nghỉ lễ, Tết 2025 (Tết 25/1 to 2/2; Friday 2/5 exchanged for Saturday
26/4; Quốc khánh 30/8 to 2/9).
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

YEAR: Final = 2025
ZONE: Final = ZoneInfo("Asia/Ho_Chi_Minh")

_HOLIDAYS: Final = (
    "2025-01-01",  # Tết Dương lịch
    *("2025-01-27", "2025-01-28", "2025-01-29", "2025-01-30", "2025-01-31"),  # Tết Ất Tỵ
    "2025-04-07",  # Giỗ Tổ Hùng Vương
    *("2025-04-30", "2025-05-01", "2025-05-02"),  # with the exchanged Friday
    *("2025-09-01", "2025-09-02"),  # Quốc khánh
    *("2026-01-01", "2026-01-02"),  # Tết Dương lịch, with the exchanged Friday
)
_WORKED_SATURDAYS: Final = ("2025-04-26", "2026-01-10")

_OFF: Final = frozenset(date.fromisoformat(each) for each in _HOLIDAYS)
_ON: Final = frozenset(date.fromisoformat(each) for each in _WORKED_SATURDAYS)

NOON: Final = time(12)
"""When the morning ends by which a document must be sent (QĐ 28/2018/QĐ-TTg Đ6 names no hour)."""
NEW_ORDER: Final = date(2025, 7, 1)
"""Since when there are no districts and 34 provinces."""


def worked(day: date) -> bool:
    """Whether agencies worked on this day."""
    return day in _ON or (day.weekday() < 5 and day not in _OFF)


def next_worked(day: date) -> date:
    """The first worked day after a day."""
    day += timedelta(days=1)
    while not worked(day):
        day += timedelta(days=1)
    return day


def worked_days(first: date = date(YEAR, 1, 1), last: date = date(YEAR, 12, 31)) -> list[date]:
    """Every worked day of a span, both ends included."""
    days = (first + timedelta(days=offset) for offset in range((last - first).days + 1))
    return [day for day in days if worked(day)]


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """A moment on a day in Vietnam, as UTC."""
    return datetime.combine(day, time(hour, minute), tzinfo=ZONE).astimezone(UTC)


def day_of(moment: datetime) -> date:
    """The day of a moment in Vietnam."""
    return moment.astimezone(ZONE).date()


def month_of(moment: datetime) -> str:
    """The month of a moment in Vietnam, YYYY-MM."""
    return f"{moment.astimezone(ZONE):%Y-%m}"


def sent_in_time(signed_on: date, sent_at: datetime) -> bool:
    """Whether a document went out on the day it was signed, or by the noon of the next worked day."""
    return sent_at <= datetime.combine(next_worked(signed_on), NOON, tzinfo=ZONE)


def over_at(day: date) -> datetime:
    """The first moment after a day, as UTC."""
    return at(day + timedelta(days=1), 0)


def night_from(moment: datetime) -> datetime:
    """The first midnight of Vietnam not before a moment."""
    midnight = at(day_of(moment), 0)
    return midnight if midnight == moment else over_at(day_of(moment))
