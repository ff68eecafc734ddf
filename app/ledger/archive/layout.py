"""What an archive says of itself: names of its files and the manifest. Pure."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, Final, Self

from app.errors import RequestInvalid
from app.ledger.tile_paths import TilePath
from app.ledger.tree import WIDTH
from app.statistics.periods import Month

FORMAT: Final = "truc-archive"
VERSION: Final = 1
MANIFEST: Final = "manifest.json"
KEYS: Final = "keys.json"
ENTRY_OCTETS_MAX: Final = 65_535
"""Longest entry: its length stands in two octets before it in a bundle (C2SP tlog-tiles)."""

_MONTH: Final = {"month": str, "first": int, "end": int, "complete": bool, "name": str}
_FILE: Final = {"name": str, "sha256": str, "size": int}
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,200}")


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file of the archive.

    Attributes:
        name: below the folder, with slashes.
        sha256: of its octets, lower-case hex.
        size: their number.
    """

    name: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class KeptMonth:
    """The entries of one month.

    Attributes:
        month: YYYY-MM.
        first: index of its first entry.
        end: one past its last.
        complete: whether an entry of a later month follows it in the log.
        name: of the file they are in.
    """

    month: str
    first: int
    end: int
    complete: bool
    name: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive holds.

    Attributes:
        origin: name of the log.
        size: entries that the newest checkpoint in it covers, and the tiles.
        root: of the tree of that size, hex.
        end: entries that are in it: all below this index.
        following: body of the entry at `end`, where there is one below `size`: it shows that the last month is over.
    """

    origin: str
    size: int
    root: str
    end: int
    following: str | None
    months: tuple[KeptMonth, ...]
    files: tuple[KeptFile, ...]

    def written(self) -> bytes:
        """Write it, the same for the same archive."""
        whole = {"format": FORMAT, "version": VERSION, **asdict(self)}
        return json.dumps(whole, ensure_ascii=False, indent=1).encode("utf-8") + b"\n"

    @classmethod
    def read(cls, octets: bytes) -> Self:
        """Read it.

        Raises:
            RequestInvalid: it is none, or of another version.
        """
        try:
            whole: Mapping[str, Any] = json.loads(octets)
            _known(whole["format"], whole["version"])
            manifest = cls(
                **{name: _typed(whole[name], str) for name in ("origin", "root")},
                **{name: _typed(whole[name], int) for name in ("size", "end")},
                following=whole["following"] if whole["following"] is None else _typed(whole["following"], str),
                months=tuple(KeptMonth(**_members(each, _MONTH)) for each in whole["months"]),
                files=tuple(KeptFile(**_members(each, _FILE)) for each in whole["files"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise RequestInvalid(f"{MANIFEST} cannot be read: {error}") from error
        for name in (*(each.name for each in manifest.files), *(each.name for each in manifest.months)):
            if not _is_below(name):
                raise RequestInvalid(f"{MANIFEST} names a file outside of the folder: {str(name)[:80]!r}")
        return manifest


def entries_name(month: Month, first: int, end: int) -> str:
    """Return the name of the file with the entries of a month."""
    return f"entries/{month}/{first:012}-{end:012}.ndjson.gz"


def tile_name(level: int, number: int, width: int = WIDTH) -> str:
    """Return the name of a tile of hashes."""
    return f"tile/{level}/{TilePath(number, width)}"


def bundle_name(number: int, width: int = WIDTH) -> str:
    """Return the name of a bundle of entries."""
    return f"tile/entries/{TilePath(number, width)}"


def month_of(body: str, before: Month | None) -> Month:
    """Return the month of the ledger an entry belongs to, behind one of a month.

    Raises:
        ValueError, KeyError: the body does not say when it happened.
    """
    said = Month.of(datetime.fromisoformat(json.loads(body)["at"]))
    return said if before is None or said > before else before


def _is_below(name: object) -> bool:
    return (
        isinstance(name, str)
        and bool(_NAME.fullmatch(name))
        and ".." not in PurePosixPath(name).parts
        and "//" not in name
    )


def _known(form: object, version: object) -> None:
    if (form, version) != (FORMAT, VERSION):
        raise ValueError(f"format {form!r} version {version!r} is not known")


def _members(value: Mapping[str, Any], kinds: Mapping[str, type]) -> dict[str, Any]:
    return {name: _typed(value[name], kind) for name, kind in kinds.items()}


def _typed(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise ValueError(f"{value!r} is no {kind.__name__}")
    return value
