"""Closing months: freezing the report of a month that is over, and freezing it again where its figures moved.

A report covers exactly as much of the ledger as a published checkpoint, which is kept from then on, so that whoever
holds the report, the checkpoint and the log can count it again (ours, decision 0022). Any number of processes may do
this at once: of each version of a month there is one, whoever writes it first. The event that says so counts in no
figure, so closing a month never is a reason to close one again.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from app.errors import DataFault, NotFound, RequestInvalid
from app.ids import new_id
from app.ledger.canonical import JsonValue
from app.ledger.events import NODE_ACTOR, Event, EventKind, record
from app.ledger.frozen_month import FrozenMonth
from app.ledger.publish import Publisher, publish
from app.statistics.fold import FigureKey
from app.statistics.measures import MEASURE_NAMES
from app.statistics.periods import Month
from app.store import checkpoints, closed_months, figures, journal
from app.store.blobs import BlobStore
from app.store.database import Transaction

TRIES_MAX: Final = 50
"""So often a checkpoint is published in the hope that nothing is sealed before the figures are read; a busy node seals
five times a second, and this takes a few hundredths of one."""


@dataclass(frozen=True, slots=True)
class Closing:
    """What closing months needs.

    Attributes:
        grace: from the end of a month until it is closed.
        rest: least time between two versions of a month.
    """

    publisher: Publisher
    blobs: BlobStore
    grace: timedelta
    rest: timedelta


@dataclass(frozen=True, slots=True)
class ClosedMonth:
    """One version of a closed month, as it is written down.

    Attributes:
        digest: SHA-256 of the report, the name of its body.
    """

    month: str
    version: int
    ledger_size: int
    root: str
    digest: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """Figures of a month and the checkpoint that covers exactly what they count."""

    checkpoint: Any
    origin: str
    figures: Sequence[Any]
    spreads: Sequence[Any]


async def close_due(closing: Closing, *, now: datetime) -> tuple[ClosedMonth, ...]:
    """Close every month whose time has come; returns what this process closed.

    Raises:
        NotContinued: what is sealed does not continue what was signed; nothing more was closed.
        Unavailable: the database or the disk does not answer; what was closed before stays closed.
        DataFault: figures or tiles are damaged.
    """
    done = []
    for month, version in await due(closing, now=now):
        closed = await _close(closing, month, version, now=now)
        if closed is not None:
            done.append(closed)
    return tuple(done)


async def due(closing: Closing, *, now: datetime) -> list[tuple[str, int]]:
    """Return the months to be closed, each with the version it gets.

    Raises:
        Unavailable: the database does not answer.
    """
    async with closing.publisher.database.read() as tx:
        counted = await figures.counted(tx)
        newest = {row.month: row for row in await closed_months.newest(tx)}
    found = []
    for month, size in counted.items():
        before = newest.get(month)
        if not is_over(month, grace=closing.grace, now=now):
            continue
        if before is None:
            found.append((month, 1))
        elif size > before.ledger_size and now >= before.made_at + closing.rest:
            found.append((month, before.version + 1))
    return found


def is_over(month: str, *, grace: timedelta, now: datetime) -> bool:
    """Whether a month ended so long ago that it may be closed; what is no month of our times never does."""
    try:
        return Month.parse(month).end + grace <= now
    except RequestInvalid:
        return False


async def _close(closing: Closing, month: str, version: int, *, now: datetime) -> ClosedMonth | None:
    snapshot = await _snapshot(closing.publisher, month, now=now)
    if snapshot is None:
        return None
    frozen, body = await asyncio.to_thread(_frozen, snapshot, month, version)
    closed = ClosedMonth(
        month, version, frozen.ledger_size, frozen.root, digest=hashlib.sha256(body).hexdigest(), made_at=now
    )
    await asyncio.to_thread(closing.blobs.keep_bytes, body, closed.digest)
    # If we die here there is a body nobody refers to, which is swept one day; the month is still to be closed.
    async with closing.publisher.database.write() as tx:
        if not await _write(tx, closed, snapshot.checkpoint, stamped=closing.publisher.stamped):
            return None
    # If we die before this commit nothing is closed, as above; behind it the month has its version, for good.
    return closed


async def _write(tx: Transaction, closed: ClosedMonth, checkpoint: Any, *, stamped: bool) -> bool:
    columns: dict[str, JsonValue] = {
        "month": closed.month,
        "version": closed.version,
        "ledger_size": closed.ledger_size,
        "root": closed.root,
        "digest": closed.digest,
    }
    if await journal.size(tx) < closed.ledger_size:
        # Restored from a backup between the snapshot and now.
        return False
    if not await closed_months.add(tx, {**columns, "made_at": closed.made_at}):
        # Another process was first.
        return False
    await checkpoints.keep(
        tx, {**checkpoint._mapping, "kept": True, "next_try_at": closed.made_at if stamped else None}
    )
    event = Event(id=new_id(), kind=EventKind.MONTH_CLOSED, at=closed.made_at, actor=NODE_ACTOR, detail=columns)
    await record(tx, [event])
    return True


async def _snapshot(publisher: Publisher, month: str, *, now: datetime) -> _Snapshot | None:
    """Read the figures of a month and the checkpoint of exactly what they count; None where the node is too busy."""
    for _ in range(TRIES_MAX):
        await publish(publisher, now=now)
        async with publisher.database.read() as tx:
            checkpoint = await checkpoints.latest(tx)
            if checkpoint is not None and checkpoint.size == await journal.size(tx):
                origin = await checkpoints.origin(tx)
                assert origin is not None, "a log with checkpoints has a name"
                return _Snapshot(
                    checkpoint,
                    origin,
                    await figures.of_month(tx, month),
                    await figures.spreads_of_month(tx, month),
                )
    return None


def _frozen(snapshot: _Snapshot, month: str, version: int) -> tuple[FrozenMonth, bytes]:
    frozen = FrozenMonth(
        month=month,
        version=version,
        origin=snapshot.origin,
        ledger_size=snapshot.checkpoint.size,
        root=snapshot.checkpoint.root,
        counts={
            FigureKey.of(row): {name: count for name in MEASURE_NAMES if (count := getattr(row, name))}
            for row in snapshot.figures
        },
        spreads={(FigureKey.of(row), row.measure): figures.buckets_of(row.counts) for row in snapshot.spreads},
    )
    return frozen, frozen.body()


async def version_of(tx: Transaction, month: str, version: int | None) -> Any:
    """Return the row of a version of a closed month; of the newest with None.

    Raises:
        NotFound: the month is not closed, or not in that version.
    """
    versions = {row.version: row for row in await closed_months.versions(tx, month)}
    row = versions.get(version or max(versions, default=0))
    if row is None:
        raise NotFound(f"{month} is not closed" + (f" in a version {version}" if version and versions else ""))
    return row


def read_frozen(blobs: BlobStore, digest: str) -> tuple[FrozenMonth, bytes]:
    """Read the report of a closed month, with its octets. Blocks.

    Raises:
        DataFault: the body is missing, or is not the one that was frozen.
        Unavailable: the disk does not answer.
    """
    body = b"".join(blobs.slices(digest))
    if hashlib.sha256(body).hexdigest() != digest:
        raise DataFault(f"the report of a closed month is not the one that was frozen as {digest}")
    return FrozenMonth.read(body), body
