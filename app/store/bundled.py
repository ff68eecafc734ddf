"""What an evidence bundle takes: a document's events, the checkpoint they are proven by, authorities of signers."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import sqlalchemy as sa

from app.store.database import Transaction
from app.store.listed import listed
from app.store.schema import certificates, checkpoints, cosignatures, events

_AT_A_TIME: Final = 500
_LOOKED_AT_MAX: Final = 2_000
"""Kept checkpoints that are looked at: a week of them."""


async def extent(tx: Transaction, document: str, *, below: int) -> tuple[int | None, int]:
    """Return the greatest index below a bound of a document's events, None without one, and how many are not below."""
    sealed = events.c.position < below
    query = sa.select(
        sa.func.max(events.c.position).filter(sealed),
        sa.func.count().filter(sa.or_(events.c.position.is_(None), ~sealed)),
    ).where(events.c.document == document)
    last, pending = (await tx.execute(query)).one()
    return last, int(pending)


async def bodies(tx: Transaction, document: str, *, below: int) -> AsyncIterator[Sequence[sa.Row[Any, Any, Any]]]:
    """Yield index, kind and body of a document's events with indices below a bound, in order, some at a time."""
    query = (
        sa.select(events.c.position, events.c.kind, events.c.body)
        .where(events.c.document == document, events.c.position < below)
        .order_by(events.c.position)
    )
    found = await tx.stream(query)
    async for some in found.partitions(_AT_A_TIME):
        yield some


async def best_checkpoint(tx: Transaction, index: int) -> int | None:
    """Return the size of the checkpoint that says most about an event: the oldest of those that others vouch for most.

    Time-stamped and witnessed is better than time-stamped, that better than witnessed, that better than neither; of
    those that say nothing more than the newest, the newest. So a document whose life is over gets the same one each
    time, and the proof of its age is as old as can be.
    """
    witnessed = sa.exists().where(cosignatures.c.size == checkpoints.c.size)
    covering = (
        sa.select(checkpoints.c.size, checkpoints.c.token.is_not(None).label("stamped"), witnessed.label("witnessed"))
        .where(checkpoints.c.size > index)
        .order_by(checkpoints.c.size)
        .limit(_LOOKED_AT_MAX)
    )
    rows = (await tx.execute(covering)).all()
    best = max(rows, key=lambda row: (row.stamped, row.witnessed, -row.size), default=None)
    if best is None or best.stamped or best.witnessed:
        return best.size if best else None
    newest = sa.select(sa.func.max(checkpoints.c.size))
    size: int | None = (await tx.execute(newest)).scalar_one()
    return size


async def enrolled_chains(tx: Transaction, signers: Sequence[str]) -> Sequence[str]:
    """Return the chains, PEM, that these certificates were enrolled with; each once."""
    query = sa.select(certificates.c.chain_pem).where(
        certificates.c.sha256.in_(listed(tx, signers)), certificates.c.chain_pem != ""
    )
    return (await tx.execute(query.distinct())).scalars().all()
