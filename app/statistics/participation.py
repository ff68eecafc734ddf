"""Who took part in a period: the agencies of the directory on its last day, and which of them sent and received."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

import app.store.figures as figures
import app.store.participation as rows
from app.statistics.fold import unit_of
from app.statistics.periods import ZONE, Month
from app.statistics.rates import share_of
from app.statistics.reports import require_span
from app.store import journal
from app.store.database import Database

_COUNTED = ("sent", "received", "electronic_only")


class TakingPartBy(StrEnum):
    """What participation is broken down by."""

    TIER_AND_BRANCH = "tier_and_branch"
    """One row per tier and branch."""
    TIER = "tier"
    """One row per tier."""
    BRANCH = "branch"
    """One row per branch."""
    PROVINCE = "province"
    """One row per province or ministry."""


KEYS: dict[TakingPartBy, tuple[str, ...]] = {
    TakingPartBy.TIER_AND_BRANCH: ("tier", "branch"),
    TakingPartBy.TIER: ("tier",),
    TakingPartBy.BRANCH: ("branch",),
    TakingPartBy.PROVINCE: ("province",),
}
"""Names of what tells rows apart."""


@dataclass(slots=True)
class Participation:
    """Agencies of one tier, branch or province; `definitions.PARTICIPATION` says what each figure counts."""

    registered: int = 0
    active: int = 0
    sending: int = 0
    receiving: int = 0
    ended: int = 0
    documents_sent: int = 0
    documents_received: int = 0
    documents_electronic_only: int = 0
    organisation_certificates: int = 0
    person_certificates: int = 0

    @property
    def share(self) -> float | None:
        """Share of the registered agencies that exchange; None where none is registered."""
        return share_of(self.active, self.registered)

    @property
    def electronic_only_share(self) -> float | None:
        """Share of the documents sent that no paper follows; None where none was sent."""
        return share_of(self.documents_electronic_only, self.documents_sent)

    def take_part(self, sent: int, received: int, electronic_only: int) -> None:
        """Count an agency of the directory, with what it sent and received."""
        self.registered += 1
        self.active += bool(sent or received)
        self.sending += bool(sent)
        self.receiving += bool(received)
        self.documents_sent += sent
        self.documents_received += received
        self.documents_electronic_only += electronic_only


@dataclass(frozen=True, slots=True)
class TakenPart:
    """Who took part, and how much of the ledger that covers.

    Attributes:
        rows: by what they were broken down by, sorted.
        total: of all that pass the filters.
    """

    ledger_size: int
    rows: Mapping[tuple[str, ...], Participation]
    total: Participation


@dataclass(frozen=True, slots=True)
class _Gathering:
    key: Callable[[str, str, str], tuple[str, ...]]
    passes: Callable[[str, str, str], bool]
    rows: dict[tuple[str, ...], Participation] = field(default_factory=lambda: defaultdict(Participation))
    total: Participation = field(default_factory=Participation)

    def of(self, code: str, tier: str, branch: str) -> Sequence[Participation]:
        """Return what an agency counts in: its row and the total; nothing where it is not asked for."""
        place = (tier, branch, unit_of(code))
        return (self.rows[self.key(*place)], self.total) if self.passes(*place) else ()


async def participation(
    database: Database,
    *,
    first: Month,
    last: Month,
    by: TakingPartBy = TakingPartBy.TIER_AND_BRANCH,
    equal: Mapping[str, str] | None = None,
    now: datetime,
) -> TakenPart:
    """Count agencies and their certificates over a period.

    Args:
        equal: restricts to one `tier`, `branch`, `province`.
        now: certificates of a period that is not over yet are those in force now.

    Raises:
        RequestInvalid: the months are in the wrong order or too many.
        Unavailable: the database does not answer.
    """
    require_span(first, last)
    end = min(last.end, now)
    day = (last.end - timedelta(days=1)).astimezone(ZONE).date()
    async with database.read() as tx:
        size = await journal.size(tx)
        there = await rows.agencies_on(tx, day)
        exchanged = {
            row.agency: row
            for row in await figures.by_agency(tx, first_month=str(first), last_month=str(last), measures=_COUNTED)
        }
        held = await rows.certificates_at(tx, end)
    gathering = _gathering(by, equal or {})
    places = {row.organ_id: (row.organ_id, row.tier, row.branch) for row in there}
    for code, place in places.items():
        counts = exchanged.pop(code, None)
        for each in gathering.of(*place):
            each.take_part(*((getattr(counts, name) for name in _COUNTED) if counts else (0, 0, 0)))
    for row in exchanged.values():
        if row.sent or row.received:
            for each in gathering.of(row.agency, row.tier, row.branch):
                each.ended += 1
    for row in held:
        if row.organ_id in places:
            for each in gathering.of(*places[row.organ_id]):
                if row.kind == "seal":
                    each.organisation_certificates += row.certificates
                else:
                    each.person_certificates += row.certificates
    return TakenPart(size, dict(sorted(gathering.rows.items())), gathering.total)


def _gathering(by: TakingPartBy, equal: Mapping[str, str]) -> _Gathering:
    def named(tier: str, branch: str, unit: str) -> dict[str, str]:
        return {"tier": tier, "branch": branch, "province": unit}

    return _Gathering(
        key=lambda *place: tuple(named(*place)[name] for name in KEYS[by]),
        passes=lambda *place: all(named(*place)[name] == value for name, value in equal.items()),
    )
