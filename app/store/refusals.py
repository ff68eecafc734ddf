"""Refused messages, as senders look for them: newest first, found by index whatever the history."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from app.store.database import Transaction
from app.store.schema import NOBODYS_REFUSAL, events

_KINDS = ("document.refused", "status.refused")
_QUERIES_AT_ONCE = 200
"""Parts of one UNION; SQLite takes 500."""


async def refused(
    tx: Transaction, agencies: Sequence[str], *, client: str, before: int | None, limit: int
) -> Sequence[sa.Row[Any]]:
    """Return sealed refusals of what these agencies sent, newest first.

    With them go those of messages by this client that did not come as far as their sender: unreadable, too long, of an
    agency it does not act for.

    Args:
        before: only with smaller indices.
    """
    column = events.c
    own = [(column.agency == agency, column.kind == kind) for agency in agencies for kind in _KINDS]
    unclaimed = [(sa.text(NOBODYS_REFUSAL), column.actor == client, column.kind == kind) for kind in _KINDS]
    behind = () if before is None else (column.position < before,)
    # Each part by itself is the end of one stretch of an index; one condition over all of them would sort the history.
    parts = [
        sa.select(column.position)
        .where(column.position.is_not(None), *conditions, *behind)
        .order_by(column.position.desc())
        .limit(limit)
        for conditions in (*unclaimed, *own)
    ]
    found: list[int] = []
    for start in range(0, len(parts), _QUERIES_AT_ONCE):
        some = [sa.select(part.subquery()) for part in parts[start : start + _QUERIES_AT_ONCE]]
        found += (await tx.execute(sa.union_all(*some))).scalars().all()
    newest = sorted(found, reverse=True)[:limit]
    query = sa.select(events).where(column.position.in_(newest)).order_by(column.position.desc())
    return (await tx.execute(query)).all() if newest else ()
