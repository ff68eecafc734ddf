"""Group commit: whatever queued while the last transaction was written goes into the next one (ours, decision 0028).

A transaction costs the same sync of the disk whether it holds one document or sixty, and most of its statements are as
cheap for many rows as for one. Nobody waits for company: who comes while nothing is written begins at once, and those
who come meanwhile are the next batch.

Each waits until the transaction that holds what it gave is durable. Where a batch fails, each of it is written again by
itself, so that what cannot be written harms no neighbour. Who stops waiting has handed over all the same: what was
given is written, and found by asking again.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

import structlog

from app.errors import Unavailable
from app.store.database import Database, Transaction

T = TypeVar("T")
R = TypeVar("R")
T_contra = TypeVar("T_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)

SILENT_MAX: Final = 2
"""How many in a row, each by itself, the database may leave without an answer; the rest of a batch is not tried."""

_log = structlog.get_logger("truc.gather")


class Write(Protocol[T_contra, R_co]):
    """Writes several things in an open transaction and tells of each, in their order, what became of it."""

    def __call__(self, tx: Transaction, things: Sequence[T_contra], /) -> Awaitable[Sequence[R_co]]:
        """Write them all; an exception undoes them all."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is gathered.

    Attributes:
        batch_things: most things in one transaction.
        batch_octets: most octets in one transaction; a single thing may have more.
        waiting_things: most things that wait for the next ones.
        waiting_octets: most octets that they may hold.
        close_seconds: longest time that closing waits for what still waits.
    """

    batch_things: int = 64
    batch_octets: int = 4 * 1024 * 1024
    waiting_things: int = 1_024
    waiting_octets: int = 64 * 1024 * 1024
    close_seconds: float = 20.0


USUAL: Final = Bounds()


@dataclass(eq=False, slots=True)
class _Given:
    """One thing that waits.

    Attributes:
        octets: what it holds of memory, roughly.
        done: gets what became of it; cancelled where nobody waits any more.
    """

    write: Write[Any, Any]
    thing: Any
    octets: int
    done: "asyncio.Future[Any]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def settle(self, outcome: Any) -> None:
        if not self.done.done():
            self.done.set_result(outcome)

    def fail(self, error: BaseException) -> None:
        if not self.done.done():
            self.done.set_exception(error)


class Gatherer:
    """Puts what several requests want written into one transaction. For one database and one event loop.

    Args:
        committed: called after each commit, before those who wait are told.
    """

    def __init__(
        self, database: Database, *, committed: Callable[[], None] = lambda: None, bounds: Bounds = USUAL
    ) -> None:
        self._database = database
        self._committed = committed
        self._bounds = bounds
        self._waiting: deque[_Given] = deque()
        self._octets = 0
        self._writing: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def waiting(self) -> int:
        """How many things wait for the next transaction."""
        return len(self._waiting)

    def require_room(self) -> None:
        """Ask before work is spent on something that would find no room.

        Raises:
            Unavailable: too much waits already, or the node is stopping.
        """
        if self._closed:
            raise Unavailable("the node is stopping")
        if len(self._waiting) >= self._bounds.waiting_things or self._octets >= self._bounds.waiting_octets:
            raise Unavailable("more waits to be written than this node holds")

    async def commit(self, write: Write[T, R], thing: T, *, octets: int) -> R:
        """Have something written in the next transaction.

        Args:
            write: what is given with the same function is written by one call of it.
            octets: what the thing, and what waits with it, holds of memory.

        Returns:
            What the function said of it, once the transaction is durable.

        Raises:
            Unavailable: there was no room, or the database does not answer; where the connection broke in the very
                commit it may have been written all the same.
        """
        self.require_room()
        given = _Given(write, thing, octets)
        self._waiting.append(given)
        self._octets += octets
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all(), name="gatherer")
        outcome: R = await given.done
        return outcome

    async def close(self) -> None:
        """Write what waits, take nothing more; what is not written in time is refused."""
        self._closed = True
        if self._writing is not None:
            await asyncio.wait({self._writing}, timeout=self._bounds.close_seconds)
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.wait({self._writing}, timeout=self._bounds.close_seconds)

    async def _write_all(self) -> None:
        batch: list[_Given] = []
        try:
            while self._waiting:
                batch = self._next()
                await self._write(batch)
                batch = []
        finally:
            # Empty but where `close` cancelled it: nobody may wait for an answer that never comes.
            for given in (*batch, *self._waiting):
                given.fail(Unavailable("the node stopped; ask again whether this was written"))
            self._waiting.clear()
            self._octets = 0
            self._writing = None

    def _next(self) -> list[_Given]:
        bounds, octets = self._bounds, 0
        batch: list[_Given] = []
        while self._waiting and len(batch) < bounds.batch_things:
            octets += self._waiting[0].octets
            if batch and octets > bounds.batch_octets:
                break
            given = self._waiting.popleft()
            self._octets -= given.octets
            batch.append(given)
        return batch

    async def _write(self, batch: Sequence[_Given]) -> None:
        try:
            outcomes = await self._in_one(batch)
        except Exception as error:  # noqa: BLE001 -- whatever it is, whoever waits has to hear of it
            if len(batch) == 1:
                batch[0].fail(error)
            else:
                _log.warning("gather.apart", things=len(batch), cause=repr(error)[:200])
                await self._write_apart(batch)
            return
        # Durable: everything of the batch. Before this line, nothing of it was.
        self._committed()
        for given, outcome in zip(batch, outcomes, strict=True):
            given.settle(outcome)

    async def _write_apart(self, batch: Sequence[_Given]) -> None:
        silent = 0
        for number, given in enumerate(batch):
            if silent >= SILENT_MAX:
                for rest in batch[number:]:
                    rest.fail(Unavailable("the database does not answer; nothing of this was kept"))
                return
            await self._write([given])
            failure = None if given.done.cancelled() else given.done.exception()
            silent = silent + 1 if isinstance(failure, Unavailable) else 0

    async def _in_one(self, batch: Sequence[_Given]) -> list[Any]:
        alike: dict[Write[Any, Any], list[int]] = {}
        for place, given in enumerate(batch):
            alike.setdefault(given.write, []).append(place)
        outcomes: list[Any] = [None] * len(batch)
        async with self._database.write() as tx:
            for write, places in alike.items():
                told = await write(tx, [batch[place].thing for place in places])
                for place, outcome in zip(places, told, strict=True):
                    outcomes[place] = outcome
        return outcomes
