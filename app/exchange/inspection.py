"""After a document was accepted: what is inside its attachments, looked into beside the requests.

Acceptance leaves a row that waits, in its own transaction, for each document with PDFs. A round takes what is due, has
each PDF looked into by a process that may be killed, judges what was found, and writes the result together with its
event. A round that dies leaves rows that are due again; two rounds never write about the same document.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog

from app.errors import Unavailable
from app.exchange.desk import Clock, Desk
from app.exchange.extract import opened_attachments
from app.exchange.pdf_readers import PdfReaders
from app.exchange.pdf_verdict import PdfVerdict, judged, unsigned
from app.ids import new_id
from app.ledger.events import NODE_ACTOR, Event, EventKind, record
from app.ledger.inspected import detail_of
from app.registry import directory
from app.signing.pdf_found import PdfLimits
from app.store import inspections

PDF: Final = "application/pdf"
TAKEN_MAX: Final = 4
"""Documents a round takes at once; others may take the next ones meanwhile."""
PDFS_MAX: Final = 50
"""PDFs of one document that are looked into."""
DOCUMENT_SECONDS_MAX: Final = 600.0
"""Longest time for one document; twice as long nobody else takes it."""
ATTEMPTS_MAX: Final = 5
"""Attempts after which a document is given up."""
_FIRST_REST: Final = timedelta(minutes=1)
"""Rest after the first vain attempt; each is four times as long as the one before."""
_MARK: Final = b"/ByteRange"
"""What every signature says in the open: which octets it covers (ISO 32000-1 §12.8.1)."""

_log = structlog.get_logger("truc.inspection")


def awaited(document: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Give the row of an accepted document whose attachments are to be looked into; none where it has no PDF."""
    if not _pdfs(document["verification"]):
        return ()
    return ({"document": document["id"], "state": "waiting", "next_try_at": document["accepted_at"]},)


async def inspect_due(desk: Desk, readers: PdfReaders, *, limits: PdfLimits, now: Clock) -> int:
    """Look into what is due; returns how many documents were taken.

    Raises:
        Unavailable: the database does not answer; what was taken is due again later.
    """
    at = now()
    async with desk.database.read() as tx:
        if not await inspections.is_due(tx, at=at):
            return 0
    async with desk.database.write() as tx:
        until = at + timedelta(seconds=2 * DOCUMENT_SECONDS_MAX)
        taken = await inspections.claim(tx, at=at, until=until, limit=TAKEN_MAX)
    for row in taken:
        await _inspect(desk, readers, row, limits=limits, now=now)
    return len(taken)


async def _inspect(desk: Desk, readers: PdfReaders, row: Any, *, limits: PdfLimits, now: Clock) -> None:
    try:
        async with asyncio.timeout(DOCUMENT_SECONDS_MAX):
            verdicts = [(number, each) async for number, each in _verdicts(desk, readers, row, limits=limits)]
    except Unavailable:
        raise
    except Exception as error:  # noqa: BLE001 - what a stranger wrote must not end the work on everybody else's
        _log.warning(
            "inspection.failed", document=row.document, attempt=row.attempts, problem=f"{type(error).__name__}: {error}"
        )
        async with desk.database.write() as tx:
            if row.attempts >= ATTEMPTS_MAX:
                await inspections.give_up(tx, row.document, attempt=row.attempts, at=now())
            else:
                rest = _FIRST_REST * 4 ** (row.attempts - 1)
                await inspections.postpone(tx, row.document, attempt=row.attempts, until=now() + rest)
        return
    result = {"pdfs": [{"number": number, **verdict.shown} for number, verdict in verdicts]}
    await _settle(desk, row, result, at=now())


async def _settle(desk: Desk, row: Any, result: Mapping[str, Any], *, at: datetime) -> None:
    async with desk.database.write() as tx:
        if not await inspections.settle(tx, row.document, attempt=row.attempts, result=result, at=at):
            return
        sender = (await directory.resolve(tx, {row.sender}))[row.sender]
        event = Event(
            id=new_id(),
            kind=EventKind.DOCUMENT_INSPECTED,
            at=at,
            actor=NODE_ACTOR,
            standing=sender.standing,
            document_type=row.document_type,
            document=row.document,
            detail=detail_of(result),
        )
        await record(tx, [event])
    desk.doorbell.nudge()


async def _verdicts(
    desk: Desk, readers: PdfReaders, row: Any, *, limits: PdfLimits
) -> AsyncIterator[tuple[int, PdfVerdict]]:
    numbers = _pdfs(row.verification)[:PDFS_MAX]
    with opened_attachments(desk, row.sha256) as attachments:
        for number in numbers:
            async with _spooled(desk, attachments(number)) as path:
                if path is None:
                    yield number, unsigned()
                    continue
                found = await readers.examine(path, limits=limits)
            yield number, await judged(desk.database, found, received_at=row.accepted_at)


@asynccontextmanager
async def _spooled(desk: Desk, slices: Iterator[bytes]) -> AsyncIterator[Path | None]:
    """Write a file where the process that reads it finds it; None for one in which nothing says that it is signed.

    What a crash leaves behind is swept with the bodies that never arrived.
    """
    descriptor, path = desk.blobs.open_incoming()
    try:
        signed = await asyncio.to_thread(_write, descriptor, slices)
        yield path if signed else None
    finally:
        await asyncio.to_thread(path.unlink, missing_ok=True)


def _write(descriptor: int, slices: Iterator[bytes]) -> bool:
    marked, tail = False, b""
    with os.fdopen(descriptor, "wb") as file:
        for block in slices:
            marked = marked or _MARK in tail + block
            tail = block[-len(_MARK) :]
            file.write(block)
    return marked


def _pdfs(verification: Mapping[str, Any]) -> list[int]:
    kept = verification["attachments"]
    return [number for number, each in enumerate(kept, start=1) if each["media_type"] == PDF]
