"""Inboxes that are known to hold nothing, so that polling them again costs no query.

An inbox gets longer in one way: an event of its agency is sealed. Each process follows the ledger and rings a bell for
every such event (`exchange/doorbell.py`), so what was found empty stays empty until it rings for it. That holds as long
as the process does follow: what it has sealed itself counts at once, what another one has sealed when it was looked for
last, and where nobody has looked for two seconds nothing is known and every poll asks the database. Whatever was
learned is forgotten after a minute, so that a database that went back in time (a standby that took over) cannot hide
mail for longer.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from app.store.sealing import GROWN
from app.store.versions import Part

LOOK_SECONDS_MAX: Final = 2.0
"""How old the last look at the ledger may be."""
LEARNED_SECONDS_MAX: Final = 60.0
"""How long an inbox is taken to be empty without having been looked at."""
FOLLOWED: Final = (Part.CLIENTS, Part.AGENCIES)
"""Parts of the registry that say who may see which inbox."""

Registry = tuple[int, ...]
"""Versions of those parts, and how often this process has changed each."""


class Quiet:
    """What one process knows of empty inboxes; for one event loop, whose clock gives the moments."""

    def __init__(self) -> None:
        self._behind: dict[str, dict[str | None, tuple[int, float]]] = {}
        self._looked_at = float("-inf")
        self._sealed = -1
        self._versions: Registry = ()

    def looked(self, *, at: float, sealed: int, versions: Registry) -> None:
        """Note that bells have rung for all that was sealed when a look began.

        Args:
            sealed: how often this process had sealed something by then.
            versions: of the parts of the registry that are followed.
        """
        self._looked_at, self._sealed, self._versions = at, sealed, versions

    def follows(self, changes: Mapping[str, int], *, now: float) -> bool:
        """Tell whether bells have rung for all that counts now.

        Args:
            changes: of this process, as `Database.changes` counts them.
        """
        return now - self._looked_at < LOOK_SECONDS_MAX and changes[GROWN] == self._sealed

    def registry(self, changes: Mapping[str, int]) -> Registry:
        """Return what differs once somebody's right to an inbox may have changed."""
        return (*self._versions, *(changes[part] for part in FOLLOWED))

    def nothing(self, agencies: Sequence[str], kind: str | None, *, behind: int, now: float) -> bool:
        """Tell whether nothing of a kind (None: of any) waits for any of these agencies behind a ledger index."""
        for agency in agencies:
            learned = self._behind.get(agency)
            if learned is None:
                return False
            for known in {kind, None}:
                position, until = learned.get(known, (behind + 1, now))
                if position <= behind and now < until:
                    break
            else:
                return False
        return True

    def learn(self, agencies: Sequence[str], kind: str | None, *, behind: int, now: float) -> None:
        """Note that a look that began at `now` found nothing, where no bell of these agencies has rung since."""
        for agency in agencies:
            self._behind.setdefault(agency, {})[kind] = (behind, now + LEARNED_SECONDS_MAX)

    def forget(self, agency: str) -> None:
        """Note that something was sealed for an agency."""
        self._behind.pop(agency, None)
