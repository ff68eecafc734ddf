"""Messages to webhooks as rows, and every attempt to deliver them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.store.database import Transaction, upsert
from app.store.schema import clients, webhook_attempts, webhook_messages, webhooks

_table = webhook_messages
_PENDING = _table.c.state == "pending"


@dataclass(frozen=True, slots=True)
class DueKey:
    """Where a reading of what is due goes on: behind this message."""

    next_attempt_at: datetime
    id: str


async def insert(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert messages; what a webhook is told of an event already stays."""
    statement = upsert(tx, _table).on_conflict_do_nothing(index_elements=["webhook", "position"])
    if rows:
        await tx.execute(statement, list(rows))


async def lowest_position(tx: Transaction, webhook: str) -> int:
    """Return the smallest position of a webhook's messages, at most 0."""
    query = sa.select(sa.func.min(_table.c.position)).where(_table.c.webhook == webhook)
    return min((await tx.execute(query)).scalar_one() or 0, 0)


async def due(
    tx: Transaction, *, at: datetime, without: Collection[str], after: DueKey | None, limit: int
) -> Sequence[sa.Row[Any]]:
    """Return messages that are to be sent now, longest due first, with webhook and client of each.

    Only of webhooks that are enabled and of clients that may sign in.

    Args:
        without: webhooks that are left out.
    """
    query = (
        sa.select(
            _table,
            webhooks.c.url,
            webhooks.c.client_id,
            webhooks.c.signing,
            webhooks.c.secret,
            webhooks.c.earlier_secret,
            webhooks.c.earlier_secret_until,
        )
        .join(webhooks, webhooks.c.id == _table.c.webhook)
        .join(clients, clients.c.client_id == webhooks.c.client_id)
        .where(_table.c.next_attempt_at <= at, webhooks.c.status == "enabled", clients.c.status == "active")
        .order_by(_table.c.next_attempt_at, _table.c.id)
        .limit(limit)
    )
    if without:
        query = query.where(_table.c.webhook.not_in(without))
    if after is not None:
        behind = sa.tuple_(_table.c.next_attempt_at, _table.c.id) > sa.tuple_(
            sa.bindparam("due_after", after.next_attempt_at, _table.c.next_attempt_at.type),
            sa.bindparam("id_after", after.id, _table.c.id.type),
        )
        query = query.where(behind)
    return (await tx.execute(query)).all()


async def lease(tx: Transaction, ids: Collection[str], *, at: datetime, until: datetime) -> set[str]:
    """Take messages for sending until a moment; returns those that nobody else has taken meanwhile."""
    query = sa.select(_table.c.id).where(_table.c.id.in_(ids), _table.c.next_attempt_at <= at).order_by(_table.c.id)
    if tx.dialect.name == "postgresql":
        query = query.with_for_update(skip_locked=True)
    free = set((await tx.execute(query)).scalars())
    if free:
        await tx.execute(_table.update().where(_table.c.id.in_(free)).values(next_attempt_at=until))
    return free


async def note_attempts(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert attempts; those of messages that were removed meanwhile are left out."""
    query = sa.select(_table.c.id).where(_table.c.id.in_({row["message"] for row in rows})).order_by(_table.c.id)
    if tx.dialect.name == "postgresql":
        query = query.with_for_update(read=True)
    kept = set((await tx.execute(query)).scalars())
    if kept:
        await tx.execute(webhook_attempts.insert(), [row for row in rows if row["message"] in kept])


async def settle_delivered(tx: Transaction, message: str) -> None:
    """Note that a message was taken."""
    values = {"state": "delivered", "next_attempt_at": None, "attempts": _table.c.attempts + 1}
    await tx.execute(_table.update().where(_table.c.id == message).values(values))


async def settle_failed(tx: Transaction, message: str) -> None:
    """Note that the last attempt at a message failed, unless somebody else delivered it meanwhile."""
    values = {"state": "failed", "next_attempt_at": None, "attempts": _table.c.attempts + 1}
    await tx.execute(_table.update().where(_table.c.id == message, _PENDING).values(values))


async def postpone(tx: Transaction, message: str, *, until: datetime) -> None:
    """Have a message that was tried in vain tried again later, unless somebody else delivered it meanwhile."""
    values = {"next_attempt_at": until, "attempts": _table.c.attempts + 1}
    await tx.execute(_table.update().where(_table.c.id == message, _PENDING).values(values))


async def give_up(tx: Transaction, ids: Collection[str]) -> None:
    """Give up messages without another try."""
    if ids:
        values = {"state": "failed", "next_attempt_at": None}
        await tx.execute(_table.update().where(_table.c.id.in_(ids), _PENDING).values(values))


async def give_up_all(tx: Transaction, webhook: str) -> None:
    """Give up every message of a webhook that waits."""
    values = {"state": "failed", "next_attempt_at": None}
    await tx.execute(_table.update().where(_table.c.webhook == webhook, _PENDING).values(values))


async def give_up_waiting(tx: Transaction, *, since: datetime) -> None:
    """Give up what is due since before a moment and was not tried."""
    values = {"state": "failed", "next_attempt_at": None}
    await tx.execute(_table.update().where(_table.c.next_attempt_at < since).values(values))


async def delivered_since(tx: Transaction, webhook: str, position: int) -> bool:
    """Tell whether a message to this webhook about a later event was delivered."""
    query = (
        sa.select(_table.c.id)
        .where(_table.c.webhook == webhook, _table.c.position > position, _table.c.state == "delivered")
        .limit(1)
    )
    return (await tx.execute(query)).first() is not None


async def find(tx: Transaction, webhook: str, message: str) -> sa.Row[Any] | None:
    """Return a message of this webhook."""
    query = sa.select(_table).where(_table.c.id == message, _table.c.webhook == webhook)
    return (await tx.execute(query)).first()


async def page(
    tx: Transaction, webhook: str, *, state: str | None, before: str | None, limit: int
) -> Sequence[sa.Row[Any]]:
    """Return messages of a webhook, newest first, from before the one with this id."""
    query = sa.select(_table).where(_table.c.webhook == webhook).order_by(_table.c.id.desc()).limit(limit)
    if state is not None:
        query = query.where(_table.c.state == state)
    if before is not None:
        query = query.where(_table.c.id < before)
    return (await tx.execute(query)).all()


async def attempts_of(tx: Transaction, message: str, *, limit: int) -> Sequence[sa.Row[Any]]:
    """Return the attempts at a message, newest first."""
    query = sa.select(webhook_attempts).where(webhook_attempts.c.message == message)
    return (await tx.execute(query.order_by(webhook_attempts.c.id.desc()).limit(limit))).all()


async def replay_one(tx: Transaction, message: str, *, at: datetime) -> None:
    """Have a message sent again from the beginning of its schedule."""
    values = {"state": "pending", "attempts": 0, "next_attempt_at": at}
    await tx.execute(_table.update().where(_table.c.id == message).values(values))


async def replay_between(
    tx: Transaction, webhook: str, *, since: datetime, until: datetime, states: Collection[str], at: datetime
) -> int:
    """Have the messages that were made in this time and are in one of these states sent again; returns how many."""
    values = {"state": "pending", "attempts": 0, "next_attempt_at": at}
    chosen = _table.update().where(
        _table.c.webhook == webhook,
        _table.c.created_at >= since,
        _table.c.created_at < until,
        _table.c.state.in_(states),
    )
    return (await tx.execute(chosen.values(values))).rowcount


async def forget(tx: Transaction, *, before: datetime, limit: int) -> int:
    """Remove settled messages made before a moment, and their attempts; returns how many, at most `limit`."""
    old = sa.select(_table.c.id).where(_table.c.created_at < before, ~_PENDING).order_by(_table.c.created_at)
    ids = (await tx.execute(old.limit(limit))).scalars().all()
    if ids:
        await tx.execute(webhook_attempts.delete().where(webhook_attempts.c.message.in_(ids)))
        await tx.execute(_table.delete().where(_table.c.id.in_(ids)))
    return len(ids)


async def backlog(tx: Transaction, *, most: int) -> int:
    """Return how many messages wait, counted up to `most`."""
    waiting = sa.select(_table.c.id).where(_table.c.next_attempt_at.is_not(None)).limit(most).subquery()
    return int((await tx.execute(sa.select(sa.func.count()).select_from(waiting))).scalar_one())
