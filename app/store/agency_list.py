"""The whole directory, read by one statement and never held in memory."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import sqlalchemy as sa

from app.store.database import Transaction
from app.store.schema import agencies, agency_aliases


async def everyone(tx: Transaction, *, chunk: int) -> AsyncIterator[Sequence[sa.Row[*tuple[Any, ...]]]]:
    """Yield every agency once for each of its other codes, or once with none; by own code, byte by byte.

    Args:
        chunk: rows at a time.
    """
    own = agencies.c.organ_id
    # SQLite compares bytes anyway.
    order = sa.collate(own, "C") if tx.dialect.name == "postgresql" else own
    shown = (own, agencies.c.name, agencies.c.parent, agencies.c.status, agencies.c.contact, agencies.c.version)
    query = (
        sa.select(*shown, agency_aliases.c.code.label("alias"))
        .outerjoin(agency_aliases, agency_aliases.c.organ_id == own)
        .order_by(order, agency_aliases.c.code)
    )
    async with tx.stream(query) as found:
        async for rows in found.partitions(chunk):
            yield rows
