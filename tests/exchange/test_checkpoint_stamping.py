"""Checkpoints of the ledger get time stamps, the newest that waits, later where the authority is away."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.exchange.checkpoint_stamping import stamp_checkpoint
from app.ledger.publish import KEEP_EVERY, Publisher, publish
from app.ledger.seal import seal_all
from app.node import Node
from app.signing.ledger_key import LedgerKey
from app.signing.note import text_of
from app.signing.path import UnknownRevocation
from app.signing.revocations import RevocationIndex
from app.signing.timestamps import verify_token
from app.store import evidence
from app.store.database import Database
from app.store.schema import checkpoints
from tests.exchange.test_stamping import Stamps, stamping_on
from tests.ledger.recording import AT, sending, write


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def stamps(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stamps]:
    with stamping_on(request.param, request, tmp_path_factory.mktemp("stamps")) as working:
        yield working


def _published(stamps: Stamps, *, sizes: int) -> None:
    """Have checkpoints published and kept, and let those wait for a time stamp."""

    async def work(node: Node) -> None:
        for _ in range(sizes):
            await write(node.database, sending())
            await seal_all(node.database, now=stamps.at)
            await publish(node.publisher, now=stamps.at)
            async with node.database.write() as tx:
                newest = sa.select(sa.func.max(checkpoints.c.size)).scalar_subquery()
                waits = {"kept": True, "next_try_at": stamps.at, "published_at": stamps.at}
                await tx.execute(checkpoints.update().where(checkpoints.c.size == newest).values(waits))

    stamps.exchange.running.run(work)


def _stamp(stamps: Stamps) -> int | None:
    async def work(node: Node) -> int | None:
        return await stamp_checkpoint(stamps.parts(node), now=lambda: stamps.at)

    return stamps.exchange.running.run(work)


def _rows(stamps: Stamps) -> list[Any]:
    async def work(node: Node) -> list[Any]:
        async with node.database.read() as tx:
            kept = sa.select(checkpoints).where(checkpoints.c.kept, checkpoints.c.problem.is_(None))
            return list(await tx.execute(kept.order_by(checkpoints.c.size)))

    return stamps.exchange.running.run(work)


def _token(stamps: Stamps, sha256: str) -> bytes:
    async def work(node: Node) -> bytes:
        async with node.database.read() as tx:
            found = await evidence.find(tx, sha256)
            assert found is not None
            return bytes(found.der)

    return stamps.exchange.running.run(work)


def test_the_newest_is_stamped_over_the_text_that_the_log_signed_and_those_before_it_wait_no_more(
    stamps: Stamps,
) -> None:
    _published(stamps, sizes=3)
    size = _stamp(stamps)
    (row,) = [each for each in _rows(stamps) if each.size == size]
    stamp = verify_token(
        _token(stamps, row.token),
        text_of(row.note).encode(),
        anchors=stamps.exchange.pki.anchors,
        revocations=RevocationIndex(),
        unknown_revocation=UnknownRevocation.ACCEPT,
    )
    assert stamp.gen_time == row.stamped_at == stamps.at.replace(microsecond=0)
    assert [each.size for each in _rows(stamps) if each.next_try_at is not None and each.size <= row.size] == []
    assert _stamp(stamps) is None, "what is stamped is not stamped again"


def test_while_the_authority_is_away_it_waits_and_is_stamped_when_it_is_back(stamps: Stamps) -> None:
    _published(stamps, sizes=1)
    stamps.garbled = True
    assert _stamp(stamps) is None
    assert _stamp(stamps) is None, "not before its time"
    stamps.garbled = False
    stamps.at += timedelta(hours=1)
    assert _stamp(stamps) is not None


async def test_checkpoints_that_stay_wait_for_a_stamp_where_there_is_an_authority(database_url: str) -> None:
    database = Database(database_url)
    publisher = Publisher(database, LedgerKey.generate(), "log.example/ledger", stamped=True)
    for later in (timedelta(0), KEEP_EVERY / 2, KEEP_EVERY, KEEP_EVERY * 1.1):
        await write(database, sending())
        await seal_all(database, now=AT + later)
        await publish(publisher, now=AT + later)
    async with database.read() as tx:
        found = (await tx.execute(sa.select(checkpoints).order_by(checkpoints.c.size))).all()
    await database.close()
    assert [(each.kept, each.next_try_at) for each in found] == [
        (True, AT),
        (True, AT + KEEP_EVERY),
        (False, None),
    ], "one between has gone with the next, and the newest is there until then"
