"""Deliveries by the clock: those whose moment has come, and those that are overdue.

Each moment is null where it does not matter (any more), and has a partial index, so what is looked through is what is
open now, whatever the history.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from app.store.database import Transaction
from app.store.schema import OVERDUE, deliveries, documents


class Moment(StrEnum):
    """A column that says when something about a delivery is to happen."""

    UNDELIVERED = "undelivered_at"
    """Its sender is told that nobody fetched it."""
    EXPIRY = "expires_at"
    """It leaves the inbox."""
    DUE = "due_at"
    """It is overdue."""


async def any_due(tx: Transaction, *, at: datetime) -> bool:
    """Tell whether the moment of any delivery has come."""
    return any([await _first_due(tx, moment, at) for moment in Moment])


async def claim_due(tx: Transaction, moment: Moment, *, at: datetime, limit: int) -> Sequence[sa.Row[Any]]:
    """Return deliveries whose moment has come, earliest first, held to the end of the transaction.

    Those that somebody else holds are left for the next time, and nothing expires before what came earlier was told of
    it: another process may still be at that. Each row has its document's sender, type, due date and
    the tier its sender had.
    """
    column = deliveries.c[moment.value]
    query = (
        sa.select(
            deliveries,
            documents.c.sender,
            documents.c.sender_tier,
            documents.c.document_type,
            documents.c.due_date,
        )
        .join(documents, documents.c.id == deliveries.c.document)
        .where(column.is_not(None), column <= at)
        .order_by(column)
        .limit(limit)
    )
    if moment is Moment.EXPIRY:
        for earlier in (deliveries.c.undelivered_at, deliveries.c.due_at):
            query = query.where(sa.or_(earlier.is_(None), earlier >= column))
    if tx.dialect.name == "postgresql":
        query = query.with_for_update(of=deliveries, skip_locked=True)
    return (await tx.execute(query)).all()


async def forget(tx: Transaction, ids: Collection[str], *moments: Moment) -> None:
    """Take these moments from deliveries: they have passed, or they do not matter any more."""
    await _set(tx, ids, {moment.value: None for moment in moments})


async def expire(tx: Transaction, ids: Collection[str]) -> None:
    """End deliveries that nobody fetched: they leave the inbox, and nothing is due of them any more."""
    gone = {moment.value: None for moment in Moment}
    await _set(tx, ids, {"progress": "expired", "change": None, "in_inbox": False, **gone})


async def mark_overdue(tx: Transaction, senders: Mapping[str, str], *, at: datetime) -> None:
    """Mark deliveries as overdue.

    Args:
        senders: who sent the document, by id of the delivery.
        at: when it was found.
    """
    if senders:
        statement = deliveries.update().where(deliveries.c.id == sa.bindparam("delivery"))
        await tx.execute(
            statement.values(overdue_at=at, overdue_sender=sa.bindparam("sent_by"), due_at=None),
            [{"delivery": delivery, "sent_by": sender} for delivery, sender in senders.items()],
        )


async def overdue_of(
    tx: Transaction, recipients: Sequence[str], *, after: tuple[datetime, str] | None, limit: int
) -> Sequence[sa.Row[Any]]:
    """Return what these recipients have not completed although it was due, longest overdue first.

    Args:
        after: (overdue_at, delivery) of the last row seen.
    """
    shown = deliveries.c
    query = (
        sa.select(
            shown.id.label("delivery"),
            shown.recipient,
            shown.progress,
            shown.change,
            shown.overdue_at,
            shown.acknowledged_at,
            documents,
        )
        .join(documents, documents.c.id == shown.document)
        .where(sa.text(OVERDUE))
        .where(shown.recipient == recipients[0] if len(recipients) == 1 else shown.recipient.in_(recipients))
        .order_by(shown.overdue_at, shown.id)
        .limit(limit)
    )
    if after is not None:
        moment, delivery = after
        query = query.where(sa.or_(shown.overdue_at > moment, sa.and_(shown.overdue_at == moment, shown.id > delivery)))
    return (await tx.execute(query)).all()


async def sent_overdue(
    tx: Transaction, senders: Sequence[str], *, after: str | None, limit: int
) -> Sequence[sa.Row[Any]]:
    """Return documents of these senders that a recipient has not completed although they were due, newest first.

    Args:
        after: id of the last document seen.
    """
    shown = deliveries.c
    late = (
        sa.select(shown.document)
        .distinct()
        .where(sa.text(OVERDUE))
        .where(shown.overdue_sender == senders[0] if len(senders) == 1 else shown.overdue_sender.in_(senders))
        .order_by(shown.document.desc())
        .limit(limit)
    )
    if after is not None:
        late = late.where(shown.document < after)
    ids = (await tx.execute(late)).scalars().all()
    if not ids:
        return ()
    query = sa.select(documents).where(documents.c.id.in_(ids)).order_by(documents.c.id.desc())
    return (await tx.execute(query)).all()


async def _first_due(tx: Transaction, moment: Moment, at: datetime) -> bool:
    column = deliveries.c[moment.value]
    query = sa.select(deliveries.c.id).where(column.is_not(None), column <= at).limit(1)
    return (await tx.execute(query)).first() is not None


async def _set(tx: Transaction, ids: Collection[str], values: Mapping[str, Any]) -> None:
    if ids:
        await tx.execute(deliveries.update().where(deliveries.c.id.in_(ids)).values(**values))
