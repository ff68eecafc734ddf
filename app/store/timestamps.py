"""Batches of receipts that get one time stamp each, and their members, as rows.

Batches cover the ledger one after the other: the next begins behind the `through` of the last. Ids are in the order of
making, so the newest batch is the one with the greatest id.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa

from app.store.database import Transaction
from app.store.schema import documents, events, status_reports, timestamp_batches, timestamp_members

ACCEPTED: Final = ("document.accepted", "status.accepted")
"""Kinds of event that leave a receipt."""
_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Before every batch; a bound instead of IS NOT NULL, which SQLite takes no index for."""

_batches = timestamp_batches.c


async def newest(tx: Transaction) -> sa.Row[*tuple[Any, ...]] | None:
    """Return the batch that was made last."""
    return (await tx.execute(sa.select(timestamp_batches).order_by(_batches.id.desc()).limit(1))).first()


async def accepted(tx: Transaction, *, after: int, limit: int) -> Sequence[tuple[int, str]]:
    """Return index and id of the documents and reports whose acceptance was sealed behind an index, in ledger order."""
    found: list[tuple[int, str]] = []
    for kind in ACCEPTED:
        # One query a kind, each along its own part of an index: what else happened in between is not looked at.
        query = (
            sa.select(events.c.position, events.c.kind, events.c.document, events.c.body)
            .where(events.c.kind == kind, events.c.position > after)
            .order_by(events.c.position)
            .limit(limit)
        )
        found.extend((row.position, _receipt_of(row)) for row in await tx.execute(query))
    return sorted(found)[:limit]


async def receipts(tx: Transaction, ids: Collection[str]) -> Mapping[str, str]:
    """Return the receipts of documents and status reports by id."""
    found = {}
    for table in (documents, status_reports):
        query = sa.select(table.c.id, table.c.receipt).where(table.c.id.in_(ids))
        found.update({row.id: row.receipt for row in await tx.execute(query)})
    return found


async def insert(tx: Transaction, batch: Mapping[str, Any], members: Sequence[Mapping[str, Any]]) -> None:
    """Insert a batch with its members."""
    await tx.execute(timestamp_batches.insert(), [dict(batch)])
    await tx.execute(timestamp_members.insert(), [dict(member) for member in members])


async def waiting(tx: Transaction) -> sa.Row[int, int | None, datetime | None]:
    """Return how many batches wait for their time stamp, with how many receipts, and when the oldest was made."""
    query = sa.select(sa.func.count(), sa.func.sum(_batches.size), sa.func.min(_batches.made_at))
    found: sa.Row[int, int | None, datetime | None] = (
        await tx.execute(query.where(_batches.next_try_at >= _EVER))
    ).one()
    return found


async def claim(tx: Transaction, *, at: datetime, until: datetime) -> sa.Row[*tuple[Any, ...]] | None:
    """Take one batch whose time has come, and that nobody else has taken, for oneself until a moment."""
    query = (
        sa.select(timestamp_batches)
        .where(_batches.next_try_at >= _EVER, _batches.next_try_at <= at)
        .order_by(_batches.next_try_at)
        .limit(1)
    )
    if tx.dialect.name == "postgresql":
        query = query.with_for_update(skip_locked=True)
    row = (await tx.execute(query)).first()
    if row is not None:
        await tx.execute(timestamp_batches.update().where(_batches.id == row.id).values(next_try_at=until))
    return row


async def settle(tx: Transaction, batch: str, *, token: str, stamped_at: datetime) -> bool:
    """Note a batch's token; False where it has one already."""
    statement = (
        timestamp_batches.update()
        .where(_batches.id == batch, _batches.token.is_(None))
        .values(token=token, stamped_at=stamped_at, next_try_at=None, problem=None, attempts=_batches.attempts + 1)
    )
    return (await tx.execute(statement)).rowcount == 1


async def postpone(tx: Transaction, batch: str, *, until: datetime, problem: str) -> int | None:
    """Note that an attempt failed; returns how many did, None where somebody else had the batch stamped meanwhile."""
    statement = (
        timestamp_batches.update()
        .where(_batches.id == batch, _batches.token.is_(None))
        .values(next_try_at=until, problem=problem, attempts=_batches.attempts + 1)
        .returning(_batches.attempts)
    )
    attempts: int | None = (await tx.execute(statement)).scalar_one_or_none()
    return attempts


async def of_receipt(tx: Transaction, receipt: str) -> sa.Row[*tuple[Any, ...]] | None:
    """Return the batch the receipt of a document or status report is in, with the receipt's position in it."""
    query = (
        sa.select(timestamp_batches, timestamp_members.c.position)
        .join(timestamp_members, timestamp_members.c.batch == _batches.id)
        .where(timestamp_members.c.receipt == receipt)
        .order_by(_batches.id)
        .limit(1)
    )
    return (await tx.execute(query)).first()


async def by_id(tx: Transaction, batch: str) -> sa.Row[*tuple[Any, ...]] | None:
    """Return a batch."""
    return (await tx.execute(sa.select(timestamp_batches).where(_batches.id == batch))).first()


async def members(tx: Transaction, batch: str) -> Sequence[sa.Row[str, str]]:
    """Return of which documents and reports a batch has receipts, and their digests, in the order of its tree."""
    member = timestamp_members.c
    query = sa.select(member.receipt, member.digest).where(member.batch == batch).order_by(member.position)
    return (await tx.execute(query)).all()


async def count_stamped(tx: Transaction) -> int:
    """Return how many batches have their time stamp."""
    query = sa.select(sa.func.count()).select_from(timestamp_batches).where(_batches.token.is_not(None))
    return int((await tx.execute(query)).scalar_one())


def _receipt_of(row: Any) -> str:
    return str(row.document if row.kind == ACCEPTED[0] else json.loads(row.body)["detail"]["report"])
