"""Time stamps on checkpoints: what the log held, somebody else saw it hold by then.

Only the newest checkpoint that waits is stamped. It proves of every one before it that it existed by then, too, because
they lead to it by consistency proofs; so an outage of the authority, however long, costs one request when it is over.
Of a stamp on a checkpoint no event is written: it would ask for a checkpoint of its own, and so on for ever.
"""

import hashlib
from datetime import timedelta

import structlog

from app.exchange.desk import Clock
from app.exchange.stamping import LEASE, Stamping, ask_for, rest_after
from app.signing.note import text_of
from app.signing.timestamps import Timestamp
from app.store import checkpoint_stamps as rows
from app.store import evidence

_log = structlog.get_logger("truc.timestamps")


async def stamp_checkpoint(stamping: Stamping, *, now: Clock) -> int | None:
    """Have the newest checkpoint stamped that waits and whose time has come.

    Returns:
        the size of the ledger it is of, None where none was stamped.

    Raises:
        Unavailable: the database does not answer; what was committed before stays done, the rest is still to do.
    """
    at = now()
    async with stamping.database.read() as tx:
        due = await rows.waits(tx, at=at)
        since = await rows.oldest(tx)
    stamping.figures.checkpoint_late_seconds.set(max(timedelta(0), at - since).total_seconds() if since else 0.0)
    if not due:
        return None
    async with stamping.database.write() as tx:
        row = await rows.claim(tx, at=at, until=at + LEASE)
    if row is None:
        return None
    # If we die here somebody else asks again when the lease is over.
    answer = await ask_for(stamping, text_of(row.note).encode("utf-8"), now=now)
    if not isinstance(answer, Timestamp):
        _log.warning("timestamps.checkpoint_postponed", url=stamping.url, problem=answer, attempts=row.attempts + 1)
        async with stamping.database.write() as tx:
            await rows.postpone(tx, row.size, until=now() + rest_after(stamping, row.attempts), problem=answer)
        return None
    sha256 = hashlib.sha256(answer.token).hexdigest()
    async with stamping.database.write() as tx:
        await evidence.keep(tx, [{"sha256": sha256, "kind": "timestamp", "der": answer.token, "kept_at": now()}])
        settled = await rows.settle(tx, row.size, token=sha256, stamped_at=answer.gen_time)
    return int(row.size) if settled else None
