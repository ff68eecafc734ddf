"""What one process does for the ledger beside its requests: seal and publish while the lease is its own."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from app.errors import Unavailable
from app.ledger import lease as leases
from app.ledger.lease import Lease, LeaseLost
from app.ledger.publish import Publisher, sign, unpublished
from app.ledger.seal import BATCH_MAX, seal_batch, waits
from app.signing.checkpoint import Checkpoint
from app.store import sealing

_NAME_CHARACTERS_MAX = 64


class Sealer:
    """One process's part in keeping the ledger; any number of processes may have one.

    Args:
        machine: where the process runs, and as what, for those who look who has the lease.

    Attributes:
        name: of the process, no two alike.
        lease: the last one it had.
    """

    def __init__(self, publisher: Publisher, *, machine: str) -> None:
        unlike = f":{secrets.token_hex(4)}"
        self.name = machine[: _NAME_CHARACTERS_MAX - len(unlike)] + unlike
        self.lease: Lease | None = None
        self._publisher = publisher
        self._database = publisher.database

    async def seal(self, *, now: datetime, limit: int = BATCH_MAX) -> int:
        """Seal a batch, where something waits and the lease can be had; returns how many events.

        Raises:
            Unavailable: the database does not answer.
            DataFault: as with `seal_batch`.
        """
        if not await waits(self._database):
            return 0
        async with self._unhindered():
            lease = await self._held(now=now)
            if lease is None:
                return 0
            try:
                return await seal_batch(self._database, now=now, limit=limit, lease=lease)
            except LeaseLost:
                self.lease = None
                return 0

    async def publish(self, *, now: datetime) -> Checkpoint | None:
        """Publish a checkpoint, where events were sealed behind the newest and the lease can be had.

        Raises:
            Unavailable: the database does not answer.
            NotContinued: what is sealed does not continue what was signed.
            DataFault: as with `publish.publish`.
        """
        found = await unpublished(self._publisher, now=now)
        if found is None:
            return None
        async with self._unhindered():
            lease = await self._held(now=now)
            if lease is None:
                return None
            try:
                return await sign(self._publisher, found, now=now, lease=lease)
            except LeaseLost:
                self.lease = None
                return None

    async def give_back(self) -> None:
        """Let another process go on at once.

        Raises:
            Unavailable: the database does not answer; the lease ends by itself.
        """
        lease, self.lease = self.lease, None
        if lease is not None:
            await leases.give_back(self._database, lease)

    @asynccontextmanager
    async def _unhindered(self) -> AsyncIterator[None]:
        try:
            yield
        except Unavailable:
            # It may be that a process that hangs holds for ever what has to be written: the next try finds it free.
            async with self._database.read() as tx:
                await sealing.end_hanging(tx)
            raise

    async def _held(self, *, now: datetime) -> Lease | None:
        if self.lease is None or not self.lease.fresh(now=now):
            self.lease = await leases.take(self._database, self.name, now=now)
        return self.lease
