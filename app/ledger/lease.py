"""Who seals: one process at a time has a lease, and any other takes it when it has ended.

The lease keeps processes from waiting for each other; that there is one tree does not rest on it. Whoever seals or
publishes holds the row of the ledger while it does, and looks there whether its lease is still the one of that row: a
process that slept while another took over finds another epoch, and writes nothing. So clocks may be wrong: a lease that
ends too early costs a moment of contention, and one that ends later than any can is taken for no lease.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.store import sealing
from app.store.database import Database
from app.store.sealing import SealingState

LEASE: Final = timedelta(seconds=4)
"""How long mail waits at most when the process that seals is killed; one that ends in order gives it back."""


class LeaseLost(Exception):
    """Another process seals by now; nothing was written."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to seal, until a moment or until somebody takes over.

    Attributes:
        sealer: name of the process, at most 64 characters, no two alike.
        since: when it was written, UTC.
        until: when others may take over, UTC.
        epoch: how often that had happened before.
    """

    sealer: str
    since: datetime
    until: datetime
    epoch: int

    def check(self, state: SealingState) -> None:
        """Look whether it still is the lease of the row, which is held.

        Raises:
            LeaseLost: another process took over.
        """
        # Whether it has ended does not matter: nobody else can begin while the row is held.
        if (state.sealer, state.epoch) != (self.sealer, self.epoch):
            raise LeaseLost(f"epoch {state.epoch} of {state.sealer!r}, not {self.epoch} of {self.sealer!r}")

    def fresh(self, *, now: datetime) -> bool:
        """Whether it need not be renewed yet; never where the clock went backwards."""
        return self.since <= now < self.since + LEASE / 2


def free(state: SealingState, sealer: str, *, now: datetime) -> bool:
    """Tell whether a process may have the lease: it has it already, or nobody else does."""
    until = state.lease_until
    return state.sealer in (None, sealer) or until is None or not now < until <= now + LEASE * 2


async def take(database: Database, sealer: str, *, now: datetime) -> Lease | None:
    """Take the lease or renew it; None while another process has it.

    Raises:
        Unavailable: the database does not answer.
    """
    async with database.read() as tx:
        if not free(await sealing.state(tx), sealer, now=now):
            return None
    async with database.write() as tx:
        await sealing.bound(tx)
        state = await sealing.state(tx, lock=True)
        if not free(state, sealer, now=now):
            return None
        epoch = state.epoch + (state.sealer != sealer)
        await sealing.take(tx, sealer=sealer, until=now + LEASE, epoch=epoch)
    # If we die here it is taken, and ends by itself; nothing of the ledger has changed.
    return Lease(sealer, now, now + LEASE, epoch)


async def give_back(database: Database, lease: Lease) -> None:
    """End a lease, so that another process need not wait for that.

    Raises:
        Unavailable: the database does not answer; the lease ends by itself.
    """
    async with database.write() as tx:
        await sealing.bound(tx)
        await sealing.give_back(tx, sealer=lease.sealer, epoch=lease.epoch)
