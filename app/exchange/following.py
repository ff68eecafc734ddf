"""Following the ledger: one look for all who wait in a process, whatever their number and whoever sealed."""

import asyncio

from app.exchange.doorbell import Doorbell
from app.exchange.quiet import FOLLOWED
from app.ledger.seal import BATCH_MAX, IN_INBOX
from app.store import journal
from app.store.database import Database
from app.store.sealing import GROWN
from app.store.versions import currents


async def ring_new(database: Database, doorbell: Doorbell, *, after: int) -> int:
    """Ring for all that was sealed behind a ledger index; returns the last index it has rung for.

    Indices are given and committed one batch after the other (`ledger/seal.py`), so whoever sees one sees all before
    it: nothing appears later behind what was looked at.

    Raises:
        Unavailable: the database does not answer.
    """
    while True:
        # What is sealed from here on may not be in what is read.
        at, sealed = asyncio.get_running_loop().time(), database.changes[GROWN]
        async with database.glance() as tx:
            rows = await journal.newly_sealed(tx, after=after, limit=BATCH_MAX)
            versions = await currents(tx, FOLLOWED)
        if not rows:
            doorbell.quiet.looked(at=at, sealed=sealed, versions=versions)
            return after
        doorbell.ring({row.agency for row in rows if row.kind in IN_INBOX and row.agency is not None})
        after = rows[-1].position
