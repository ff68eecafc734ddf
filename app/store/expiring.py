"""Certificates that soon will no longer speak for their agency, for those who renew them."""

from collections.abc import Sequence
from datetime import datetime
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
        .join(agencies, agencies.c.organ_id == certificates.c.organ_id)
        .where(certificates.c.not_after >= since, certificates.c.not_after < until)
        .where(certificates.c.status == "active", agencies.c.status != "closed")
        .order_by(certificates.c.not_after, certificates.c.sha256)
        .limit(limit)
    )
    return (await tx.execute(query)).all()
