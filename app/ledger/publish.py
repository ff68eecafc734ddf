"""Publishing: signing how long the ledger is and what its root is, for everybody to keep.

Apart from sealing, because a root follows from the tiles at any time. Two durable writes: first the size and root are
put down beside the key (`signing.signed_trees`), then the checkpoint goes into the database, where others see it. So a
checkpoint that anybody has seen is one that the key remembers, and what does not continue that is never signed: not
after a database was restored from an old backup, and not after its rows were changed.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.errors import DataFault
from app.ledger import proofs
from app.ledger.lease import Lease
from app.ledger.standing import short_of
from app.signing import merkle
from app.signing.checkpoint import Checkpoint
from app.signing.ledger_key import LedgerKey
from app.signing.note import VerifierKey, write_note
from app.signing.signed_trees import SignedTree
from app.store import checkpoints, journal, sealing
from app.store.database import Database, Transaction

KEEP_EVERY = timedelta(minutes=5)
"""So far apart are checkpoints that stay; those between go when the next one is published."""


class NotContinued(DataFault):
    """The database does not continue a tree that was signed; it was restored from an old backup, or changed."""


@dataclass(frozen=True, slots=True)
class Publisher:
    """What publishing needs.

    Attributes:
        key: signs, and remembers what it signed.
        origin: the name a log without one gets at its first checkpoint.
        stamped: whether kept checkpoints wait for a time stamp.
    """

    database: Database
    key: LedgerKey
    origin: str
    stamped: bool = False


@dataclass(frozen=True, slots=True)
class Unpublished:
    """What there is to publish, in one snapshot.

    Attributes:
        seen: what the key had signed before the snapshot was taken.
        stays: whether the next checkpoint is to be kept.
        named: whether the log has its name already.
    """

    checkpoint: Checkpoint
    seen: SignedTree | None
    stays: bool
    named: bool

    @property
    def tree(self) -> SignedTree:
        """What the key has to remember."""
        return SignedTree(self.checkpoint.size, self.checkpoint.root)


async def publish(publisher: Publisher, *, now: datetime, lease: Lease | None = None) -> Checkpoint | None:
    """Sign a checkpoint of all that is sealed; None where the newest one covers it, or another process is at it.

    Args:
        lease: by which this process publishes; None as with `seal.seal_batch`.

    Raises:
        NotContinued: what is sealed does not continue what was signed; nothing was signed.
        LeaseLost: another process took over meanwhile; nothing was published.
        Unavailable: the database does not answer; nothing was published.
        DataFault: the tree that is kept does not go with the size of the ledger, or nobody knows what was signed.
    """
    found = await unpublished(publisher, now=now)
    return await sign(publisher, found, now=now, lease=lease) if found is not None else None


async def sign(
    publisher: Publisher, found: Unpublished, *, now: datetime, lease: Lease | None = None
) -> Checkpoint | None:
    """Sign what was found and publish it; None where somebody else was faster.

    Raises:
        LeaseLost, Unavailable, DataFault: as with `publish`.
    """
    checkpoint, key = found.checkpoint, publisher.key
    if not await asyncio.to_thread(key.signed.advance, checkpoint.origin, seen=found.seen, to=found.tree):
        return None
    # If we die here the key remembers a tree that nobody has seen signed. What is sealed stays, so the next one to
    # publish finds it continued, by a tree of this size or a larger one.
    row = {
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
        "note": write_note(checkpoint.text, [key.signer(checkpoint.origin).line(checkpoint.text)]),
        "published_at": now,
        "kept": found.stays,
        "next_try_at": now if found.stays and publisher.stamped else None,
    }
    async with publisher.database.write() as tx:
        await sealing.bound(tx)
        state = await sealing.state(tx, lock=True)
        if lease is not None:
            lease.check(state)
        named = found.named or await checkpoints.name(tx, checkpoint.origin) == checkpoint.origin
        if state.size < checkpoint.size or not named:
            # Restored between the snapshot and now, or first named by somebody with other settings.
            return None
        await checkpoints.publish(tx, row)
    # If we die before this commit there is no checkpoint, as above; behind it everybody sees it.
    return checkpoint


async def doubt(publisher: Publisher) -> str | None:
    """Say how the database fails to continue what this node's key has signed, or has no whole tree; None where neither.

    Raises:
        Unavailable: the database does not answer.
        DataFault: tiles are missing, or nobody knows what was signed.
    """
    # Before the snapshot, which then holds at least what was sealed when this was signed.
    signed = publisher.key.signed.read()
    async with publisher.database.read() as tx:
        if (reason := await short_of(tx)) is not None:
            return reason
        size, seen = await journal.size(tx), signed.get(await checkpoints.origin(tx) or publisher.origin)
        return await broken(tx, seen, size) if seen is not None else None


async def unpublished(publisher: Publisher, *, now: datetime) -> Unpublished | None:
    """Look what there is to sign; None where the newest checkpoint covers all that is sealed.

    Raises:
        NotContinued, Unavailable, DataFault: as with `publish`.
    """
    # Before the snapshot, as above: a smaller ledger there is one that was rolled back, never one that was read early.
    signed = publisher.key.signed.read()
    async with publisher.database.read() as tx:
        size = await journal.size(tx)
        before = await checkpoints.latest(tx)
        name = await checkpoints.origin(tx)
        origin = name or publisher.origin
        seen = signed.get(origin)
        newest = SignedTree(before.size, bytes.fromhex(before.root)) if before is not None else None
        if newest is not None and newest.size == size and seen in (None, newest):
            return None
        root: bytes | None = None
        for tree in {seen, newest} - {None}:
            if tree is not None:
                reason, root = await _compared(tx, tree, size)
                if reason is not None:
                    raise NotContinued(reason)
        if newest is not None and newest.size == size:
            return None
        kept = before if before is None or before.kept else await checkpoints.latest_kept(tx)
        checkpoint = Checkpoint(origin, size, root if root is not None else await proofs.root(tx, size))
    # One that was published in the future keeps the others from nothing: a clock was wrong then, or is now.
    stays = kept is None or not kept.published_at <= now < kept.published_at + KEEP_EVERY
    return Unpublished(checkpoint, seen, stays, name is not None)


async def broken(tx: Transaction, signed: SignedTree, size: int) -> str | None:
    """Say how a tree of so many events does not continue a signed one; None where it does."""
    return (await _compared(tx, signed, size))[0]


async def _compared(tx: Transaction, signed: SignedTree, size: int) -> tuple[str | None, bytes | None]:
    """Say the same, with the root of the tree where it was computed on the way."""
    if signed.size > size:
        return f"a tree of {signed.size} events was signed, the database holds {size}: it was rolled back", None
    if signed.size == 0:
        return None, None
    proof = await proofs.consistency(tx, signed.size, size)
    if merkle.consistent(proof.hashes, old=(signed.size, signed.root), new=(size, proof.new_root)):
        return None, proof.new_root
    reason = (
        f"of the first {signed.size} events the root {signed.root.hex()} was signed, the database gives "
        f"{proof.old_root.hex()}: it was rolled back and went on, or was changed"
    )
    return reason, None


async def known_keys(publisher: Publisher) -> tuple[VerifierKey, ...]:
    """Return what checks this ledger's checkpoints, oldest key first.

    Raises:
        Unavailable: the database does not answer.
    """
    async with publisher.database.read() as tx:
        return await verifier_keys(tx, publisher.key, proposed=publisher.origin)


async def verifier_keys(tx: Transaction, key: LedgerKey, *, proposed: str) -> tuple[VerifierKey, ...]:
    """Return what checks this ledger's checkpoints, oldest key first.

    Args:
        proposed: name of the log where it has none yet.
    """
    return key.verifiers(await checkpoints.origin(tx) or proposed)
