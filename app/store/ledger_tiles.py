"""Tiles of the ledger's tree as rows; what they mean is known to `app.ledger.tree`."""

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from app.store.database import Transaction, insert_of
from app.store.schema import ledger_tiles


async def read(tx: Transaction, wanted: Collection[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
    """Return the hashes of tiles by level and number; those that are not there are left out."""
    if not wanted:
        return {}
    by_level: dict[int, list[int]] = {}
    for level, number in wanted:
        by_level.setdefault(level, []).append(number)
    rows = await tx.execute(
        _reading(tuple(sorted(by_level))), {f"numbers_{level}": found for level, found in by_level.items()}
    )
    return {(level, number): bytes(hashes) for level, number, hashes in rows}


@lru_cache(maxsize=256)
def _reading(levels: tuple[int, ...]) -> sa.Select[Any]:
    """Return the query for tiles of some levels; made once, for making it costs the sealer more than running it."""
    columns = ledger_tiles.c
    some: dict[int, sa.BindParameter[Any]] = {
        level: sa.bindparam(f"numbers_{level}", expanding=True) for level in levels
    }
    return sa.select(columns.level, columns.number, columns.hashes).where(
        sa.or_(*(sa.and_(columns.level == level, columns.number.in_(numbers)) for level, numbers in some.items()))
    )


async def write(tx: Transaction, tiles: Mapping[tuple[int, int], bytes]) -> None:
    """Write tiles, each in place of the shorter one of its address."""
    if not tiles:
        return
    rows = [{"level": level, "number": number, "hashes": hashes} for (level, number), hashes in tiles.items()]
    await tx.execute(_writing(tx.dialect.name), rows)


@lru_cache
def _writing(dialect: str) -> Any:
    insert = insert_of(dialect, ledger_tiles)
    return insert.on_conflict_do_update(index_elements=("level", "number"), set_={"hashes": insert.excluded.hashes})


async def after(tx: Transaction, level: int, number: int, *, limit: int) -> list[tuple[int, bytes]]:
    """Return number and hashes of the tiles of a level behind a number, in their order."""
    columns = ledger_tiles.c
    query = sa.select(columns.number, columns.hashes).where(columns.level == level, columns.number > number)
    return [(row.number, bytes(row.hashes)) for row in await tx.execute(query.order_by(columns.number).limit(limit))]
