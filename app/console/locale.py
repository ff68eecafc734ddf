"""How pages speak: Vietnamese first, English on request; texts, moments, numbers and the words for codes.

Moments are shown in Vietnamese time (UTC+7), whatever the language; the machine-readable form beside them is UTC.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Final

from app.console.texts import TEXTS
from app.statistics.periods import ZONE

COOKIE: Final = "lang"
"""Remembers the language; holds nothing else."""

_SPANS: Final = ((86_400, "ngày", "d"), (3_600, "giờ", "h"), (60, "phút", "min"), (1, "giây", "s"))
_UNITS: Final = ("B", "KiB", "MiB", "GiB")


class Language(StrEnum):
    """Languages of the pages."""

    VI = "vi"
    """Vietnamese, the default."""
    EN = "en"
    """English."""

    @property
    def other(self) -> "Language":
        """The language the switch leads to."""
        return Language.EN if self is Language.VI else Language.VI


def language_of(*wishes: str | None) -> Language:
    """Return the first wish that is a language of ours; Vietnamese where there is none."""
    return next((Language(wish) for wish in wishes if wish in set(Language)), Language.VI)


@dataclass(frozen=True, slots=True)
class Locale:
    """One language with its ways of writing."""

    language: Language

    def text(self, key: str, **values: object) -> str:
        """Return a text by its key; `values` fill its places.

        Raises:
            KeyError: no such text; a test asks for every key that pages use.
        """
        text = TEXTS[key]
        said = text.vi if self.language is Language.VI else text.en
        return said.format(**values) if values else said

    def term(self, group: str, code: object) -> str:
        """Return the word for a code, such as `term("tier", "province")`; a code without one stands for itself."""
        key = f"{group}.{code}"
        return self.text(key) if key in TEXTS else str(code)

    def moment(self, at: datetime) -> str:
        """Write a moment to the second."""
        form = "%d/%m/%Y %H:%M:%S" if self.language is Language.VI else "%Y-%m-%d %H:%M:%S"
        return at.astimezone(ZONE).strftime(form)

    def day(self, day: date) -> str:
        """Write a calendar day; of a moment, the day it falls on in Vietnam."""
        if isinstance(day, datetime):
            day = day.astimezone(ZONE).date()
        return day.strftime("%d/%m/%Y" if self.language is Language.VI else "%Y-%m-%d")

    def month(self, month: str) -> str:
        """Write a month given as `YYYY-MM`."""
        year, number = month.split("-")
        return f"{number}/{year}" if self.language is Language.VI else month

    def number(self, value: float) -> str:
        """Write a number with the marks of the language: 1.234,5 or 1,234.5; whole numbers without decimals."""
        text = f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"
        return text.translate(str.maketrans(",.", ".,")) if self.language is Language.VI else text

    def percent(self, share: float | None) -> str:
        """Write a share of 1; a dash where there is none."""
        if share is None:
            return "–"
        percent = round(share * 100, 1)
        return f"{self.number(int(percent) if percent.is_integer() else percent)} %"

    def span(self, seconds: int | None) -> str:
        """Write a span of time in the unit it is read best in; a dash where there is none."""
        if seconds is None:
            return "–"
        named = next((unit for unit in _SPANS if seconds >= unit[0]), _SPANS[-1])
        length, vi, en = named
        amount = seconds if length == 1 else round(seconds / length, 1)
        return f"{self.number(amount)} {vi if self.language is Language.VI else en}"

    def size(self, size_bytes: int) -> str:
        """Write a length in bytes in the unit it is read best in."""
        size, unit = float(size_bytes), 0
        while size >= 1024 and unit < len(_UNITS) - 1:
            size, unit = size / 1024, unit + 1
        return f"{self.number(size_bytes) if unit == 0 else self.number(size)} {_UNITS[unit]}"


def utc_text(at: datetime) -> str:
    """Write a moment for machines: RFC 3339, UTC."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def form_text(at: datetime) -> str:
    """Write a moment as the value of a form field `datetime-local`, in Vietnamese time."""
    return at.astimezone(ZONE).strftime("%Y-%m-%dT%H:%M:%S")
