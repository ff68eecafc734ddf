"""Rows that speak of the ledger's tree, as the check of the log wants them: by the size they speak of."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from app.store.database import Transaction
from app.store.schema import checkpoints, cosignatures, events, ledger_tiles
from app.store.schema import closed_months as closed


async def tiles_beyond(tx: Transaction, last: Mapping[int, int], *, limit: int) -> list[tuple[int, int]]:
    """Return level and number of tiles that a tree with these last tiles, level to number, does not have."""
    columns = ledger_tiles.c
    known = sa.or_(
        sa.false(), *(sa.and_(columns.level == level, columns.number.between(0, top)) for level, top in last.items())
    )
    query = sa.select(columns.level, columns.number).where(sa.not_(known))
    found = await tx.execute(query.order_by(columns.level, columns.number).limit(limit))
    return [(row.level, row.number) for row in found]


async def checkpoints_between(tx: Transaction, after: int, until: int) -> Sequence[sa.Row[Any]]:
    """Return checkpoints of sizes above `after` up to `until`, smallest first."""
    query = sa.select(checkpoints).where(checkpoints.c.size > after, checkpoints.c.size <= until)
    return (await tx.execute(query.order_by(checkpoints.c.size))).all()


async def checkpoints_beyond(tx: Transaction, size: int, *, limit: int) -> Sequence[sa.Row[Any]]:
    """Return checkpoints of sizes that a ledger of this size never had."""
    query = sa.select(checkpoints).where(sa.not_(checkpoints.c.size.between(0, size)))
    return (await tx.execute(query.order_by(checkpoints.c.size).limit(limit))).all()


async def cosignatures_between(tx: Transaction, after: int, until: int) -> Sequence[sa.Row[Any]]:
    """Return what witnesses signed under checkpoints of sizes above `after` up to `until`, smallest first."""
    query = sa.select(cosignatures).where(cosignatures.c.size > after, cosignatures.c.size <= until)
    return (await tx.execute(query.order_by(cosignatures.c.size, cosignatures.c.witness))).all()


async def closed_months_between(tx: Transaction, after: int, until: int) -> Sequence[sa.Row[Any]]:
    """Return closed months whose figures cover sizes above `after` up to `until`, smallest first."""
    table = closed
    query = sa.select(table).where(table.c.ledger_size > after, table.c.ledger_size <= until)
    return (await tx.execute(query.order_by(table.c.ledger_size, table.c.month, table.c.version))).all()


async def positions_of_leaf(tx: Transaction, leaf_hash: str) -> Sequence[int | None]:
    """Return where events with a leaf hash stand, at most two of them; looks through the whole log."""
    query = sa.select(events.c.position).where(events.c.leaf_hash == leaf_hash).limit(2)
    return (await tx.execute(query)).scalars().all()


async def leaves_held(tx: Transaction) -> int:
    """Return how many leaves the tree has, by its last tile of level 0."""
    columns = ledger_tiles.c
    octets = sa.func.length(columns.hashes).label("octets")
    query = sa.select(columns.number, octets).where(columns.level == 0).order_by(columns.number.desc()).limit(1)
    last = (await tx.execute(query)).one_or_none()
    return last.number * 256 + last.octets // 32 if last is not None else 0


async def has_index(tx: Transaction, index: int) -> bool:
    """Tell whether an event stands at an index."""
    return (await tx.execute(sa.select(events.c.id).where(events.c.position == index))).first() is not None
