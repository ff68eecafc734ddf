"""Certificates that soon will no longer speak for their agency, for those who renew them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.store.database import Transaction
from app.store.schema import agencies, certificates


async def between(tx: Transaction, since: datetime, until: datetime, *, limit: int) -> Sequence[sa.Row[Any]]:
    """Return certificates in use that expire in this time, first to expire first, each with its agency's name.

    In use: not revoked here, of an agency that is not closed.
    """
    query = (
        sa.select(certificates, agencies.c.name.label("agency_name"))
        .where(*_in_use(since, until))
        .order_by(certificates.c.not_after, certificates.c.sha256)
        .limit(limit)
    )
    return (await tx.execute(query)).all()


async def count(tx: Transaction, since: datetime, until: datetime) -> int:
    """Return how many certificates in use expire in this time."""
    query = sa.select(sa.func.count()).select_from(certificates).where(*_in_use(since, until))
    return int((await tx.execute(query)).scalar_one())


async def unwarned(
    tx: Transaction, at: datetime, thresholds: Sequence[int], *, limit: int
) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    """Return certificates in use that came within so many days of their end and were not warned of since.

    Each with code, tier and branch of its agency.
    """
    shown = certificates.c
    came_within = sa.or_(
        *(
            sa.and_(
                shown.not_after <= at + timedelta(days=days),
                sa.or_(shown.warned_days.is_(None), shown.warned_days > days),
            )
            for days in thresholds
        )
    )
    columns = (shown.sha256, shown.organ_id, shown.not_after, agencies.c.tier, agencies.c.branch)
    furthest = at + timedelta(days=max(thresholds), microseconds=1)
    query = sa.select(*columns).where(*_in_use(at, furthest), came_within).order_by(shown.sha256).limit(limit)
    return (await tx.execute(query)).all()


async def mark(tx: Transaction, sha256: str, *, days: int) -> bool:
    """Note that a certificate was warned of at this threshold; False where somebody did so before."""
    shown = certificates.c
    statement = (
        certificates.update()
        .where(shown.sha256 == sha256, sa.or_(shown.warned_days.is_(None), shown.warned_days > days))
        .values(warned_days=days)
        .returning(shown.sha256)
    )
    return (await tx.execute(statement)).first() is not None


def _in_use(since: datetime, until: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    # The first one joins the agency.
    return (
        agencies.c.organ_id == certificates.c.organ_id,
        certificates.c.not_after >= since,
        certificates.c.not_after < until,
        certificates.c.status == "active",
        agencies.c.status != "closed",
    )
