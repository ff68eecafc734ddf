"""Who took over from whom, as rows of the directory."""

from collections.abc import Collection

import sqlalchemy as sa

from app.store.database import Transaction
from app.store.schema import agencies

_CLOSED = "closed"


async def predecessors(tx: Transaction, organ_ids: Collection[str], *, steps_max: int) -> list[str]:
    """Return the codes of the closed agencies that these succeeded, at once or over others; one indexed query.

    Args:
        steps_max: longest chain of successors that is followed.
    """
    closed = agencies.c.status == _CLOSED
    chain = (
        sa.select(agencies.c.organ_id.label("code"), sa.literal(1).label("steps"))
        .where(agencies.c.successor.in_(organ_ids), closed)
        .cte("predecessors", recursive=True)
    )
    chain = chain.union_all(
        sa.select(agencies.c.organ_id, chain.c.steps + 1)
        .join(chain, agencies.c.successor == chain.c.code)
        .where(closed, chain.c.steps < steps_max)
    )
    return list((await tx.execute(sa.select(chain.c.code).distinct())).scalars())


async def successions(tx: Transaction) -> dict[str, str]:
    """Return the successor of every closed agency that has one, by code."""
    query = sa.select(agencies.c.organ_id, agencies.c.successor).where(
        agencies.c.status == _CLOSED, agencies.c.successor.is_not(None)
    )
    return {row.organ_id: row.successor for row in await tx.execute(query)}
