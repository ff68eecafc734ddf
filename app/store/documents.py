"""Documents, what they concern, and status reports, as rows."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.store.database import Transaction, insert_of, upsert
from app.store.schema import deliveries, document_links, documents, status_reports

# Made once: making a statement costs more than running it.
_INSERT = {
    dialect: insert_of(dialect, documents)
    .on_conflict_do_nothing(index_elements=["sender", "document_id"])
    .returning(documents.c.id)
    for dialect in ("sqlite", "postgresql")
}


_BY_SENDER_ID = sa.select(documents).where(
    documents.c.sender == sa.bindparam("by"), documents.c.document_id == sa.bindparam("named")
)


async def insert(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> set[str]:
    """Insert documents and return the ids that went in; a taken (sender, DocumentId) harms no neighbour.

    All rows have the same columns.
    """
    return set((await tx.execute(_INSERT[tx.dialect.name], [dict(row) for row in rows])).scalars())


async def take_back(tx: Transaction, ids: Collection[str]) -> None:
    """Undo the insertion of documents in the transaction that inserted them, before anything refers to them."""
    await tx.execute(documents.delete().where(documents.c.id.in_(ids)))


async def insert_links(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert what documents say about other documents."""
    if rows:
        await tx.execute(document_links.insert(), list(rows))


async def insert_report(tx: Transaction, row: Mapping[str, Any]) -> bool:
    """Insert a status report; False where this reporter's same bytes are already there."""
    statement = (
        upsert(tx, status_reports)
        .values(row)
        .on_conflict_do_nothing(index_elements=["reporter", "sha256"])
        .returning(status_reports.c.id)
    )
    return (await tx.execute(statement)).first() is not None


async def by_sender_id(tx: Transaction, sender: str, document_id: str) -> sa.Row[Any] | None:
    """Return the document a sender gave this DocumentId."""
    return (await tx.execute(_BY_SENDER_ID, {"by": sender, "named": document_id})).first()


async def by_document_ids(tx: Transaction, document_ids: Collection[str]) -> Sequence[sa.Row[Any, Any, Any]]:
    """Return id, sender and DocumentId of every document with one of these DocumentIds, whoever sent it."""
    if not document_ids:
        return ()
    query = sa.select(documents.c.id, documents.c.sender, documents.c.document_id).where(
        documents.c.document_id.in_(document_ids)
    )
    return (await tx.execute(query)).all()


async def by_id(tx: Transaction, document: str) -> sa.Row[Any] | None:
    """Return the document with this id."""
    return (await tx.execute(sa.select(documents).where(documents.c.id == document))).first()


async def accepted_with(
    tx: Transaction, certificate: str, *, since: datetime | None, after: str | None, limit: int
) -> Sequence[sa.Row[Any, Any, Any, Any]]:
    """Return id, sender, digest and time of documents whose receipts name a certificate, in the order of their ids."""
    shown = documents.c
    query = sa.select(shown.id, shown.sender, shown.sha256, shown.accepted_at).where(shown.certificate == certificate)
    if since is not None:
        query = query.where(shown.accepted_at >= since)
    if after is not None:
        query = query.where(shown.id > after)
    return (await tx.execute(query.order_by(shown.id).limit(limit))).all()


async def originals(
    tx: Transaction, ids: Collection[str], *, lock: bool = False
) -> Sequence[sa.Row[Any, Any, Any, Any, Any, Any, Any]]:
    """Return what deliveries of these documents need to know of them, by id.

    With `lock`, whoever else wants to act on their deliveries waits until the transaction ends.
    """
    if not ids:
        return ()
    shown = documents.c
    query = (
        sa.select(
            shown.id,
            shown.document_id,
            shown.sender,
            shown.sender_tier,
            shown.document_type,
            shown.priority,
            shown.due_date,
        )
        .where(shown.id.in_(ids))
        .order_by(shown.id)
    )
    if lock and tx.dialect.name == "postgresql":
        # Not the key: what refers to the document may be inserted meanwhile.
        query = query.with_for_update(key_share=True)
    return (await tx.execute(query)).all()


async def senders_of(tx: Transaction, ids: Collection[str]) -> Sequence[sa.Row[Any, Any]]:
    """Return id and sender of each of these documents."""
    if not ids:
        return ()
    query = sa.select(documents.c.id, documents.c.sender).where(documents.c.id.in_(ids))
    return (await tx.execute(query)).all()


async def newest_receipts(tx: Transaction, *, limit: int) -> Sequence[str]:
    """Return the receipts of the documents that were accepted last."""
    return (
        (await tx.execute(sa.select(documents.c.receipt).order_by(documents.c.id.desc()).limit(limit))).scalars().all()
    )


async def links_of(tx: Transaction, document: str) -> Sequence[sa.Row[Any]]:
    """Return what a document says about others, and which later documents say something about it."""
    query = (
        sa.select(document_links)
        .where(sa.or_(document_links.c.document == document, document_links.c.concerned == document))
        .order_by(document_links.c.document, document_links.c.ordinal)
    )
    return (await tx.execute(query)).all()


async def relation(tx: Transaction, document: str, concerned: str) -> str | None:
    """Return what one document says about another; the first thing where it says several."""
    query = (
        sa.select(document_links.c.relation)
        .where(document_links.c.document == document, document_links.c.concerned == concerned)
        .order_by(document_links.c.ordinal)
        .limit(1)
    )
    return (await tx.execute(query)).scalar_one_or_none()


async def report_of(tx: Transaction, reporter: str, sha256: str) -> sa.Row[Any] | None:
    """Return the status report a reporter made with exactly these bytes."""
    query = sa.select(status_reports).where(status_reports.c.reporter == reporter, status_reports.c.sha256 == sha256)
    return (await tx.execute(query)).first()


async def report_by_id(tx: Transaction, report: str) -> sa.Row[Any] | None:
    """Return the status report with this id."""
    return (await tx.execute(sa.select(status_reports).where(status_reports.c.id == report))).first()


async def reports_of(tx: Transaction, document: str) -> Sequence[sa.Row[Any]]:
    """Return the status reports about a document, oldest first."""
    query = sa.select(status_reports).where(status_reports.c.document == document).order_by(status_reports.c.id)
    return (await tx.execute(query)).all()


async def sent(
    tx: Transaction,
    senders: Sequence[str],
    *,
    state: str | None,
    after: str | None,
    limit: int,
) -> Sequence[sa.Row[Any]]:
    """Return documents of these senders, newest first, from behind `after`; `state`: with a delivery in it."""
    query = sa.select(documents).where(documents.c.sender.in_(senders)).order_by(documents.c.id.desc()).limit(limit)
    if after is not None:
        query = query.where(documents.c.id < after)
    if state is not None:
        shown = sa.func.coalesce(deliveries.c.change, deliveries.c.progress)
        query = query.where(
            sa.exists().where(deliveries.c.document == documents.c.id, deliveries.c.kind == "document", shown == state)
        )
    return (await tx.execute(query)).all()


async def indeterminate(tx: Transaction, *, after: str | None, limit: int) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    """Return documents with a valid signature of which something is unknown, oldest first, from behind `after`."""
    shown = documents.c
    query = (
        sa.select(
            shown.id,
            shown.sender,
            shown.sender_tier,
            shown.sha256,
            shown.size,
            shown.document_type,
            shown.accepted_at,
            shown.certificate,
        )
        .where(shown.indication == "INDETERMINATE", shown.signature == "valid")
        .order_by(shown.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(shown.id > after)
    return (await tx.execute(query)).all()


async def judge(tx: Transaction, document: str, *, indication: str, verification: Mapping[str, Any]) -> bool:
    """Give a document of which something was unknown its new verification; False where it has one already."""
    statement = (
        documents.update()
        .where(documents.c.id == document, documents.c.indication == "INDETERMINATE")
        .values(indication=indication, verification=dict(verification))
    )
    return (await tx.execute(statement)).rowcount == 1
