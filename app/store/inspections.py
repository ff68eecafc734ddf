"""What was found in the attachments of documents as rows: waiting from acceptance on, then done or given up."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.store.database import Transaction
from app.store.schema import documents, inspections

_table = inspections


async def insert(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert what waits: document, state and next_try_at."""
    if rows:
        await tx.execute(_table.insert(), [dict(row) for row in rows])


async def is_due(tx: Transaction, *, at: datetime) -> bool:
    """Tell whether anything waits to be done by now."""
    query = sa.select(_table.c.document).where(_table.c.next_try_at <= at).limit(1)
    return (await tx.execute(query)).first() is not None


async def claim(tx: Transaction, *, at: datetime, until: datetime, limit: int) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    """Take what is due until a moment, longest due first; nobody else gets it meanwhile.

    Returns:
        document, attempts (this one included), and of the document sender, sha256, size, document_type, accepted_at and
        verification.
    """
    query = sa.select(_table.c.document).where(_table.c.next_try_at <= at).order_by(_table.c.next_try_at).limit(limit)
    if tx.dialect.name == "postgresql":
        query = query.with_for_update(skip_locked=True)
    taken = list((await tx.execute(query)).scalars())
    if not taken:
        return ()
    values = {"next_try_at": until, "attempts": _table.c.attempts + 1}
    await tx.execute(_table.update().where(_table.c.document.in_(taken)).values(values))
    shown = documents.c
    rows = (
        sa.select(
            _table.c.document,
            _table.c.attempts,
            shown.sender,
            shown.sha256,
            shown.size,
            shown.document_type,
            shown.accepted_at,
            shown.verification,
        )
        .join(documents, shown.id == _table.c.document)
        .where(_table.c.document.in_(taken))
        .order_by(_table.c.document)
    )
    return (await tx.execute(rows)).all()


async def settle(tx: Transaction, document: str, *, attempt: int, result: Mapping[str, Any], at: datetime) -> bool:
    """Keep what was found; whether nobody else has taken the document over since this attempt."""
    values = {"state": "done", "next_try_at": None, "result": dict(result), "inspected_at": at}
    return await _moved(tx, document, attempt, values)


async def postpone(tx: Transaction, document: str, *, attempt: int, until: datetime) -> None:
    """Have a document that was looked into in vain tried again later."""
    await _moved(tx, document, attempt, {"next_try_at": until})


async def give_up(tx: Transaction, document: str, *, attempt: int, at: datetime) -> None:
    """Try a document no more."""
    await _moved(tx, document, attempt, {"state": "failed", "next_try_at": None, "inspected_at": at})


async def waiting(tx: Transaction) -> int:
    """Return how many documents wait, those included that somebody is at."""
    query = sa.select(sa.func.count()).where(_table.c.next_try_at.is_not(None))
    return int((await tx.execute(query)).scalar_one())


async def of_document(tx: Transaction, document: str) -> sa.Row[Any] | None:
    """Return what is known of a document's attachments; None where none of them is looked into."""
    return (await tx.execute(sa.select(_table).where(_table.c.document == document))).first()


async def of_documents(tx: Transaction, ids: Sequence[str]) -> dict[str, sa.Row[Any]]:
    """Return the rows of these documents, by document."""
    rows = (await tx.execute(sa.select(_table).where(_table.c.document.in_(ids)))).all()
    return {row.document: row for row in rows}


async def _moved(tx: Transaction, document: str, attempt: int, values: Mapping[str, Any]) -> bool:
    mine = (_table.c.document == document, _table.c.state == "waiting", _table.c.attempts == attempt)
    done = await tx.execute(_table.update().where(*mine).values(dict(values)).returning(_table.c.document))
    return done.first() is not None
