"""Entries of the ledger: the bodies of events by their index."""

from collections.abc import Sequence

import sqlalchemy as sa

from app.store.database import Transaction
from app.store.schema import events


async def bodies(tx: Transaction, first: int, end: int) -> Sequence[str]:
    """Return the bodies of the events with indices from `first` up to but not including `end`, in order."""
    query = sa.select(events.c.body).where(events.c.position >= first, events.c.position < end)
    return (await tx.execute(query.order_by(events.c.position))).scalars().all()
