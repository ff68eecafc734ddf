"""Clients and the assertions they have used, as rows."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.store.database import Transaction, upsert
from app.store.schema import clients, events, used_assertions

_IDS_PER_QUERY = 1_000


async def insert(tx: Transaction, row: Mapping[str, Any]) -> None:
    """Insert a client."""
    await tx.execute(clients.insert(), dict(row))


async def find(tx: Transaction, client_id: str, *, lock: bool = False) -> sa.Row[*tuple[Any, ...]] | None:
    """Return a client by its id, a UUID; with `lock`, keep others from changing it until the transaction ends."""
    query = sa.select(clients).where(clients.c.client_id == client_id)
    if lock and tx.dialect.name == "postgresql":
        query = query.with_for_update()
    return (await tx.execute(query)).first()


async def by_ids(tx: Transaction, ids: Collection[str]) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    """Return the clients with these ids."""
    wanted = list(ids)
    found: list[sa.Row[*tuple[Any, ...]]] = []
    for start in range(0, len(wanted), _IDS_PER_QUERY):
        some = wanted[start : start + _IDS_PER_QUERY]
        found += (await tx.execute(sa.select(clients).where(clients.c.client_id.in_(some)))).all()
    return found


async def page(tx: Transaction, *, after: str | None, limit: int) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    """Return clients by id, which is the order they were made in, from behind `after`."""
    query = sa.select(clients).order_by(clients.c.client_id).limit(limit)
    if after is not None:
        query = query.where(clients.c.client_id > after)
    return (await tx.execute(query)).all()


async def update(tx: Transaction, client_id: str, values: Mapping[str, Any]) -> None:
    """Overwrite columns of one client."""
    await tx.execute(clients.update().where(clients.c.client_id == client_id).values(dict(values)))


async def claim_assertion(tx: Transaction, *, client_id: str, jti: str, expires_at: datetime) -> bool:
    """Note that a client used an assertion; False where it had used one with this id before."""
    statement = upsert(tx, used_assertions).values(client_id=client_id, jti=jti, expires_at=expires_at)
    statement = statement.on_conflict_do_nothing(index_elements=["client_id", "jti"])
    return (await tx.execute(statement.returning(used_assertions.c.jti))).first() is not None


async def forget_assertions(tx: Transaction, *, before: datetime) -> int:
    """Remove the assertions that expired before a moment; returns how many."""
    result = await tx.execute(used_assertions.delete().where(used_assertions.c.expires_at < before))
    return result.rowcount


async def last_event(tx: Transaction, client_id: str) -> sa.Row[*tuple[Any, ...]] | None:
    """Return moment and kind of the newest sealed event that a client caused."""
    column = events.c
    query = sa.select(column.at, column.kind).where(column.actor == client_id, column.position.is_not(None))
    return (await tx.execute(query.order_by(column.position.desc()).limit(1))).first()
