"""The ZIP of a bundle, against the reader of the standard library and that of `truc verify`."""

import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.exchange.bundle import container
from app.exchange.bundle.container import Member, joined, length, written
from app.exchange.bundle.scratch import IN_MEMORY_OCTETS_MAX, Scratch
from app.ledger.bundle.container import Container
from app.ledger.bundle.layout import KEYS, RECEIPT, event_name

GIBIBYTE = 1024**3


def member(name: str, octets: bytes) -> Member:
    return Member(name, len(octets), zlib.crc32(octets), lambda: iter((octets[:1], octets[1:])))


def archive(members: Sequence[Member]) -> bytes:
    octets = b"".join(joined(written(members), octets=50))
    assert len(octets) == length(members)
    return octets


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=8))
def test_both_readers_find_what_was_written(contents: list[bytes]) -> None:
    named = {"mimetype": b"x"} | {event_name(number): octets for number, octets in enumerate(contents)}
    octets = archive([member(name, each) for name, each in named.items()])
    with zipfile.ZipFile(io.BytesIO(octets)) as opened:
        assert {each.filename: opened.read(each) for each in opened.infolist()} == named
    ours = Container.open(io.BytesIO(octets))
    assert {name: ours.read(name, octets_max=100) for name in ours.names} == named


def test_more_members_than_two_octets_can_count(monkeypatch: pytest.MonkeyPatch) -> None:
    # With a bound of three, for sixty-five thousand take seconds; the record behind the directory is the same.
    monkeypatch.setattr(container, "_ENTRIES_MAX", 3)
    octets = archive([member("mimetype", b"x"), *(member(event_name(number), b"{}") for number in range(5))])
    assert b"PK\x06\x06" in octets
    with zipfile.ZipFile(io.BytesIO(octets)) as opened:
        assert len(opened.namelist()) == 6
        assert opened.testzip() is None


def test_members_and_places_beyond_four_gibibytes(tmp_path: Path) -> None:
    block = bytes(64 * 1024 * 1024)

    def blocks() -> Iterator[bytes]:
        return (block for _ in range(5 * GIBIBYTE // len(block)))

    # Its checksum is not looked at: nobody reads five gibibytes here.
    members = [member("mimetype", b"x"), Member("document.edxml", 5 * GIBIBYTE, 0, blocks), member(KEYS, b"{}")]
    with (tmp_path / "long.asice").open("wb") as file:
        for piece in written(members):
            # The holes take no room on the disk.
            file.seek(len(piece), io.SEEK_CUR) if piece is block else file.write(piece)
        assert file.tell() == length(members)
    with zipfile.ZipFile(tmp_path / "long.asice") as opened:
        sizes = {each.filename: each.file_size for each in opened.infolist()}
        assert sizes == {"mimetype": 1, "document.edxml": 5 * GIBIBYTE, KEYS: 2}
        assert opened.read(KEYS) == b"{}"


def test_what_is_put_together_is_found_again_in_memory_and_in_a_file() -> None:
    scratch, long = Scratch(), bytes(range(256)) * (IN_MEMORY_OCTETS_MAX // 256)
    scratch.put(RECEIPT, b"short")
    writer = scratch.writer(KEYS)
    writer.write(long)
    writer.write(b"and its end")
    writer.end()
    receipt, keys = scratch.parts
    assert b"".join(keys.member.pieces()) == long + b"and its end"
    assert b"".join(receipt.member.pieces()) == b"short"
    assert keys.member.crc == zlib.crc32(long + b"and its end")
    assert (keys.listed.size, keys.listed.role.value) == (len(long) + 11, "keys")
    scratch.close()
