"""How far sealing and publishing are, and which process does it: what operators look at."""

from dataclasses import dataclass
from datetime import datetime

from app.store import census_tree, checkpoints, journal, sealing
from app.store.database import Transaction


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the ledger is.

    Attributes:
        waiting: events without an index, counted to 10,000.
        oldest: when the oldest of them happened, UTC.
        size: sealed events.
        sealed_at: when the last of them were, UTC.
        published: events the newest checkpoint covers; None before the first.
        published_at: when it was signed, UTC.
        sealer: process that has the lease, or had it last.
        lease_until: until when, UTC; None where it was given back.
        epoch: how often another process took over.
    """

    waiting: int
    oldest: datetime | None
    size: int
    sealed_at: datetime | None
    published: int | None
    published_at: datetime | None
    sealer: str | None
    lease_until: datetime | None
    epoch: int

    def unsealed_seconds(self, *, now: datetime) -> float:
        """For how long the oldest event waits to be sealed; 0 where none does."""
        return max((now - self.oldest).total_seconds(), 0.0) if self.oldest else 0.0

    def unsigned_seconds(self, *, now: datetime) -> float:
        """For how long what is sealed waits at least for its checkpoint; 0 where the newest covers it."""
        if self.size == (self.published or 0) or self.sealed_at is None:
            return 0.0
        since = self.sealed_at if self.published_at is None else max(self.published_at, self.sealed_at)
        return max((now - since).total_seconds(), 0.0)


async def standing(tx: Transaction) -> Standing:
    """Return how far sealing and publishing are, and who does it.

    Raises:
        DataFault: the row that says how long the ledger is is missing.
    """
    waiting, oldest = await journal.unsealed_backlog(tx)
    state, newest = await sealing.state(tx), await checkpoints.latest(tx)
    return Standing(
        waiting,
        oldest,
        state.size,
        state.sealed_at,
        newest.size if newest is not None else None,
        newest.published_at if newest is not None else None,
        state.sealer,
        state.lease_until,
        state.epoch,
    )


async def short_of(tx: Transaction) -> str | None:
    """Say why the tree ends before the ledger does, so that nothing can be sealed or signed; None where it does not.

    So it is after the upgrade of a ledger from before there was a tree, of whose events somebody had deleted one, and
    where tiles were deleted.
    """
    size, held = await journal.size(tx), await census_tree.leaves_held(tx)
    if held >= size:
        return None
    if not await census_tree.has_index(tx, held):
        return (
            f"the index of the ledger has a gap: {size} events are said to be sealed, and none has the index {held}. "
            f"Its event was deleted, or its index taken from it, so the tree ends there, and nothing can be sealed or "
            f"signed any more: mail is taken and not delivered. `truc log verify` tells more; the operator's guide "
            f'says what to do ("A gap in the index")'
        )
    return (
        f"the tree ends before the ledger: {size} events are sealed, the tree has {held}. Tiles were deleted, and "
        f"nothing can be sealed or signed any more: mail is taken and not delivered. `truc log verify` tells more; the "
        f'operator\'s guide says what to do ("A gap in the index")'
    )
