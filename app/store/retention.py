"""Bodies that may be thrown away, as rows: which are due by a rule, what holds them back, who else needs a digest.

A body belongs to a document or to a status report. Whatever else keeps a body under its digest is named in
`referenced`, or it is taken for one that nobody refers to.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from app.store import document_terms
from app.store.database import Transaction
from app.store.schema import (
    closed_months,
    deliveries,
    documents,
    events,
    inspections,
    status_reports,
)

_PURGED = "content.purged"
_FIRST = "00000000-0000-0000-0000-000000000000"
_PENDING = ("withdrawal_requested", "update_requested")


class Hindrance(StrEnum):
    """What keeps a body from being thrown away although its time is over."""

    HELD = "held"
    """An order keeps it."""
    WAITING = "waiting"
    """Its document, or what was said of that, lies in an inbox."""
    PENDING = "pending"
    """A withdrawal or an update waits for its answer."""
    OPEN = "open"
    """Something of its signatures is not known yet, and is found out from its octets."""


@dataclass(frozen=True, slots=True)
class Due:
    """Which bodies a rule lets go.

    Attributes:
        statuses: of status reports, else of documents.
        accepted_until: accepted at this moment or before.
        kinds: of the document; empty: all.
        document_types: of the document; empty: all.
        longer: rules that keep longer; what they are about is none of this one's.
    """

    statuses: bool
    accepted_until: datetime
    kinds: frozenset[str] = frozenset()
    document_types: frozenset[str] = frozenset()
    longer: tuple["Due", ...] = ()


async def counted(tx: Transaction, due: Due) -> dict[Hindrance | None, tuple[int, int]]:
    """Return how many bodies are due and their octets, by what holds them back; None: nothing does."""
    table = _table(due)
    hindered = sa.case(
        *((condition, hindrance.value) for hindrance, condition in _hindrances(due).items()), else_=None
    ).label("hindered")
    rows = _due(due).with_only_columns(hindered, table.c.size).subquery()
    query = sa.select(rows.c.hindered, sa.func.count(), sa.func.sum(rows.c.size)).group_by(rows.c.hindered)
    return {
        Hindrance(name) if name is not None else None: (int(count), int(octets))
        for name, count, octets in await tx.execute(query)
    }


async def candidates(tx: Transaction, due: Due, *, after: str, limit: int) -> Sequence[str]:
    """Return ids, greater than `after`, of the documents or status reports whose bodies may go now, in order."""
    table = _table(due)
    query = _due(due).with_only_columns(table.c.id).where(table.c.id > (after or _FIRST), *_free(due))
    return (await tx.execute(query.order_by(table.c.id).limit(limit))).scalars().all()


async def claim(tx: Transaction, due: Due, ids: Collection[str]) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    """Return those of the candidates whose bodies may still go, held to the end of the transaction.

    Each row: id, document, sha256, size, agency (its sender or reporter), document_type.
    """
    table = _table(due)
    if tx.dialect.name == "postgresql":
        # First the lock, then the look: what was committed while this waited for the document is seen by the look.
        of = documents.c.id.in_(
            sa.select(status_reports.c.document).where(status_reports.c.id.in_(ids)) if due.statuses else list(ids)
        )
        await tx.execute(sa.select(documents.c.id).where(of).order_by(documents.c.id).with_for_update(key_share=True))
    columns = (
        table.c.id,
        (table.c.document if due.statuses else table.c.id).label("document"),
        table.c.sha256,
        table.c.size,
        (table.c.reporter if due.statuses else table.c.sender).label("agency"),
        documents.c.document_type,
    )
    query = _due(due).with_only_columns(*columns).where(table.c.id.in_(ids), *_free(due)).order_by(table.c.id)
    return (await tx.execute(query)).all()


async def mark(tx: Transaction, ids: Collection[str], *, statuses: bool, at: datetime) -> None:
    """Write that these bodies are gone."""
    table = status_reports if statuses else documents
    await tx.execute(table.update().where(table.c.id.in_(ids)).values(purged_at=at))


async def end_inspections(tx: Transaction, ids: Collection[str], *, at: datetime) -> None:
    """Look into the attachments of these documents no more: where that still waits after so long, nobody does it."""
    waiting = sa.and_(inspections.c.document.in_(ids), inspections.c.state == "waiting")
    await tx.execute(inspections.update().where(waiting).values(state="failed", next_try_at=None, inspected_at=at))


async def forget_words(tx: Transaction, ids: Collection[str], *, subjects: bool) -> None:
    """Take from documents the words they are searched by; with `subjects`, what the words were taken from, too."""
    await document_terms.remove(tx, ids)
    if subjects:
        await tx.execute(documents.update().where(documents.c.id.in_(ids)).values(subject=""))


async def hold(tx: Transaction, document: str, *, at: datetime | None) -> bool:
    """Keep the bodies of a document from being purged, or let them go with None; False where that is so already."""
    before = documents.c.held_at.is_(None) if at is not None else documents.c.held_at.is_not(None)
    statement = documents.update().where(documents.c.id == document, before).values(held_at=at)
    return (await tx.execute(statement)).rowcount == 1


async def purges_of(tx: Transaction, ids: Collection[str]) -> Sequence[sa.Row[Any]]:
    """Return the events by which bodies of these documents, and of reports about them, were purged."""
    query = sa.select(events).where(events.c.document.in_(ids), events.c.kind == _PURGED)
    return (await tx.execute(query)).all()


async def count_purges(tx: Transaction) -> int:
    """Return how many events say that a body was purged."""
    return int((await tx.execute(sa.select(sa.func.count()).where(events.c.kind == _PURGED))).scalar_one())


async def marked(tx: Transaction, *, statuses: bool, after: str, limit: int) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    """Return id, document, sha256 and purged_at of what is marked as purged, from behind an id, in order."""
    table = status_reports if statuses else documents
    query = sa.select(
        table.c.id, (table.c.document if statuses else table.c.id).label("document"), table.c.sha256, table.c.purged_at
    ).where(table.c.purged_at.is_not(None), table.c.id > (after or _FIRST))
    return (await tx.execute(query.order_by(table.c.id).limit(limit))).all()


async def purged_among(tx: Transaction, digests: Collection[str]) -> set[str]:
    """Return of which of these digests some row says that its body was purged."""
    query = sa.union_all(
        *(
            sa.select(table.c.sha256).where(table.c.sha256.in_(digests), table.c.purged_at.is_not(None))
            for table in (documents, status_reports)
        )
    )
    return set((await tx.execute(query)).scalars())


async def referenced(tx: Transaction, digests: Iterable[str]) -> set[str]:
    """Return which of these digests some row needs the body of."""
    wanted = list(digests)
    if not wanted:
        return set()
    query = sa.union_all(
        sa.select(documents.c.sha256).where(documents.c.sha256.in_(wanted), documents.c.purged_at.is_(None)),
        sa.select(status_reports.c.sha256).where(
            status_reports.c.sha256.in_(wanted), status_reports.c.purged_at.is_(None)
        ),
        sa.select(closed_months.c.digest).where(closed_months.c.digest.in_(wanted)),
    )
    return set((await tx.execute(query)).scalars())


def _table(due: Due) -> sa.Table:
    return status_reports if due.statuses else documents


def _due(due: Due) -> sa.Select[Any]:
    table = _table(due)
    query = sa.select(table).where(table.c.purged_at.is_(None), table.c.accepted_at <= due.accepted_until)
    query = query.where(*_about(due))
    for longer in due.longer:
        # A rule about everything leaves nothing to those that keep shorter.
        query = query.where(sa.not_(sa.and_(*_about(longer)))) if _about(longer) else query.where(sa.false())
    return query.join(documents, documents.c.id == table.c.document) if due.statuses else query


def _about(due: Due) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if due.kinds:
        conditions.append(documents.c.kind.in_(sorted(due.kinds)))
    if due.document_types:
        conditions.append(documents.c.document_type.in_(sorted(due.document_types)))
    return conditions


def _hindrances(due: Due) -> Mapping[Hindrance, sa.ColumnElement[bool]]:
    """Return the condition of each; the first that holds is the one that is told."""
    leg = deliveries.c
    unknown = sa.and_(documents.c.indication == "INDETERMINATE", documents.c.signature == "valid")
    of_it = leg.document == documents.c.id
    return {
        Hindrance.HELD: documents.c.held_at.is_not(None),
        Hindrance.WAITING: sa.exists().where(of_it, leg.in_inbox.is_(sa.true())).correlate(documents),
        Hindrance.PENDING: sa.exists().where(of_it, leg.change.in_(_PENDING)).correlate(documents),
        Hindrance.OPEN: status_reports.c.indication == "INDETERMINATE" if due.statuses else unknown,
    }


def _free(due: Due) -> list[sa.ColumnElement[bool]]:
    return [sa.not_(condition) for condition in _hindrances(due).values()]
