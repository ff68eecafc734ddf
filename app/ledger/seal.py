"""Sealing: giving committed events their place in the one order everybody sees, in the tree, and counting them.

Only committed events can be seen here, the row of the ledger's size is locked while indices are given, and all of a
batch becomes visible in one commit: so indices have no gap, from however many processes, and nothing comes before what
was committed when it was recorded, for `events.record` gives ids in that order. Nobody can receive a document before
its events are in the ledger, because an inbox shows deliveries by the index sealed here.

There is one durable write, the commit. Whoever dies at any statement before it leaves events without an index, as they
were; whoever dies behind it leaves a whole batch. A process that hangs in between is ended by PostgreSQL.
"""

from datetime import datetime

from app.ledger import tree
from app.ledger.events import EventKind
from app.ledger.lease import Lease
from app.statistics.fold import fold
from app.store import deliveries, figures, journal, ledger_tiles, sealing
from app.store.database import Database, note

IN_INBOX = frozenset(
    kind.value for kind in (EventKind.DELIVERY_AVAILABLE, EventKind.STATUS_AVAILABLE, EventKind.NOTICE_AVAILABLE)
)
"""Kinds of event by which something enters an inbox."""

BATCH_MAX = 1_000
"""Events sealed in one transaction: long enough to catch up quickly, short enough not to hold the writer for long."""


async def waits(database: Database) -> bool:
    """Tell whether an event waits for its index, without keeping anybody from writing.

    Raises:
        Unavailable: the database does not answer.
    """
    async with database.glance() as tx:
        return await journal.waits(tx)


async def seal_batch(database: Database, *, now: datetime, limit: int = BATCH_MAX, lease: Lease | None = None) -> int:
    """Seal the oldest unsealed events, at most `limit`; returns how many.

    Args:
        lease: by which this process seals; None seals whoever else may have one, which is as safe, and may wait.

    Raises:
        LeaseLost: another process took over meanwhile; nothing was sealed.
        Unavailable: the database does not answer; nothing was sealed.
        DataFault: the tree that is kept does not go with the size of the ledger; nothing was sealed.
    """
    async with database.write() as tx:
        await sealing.bound(tx)
        state = await sealing.state(tx, lock=True)
        if lease is not None:
            lease.check(state)
        size = state.size
        batch = await journal.unsealed(tx, limit=limit)
        positions = {event.id: size + offset for offset, event in enumerate(batch)}
        if positions:
            note(tx, sealing.GROWN)
            await journal.seal(tx, positions, size=size + len(batch), at=now)
            held = await ledger_tiles.read(tx, tree.edge(size))
            leaves = [bytes.fromhex(event.leaf_hash) for event in batch]
            await ledger_tiles.write(tx, tree.grown(held, size, leaves))
            await deliveries.place(
                tx,
                {event.delivery: positions[event.id] for event in batch if event.kind in IN_INBOX},
            )
            added = fold(batch)
            await figures.add(tx, [{**key._asdict(), **counts} for key, counts in added.counts.items()])
            await figures.mark(tx, {month: size + place for month, place in added.months.items()})
            await figures.add_spreads(
                tx,
                [
                    {**key.figure._asdict(), "measure": key.span, "bucket": key.bucket, "count": count}
                    for key, count in added.spreads.items()
                ],
            )
        # If we die here nothing was sealed. All of it becomes visible at this commit: index, tiles, inbox position and
        # figures cannot part.
    return len(positions)


async def seal_all(database: Database, *, now: datetime) -> int:
    """Seal until nothing waits; returns how many events were sealed."""
    total = 0
    while sealed := await seal_batch(database, now=now):
        total += sealed
    return total
