"""The row that says how long the ledger is and who seals it: the lock behind the one order, and the lease before it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa

from app.errors import DataFault
from app.store.database import Transaction
from app.store.schema import ledger_state

GROWN: Final = "ledger"
"""What a transaction notes that seals something (`database.note`)."""
IDLE_SECONDS_MAX: Final = 10
"""Silence after which PostgreSQL ends a sealing transaction: its process hangs, or its machine is gone."""
LOCK_SECONDS_MAX: Final = 5
"""Longest wait for somebody else's lock: the row is then free for another process, and this one tries again."""

# Made once: each batch runs them, and making a statement costs more than running it.
_STATE: Final = sa.select(
    *(ledger_state.c[name] for name in ("size", "sealed_at", "sealer", "lease_until", "epoch"))
).where(ledger_state.c.id == 1)
_HELD: Final = _STATE.with_for_update()


@dataclass(frozen=True, slots=True)
class SealingState:
    """The row as it is.

    Attributes:
        size: sealed events; the next index.
        sealed_at: when the last ones were, UTC; None before the first.
        sealer: process that has the lease, or had it last.
        lease_until: until when, UTC.
        epoch: how often another process took over.
    """

    size: int
    sealed_at: datetime | None
    sealer: str | None
    lease_until: datetime | None
    epoch: int


async def bound(tx: Transaction) -> None:
    """Have PostgreSQL end this transaction where its process hangs, so that it does not hold the row for ever.

    SQLite knows no such limit: there a process that hangs in a transaction holds up every writer until it is stopped.
    """
    if tx.dialect.name == "postgresql":
        await tx.execute(_bound(IDLE_SECONDS_MAX, LOCK_SECONDS_MAX))


@lru_cache
def _bound(idle_seconds: int, lock_seconds: int) -> sa.Select[Any]:
    limits = {"idle_in_transaction_session_timeout": idle_seconds, "lock_timeout": lock_seconds}
    # The form of SET LOCAL that sets two at once.
    local = sa.true()
    return sa.select(*(sa.func.set_config(name, f"{each}s", local) for name, each in limits.items()))


async def end_hanging(tx: Transaction) -> int:
    """Have PostgreSQL end the sessions of processes that hang in a transaction that writes; returns how many.

    For whoever waited for a lock in vain. `bound` does not reach all of them: a process that hangs after it had a
    statement prepared and before it has it executed is in the midst of a statement for the server, not silent between
    two, and so are those whose transaction is not one of sealing. None waits for anything but the database, so none
    that lives is silent that long.
    """
    if tx.dialect.name != "postgresql":
        return 0
    limit = sa.bindparam("limit", timedelta(seconds=IDLE_SECONDS_MAX), type_=sa.Interval)
    return len((await tx.execute(_HANGING.bindparams(limit))).all())


_HANGING: Final = sa.text("""
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user AND backend_xid IS NOT NULL
AND wait_event = 'ClientRead' AND state_change < clock_timestamp() - :limit
""")
"""Whoever has a transaction's number has written or locked a row; readers have none."""


async def state(tx: Transaction, *, lock: bool = False) -> SealingState:
    """Return the row; with `lock`, hold it so that nobody else seals, publishes or takes over until this ends.

    Raises:
        DataFault: it is missing.
    """
    row = (await tx.execute(_HELD if lock and tx.dialect.name == "postgresql" else _STATE)).one_or_none()
    if row is None:
        raise DataFault("the row that says how long the ledger is is missing")
    return SealingState(*row)


async def take(tx: Transaction, *, sealer: str, until: datetime, epoch: int) -> None:
    """Write who has the lease; to be called while the row is held."""
    values = {"sealer": sealer, "lease_until": until, "epoch": epoch}
    await tx.execute(ledger_state.update().where(ledger_state.c.id == 1).values(values))


async def give_back(tx: Transaction, *, sealer: str, epoch: int) -> None:
    """End a lease before its time, where it is still this one."""
    mine = sa.and_(ledger_state.c.id == 1, ledger_state.c.sealer == sealer, ledger_state.c.epoch == epoch)
    await tx.execute(ledger_state.update().where(mine).values(lease_until=None))
