"""Receiving a body: whole, hashed, bounded, in memory or on disk, and without a trace when it is not kept."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import DocumentTooLarge
from app.exchange.receive import receive
from app.store.blobs import BlobStore
from tests.exchange.remains import files

SPOOL = 50


async def arriving(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


@pytest.fixture(scope="module")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> BlobStore:
    return BlobStore(tmp_path_factory.mktemp("receive"))


@settings(deadline=None)
@given(pieces=st.lists(st.binary(max_size=40), max_size=12))
def test_a_body_is_what_arrived_however_it_was_cut(blobs: BlobStore, pieces: list[bytes]) -> None:
    whole = b"".join(pieces)

    async def check() -> None:
        async with receive(arriving(pieces), blobs=blobs, bytes_max=1000, spool_bytes=SPOOL) as body:
            assert (body.size, body.sha256) == (len(whole), hashlib.sha256(whole).hexdigest())
            assert body.source.size == len(whole)
            assert body.source.read(0, len(whole)) == whole
            assert body.source.read(3, 10) == whole[3:13]
            assert (body.octets is None, body.path is None) == (len(whole) > SPOOL, len(whole) <= SPOOL)

    asyncio.run(check())
    assert files(blobs.path_of("x").parents[3] / "incoming") == frozenset()


@settings(deadline=None)
@given(pieces=st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=12), limit=st.integers(0, 300))
def test_a_body_over_the_limit_is_refused_and_one_at_the_limit_is_not(
    blobs: BlobStore, pieces: list[bytes], limit: int
) -> None:
    read = 0

    async def counted() -> AsyncIterator[bytes]:
        nonlocal read
        for piece in pieces:
            read += len(piece)
            yield piece

    async def check() -> bool:
        try:
            async with receive(counted(), blobs=blobs, bytes_max=limit, spool_bytes=SPOOL):
                return True
        except DocumentTooLarge:
            return False

    size = sum(map(len, pieces))
    assert asyncio.run(check()) == (size <= limit)
    # Reading stops with the piece that goes over it.
    assert read <= limit + 40
    assert files(blobs.path_of("x").parents[3] / "incoming") == frozenset()


@pytest.mark.parametrize("size", [20, 200, 3_000_000])
def test_a_kept_body_is_durable_under_its_digest(tmp_path: Path, size: int) -> None:
    blobs, whole = BlobStore(tmp_path), b"edXML" * (size // 5)

    async def keep() -> str:
        pieces = (whole[start : start + 65_536] for start in range(0, size, 65_536))
        async with receive(arriving(pieces), blobs=blobs, bytes_max=size, spool_bytes=SPOOL) as body:
            body.keep(blobs)
            return body.sha256

    sha256 = asyncio.run(keep())
    assert b"".join(blobs.slices(sha256)) == whole
    assert blobs.digest(sha256) == sha256 == hashlib.sha256(whole).hexdigest()
    assert (files(tmp_path / "incoming"), files(tmp_path / "bodies")) == (frozenset(), frozenset({sha256}))
    assert b"".join(blobs.slices(sha256, start=7, length=11)) == whole[7:18]


def test_a_body_that_breaks_off_leaves_no_file(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path)

    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * 1000
        raise ConnectionError

    async def check() -> None:
        async with receive(broken(), blobs=blobs, bytes_max=5000, spool_bytes=SPOOL):
            raise AssertionError("it never arrived")

    with pytest.raises(ConnectionError):
        asyncio.run(check())
    assert files(tmp_path) == frozenset()


def test_a_body_that_drips_costs_no_more_than_one_that_flows(tmp_path: Path) -> None:
    """One byte a piece; adding up what is gathered at each of them would take hours."""

    async def check() -> None:
        drops = (b"x" for _ in range(500_000))
        async with receive(arriving(drops), blobs=BlobStore(tmp_path), bytes_max=10**6, spool_bytes=SPOOL) as body:
            assert body.size == 500_000

    began = time.monotonic()
    asyncio.run(check())
    assert time.monotonic() - began < 20
