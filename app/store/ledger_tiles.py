"""Tiles of the ledger's tree as rows; what they mean is known to `app.ledger.tree`."""

from collections.abc import Collection, Mapping

import sqlalchemy as sa

from app.store.database import Transaction, upsert
from app.store.schema import ledger_tiles


async def read(tx: Transaction, wanted: Collection[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
    """Return the hashes of tiles by level and number; those that are not there are left out."""
    if not wanted:
        return {}
    columns = ledger_tiles.c
    by_level: dict[int, list[int]] = {}
    for level, number in wanted:
        by_level.setdefault(level, []).append(number)
    query = sa.select(columns.level, columns.number, columns.hashes).where(
        sa.or_(*(sa.and_(columns.level == level, columns.number.in_(found)) for level, found in by_level.items()))
    )
    return {(row.level, row.number): bytes(row.hashes) for row in await tx.execute(query)}


async def write(tx: Transaction, tiles: Mapping[tuple[int, int], bytes]) -> None:
    """Write tiles, each in place of the shorter one of its address."""
    if not tiles:
        return
    insert = upsert(tx, ledger_tiles)
    statement = insert.on_conflict_do_update(
        index_elements=("level", "number"), set_={"hashes": insert.excluded.hashes}
    )
    rows = [{"level": level, "number": number, "hashes": hashes} for (level, number), hashes in tiles.items()]
    await tx.execute(statement, rows)


async def after(tx: Transaction, level: int, number: int, *, limit: int) -> list[tuple[int, bytes]]:
    """Return number and hashes of the tiles of a level behind a number, in their order."""
    columns = ledger_tiles.c
    query = sa.select(columns.number, columns.hashes).where(columns.level == level, columns.number > number)
    return [(row.number, bytes(row.hashes)) for row in await tx.execute(query.order_by(columns.number).limit(limit))]
