"""Certificates that end soon: warned of 60, 30 and 7 days before, once each; ours, decision 0018.

For the worker. A warning is an event of the agency, which webhooks tell. Who looks late warns of the nearest threshold
only; those passed meanwhile are not made up for.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from app.ids import new_id
from app.ledger.events import NODE_ACTOR, Event, EventKind, Standing, instant_text, record
from app.store import expiring as rows
from app.store.database import Database, Transaction

THRESHOLDS: Final = (60, 30, 7)
"""Days before the end; the first leaves time to order another certificate, the last to bring one that lies ready."""
BATCH_MAX: Final = 500


async def warn(database: Database, *, at: datetime) -> int:
    """Record a warning for every certificate in use that has come closer to its end; returns how many.

    Safe from any number of processes: whoever moves the mark of a certificate records the event.

    Raises:
        Unavailable: the database does not answer; batches before the last one are kept.
    """
    warned = 0
    while True:
        async with database.read() as tx:
            due = await rows.unwarned(tx, at, THRESHOLDS, limit=BATCH_MAX)
        if due:
            async with database.write() as tx:
                mine = [row for row in due if await rows.mark(tx, row.sha256, days=threshold(row.not_after, at))]
                await record(tx, [_warning(row, at) for row in mine])
                # Leaving the block commits marks and events together.
            warned += len(mine)
        if len(due) < BATCH_MAX:
            return warned


async def counts(tx: Transaction, *, at: datetime) -> dict[int, int]:
    """Return how many certificates in use end within the days of each threshold."""
    return {days: await rows.count(tx, at, at + timedelta(days=days)) for days in THRESHOLDS}


def threshold(not_after: datetime, at: datetime) -> int:
    """Return the nearest threshold, in days, that a certificate has come within."""
    return min(days for days in THRESHOLDS if not_after - at <= timedelta(days=days))


def _warning(row: Any, at: datetime) -> Event:
    return Event(
        id=new_id(),
        kind=EventKind.CERTIFICATE_EXPIRING,
        at=at,
        actor=NODE_ACTOR,
        standing=Standing(row.organ_id, row.tier, row.branch),
        detail={
            "sha256": row.sha256,
            "days": threshold(row.not_after, at),
            "not_after": instant_text(row.not_after),
        },
    )
