"""The whole directory as one text: made by one statement, kept until the directory moves, plain or compressed."""

import asyncio
import gzip
import json
from typing import Any

import pytest

from app.registry import agencies, agency_list
from app.registry.agency_list import AgencyLists, ListedAgency, ListShape, ReadyList
from app.registry.model import AgencyStatus, SuspensionReason
from app.store.database import Database
from tests.registry.filling import ACT, Registry, agency, code


def _item(each: ListedAgency) -> bytes | None:
    if each.status is not AgencyStatus.ACTIVE:
        return None
    return json.dumps([each.organ_id, each.name, each.parent, each.aliases, each.email, each.version]).encode()


SHAPE = ListShape("active", b'{"data":[', b"]}", _item)
EVERYONE = ListShape("everyone", b"[", b"]", lambda each: json.dumps(each.organ_id).encode())


def told(made: ReadyList) -> Any:
    plain = b"".join(made.plain())
    assert len(plain) == made.size
    assert gzip.decompress(b"".join(made.gzip)) == plain
    assert sum(map(len, made.gzip)) == made.gzip_size
    return json.loads(plain)


async def test_every_agency_is_written_once_with_all_its_codes(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists = AgencyLists(registry.database)
    assert told(await lists.ready(SHAPE)) == {"data": []}
    # Agencies with several codes lie over the end of a chunk.
    monkeypatch.setattr(agency_list, "_ROWS", 2)
    several = ("000.00.00.H44", "000.02.28.H44", "25.H44")
    await agencies.register(
        registry.database, agency("H44", "Phú Thọ", aliases=several, contact={"email": "vt@phutho.gov.vn"}), act=ACT
    )
    await agencies.register(registry.database, agency("H44.01", "Sở Nội vụ", parent="H44"), act=ACT)
    await registry.add("000.00.00.G22", "H49")
    await agencies.suspend(registry.database, code("H49"), SuspensionReason.REQUESTED, act=ACT)
    made = await lists.ready(SHAPE)
    assert told(made) == {
        "data": [
            ["000.00.00.G22", "Cơ quan 000.00.00.G22", None, [], "", 1],
            ["H44", "Phú Thọ", None, sorted(several), "vt@phutho.gov.vn", 1],
            ["H44.01", "Sở Nội vụ", "H44", [], "", 1],
        ]
    }
    assert made.count == 3
    assert told(await lists.ready(EVERYONE)) == ["000.00.00.G22", "H44", "H44.01", "H49"]


async def test_it_is_made_again_when_the_directory_moved_and_only_then(
    registry: Registry, other_database: Database
) -> None:
    await registry.add("H44")
    lists = AgencyLists(other_database)
    made = await lists.ready(EVERYONE)
    assert await lists.ready(EVERYONE) is made
    await registry.add("H45")
    again = await lists.ready(EVERYONE)
    assert again is not made
    assert told(again) == ["H44", "H45"]


async def test_many_who_ask_at_once_get_one_and_the_same(registry: Registry) -> None:
    await registry.add("H44")
    lists = AgencyLists(registry.database)
    first, *others = await asyncio.gather(*(lists.ready(EVERYONE) for _ in range(5)))
    assert all(each is first for each in others)


def test_long_lists_come_in_pieces() -> None:
    writing = agency_list._Writing(ListShape("x", b"", b"", _item))
    blocks = [f"{number:064x}".encode() * 1000 for number in range(40)]
    for block in blocks:
        writing._write(block)
    writing.end()
    made = ReadyList(1, 0, writing.size, tuple(writing.pieces))
    pieces = list(made.plain())
    assert b"".join(pieces) == b"".join(blocks)
    assert max(map(len, pieces)) <= 64 * 1024
