"""Rows as an archive of the ledger wants them."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from app.store.database import Transaction
from app.store.schema import checkpoints, events, evidence

_CLOSED = "month.closed"


async def checkpoints_after(
    tx: Transaction, after: int, *, up_to: int, limit: int
) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    """Return size, note and the token over it (None where there is none) of checkpoints that stay, in their order.

    Args:
        after: with larger sizes.
        up_to: not above this size; the checkpoint of exactly this size is given whether or not it stays.
    """
    shown = checkpoints.c
    query = (
        sa.select(shown.size, shown.note, evidence.c.der.label("token"))
        .outerjoin(evidence, evidence.c.sha256 == shown.token)
        .where(shown.size > after, shown.size <= up_to, sa.or_(shown.kept, shown.size == up_to))
    )
    return (await tx.execute(query.order_by(shown.size).limit(limit))).all()


async def closings(tx: Transaction, *, below: int) -> Sequence[str]:
    """Return the bodies of the events below an index by which months were closed."""
    query = sa.select(events.c.body).where(events.c.kind == _CLOSED, events.c.position < below)
    return (await tx.execute(query)).scalars().all()
