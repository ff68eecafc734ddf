"""What verifications say of status reports, as rows: which are still open, and how they were decided."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from app.store.database import Transaction
from app.store.schema import deliveries, documents, status_reports

_c = status_reports.c
_OPEN = sa.and_(_c.indication == "INDETERMINATE", _c.purged_at.is_(None))


async def indeterminate(tx: Transaction, *, after: str | None, limit: int) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    """Return status reports of which something is unknown and whose bodies are there, oldest first.

    Args:
        after: id of the report behind which to begin.
    """
    query = (
        sa.select(status_reports, documents.c.document_type, documents.c.sender_tier)
        .join(documents, documents.c.id == _c.document)
        .where(_OPEN)
        .order_by(_c.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(_c.id > after)
    return (await tx.execute(query)).all()


async def informed(tx: Transaction, report: str) -> Sequence[str]:
    """Return the codes of the agencies in whose inbox a report was laid."""
    query = sa.select(deliveries.c.recipient).where(deliveries.c.status_report == report)
    return (await tx.execute(query.order_by(deliveries.c.id))).scalars().all()


async def judge(tx: Transaction, report: str, *, indication: str, verification: Mapping[str, Any]) -> bool:
    """Give a report of which something was unknown its new verification; False where it has one already."""
    statement = (
        status_reports.update()
        .where(_c.id == report, _c.indication == "INDETERMINATE")
        .values(indication=indication, verification=dict(verification))
    )
    return (await tx.execute(statement)).rowcount == 1
