"""How the directory was: what every record said until it changed, by days in Vietnam.

A chapter is written when a record changes: it holds what was true until the day before. A record has at most one
chapter a day, for what counts for a day is what held at its end; changes that are recorded late, after others of the
same record, add no chapter, so chapters never overlap (ours, decision 0010).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Self

from app.edxml.folding import fold_words
from app.edxml.organ_id import OrganId
from app.registry.model import Agency, AgencyStatus, Branch, Tier
from app.store import history as rows
from app.store.database import Transaction

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Record:
    """The part of an agency's record that history keeps and reorganisations change; codes as text.

    Attributes:
        version: of the agency's record.
    """

    organ_id: str
    name: str
    tier: Tier
    branch: Branch
    parent: str | None
    status: AgencyStatus
    valid_from: date | None
    valid_to: date | None
    successor: str | None
    version: int

    @classmethod
    def of(cls, agency: Agency) -> Self:
        """Take the record of an agency."""
        return cls(
            organ_id=agency.organ_id.text,
            name=agency.name,
            tier=agency.tier,
            branch=agency.branch,
            parent=agency.parent.text if agency.parent else None,
            status=agency.status,
            valid_from=agency.valid_from,
            valid_to=agency.valid_to,
            successor=agency.successor.text if agency.successor else None,
            version=agency.version,
        )

    @property
    def closed(self) -> bool:
        """Whether the agency has ended."""
        return self.status is AgencyStatus.CLOSED


async def end_chapters(
    tx: Transaction, before: Sequence[Record], *, on: date, reorganisation: str | None = None
) -> None:
    """Write what these records were until the day before; to be called in the transaction that changes them.

    Args:
        before: the records as they are about to be replaced.
        on: first day of what replaces them.
        reorganisation: id of the plan that ends them.
    """
    last_days = await rows.last_days(tx, [each.organ_id for each in before])
    chapters = []
    for each in before:
        last = last_days.get(each.organ_id)
        first_day = each.valid_from if last is None else last + _DAY
        if first_day is None or first_day < on:
            chapters.append(_chapter(each, first_day, on - _DAY, reorganisation))
    await rows.insert(tx, chapters)


async def as_of(tx: Transaction, agencies: Collection[Agency], *, on: date) -> dict[str, Agency]:
    """Return agencies as they were at the end of a day; those that had not begun are missing.

    Returns:
        By own code; name, tier, branch, parent, status and successor are of that day, the rest is of today.
    """
    chapters: dict[str, list[Any]] = {}
    for row in await rows.ending_from(tx, [agency.organ_id.text for agency in agencies], on=on):
        chapters.setdefault(row.organ_id, []).append(row)
    then = ((agency, as_was(agency, chapters.get(agency.organ_id.text, ()), on=on)) for agency in agencies)
    return {agency.organ_id.text: was for agency, was in then if was is not None}


def as_was(agency: Agency, chapters: Iterable[Any], *, on: date) -> Agency | None:
    """Return one agency as it was at the end of a day, None where it had not begun.

    Args:
        agency: as it is now.
        chapters: its rows of history, in any order; those that ended before the day may be missing.
    """
    if agency.valid_from is not None and on < agency.valid_from:
        return None
    chapter = min((row for row in chapters if row.last_day >= on), key=lambda row: row.last_day, default=None)
    if chapter is not None:
        return replace(
            agency,
            name=chapter.name,
            tier=Tier(chapter.tier),
            branch=Branch(chapter.branch),
            parent=OrganId.parse(chapter.parent) if chapter.parent else None,
            status=AgencyStatus(chapter.status),
            successor=OrganId.parse(chapter.successor) if chapter.successor else None,
        )
    if agency.status is AgencyStatus.CLOSED and agency.valid_to is not None and on <= agency.valid_to:
        # Registered as closed: its dates are all that is known of its time.
        return replace(agency, status=AgencyStatus.ACTIVE, successor=None)
    return agency


def _chapter(record: Record, first_day: date | None, last_day: date, reorganisation: str | None) -> dict[str, Any]:
    return {
        "organ_id": record.organ_id,
        "version": record.version,
        "first_day": first_day,
        "last_day": last_day,
        "name": record.name,
        "name_fold": fold_words(record.name),
        "tier": record.tier.value,
        "branch": record.branch.value,
        "parent": record.parent,
        "status": record.status.value,
        "successor": record.successor,
        "reorganisation": reorganisation,
    }
