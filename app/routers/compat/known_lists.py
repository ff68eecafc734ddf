"""Whose mail a system may list, remembered, so that a list that is known to be empty costs no query.

Systems ask every minute, nearly always in vain. What is remembered says no more than which inboxes were theirs a moment
ago, and is used for one thing: to know that these hold nothing. Where there may be mail, rights are looked up anew.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.exchange import inbox
from app.exchange.desk import Desk
from app.exchange.inbox import InboxKind, InboxQuery
from app.exchange.quiet import Registry
from app.regulations.calendar import day_of

REMEMBERED_MAX: Final = 20_000
"""Units in memory; some hundred octets each."""
REMEMBERED: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class _Known:
    """The codes a unit answers for.

    Attributes:
        registry: as it was before they were looked up.
        at: when that was; codes hold by the day.
    """

    agencies: tuple[str, ...]
    registry: Registry
    at: datetime


class KnownLists:
    """The lists of one process, by client and unit; the one that was asked for longest ago leaves first."""

    def __init__(self, *, capacity: int = REMEMBERED_MAX) -> None:
        self._capacity = capacity
        self._known: OrderedDict[tuple[str, str], _Known] = OrderedDict()

    def is_empty(self, desk: Desk, client: str, unit: str, kind: InboxKind, *, at: datetime) -> bool:
        """Whether it is known, without a query, that nothing of a kind waits for a unit."""
        known = self._known.get((client, unit))
        if known is None or known.registry != registry_of(desk):
            return False
        # A clock that was set back makes everything old.
        fresh = known.at <= at < known.at + REMEMBERED and day_of(known.at) == day_of(at)
        return fresh and inbox.known_empty(desk, InboxQuery(known.agencies, kind))

    def remember(self, client: str, unit: str, agencies: tuple[str, ...], *, registry: Registry, at: datetime) -> None:
        """Keep for which codes a unit answers.

        Args:
            registry: as it was before that was looked up.
        """
        self._known[client, unit] = _Known(agencies, registry, at)
        self._known.move_to_end((client, unit))
        while len(self._known) > self._capacity:
            self._known.popitem(last=False)


def registry_of(desk: Desk) -> Registry:
    """Return what differs once somebody's right to an inbox may have changed."""
    return desk.doorbell.quiet.registry(desk.database.changes)
