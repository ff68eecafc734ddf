"""Agencies by their codes, as they were when the directory had the version it still has.

Every change of the directory moves its version in its own transaction, so what was read at a version is true for as
long as a transaction finds that version: whoever uses what is remembered reads the version first, and needs no further
query. A code that nobody has is not remembered: somebody may have it a moment later.
"""

from collections import OrderedDict
from collections.abc import Collection, Mapping
from typing import Final

from app.registry.model import Agency

REMEMBERED_MAX: Final = 20_000
"""Codes in memory; about 2 KB each."""


class Directory:
    """What one process remembers of the directory; the code asked for longest ago leaves first. For one event loop."""

    def __init__(self, *, capacity: int = REMEMBERED_MAX) -> None:
        self._capacity = capacity
        self._version = -1
        self._kept: OrderedDict[str, Agency] = OrderedDict()

    def find(self, codes: Collection[str], *, version: int) -> dict[str, Agency] | None:
        """Return who is behind each of these codes; None where it is not known of all of them at this version."""
        if version != self._version:
            return None
        found = {}
        for code in codes:
            agency = self._kept.get(code)
            if agency is None:
                return None
            self._kept.move_to_end(code)
            found[code] = agency
        return found

    def keep(self, found: Mapping[str, Agency], *, version: int) -> None:
        """Remember what a transaction read that found this version."""
        if version < self._version:
            # Read before somebody else read what is newer.
            return
        if version > self._version:
            self._kept.clear()
            self._version = version
        for code, agency in found.items():
            self._kept[code] = agency
            self._kept.move_to_end(code)
        while len(self._kept) > self._capacity:
            self._kept.popitem(last=False)
