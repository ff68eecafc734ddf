"""What clients send wrongly, as rows: counted by client, day and code."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from app.store.database import Transaction, upsert
from app.store.listed import listed
from app.store.schema import mistakes, system_keys

Row = sa.Row[*tuple[Any, ...]]


async def add(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add counts to those of the same client, day and code; of the examples the newest stays.

    Args:
        rows: in an order that all processes keep to, or they wait for each other in a circle.
    """
    insert = upsert(tx, mistakes)
    given, column = insert.excluded, mistakes.c
    newer = given.last_at >= column.last_at
    replaced = {
        name: sa.case((newer, given[name]), else_=column[name])
        for name in ("asked", "location", "message", "fix", "system_id", "last_at")
    }
    statement = insert.on_conflict_do_update(
        index_elements=["client", "day", "code"],
        set_={
            "refused": column.refused + given.refused,
            "accepted": column.accepted + given.accepted,
            "first_at": sa.case((given.first_at < column.first_at, given.first_at), else_=column.first_at),
            **replaced,
        },
    )
    await tx.execute(statement, [dict(row) for row in rows])


async def keys(tx: Transaction, clients: Sequence[str], *, since: date) -> Sequence[Row]:
    """Return client, day and code of what these clients have from that day on."""
    column = mistakes.c
    query = sa.select(column.client, column.day, column.code)
    return (await tx.execute(query.where(column.client.in_(listed(tx, clients)), column.day >= since))).all()


async def owners(tx: Transaction, system_ids: Sequence[str]) -> dict[str, str]:
    """Return the clients that have these system ids; those nobody has are missing."""
    column = system_keys.c
    query = sa.select(column.system_id, column.client_id).where(column.revoked_at.is_(None)).order_by(column.id)
    found = (await tx.execute(query.where(column.system_id.in_(listed(tx, system_ids))))).all()
    return {row.system_id: row.client_id for row in found}


async def page(tx: Transaction, client: str, *, before: tuple[date, str] | None, limit: int) -> Sequence[Row]:
    """Return what a client sent wrongly, newest day first, from behind a row of the page before."""
    column = mistakes.c
    query = sa.select(mistakes).where(column.client == client)
    if before is not None:
        day, code = before
        query = query.where(column.day <= day, sa.or_(column.day < day, column.code < code))
    return (await tx.execute(query.order_by(column.day.desc(), column.code.desc()).limit(limit))).all()


async def summed(tx: Transaction, client: str, *, since: date, limit: int) -> Sequence[Row]:
    """Return by code what a client sent wrongly from that day on, the most frequent first; without examples."""
    column = mistakes.c
    often = sa.func.sum(column.refused + column.accepted)
    query = (
        sa.select(
            column.code,
            sa.func.max(column.day).label("day"),
            sa.func.sum(column.refused).label("refused"),
            sa.func.sum(column.accepted).label("accepted"),
            sa.func.min(column.first_at).label("first_at"),
            sa.func.max(column.last_at).label("last_at"),
        )
        .where(column.client == client, column.day >= since)
        .group_by(column.code)
        .order_by(often.desc(), column.code)
        .limit(limit)
    )
    return (await tx.execute(query)).all()


async def of_codes(tx: Transaction, client: str, codes: Collection[str], *, since: date) -> Sequence[Row]:
    """Return the rows of some codes of a client from that day on, oldest first."""
    column = mistakes.c
    query = sa.select(mistakes).where(column.client == client, column.code.in_(list(codes)), column.day >= since)
    return (await tx.execute(query.order_by(column.day))).all()


async def forget(tx: Transaction, *, before: date) -> int:
    """Remove what is of an earlier day; returns how many rows."""
    result = await tx.execute(mistakes.delete().where(mistakes.c.day < before))
    return result.rowcount
