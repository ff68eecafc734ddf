"""Secrets that systems sign their requests with, as rows; sealed before they get here."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from app.store.database import Transaction
from app.store.schema import clients, system_keys


async def insert(tx: Transaction, row: Mapping[str, Any]) -> None:
    """Insert a secret."""
    await tx.execute(system_keys.insert(), dict(row))


async def find(tx: Transaction, key_id: str) -> sa.Row[*tuple[Any, ...]] | None:
    """Return a secret by its id, a UUID."""
    return (await tx.execute(sa.select(system_keys).where(system_keys.c.id == key_id))).first()


async def of_system(tx: Transaction, system_id: str) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    """Return the secrets of a system, revoked and ended ones too, oldest first."""
    query = sa.select(system_keys).where(system_keys.c.system_id == system_id).order_by(system_keys.c.id)
    return (await tx.execute(query)).all()


async def with_clients(tx: Transaction, system_id: str) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    """Return the secrets of a system that are not revoked, oldest first, each beside its client's record."""
    own = [column.label(f"client_{column.name}") for column in clients.c if column.name != "client_id"]
    query = (
        sa.select(system_keys, *own)
        .join(clients, clients.c.client_id == system_keys.c.client_id)
        .where(system_keys.c.system_id == system_id, system_keys.c.revoked_at.is_(None))
        .order_by(system_keys.c.id)
    )
    return (await tx.execute(query)).all()


async def page(tx: Transaction, *, client_id: str, after: str | None, limit: int) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    """Return a client's secrets in the order they were made, from behind `after`."""
    query = sa.select(system_keys).where(system_keys.c.client_id == client_id).order_by(system_keys.c.id).limit(limit)
    if after is not None:
        query = query.where(system_keys.c.id > after)
    return (await tx.execute(query)).all()


async def update(tx: Transaction, key_id: str, values: Mapping[str, Any]) -> None:
    """Overwrite columns of one secret."""
    await tx.execute(system_keys.update().where(system_keys.c.id == key_id).values(dict(values)))


async def unrevoked(tx: Transaction, *, limit: int) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    """Return secrets that nobody took back, by system and in the order they were made."""
    order = (system_keys.c.system_id, system_keys.c.id)
    query = sa.select(system_keys).where(system_keys.c.revoked_at.is_(None)).order_by(*order).limit(limit)
    return (await tx.execute(query)).all()
