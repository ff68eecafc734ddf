"""Reports: sums by whatever is asked for, each with the size of the log it covers, on both databases."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from app.errors import RequestInvalid
from app.ledger.seal import seal_all, seal_batch
from app.statistics import reports
from app.statistics.measures import MEASURE_NAMES
from app.statistics.periods import Month
from app.statistics.reports import MONTHS_MAX, Asked, Direction, GroupBy, Report
from app.store import figures
from app.store.database import Database
from app.store.schema import figures as table
from tests.conftest import ENGINES, migrated_database
from tests.ledger.recording import AT, STANDINGS, sending, write

MONTHS = [f"2026-{number:02d}" for number in range(7, 13)]
AGENCIES = [f"H{number:02d}" for number in range(1, 41)] + ["000.00.00.G22", ""]
KEY = ("month", "agency", "tier", "branch", "document_type", "unit", "peer_tier")

Rows = list[dict[str, Any]]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An open database."""
    opened = Database(database_url)
    yield opened
    await opened.close()


def _some_figures() -> Rows:
    dice = random.Random(3)
    rows = {}
    for _ in range(1_500):
        key = (
            dice.choice(MONTHS),
            dice.choice(AGENCIES),
            dice.choice(["central", "province", "district", "commune", ""]),
            dice.choice(["state", "party", "front", ""]),
            dice.choice(["cong-van", "luat", ""]),
            dice.choice(["H41", "G22", ""]),
            dice.choice(["central", "province", ""]),
        )
        counts = {name: dice.choice([0, 0, 1, 7, 10**12]) for name in MEASURE_NAMES}
        rows[key] = dict(zip(KEY, key, strict=True)) | counts
    return list(rows.values())


@pytest.fixture(scope="module", params=ENGINES)
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Rows]]:
    """A database with figures of half a year, on each engine, and what they are; not to be changed."""
    rows = _some_figures()

    async def fill(url: str) -> None:
        database = Database(url)
        async with database.write() as tx:
            await figures.add(tx, rows)
        await database.close()

    with migrated_database(request, tmp_path_factory.mktemp("figures"), request.param) as url:
        asyncio.run(fill(url))
        yield url, rows


@pytest.fixture
async def half_a_year(filled: tuple[str, Rows]) -> AsyncIterator[Database]:
    """That database, open."""
    opened = Database(filled[0])
    yield opened
    await opened.close()


@pytest.fixture
def kept(filled: tuple[str, Rows]) -> Rows:
    """Its figures."""
    return filled[1]


def _asked(by: GroupBy, *, limit: int = 10_000, after: tuple[str, ...] | None = None, **equal: str) -> Asked:
    return Asked(
        first=Month.parse("2026-08"), last=Month.parse("2026-11"), by=by, equal=equal, after=after, limit=limit
    )


def _expected(rows: Rows, asked: Asked) -> dict[tuple[str, ...], dict[str, int]]:
    sums: dict[tuple[str, ...], Counter[str]] = {}
    equal = {"unit" if name == "province" else name: value for name, value in asked.equal.items()}
    for row in rows:
        if str(asked.first) <= row["month"] <= str(asked.last) and equal.items() <= row.items():
            key = tuple(row["unit" if name == "province" else name] for name in asked.key)
            sums.setdefault(key, Counter()).update({name: row[name] for name in asked.measures})
    some = {key: counts for key, counts in sums.items() if asked.side is None or any(counts.values())}
    return {key: {name: counts[name] for name in asked.measures} for key, counts in some.items()}


def _shown(report: Report) -> dict[tuple[str, ...], Mapping[str, int]]:
    shown = {tuple(row.key.values()): row.counts for row in report.rows}
    assert len(shown) == len(report.rows)
    return shown


_EQUAL: list[dict[str, str]] = [
    {},
    {"agency": "H07"},
    {"agency": ""},
    {"tier": "province"},
    {"tier": ""},
    {"branch": "party", "document_type": "luat"},
    {"province": "H41"},
    {"province": "", "tier": "commune"},
    {"agency": "nobody"},
]


async def test_sums_are_what_adding_up_by_hand_gives(half_a_year: Database, kept: Rows) -> None:
    for by in GroupBy:
        for equal in _EQUAL:
            asked = _asked(by, **equal)
            report = await reports.exchange(half_a_year, asked)
            assert _shown(report) == _expected(kept, asked), (by, equal)
            assert all(type(count) is int for row in report.rows for count in row.counts.values())


async def test_pages_put_together_are_the_whole(half_a_year: Database, kept: Rows) -> None:
    for by in GroupBy:
        whole = (await reports.exchange(half_a_year, _asked(by))).rows
        for limit in (1, 7, 500):
            some = whole[:20] if limit == 1 else whole
            paged, after = [], None
            while len(paged) < len(some):
                page = (await reports.exchange(half_a_year, _asked(by, limit=limit, after=after))).rows
                assert 0 < len(page) <= limit
                paged += page
                after = tuple(page[-1].key.values())
            assert paged == list(some), (by, limit)
        assert (await reports.exchange(half_a_year, _asked(by, after=tuple(whole[-1].key.values())))).rows == []


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize(
    ("first", "last"), [("2026-11", "2026-10"), ("2016-10", "2026-10"), ("1900-01", "2199-12"), ("2026-01", "2025-12")]
)
async def test_months_in_the_wrong_order_or_too_many_are_refused(database: Database, first: str, last: str) -> None:
    asked = Asked(first=Month.parse(first), last=Month.parse(last), by=GroupBy.MONTH, equal={})
    with pytest.raises(RequestInvalid, match=f"1 to {MONTHS_MAX} months"):
        await reports.exchange(database, asked)


@pytest.mark.parametrize(("first", "last"), [("2026-11", "2026-11"), ("2016-11", "2026-10")])
async def test_one_month_and_ten_years_are_spans(database: Database, first: str, last: str) -> None:
    asked = Asked(first=Month.parse(first), last=Month.parse(last), by=GroupBy.MONTH, equal={})
    assert (await reports.exchange(database, asked)).rows == []


@pytest.mark.parametrize("direction", Direction)
async def test_one_side_has_its_own_figures_and_no_rows_of_zeros(
    half_a_year: Database, kept: Rows, direction: Direction
) -> None:
    for by in set(GroupBy) - {GroupBy.TIER_PAIR}:
        asked = replace(_asked(by), direction=direction)
        report = await reports.exchange(half_a_year, asked)
        assert _shown(report) == _expected(kept, asked), by
    assert "received" not in replace(asked, direction=Direction.SENT).measures
    assert "sent" not in replace(asked, direction=Direction.RECEIVED).measures


async def test_a_row_of_zeros_for_one_side_is_left_out(database: Database) -> None:
    row = dict.fromkeys(KEY, "x") | {"month": "2026-11", "sent": 1}
    async with database.write() as tx:
        await figures.add(tx, [row])
    for direction, found in ((Direction.SENT, 1), (Direction.RECEIVED, 0), (None, 1)):
        report = await reports.exchange(database, replace(_asked(GroupBy.TIER), direction=direction))
        assert len(report.rows) == found


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_what_was_sent_has_no_pairs_of_tiers(database: Database) -> None:
    with pytest.raises(RequestInvalid, match="pairs"):
        await reports.exchange(database, replace(_asked(GroupBy.TIER_PAIR), direction=Direction.SENT))


async def test_adding_to_a_sum_leaves_the_other_measures_alone(database: Database) -> None:
    key = dict.fromkeys(KEY, "x") | {"month": "2026-11"}
    async with database.write() as tx:
        await figures.add(tx, [key | {"sent": 2, "signed": 1}])
        await figures.add(tx, [key | {"sent": 3}, {**key, "agency": "y", "refused": 1}])
        await figures.add(tx, [])
        rows = {row.agency: row for row in (await tx.execute(sa.select(table))).all()}
    assert (rows["x"].sent, rows["x"].signed, rows["x"].refused) == (5, 1, 0)
    assert (rows["y"].sent, rows["y"].refused) == (0, 1)


async def test_figures_and_size_are_of_one_moment(database: Database) -> None:
    """While a sealer works on: each event here is a delivery of its own, so the sum must be what the size implies."""
    reader = Database(database.url)
    await write(database, *(sending(STANDINGS[0], STANDINGS[2:3]) for _ in range(30)))
    asked = Asked(first=Month.of(AT), last=Month.of(AT), by=GroupBy.MONTH, equal={})
    seen = []

    async def read_on() -> None:
        while not seen or seen[-1][0] < 60:
            report = await reports.exchange(reader, asked)
            counts = report.rows[0].counts if report.rows else {}
            seen.append((report.ledger_size, counts.get("sent", 0) + counts.get("received", 0)))

    async def seal_on() -> None:

        while await seal_batch(database, now=AT, limit=3):
            pass

    async with asyncio.timeout(100), asyncio.TaskGroup() as group:
        group.create_task(read_on())
        group.create_task(seal_on())
    await reader.close()
    assert all(size == counted for size, counted in seen), seen
    assert await seal_all(database, now=AT) == 0
