"""Searching the ledger: whatever way leads to the events, it finds what reading all of them finds, in either order."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.exchange.finding import block_of, sum_up_blocks
from app.statistics.fold import unit_of
from app.store import event_blocks, event_search
from app.store.database import Database, Transaction
from app.store.event_blocks import WIDTH
from app.store.journal import EventFilter
from app.store.schema import events, ledger_state
from tests.ledger.recording import AT

SEALED = 3 * WIDTH + 200
SUMMED_UP = 2
"""Blocks that are written of three: the rest is looked through as it is."""
AGENCIES = ("H41.01", "H41.02", "000.00.00.G22", None)


def _rows() -> list[dict[str, Any]]:
    rng = random.Random(7)
    rows = []
    for position in range(SEALED):
        rare = position in (5, WIDTH + 7, SEALED - 3)
        agency = AGENCIES[3] if position % 7 == 0 else AGENCIES[rng.randrange(3)]
        refused = rng.random() < 0.01
        rows.append(
            {
                "id": f"00000000-0000-7000-8000-{position:012x}",
                "position": position,
                # Minutes out of order, and one clock that is years ahead.
                "at": AT + timedelta(seconds=60 * position - rng.randrange(600), days=900 if position == 40 else 0),
                "kind": "token.issued" if agency is None else ("delivery.available", "document.refused")[refused],
                "outcome": "refused" if refused else "accepted",
                "actor": f"client {position % 5}" if not rare else "auditor",
                "agency": agency,
                "tier": None if agency is None else "commune",
                "branch": None if agency is None else ("party" if rare else "state"),
                "document_type": "luat" if rare else "cong-van",
                "peer_tier": "central" if position > 2 * WIDTH + 500 else None,
                "document": None,
                "delivery": None,
                "measures": " received late " if position % 500 == 3 else " received ",
                "durations": None,
                "body": "{}",
                "leaf_hash": "0" * 64,
            }
        )
    return rows


ROWS = _rows()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A ledger of three blocks and more, two of them summed up."""
    from tests.conftest import migrated_database

    with migrated_database(request, tmp_path_factory.mktemp("trail"), request.param) as url:

        async def fill() -> None:
            database = Database(url)
            async with database.write() as tx:
                await tx.execute(events.insert(), ROWS[: SUMMED_UP * WIDTH])
                await tx.execute(ledger_state.update().values(size=SUMMED_UP * WIDTH))
            while await sum_up_blocks(database):
                pass
            async with database.write() as tx:
                await tx.execute(events.insert(), ROWS[SUMMED_UP * WIDTH :])
                await tx.execute(ledger_state.update().values(size=SEALED))
            await database.close()

        asyncio.run(fill())
        yield url


def _at(position: int) -> datetime:
    return AT + timedelta(minutes=position)


def _at_h41(row: dict[str, Any]) -> bool:
    return unit_of(row["agency"] or "") == "H41"


Asked = tuple[EventFilter, Callable[[dict[str, Any]], bool]]
ASKED: list[Asked] = [
    (EventFilter(), lambda _row: True),
    (EventFilter(since=_at(1500), until=_at(1600)), lambda row: _at(1500) <= row["at"] < _at(1600)),
    (EventFilter(since=_at(SEALED - 20)), lambda row: row["at"] >= _at(SEALED - 20)),
    (EventFilter(until=_at(3)), lambda row: row["at"] < _at(3)),
    (EventFilter(since=_at(SEALED * 9)), lambda row: row["at"] >= _at(SEALED * 9)),
    (EventFilter(agency="H41.01"), lambda row: row["agency"] == "H41.01"),
    (EventFilter(agency=""), lambda row: row["agency"] is None),
    (
        EventFilter(agency="H41.02", since=_at(900), until=_at(2500), branch="state"),
        lambda row: row["agency"] == "H41.02" and _at(900) <= row["at"] < _at(2500) and row["branch"] == "state",
    ),
    (
        EventFilter(agency="H41.01", kinds=("document.refused", "delivery.available")),
        lambda row: row["agency"] == "H41.01",
    ),
    (EventFilter(agency="H41.01", agencies=("H41.02",)), lambda _row: False),
    (
        EventFilter(agencies=("H41.01", "H41.02"), unit="H41"),
        lambda row: unit_of(row["agency"] or "") == "H41",
    ),
    (EventFilter(agencies=("H41.01", "")), lambda row: row["agency"] in ("H41.01", None)),
    (EventFilter(agencies=()), lambda _row: False),
    (
        EventFilter(kinds=("document.refused", "token.issued")),
        lambda row: row["kind"] in ("document.refused", "token.issued"),
    ),
    (EventFilter(kinds=("document.refused",) * 300), lambda row: row["kind"] == "document.refused"),
    (
        EventFilter(agencies=("H41.01", "H41.01"), kinds=("delivery.available",) * 400),
        lambda row: row["agency"] == "H41.01" and row["kind"] == "delivery.available",
    ),
    (EventFilter(kinds=("month.closed",)), lambda _row: False),
    (EventFilter(outcome="refused"), lambda row: row["outcome"] == "refused"),
    (EventFilter(outcome="accepted", document_type="luat"), lambda row: row["document_type"] == "luat"),
    (EventFilter(actor="auditor"), lambda row: row["actor"] == "auditor"),
    (
        EventFilter(actor="client 3", kinds=("document.refused",), until=_at(2000)),
        lambda row: row["actor"] == "client 3" and row["kind"] == "document.refused" and row["at"] < _at(2000),
    ),
    (EventFilter(document_type="luat"), lambda row: row["document_type"] == "luat"),
    (EventFilter(document_type="nghi-quyet"), lambda _row: False),
    # Both are in the first block, which names the events of either, and none is of both.
    (EventFilter(document_type="luat", measure="late"), lambda _row: False),
    (
        EventFilter(branch="party", measure="received", unit="H41"),
        lambda row: _at_h41(row) and row["branch"] == "party",
    ),
    (EventFilter(tier=""), lambda row: row["tier"] is None),
    (EventFilter(branch="party", tier="commune"), lambda row: row["branch"] == "party"),
    (EventFilter(peer_tier="central"), lambda row: row["peer_tier"] == "central"),
    (EventFilter(measure="late"), lambda row: "late" in row["measures"]),
    (
        EventFilter(measure="late", until=_at(1800), document_type="cong-van"),
        lambda row: "late" in row["measures"] and row["at"] < _at(1800) and row["document_type"] == "cong-van",
    ),
]


async def _pages(tx: Transaction, asked: EventFilter, *, limit: int, newest_first: bool) -> AsyncIterator[int]:
    left: event_search.Range | None = (0, SEALED)
    while left is not None:
        found = await event_search.look(tx, asked, left, limit=limit, newest_first=newest_first)
        assert len(found.rows) <= limit
        for row in found.rows:
            yield row.position
        assert found.left is None or found.left[1] - found.left[0] < left[1] - left[0], "it goes on"
        left = found.left


def _all(url: str, asked: EventFilter, *, limit: int, newest_first: bool) -> list[int]:
    async def work() -> list[int]:
        database = Database(url)
        try:
            async with database.read() as tx:
                return [each async for each in _pages(tx, asked, limit=limit, newest_first=newest_first)]
        finally:
            await database.close()

    return asyncio.run(work())


@pytest.mark.parametrize(("asked", "wanted"), ASKED, ids=lambda each: None)
def test_a_search_finds_what_reading_everything_finds(
    ledger: str, asked: EventFilter, wanted: Callable[[dict[str, Any]], bool]
) -> None:
    expected = [row["position"] for row in ROWS if wanted(row)]
    assert _all(ledger, asked, limit=700, newest_first=False) == expected
    assert _all(ledger, asked, limit=700, newest_first=True) == expected[::-1]


def test_pages_of_any_length_put_together_are_the_same(ledger: str) -> None:
    asked, wanted = ASKED[-2]
    expected = [row["position"] for row in ROWS if wanted(row)]
    for limit in (1, 2, 3):
        assert _all(ledger, asked, limit=limit, newest_first=False) == expected
        assert _all(ledger, asked, limit=limit, newest_first=True) == expected[::-1]


def test_a_block_is_written_once_and_only_when_it_is_full(ledger: str) -> None:
    async def work() -> None:
        database = Database(ledger)
        async with database.read() as tx:
            assert await event_blocks.covered(tx) == SUMMED_UP * WIDTH
            shown = (await tx.execute(sa.select(event_blocks.event_blocks))).all()
        await database.close()
        for block in shown:
            moments = [row["at"] for row in ROWS[block.number * WIDTH : (block.number + 1) * WIDTH]]
            assert (block.first_at, block.last_at) == (min(moments), max(moments))
        # Of a type that few events have it names them, by their place in the block.
        assert "\ndocument_type:luat\n" in shown[0].holds
        assert "\ndocument_type:luat@5\n" in shown[0].holds
        assert "\ndocument_type:luat@7\n" in shown[1].holds
        assert "\ndocument_type:cong-van@" not in shown[0].holds

    asyncio.run(work())


def test_a_block_whose_events_were_deleted_stands_in_nobodys_way() -> None:
    """What the ledger lost `truc log verify` tells; the node goes on making findable what is there."""
    block = block_of(7, [])
    assert (block["number"], block["holds"].strip()) == (7, "")
    assert block["first_at"] == block["last_at"] < AT
