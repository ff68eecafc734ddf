"""Subscriptions as rows, and how far the log was looked through for them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from app.store import versions
from app.store.database import Transaction
from app.store.schema import clients, webhook_attempts, webhook_cursor, webhook_messages, webhooks

_ENABLED = webhooks.c.status == "enabled"


async def insert(tx: Transaction, row: Mapping[str, Any]) -> None:
    """Insert a webhook."""
    await versions.move(tx, versions.Part.WEBHOOKS)
    await tx.execute(webhooks.insert(), dict(row))


async def find(tx: Transaction, webhook: str, *, lock: bool = False) -> sa.Row[Any] | None:
    """Return a webhook by its id; with `lock`, keep others from changing it until the transaction ends."""
    query = sa.select(webhooks).where(webhooks.c.id == webhook)
    if lock and tx.dialect.name == "postgresql":
        query = query.with_for_update()
    return (await tx.execute(query)).first()


async def page(tx: Transaction, *, client_id: str | None, after: str | None, limit: int) -> Sequence[sa.Row[Any]]:
    """Return webhooks of one client, or of all, by id, which is the order they were made in, from behind `after`."""
    query = sa.select(webhooks).order_by(webhooks.c.id).limit(limit)
    if client_id is not None:
        query = query.where(webhooks.c.client_id == client_id)
    if after is not None:
        query = query.where(webhooks.c.id > after)
    return (await tx.execute(query)).all()


async def count_of(tx: Transaction, client_id: str) -> int:
    """Return how many webhooks a client has."""
    query = sa.select(sa.func.count()).select_from(webhooks).where(webhooks.c.client_id == client_id)
    return int((await tx.execute(query)).scalar_one())


async def any_enabled(tx: Transaction) -> bool:
    """Tell whether anybody is to be told of anything."""
    return (await tx.execute(sa.select(webhooks.c.id).where(_ENABLED).limit(1))).first() is not None


async def edition(tx: Transaction) -> tuple[int, int]:
    """Return numbers that change with every subscription, and with every client that has an enabled one."""
    of_clients = sa.select(sa.func.coalesce(sa.func.sum(clients.c.version), 0)).where(
        clients.c.client_id.in_(sa.select(webhooks.c.client_id).where(_ENABLED))
    )
    return await versions.current(tx, versions.Part.WEBHOOKS), int((await tx.execute(of_clients)).scalar_one())


async def enabled(tx: Transaction, *, after: str | None, limit: int) -> Sequence[sa.Row[Any]]:
    """Return webhooks that are enabled by id, from behind `after`."""
    query = sa.select(webhooks).where(_ENABLED).order_by(webhooks.c.id).limit(limit)
    if after is not None:
        query = query.where(webhooks.c.id > after)
    return (await tx.execute(query)).all()


async def by_ids(tx: Transaction, ids: Collection[str]) -> Sequence[sa.Row[Any]]:
    """Return the webhooks with these ids."""
    return (await tx.execute(sa.select(webhooks).where(webhooks.c.id.in_(ids)))).all()


async def hold(tx: Transaction, ids: Collection[str]) -> set[str]:
    """Return which of these webhooks are enabled, and keep those as they are until the transaction ends."""
    query = sa.select(webhooks.c.id).where(webhooks.c.id.in_(ids), _ENABLED).order_by(webhooks.c.id)
    if tx.dialect.name == "postgresql":
        query = query.with_for_update(read=True)
    return set((await tx.execute(query)).scalars()) if ids else set()


async def update(tx: Transaction, webhook: str, values: Mapping[str, Any]) -> None:
    """Overwrite columns of one webhook."""
    await versions.move(tx, versions.Part.WEBHOOKS)
    await tx.execute(webhooks.update().where(webhooks.c.id == webhook).values(dict(values)))


async def remove(tx: Transaction, webhook: str) -> None:
    """Remove a webhook with its messages and their attempts."""
    await versions.move(tx, versions.Part.WEBHOOKS)
    own = sa.select(webhook_messages.c.id).where(webhook_messages.c.webhook == webhook)
    await tx.execute(webhook_attempts.delete().where(webhook_attempts.c.message.in_(own)))
    await tx.execute(webhook_messages.delete().where(webhook_messages.c.webhook == webhook))
    await tx.execute(webhooks.delete().where(webhooks.c.id == webhook))


async def cursor(tx: Transaction, *, lock: bool = False) -> int:
    """Return the index up to which messages were made, -1 at the beginning; with `lock`, nobody else moves it."""
    query = sa.select(webhook_cursor.c.position).where(webhook_cursor.c.id == 1)
    if lock and tx.dialect.name == "postgresql":
        query = query.with_for_update()
    return int((await tx.execute(query)).scalar_one())


async def move_cursor(tx: Transaction, *, seen: int, to: int) -> bool:
    """Move the cursor from where it was seen; False where somebody else has moved it meanwhile."""
    statement = (
        webhook_cursor.update()
        .where(webhook_cursor.c.id == 1, webhook_cursor.c.position == seen)
        .values(position=to)
        .returning(webhook_cursor.c.position)
    )
    return (await tx.execute(statement)).first() is not None
