"""Which events a bundle tells of, and by which checkpoint it proves them."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from app.errors import DataFault, Unavailable
from app.exchange.bundle.ledgered import Ledgered, put_events
from app.exchange.bundle.scratch import Scratch
from app.ids import new_id
from app.ledger.events import Event, EventKind, record
from app.ledger.publish import KEEP_EVERY, Publisher, publish
from app.ledger.seal import seal_all
from app.signing.ledger_key import LedgerKey
from app.store import evidence
from app.store.database import Database
from app.store.schema import checkpoints, cosignatures
from tests.ledger.recording import AT, sending

DOCUMENT = new_id()


class Log:
    """A ledger that is sealed and published when a test says so."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        self.publisher = Publisher(self.database, LedgerKey.generate(), "log.example")
        self.at = AT
        self.scratches: list[Scratch] = []

    async def happen(self, kind: EventKind = EventKind.DELIVERY_ACKNOWLEDGED, *, document: str = DOCUMENT) -> None:
        async with self.database.write() as tx:
            await record(tx, [Event(id=new_id(), kind=kind, at=self.at, actor="node", document=document)])

    async def cover(self) -> int:
        """Seal and publish; each checkpoint is one that stays."""
        self.at += KEEP_EVERY
        await seal_all(self.database, now=self.at)
        found = await publish(self.publisher, now=self.at)
        assert found is not None
        return found.size

    async def gathered(self, document: str = DOCUMENT) -> tuple[Scratch, Ledgered]:
        scratch = Scratch()
        self.scratches.append(scratch)
        async with self.database.read() as tx:
            return scratch, await put_events(tx, scratch, document)

    async def size_used(self) -> int:
        """The size of the checkpoint a bundle would have now."""
        scratch, _ = await self.gathered()
        [note] = [part for part in scratch.parts if part.member.name == "checkpoint.txt"]
        return int(b"".join(note.member.pieces()).split(b"\n")[1])

    async def stamp(self, size: int) -> None:
        digest = f"{size:064x}"
        async with self.database.write() as tx:
            await evidence.keep(tx, [{"sha256": digest, "kind": "timestamp", "der": b"token", "kept_at": self.at}])
            await tx.execute(checkpoints.update().where(checkpoints.c.size == size).values(token=digest))

    async def cosign(self, size: int) -> None:
        row = {"size": size, "witness": "w+00000000+x", "line": "— w AAAA\n", "cosigned_at": self.at}
        async with self.database.write() as tx:
            await tx.execute(cosignatures.insert(), [row])


@pytest.fixture
async def log(database_url: str) -> AsyncIterator[Log]:
    log = Log(database_url)
    yield log
    for scratch in log.scratches:
        scratch.close()
    await log.database.close()


async def test_before_a_checkpoint_covers_the_acceptance_there_is_nothing_to_prove(log: Log) -> None:
    with pytest.raises(DataFault):
        await log.gathered()
    await log.happen(EventKind.DOCUMENT_ACCEPTED)
    with pytest.raises(Unavailable, match="in a moment"):
        await log.gathered()
    await seal_all(log.database, now=log.at)
    with pytest.raises(Unavailable, match="in a moment"):
        await log.gathered()
    assert await log.cover() == 1
    _, told = await log.gathered()
    assert told == Ledgered(pending=0, stamp=None)
    # What happened since is not proven yet, and that is said: sealed or not makes no difference.
    await log.happen()
    await seal_all(log.database, now=log.at)
    await log.happen()
    scratch, told = await log.gathered()
    assert told.pending == 2
    assert [part.member.name for part in scratch.parts if "events" in part.member.name] == ["events/000000000000.json"]


async def test_of_the_checkpoints_the_oldest_that_others_vouch_for_most_is_taken(log: Log) -> None:
    await log.happen(EventKind.DOCUMENT_ACCEPTED)
    before = await log.cover()
    await log.happen()
    sizes = []
    for _ in range(6):
        sizes.append(await log.cover())
        await log.happen(document=new_id())
    assert sizes == [2, 3, 4, 5, 6, 7]
    assert await log.size_used() == 7, "nobody vouches for any: the newest"
    await log.stamp(before)
    assert await log.size_used() == 7, "what is stamped does not cover the last event"
    await log.cosign(6)
    await log.cosign(5)
    assert await log.size_used() == 5
    await log.stamp(4)
    await log.stamp(3)
    assert await log.size_used() == 3
    await log.stamp(6)
    assert await log.size_used() == 6, "a witness and a time stamp"
    _, told = await log.gathered()
    assert told.stamp is not None
    assert told.stamp[1].startswith(b"log.example\n6\n")
    await log.happen()
    assert await log.size_used() == 6


async def test_a_long_life_is_proven_in_full(log: Log) -> None:
    other = sending()
    async with log.database.write() as tx:
        await other.write(tx)
    await log.happen(EventKind.DOCUMENT_ACCEPTED)
    async with log.database.write() as tx:
        made = [
            Event(
                id=new_id(),
                kind=EventKind.TRAIL_READ,
                at=log.at + timedelta(seconds=number),
                actor="node",
                document=DOCUMENT,
            )
            for number in range(600)
        ]
        await record(tx, made)
    size = await log.cover()
    scratch, _ = await log.gathered()
    names = [part.member.name for part in scratch.parts if part.member.name.startswith("events/")]
    assert len(names) == 601
    assert size == 601 + len(other.events)
