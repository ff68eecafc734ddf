"""Whose mail a system may list, remembered: a list that is known to be empty costs no query, and another one few.

Systems ask every minute, nearly always in vain. What is remembered says no more than which inboxes were theirs at some
versions of the registry. That these hold nothing is told by it alone; mail is given only where the database says in the
same snapshot that the versions are still these, and rights are looked up anew where they are others.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.exchange import inbox
from app.exchange.desk import Desk
from app.exchange.inbox import InboxKind, InboxQuery
from app.exchange.quiet import FOLLOWED, Registry
from app.regulations.calendar import day_of

REMEMBERED_MAX: Final = 20_000
"""Units in memory; some hundred octets each."""
REMEMBERED: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class KnownUnit:
    """The codes a unit answers for.

    Attributes:
        registry: as it was before they were looked up.
        at: when that was; codes hold by the day.
    """

    agencies: tuple[str, ...]
    registry: Registry
    at: datetime

    @property
    def versions(self) -> tuple[int, ...]:
        """Those of the registry at which that was so."""
        return self.registry[: len(FOLLOWED)]

    def holds_nothing(self, desk: Desk, kind: InboxKind) -> bool:
        """Whether it is known, without a query, that nothing of a kind waits for the unit."""
        return inbox.known_empty(desk, InboxQuery(self.agencies, kind))


class KnownLists:
    """The lists of one process, by client and unit; the one that was asked for longest ago leaves first."""

    def __init__(self, *, capacity: int = REMEMBERED_MAX) -> None:
        self._capacity = capacity
        self._known: OrderedDict[tuple[str, str], KnownUnit] = OrderedDict()

    def find(self, desk: Desk, client: str, unit: str, *, at: datetime) -> KnownUnit | None:
        """Return for which codes a unit answered, if nothing that this process knows of has changed since."""
        known = self._known.get((client, unit))
        if known is None or known.registry != registry_of(desk):
            return None
        # A clock that was set back makes everything old.
        fresh = known.at <= at < known.at + REMEMBERED and day_of(known.at) == day_of(at)
        return known if fresh else None

    def remember(self, client: str, unit: str, agencies: tuple[str, ...], *, registry: Registry, at: datetime) -> None:
        """Keep for which codes a unit answers.

        Args:
            registry: as it was before that was looked up.
        """
        self._known[client, unit] = KnownUnit(agencies, registry, at)
        self._known.move_to_end((client, unit))
        while len(self._known) > self._capacity:
            self._known.popitem(last=False)


def registry_of(desk: Desk) -> Registry:
    """Return what differs once somebody's right to an inbox may have changed."""
    return desk.doorbell.quiet.registry(desk.database.changes)
