"""Evidence is kept once, for ever, and what is not kept is not said to be."""

import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from app.exchange.shelf import Cited, Material, Shelf
from app.store import evidence
from app.store.database import Database

AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
LATER = datetime(2036, 11, 20, 9, 30, tzinfo=UTC)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    yield opened
    await opened.close()


def cited(octets: bytes) -> Cited:
    return Cited(hashlib.sha256(octets).hexdigest(), Material.CERTIFICATE, octets)


async def test_a_piece_is_written_once_and_remembered(database: Database) -> None:
    one, other = cited(b"one"), cited(b"other")
    counting = Counting(database)
    shelf = Shelf()
    assert await shelf.keep(counting, [one, one], at=AT) == {one.sha256}
    assert await shelf.keep(counting, [one], at=LATER) == {one.sha256}
    assert (counting.reads, counting.writes) == (1, 1)
    assert await shelf.keep(counting, [one, other], at=LATER) == {one.sha256, other.sha256}
    # Another process remembers nothing, and writes nothing that is there.
    assert await Shelf().keep(counting, [one, other], at=LATER) == {one.sha256, other.sha256}
    assert (counting.reads, counting.writes) == (3, 2)
    async with database.read() as tx:
        row = await evidence.find(tx, one.sha256)
    assert row is not None
    assert (row.kind, bytes(row.der), row.kept_at) == ("certificate", b"one", AT)


async def test_what_was_replaced_meanwhile_is_not_called_kept(database: Database) -> None:
    gone = Cited("0" * 64, Material.CRL)
    never = Cited("1" * 64, Material.OCSP)
    shelf = Shelf()
    assert await shelf.keep(database, [gone, never, cited(b"one")], at=AT) == {cited(b"one").sha256}
    # It is asked for again, for it may come back.
    assert await shelf.keep(database, [gone], at=AT) == frozenset()


async def test_the_memory_is_bounded(database: Database) -> None:
    shelf, counting = Shelf(capacity=1), Counting(database)
    for octets in (b"one", b"other", b"one"):
        assert await shelf.keep(counting, [cited(octets)], at=AT) == {cited(octets).sha256}
    assert (counting.reads, counting.writes) == (3, 2)


class Counting(Database):
    """A database that counts its transactions."""

    def __init__(self, real: Database) -> None:
        self.url, self.dialect = real.url, real.dialect
        self._real = real
        self.reads = self.writes = 0

    def read(self) -> Any:
        """Open a transaction for reading."""
        self.reads += 1
        return self._real.read()

    def write(self) -> Any:
        """Open a transaction for writing."""
        self.writes += 1
        return self._real.write()
