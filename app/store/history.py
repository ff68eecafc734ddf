"""Chapters of the directory's history, as rows."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from app.store.database import Transaction
from app.store.schema import agency_history

_PER_STATEMENT = 1_000


async def insert(tx: Transaction, chapters: Sequence[Mapping[str, Any]]) -> None:
    """Insert chapters in bulk."""
    for some in _batches(chapters):
        await tx.execute(agency_history.insert(), some)


async def last_days(tx: Transaction, organ_ids: Collection[str]) -> dict[str, date]:
    """Return when the newest chapter of each of these agencies ended; those without history are missing."""
    found: dict[str, date] = {}
    newest = sa.select(agency_history.c.organ_id, sa.func.max(agency_history.c.last_day).label("last_day"))
    for some in _batches(organ_ids):
        query = newest.where(agency_history.c.organ_id.in_(some)).group_by(agency_history.c.organ_id)
        found |= {row.organ_id: row.last_day for row in await tx.execute(query)}
    return found


async def ending_from(tx: Transaction, organ_ids: Collection[str], *, on: date) -> list[sa.Row[*tuple[Any, ...]]]:
    """Return the chapters of these agencies that ended on this day or later."""
    found: list[sa.Row[*tuple[Any, ...]]] = []
    for some in _batches(organ_ids):
        query = sa.select(agency_history).where(agency_history.c.organ_id.in_(some), agency_history.c.last_day >= on)
        found += (await tx.execute(query)).all()
    return found


def _batches(values: Collection[Any]) -> Iterator[list[Any]]:
    held = list(values)
    for start in range(0, len(held), _PER_STATEMENT):
        yield held[start : start + _PER_STATEMENT]
