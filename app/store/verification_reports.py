"""Verification reports as rows: what was found when a document was accepted, and each time it was judged again."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from app.store.database import Transaction
from app.store.schema import verification_reports


async def add(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert reports: document, revision, indication, sub_indication, report and made_at."""
    if rows:
        await tx.execute(verification_reports.insert(), [dict(row) for row in rows])


async def newest(tx: Transaction, document: str) -> sa.Row[*tuple[Any, ...]] | None:
    """Return the last report of a document; None for a document of before there were any."""
    query = (
        sa.select(verification_reports)
        .where(verification_reports.c.document == document)
        .order_by(verification_reports.c.revision.desc())
        .limit(1)
    )
    return (await tx.execute(query)).first()


async def revision_of(tx: Transaction, document: str, revision: int) -> sa.Row[*tuple[Any, ...]] | None:
    """Return one report of a document."""
    shown = verification_reports.c
    query = sa.select(verification_reports).where(shown.document == document, shown.revision == revision)
    return (await tx.execute(query)).first()


async def of_documents(tx: Transaction, ids: Sequence[str]) -> dict[str, list[sa.Row[*tuple[Any, ...]]]]:
    """Return every report of these documents, by document."""
    found: dict[str, list[sa.Row[*tuple[Any, ...]]]] = {}
    for row in await tx.execute(sa.select(verification_reports).where(verification_reports.c.document.in_(ids))):
        found.setdefault(row.document, []).append(row)
    return found


async def all_of(tx: Transaction, document: str) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    """Return every report of a document, oldest first; there are a handful."""
    query = (
        sa.select(verification_reports)
        .where(verification_reports.c.document == document)
        .order_by(verification_reports.c.revision)
    )
    return (await tx.execute(query)).all()
