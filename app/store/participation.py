"""Who was there at the end of a day, with which certificates; and what waits now."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from app.store.database import Transaction
from app.store.schema import OVERDUE, agencies, agency_history, certificates, deliveries

_CLOSED = "closed"


async def agencies_on(tx: Transaction, day: date) -> Sequence[sa.Row[Any, Any, Any]]:
    """Return code, tier and branch of every agency that existed at the end of a day, as it was then.

    The same rule as `registry.history.as_was`, over all agencies at once.
    """
    ending = (
        sa.select(agency_history.c.organ_id, sa.func.min(agency_history.c.last_day).label("last_day"))
        .where(agency_history.c.last_day >= day)
        .group_by(agency_history.c.organ_id)
        .subquery()
    )
    then = (
        sa.select(agency_history)
        .join(
            ending,
            sa.and_(ending.c.organ_id == agency_history.c.organ_id, ending.c.last_day == agency_history.c.last_day),
        )
        .subquery()
    )
    now = agencies.c
    began = sa.or_(now.valid_from.is_(None), now.valid_from <= day)
    not_ended = sa.or_(now.valid_to.is_(None), now.valid_to >= day)
    open_or_ended_later = sa.or_(now.status != _CLOSED, now.valid_to.is_not(None))
    existed = sa.case((then.c.organ_id.is_not(None), then.c.status != _CLOSED), else_=not_ended & open_or_ended_later)
    query = (
        sa.select(
            now.organ_id,
            sa.func.coalesce(then.c.tier, now.tier).label("tier"),
            sa.func.coalesce(then.c.branch, now.branch).label("branch"),
        )
        .select_from(agencies.outerjoin(then, then.c.organ_id == now.organ_id))
        .where(began, existed)
        .order_by(now.organ_id)
    )
    return (await tx.execute(query)).all()


async def places(tx: Transaction) -> Sequence[sa.Row[Any, Any, Any]]:
    """Return code, tier and branch of every agency there is or was, as the directory has them today."""
    return (await tx.execute(sa.select(agencies.c.organ_id, agencies.c.tier, agencies.c.branch))).all()


async def certificates_at(tx: Transaction, moment: datetime) -> Sequence[sa.Row[Any, Any, Any]]:
    """Return per agency and kind how many certificates were registered, valid and not revoked here at a moment."""
    shown = certificates.c
    query = (
        sa.select(shown.organ_id, shown.kind, sa.func.count().label("certificates"))
        .where(shown.registered_at < moment, shown.not_before <= moment, shown.not_after >= moment)
        .where(sa.or_(shown.revoked_at.is_(None), shown.revoked_at >= moment))
        .group_by(shown.organ_id, shown.kind)
    )
    return (await tx.execute(query)).all()


async def waiting_now(tx: Transaction, recipients: Sequence[str] | None) -> int:
    """Return how many deliveries of documents wait in the inbox of these agencies, or of all, by its index."""
    query = sa.select(sa.func.count()).where(deliveries.c.in_inbox.is_(sa.true()), deliveries.c.kind == "document")
    return int((await tx.execute(query.where(*_of(recipients)))).scalar_one())


async def overdue_now(tx: Transaction, recipients: Sequence[str] | None) -> int:
    """Return how many deliveries of these agencies, or of all, are overdue, by the index of what is."""
    query = sa.select(sa.func.count()).select_from(deliveries).where(sa.text(OVERDUE))
    return int((await tx.execute(query.where(*_of(recipients)))).scalar_one())


def _of(recipients: Sequence[str] | None) -> list[sa.ColumnElement[bool]]:
    return [] if recipients is None else [deliveries.c.recipient.in_(recipients)]
