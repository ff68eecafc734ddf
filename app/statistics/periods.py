"""Months as the figures cut them: calendar months of Asia/Ho_Chi_Minh, written YYYY-MM (QĐ 28/2018/QĐ-TTg Đ14.4)."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self
from zoneinfo import ZoneInfo

from typing_extensions import override

from app.errors import RequestInvalid

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
"""The zone months and days are cut in (UTC+7, no daylight saving time)."""

_FORM = re.compile(r"(?P<year>(?:19|20|21)[0-9]{2})-(?P<month>0[1-9]|1[0-2])")
"""Three centuries are more than there will be events of, and keep clear of the ends of the calendar (ours)."""


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month; compares and sorts as time does."""

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `YYYY-MM`.

        Raises:
            RequestInvalid: the text is not a month of the years 1900 to 2199.
        """
        found = _FORM.fullmatch(text)
        if found is None:
            raise RequestInvalid(f"{text[:20]!r} is not a month; write YYYY-MM, such as 2026-11")
        return cls(int(found["year"]), int(found["month"]))

    @classmethod
    def of(cls, moment: datetime) -> Self:
        """Return the month a moment falls in, in Vietnam."""
        local = moment.astimezone(ZONE)
        return cls(local.year, local.month)

    @property
    def start(self) -> datetime:
        """First moment of the month, UTC."""
        return datetime(self.year, self.number, 1, tzinfo=ZONE).astimezone(UTC)

    @property
    def end(self) -> datetime:
        """First moment after the month, UTC."""
        return self.following.start

    @property
    def following(self) -> "Month":
        """The next month."""
        return Month(self.year, self.number + 1) if self.number < 12 else Month(self.year + 1, 1)

    @override
    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"
