"""Publishing: signing how long the ledger is and what its root is, for everybody to keep.

Apart from sealing, because a root follows from the tiles at any time: if this process dies between the two, whoever
comes next signs the same text. A size is signed with one root only, since tiles of what is sealed never change.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.ledger import proofs
from app.signing.checkpoint import Checkpoint
from app.signing.ledger_key import LedgerKey
from app.signing.note import VerifierKey, write_note
from app.store import checkpoints, journal
from app.store.database import Database, Transaction

KEEP_EVERY = timedelta(minutes=5)
"""So far apart are checkpoints that stay; those between go when the next one is published."""


@dataclass(frozen=True, slots=True)
class Publisher:
    """What publishing needs.

    Attributes:
        key: signs.
        origin: the name a log without one gets at its first checkpoint.
        stamped: whether kept checkpoints wait for a time stamp.
    """

    database: Database
    key: LedgerKey
    origin: str
    stamped: bool = False


async def publish(publisher: Publisher, *, now: datetime) -> Checkpoint | None:
    """Sign a checkpoint of all that is sealed; None where the newest one covers it.

    Raises:
        Unavailable: the database does not answer; nothing was published.
        DataFault: the tree that is kept does not go with the size of the ledger.
    """
    async with publisher.database.read() as tx:
        size = await journal.size(tx)
        before = await checkpoints.latest(tx)
        if before is not None and before.size >= size:
            return None
        root = await proofs.root(tx, size)
        kept = await checkpoints.latest_kept(tx)
        origin = await checkpoints.origin(tx)
    if origin is None:
        async with publisher.database.write() as tx:
            # If we die here the log has its name, and no checkpoint yet.
            origin = await checkpoints.name(tx, publisher.origin)
    checkpoint = Checkpoint(origin, size, root)
    stays = kept is None or now >= kept.published_at + KEEP_EVERY
    row = {
        "size": size,
        "root": root.hex(),
        "note": write_note(checkpoint.text, [publisher.key.signer(origin).line(checkpoint.text)]),
        "published_at": now,
        "kept": stays,
        "next_try_at": now if stays and publisher.stamped else None,
    }
    # If we die here it is signed and nobody has seen it; the same text is signed again, of this size or a larger one.
    async with publisher.database.write() as tx:
        await checkpoints.publish(tx, row)
    return checkpoint


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
