"""Making the ledger searchable, after the fact: the words of documents, and what blocks of events hold.

Neither is part of what happened, so neither is in the transaction of it: rounds follow the ledger from wherever they
came to, in any number of processes, and a database from before is caught up with in the same way.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from app.exchange.document_words import terms_of
from app.statistics.fold import unit_of
from app.store import document_terms, event_blocks, journal
from app.store.database import Database, Transaction
from app.store.event_blocks import WIDTH, mark

DOCUMENTS_MAX = 200
"""Documents whose words are entered in one transaction: some thousand rows, a few hundredths of a second."""

BLOCKS_MAX = 4
"""Blocks summed up in one transaction."""

_NAMED: Final = ("outcome", "tier", "branch", "document_type", "peer_tier")
"""Columns of events that a block speaks of."""

_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


async def enter_words(database: Database) -> int:
    """Enter the words of the next documents of the ledger; returns how many documents it looked at.

    Raises:
        Unavailable: the database does not answer; nothing was entered.
    """
    async with database.read() as tx:
        seen = await document_terms.cursor(tx)
        accepted = await document_terms.accepted_after(tx, seen, limit=DOCUMENTS_MAX)
    if not accepted:
        return 0
    terms = [(term, row.document) for row in accepted for term in terms_of(row.code, row.subject)]
    async with database.write() as tx:
        if await document_terms.move_cursor(tx, seen=seen, to=accepted[-1].position):
            there = await document_terms.hold(tx, {row.document for row in accepted})
            await document_terms.add(tx, [(term, document) for term, document in terms if document in there])
        # Words and mark become visible together. Where another process was here first, nothing is written.
    return len(accepted)


async def sum_up_blocks(database: Database) -> int:
    """Write the next blocks of the ledger that are full; returns how many.

    Raises:
        Unavailable: the database does not answer; nothing was written.
    """
    async with database.read() as tx:
        rows = await _next_blocks(tx)
    if rows:
        async with database.write() as tx:
            await event_blocks.add(tx, rows)
    return len(rows)


async def catch_up(database: Database) -> None:
    """Do both in turn until nothing is left.

    Raises:
        Unavailable: the database does not answer; what was done so far stays.
    """
    while await enter_words(database) + await sum_up_blocks(database):
        pass


async def _next_blocks(tx: Transaction) -> list[dict[str, Any]]:
    first = await event_blocks.covered(tx) // WIDTH
    full = await journal.size(tx) // WIDTH
    return [block_of(number, await event_blocks.events_of(tx, number)) for number in range(first, full)[:BLOCKS_MAX]]


def block_of(number: int, held: Sequence[Any]) -> dict[str, Any]:
    """Return the row of a block, from the rows of all its events."""
    marks: dict[str, list[int]] = defaultdict(list)
    for event in held:
        found = {mark(name, getattr(event, name) or "") for name in _NAMED}
        found.add(mark("unit", unit_of(event.agency or "")))
        found.update(mark("measure", measure) for measure in (event.measures or "").split())
        if event.agency is None:
            found.add(mark("agency", ""))
        for each in found:
            marks[each].append(event.position - number * WIDTH)
    # Of a block that somebody deleted nothing is left to be found, and that must not stop what else the node does.
    moments = [event.at for event in held] or [_NEVER]
    return {
        "number": number,
        "first_at": min(moments),
        "last_at": max(moments),
        "holds": event_blocks.written({each: sorted(places) for each, places in marks.items()}),
    }
