"""Deliveries as rows: one per document and recipient, one per status report, and one per notice of the node."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from app.store.database import Transaction
from app.store.schema import deliveries, documents, status_reports

_CANDIDATES_MAX = 200
"""Deliveries a status message may mean that are looked at: more than any agency has predecessors that got the same."""

_concerned = deliveries.alias("concerned")
_PLACE = deliveries.update().where(deliveries.c.id == sa.bindparam("delivery")).values(position=sa.bindparam("index"))


async def insert(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert deliveries of any kind; they show in no inbox before the ledger has placed them."""
    if rows:
        # One statement for all takes its columns from the first row: what others say beyond it would be lost.
        columns = dict.fromkeys(name for row in rows for name in row)
        await tx.execute(deliveries.insert(), [columns | dict(row) for row in rows])


async def place(tx: Transaction, positions: Mapping[str, int]) -> None:
    """Give deliveries the ledger index by which inboxes list them."""
    if not positions:
        return
    await tx.execute(_PLACE, [{"delivery": delivery, "index": index} for delivery, index in positions.items()])


async def of_documents(tx: Transaction, ids: Collection[str], *, lock: bool = False) -> Sequence[sa.Row[Any]]:
    """Return the deliveries of these documents (not of status reports), in the order of the recipients.

    With `lock`, nobody else moves them until the transaction ends.
    """
    if not ids:
        return ()
    query = (
        sa.select(deliveries)
        .where(deliveries.c.document.in_(ids), deliveries.c.kind == "document")
        .order_by(deliveries.c.id)
    )
    if lock and tx.dialect.name == "postgresql":
        query = query.with_for_update()
    return (await tx.execute(query)).all()


async def by_id(tx: Transaction, delivery: str, *, lock: bool = False) -> sa.Row[Any]:
    """Return a delivery that exists; with `lock`, keep others from moving it until the transaction ends."""
    query = sa.select(deliveries).where(deliveries.c.id == delivery)
    if lock and tx.dialect.name == "postgresql":
        query = query.with_for_update()
    return (await tx.execute(query)).one()


async def reported_on(
    tx: Transaction, *, document_id: str, senders: Collection[str] | None, recipients: Collection[str] | None
) -> sa.Row[Any, Any, Any, Any, Any, Any, Any, Any, Any, Any, Any, Any] | None:
    """Return the delivery a status message speaks of: by DocumentId, and by sender and recipient where they are known.

    A message may name one party wrongly and is then still found by the other, as long as that leaves exactly one
    recipient of one document.
    """
    found = await all_reported_on(tx, document_id=document_id, senders=senders, recipients=recipients)
    return found[0] if len(found) == 1 else None


async def all_reported_on(
    tx: Transaction, *, document_id: str, senders: Collection[str] | None, recipients: Collection[str] | None
) -> list[sa.Row[Any, Any, Any, Any, Any, Any, Any, Any, Any, Any, Any, Any]]:
    """Return every delivery a status message may speak of, one for each recipient of each document, newest first.

    A recipient is also known by the code the sender wrote, which may be that of a closed agency. Who was dropped and
    added again has several deliveries of the same document; the newest is spoken of.
    """
    query = (
        sa.select(
            deliveries.c.id.label("delivery"),
            deliveries.c.document,
            deliveries.c.recipient,
            deliveries.c.progress,
            deliveries.c.change,
            deliveries.c.change_by,
            deliveries.c.superseded_by,
            deliveries.c.available_at,
            documents.c.sender,
            documents.c.sender_tier,
            documents.c.document_type,
            documents.c.due_date,
        )
        .join(documents, documents.c.id == deliveries.c.document)
        .where(documents.c.document_id == document_id, deliveries.c.kind == "document")
        .order_by(deliveries.c.id.desc())
        .limit(_CANDIDATES_MAX)
    )
    if senders is not None:
        query = query.where(documents.c.sender.in_(senders))
    if recipients is not None:
        query = query.where(sa.or_(deliveries.c.recipient.in_(recipients), deliveries.c.addressed_to.in_(recipients)))
    newest: dict[tuple[str, str], Any] = {}
    for row in (await tx.execute(query)).all():
        newest.setdefault((row.document, row.recipient), row)
    return list(newest.values())


async def inbox(
    tx: Transaction,
    recipients: Sequence[str],
    *,
    kind: str | None,
    by_urgency: bool,
    after: tuple[int, int] | None,
    limit: int,
) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    """Return what waits for these recipients from behind `after`, by ledger index or most urgent first.

    Args:
        kind: `document`, `status` or `notice`; None for all.
        after: (priority, position) of the last row seen.
    """
    query = _inbox(alone=len(recipients) == 1, of_kind=kind is not None, by_urgency=by_urgency, goes_on=bool(after))
    asked = {"whose": recipients[0] if len(recipients) == 1 else list(recipients), "at_most": limit}
    if kind is not None:
        asked["of_kind"] = kind
    if after is not None:
        asked["behind"] = after[1]
        if by_urgency:
            asked["as_urgent"] = after[0]
    return (await tx.execute(query, asked)).all()


_DOCUMENT_SHOWN = (
    "id",
    "sender",
    "document_id",
    "sha256",
    "size",
    "kind",
    "code",
    "subject",
    "document_type",
    "priority",
    "due_date",
    "accepted_at",
    "signature",
)
"""What a page says of a document; the rest of its row is a hundred times as long."""


@cache
def _inbox(*, alone: bool, of_kind: bool, by_urgency: bool, goes_on: bool) -> sa.Select[*tuple[Any, ...]]:
    """Make the statement of a page; once for each form, for making one takes ten times as long as running it."""
    shown = deliveries.c
    whose = sa.bindparam("whose", type_=shown.recipient.type, expanding=not alone)
    query = (
        sa.select(
            shown.id.label("delivery"),
            shown.recipient,
            shown.position,
            shown.priority.label("delivery_priority"),
            shown.available_at,
            shown.kind.label("delivery_kind"),
            shown.notice,
            shown.concerns,
            shown.change,
            shown.change_by,
            shown.superseded_by,
            shown.status_report,
            *(documents.c[name] for name in _DOCUMENT_SHOWN),
            status_reports.c.status_code,
            status_reports.c.reporter,
            status_reports.c.description,
            status_reports.c.reported_at,
            status_reports.c.accepted_at.label("status_accepted_at"),
            status_reports.c.sha256.label("status_sha256"),
            status_reports.c.size.label("status_size"),
            status_reports.c.indication.label("status_indication"),
            _concerned.c.recipient.label("concerned_recipient"),
            _concerned.c.progress.label("concerned_progress"),
            _concerned.c.change.label("concerned_change"),
        )
        .join(documents, documents.c.id == shown.document)
        .outerjoin(status_reports, status_reports.c.id == shown.status_report)
        .outerjoin(_concerned, _concerned.c.id == shown.concerns)
        .where(shown.in_inbox.is_(sa.true()), shown.position.is_not(None))
        .where(shown.recipient == whose if alone else shown.recipient.in_(whose))
        .limit(sa.bindparam("at_most", type_=sa.Integer))
    )
    if of_kind:
        query = query.where(shown.kind == sa.bindparam("of_kind", type_=shown.kind.type))
    behind = shown.position > sa.bindparam("behind", type_=shown.position.type)
    if not by_urgency:
        query = query.order_by(shown.position)
        return query.where(behind) if goes_on else query
    query = query.order_by(shown.priority.desc(), shown.position)
    as_urgent = sa.bindparam("as_urgent", type_=shown.priority.type)
    less_urgent = shown.priority < as_urgent
    return query.where(sa.or_(less_urgent, sa.and_(shown.priority == as_urgent, behind))) if goes_on else query


async def count_waiting(tx: Transaction, recipients: Sequence[str], *, kind: str) -> int:
    """Return how many deliveries of a kind wait for these recipients."""
    shown = deliveries.c
    query = (
        sa.select(sa.func.count())
        .select_from(deliveries)
        .where(shown.in_inbox.is_(sa.true()), shown.position.is_not(None))
        .where(shown.recipient.in_(recipients), shown.kind == kind)
    )
    return int((await tx.execute(query)).scalar_one())


async def by_ids(tx: Transaction, ids: Collection[str], *, lock: bool = False) -> Sequence[sa.Row[Any]]:
    """Return deliveries by id, with their document's type and sender; `lock` holds them to the transaction's end."""
    query = (
        sa.select(deliveries, documents.c.document_type, documents.c.sender, documents.c.sender_tier)
        .join(documents, documents.c.id == deliveries.c.document)
        .where(deliveries.c.id.in_(ids))
        .order_by(deliveries.c.id)
    )
    if lock and tx.dialect.name == "postgresql":
        query = query.with_for_update(of=deliveries)
    return (await tx.execute(query)).all()


async def take_over(tx: Transaction, ids: Collection[str], *, at: datetime) -> None:
    """Mark deliveries as acknowledged: out of the inbox, nobody waits for that; from available on to delivered."""
    progress = sa.case((deliveries.c.progress == "available", "delivered"), else_=deliveries.c.progress)
    await tx.execute(
        deliveries.update()
        .where(deliveries.c.id.in_(ids))
        .values(acknowledged_at=at, in_inbox=False, progress=progress, undelivered_at=None, expires_at=None)
    )


async def change(tx: Transaction, changes: Sequence[Mapping[str, Any]]) -> None:
    """Overwrite columns of deliveries, each named by its `id`; one statement for those that change the same columns."""
    alike: dict[frozenset[str], list[Mapping[str, Any]]] = {}
    for values in changes:
        alike.setdefault(frozenset(values), []).append(values)
    for columns, some in alike.items():
        names = sorted(columns - {"id"})
        statement = deliveries.update().where(deliveries.c.id == sa.bindparam("which"))
        await tx.execute(
            statement.values({name: sa.bindparam(f"new_{name}") for name in names}),
            [{"which": values["id"]} | {f"new_{name}": values[name] for name in names} for values in some],
        )
