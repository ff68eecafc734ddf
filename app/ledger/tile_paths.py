"""Addresses of tiles (C2SP tlog-tiles): `x001/x234/067` for number 1,234,067, and `.p/8` for the first eight of it.

Pure. Every tile has one address: other spellings of a number are refused, so that caches hold each tile once.
"""

import re
from dataclasses import dataclass
from typing import Final, Self

from typing_extensions import override

from app.errors import RequestInvalid
from app.findings import Finding, Severity
from app.ledger.tree import WIDTH

LEVEL_MAX: Final = 63
SOURCE: Final = "C2SP tlog-tiles"

_NUMBER: Final = r"(?:x[0-9]{3}/)*[0-9]{3}"
_PATH: Final = re.compile(rf"({_NUMBER})(?:\.p/([1-9][0-9]{{0,2}}))?")
_LEVEL: Final = re.compile(r"0|[1-9][0-9]?")
_GROUPS_MAX: Final = 5
"""Groups of three digits: 10^15 tiles are more than any index that fits into a checkpoint."""


@dataclass(frozen=True, slots=True)
class TilePath:
    """Which tile, and how much of it.

    Attributes:
        number: among those of its level, from 0.
        width: how many hashes, or entries; 256 for a full one.
    """

    number: int
    width: int = WIDTH

    @classmethod
    def read(cls, text: str) -> Self:
        """Read `<N>[.p/<W>]`.

        Raises:
            RequestInvalid: it is not the one way to write the address of a tile.
        """
        form = _PATH.fullmatch(text)
        groups = re.findall("[0-9]{3}", form.group(1)) if form else []
        # A leading group of zeroes would be a second spelling of the same number.
        if form is None or len(groups) > _GROUPS_MAX or (len(groups) > 1 and groups[0] == "000"):
            raise _unreadable(
                "number",
                f"{text[:80]!r} is no number of a tile.",
                "Write the number in groups of three digits, an x before all but the last: 1234067 is x001/x234/067.",
            )
        width = int(form.group(2)) if form.group(2) else WIDTH
        if form.group(2) and width >= WIDTH:
            raise _unreadable(
                "width",
                f"{text[:80]!r} asks for {width} of a tile; a partial one has 1 to {WIDTH - 1}.",
                "Leave .p/ and the width out for a full tile.",
            )
        return cls(int("".join(groups)), width)

    @property
    def is_full(self) -> bool:
        """Whether it is the whole tile."""
        return self.width == WIDTH

    @override
    def __str__(self) -> str:
        """Write the address."""
        groups = [f"{self.number % 1000:03}"]
        rest = self.number // 1000
        while rest:
            groups.append(f"x{rest % 1000:03}")
            rest //= 1000
        return "/".join(reversed(groups)) + ("" if self.is_full else f".p/{self.width}")


def read_level(text: str) -> int:
    """Read the level of a tile, 0 to 63.

    Raises:
        RequestInvalid: it is none, or is not written plainly.
    """
    if not _LEVEL.fullmatch(text) or int(text) > LEVEL_MAX:
        raise _unreadable(
            "level",
            f"{text[:20]!r} is no level of tiles; levels are 0 to {LEVEL_MAX}, without leading zeroes.",
            "Use 0 for the hashes of the entries themselves, 1 for those of full tiles of level 0, and so on.",
        )
    return int(text)


def _unreadable(part: str, message: str, fix: str) -> RequestInvalid:
    finding = Finding(f"ledger.tile.{part}", Severity.ERROR, message, fix, SOURCE, "path")
    return RequestInvalid("the path is not the address of a tile", findings=(finding,))
