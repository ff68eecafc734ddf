"""Looking agencies up: codes in both forms, periods of aliases, search without accents, pages."""

from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from app.registry import agencies, directory
from app.registry.model import AgencyStatus, Alias, Branch, Tier
from app.store.database import Database
from tests.registry.filling import ACT, Registry, agency, code

DAY = date(2026, 11, 20)

PLACES = {
    "H17": "Ủy ban nhân dân thành phố Đà Nẵng",
    "H15": "Ủy ban nhân dân tỉnh Đắk Lắk",
    "H44": "Ủy ban nhân dân tỉnh Phú Thọ",
    "H57": "Ủy ban nhân dân thành phố Huế",
    "G12": "Bộ Tài chính",
}


@pytest.fixture
async def places(registry: Registry) -> Registry:
    for each, name in PLACES.items():
        central = each.startswith("G")
        given = agency(each, name, tier=Tier.CENTRAL if central else Tier.PROVINCE, aliases=[f"000.00.00.{each}"])
        await agencies.register(registry.database, given, act=ACT)
    return registry


async def codes(database: Database, **asked: Any) -> list[str]:
    async with database.read() as tx:
        return [each.organ_id.text for each in await directory.search(tx, **({"limit": 50} | asked))]


async def test_codes_resolve_by_own_code_and_alias_alike(places: Registry) -> None:
    async with places.database.read() as tx:
        found = await directory.resolve(tx, ["H44", "000.00.00.H44", "000.00.00.G12", "X99"], on=DAY)
    assert {asked: each.organ_id.text for asked, each in found.items()} == {
        "H44": "H44",
        "000.00.00.H44": "H44",
        "000.00.00.G12": "G12",
    }
    assert [alias.code.text for alias in found["H44"].aliases] == ["000.00.00.H44"]


async def test_an_alias_counts_from_its_first_to_its_last_day(registry: Registry) -> None:
    alias = Alias(code("H62.05"), valid_from=date(2020, 9, 15), valid_to=date(2025, 6, 30))
    await agencies.register(registry.database, agency("H44.05", aliases=[alias]), act=ACT)
    days = {date(2020, 9, 14): False, date(2020, 9, 15): True, date(2025, 6, 30): True, date(2025, 7, 1): False}
    async with registry.database.read() as tx:
        for day, counts in days.items():
            assert bool(await directory.resolve(tx, ["H62.05"], on=day)) is counts, day
        assert await directory.find(tx, code("H62.05")) is not None


async def test_a_thousand_codes_and_more_resolve_in_a_few_statements(registry: Registry) -> None:
    wanted = [f"H44.{number}" for number in range(1_500)]
    async with registry.database.write() as tx:
        await agencies.insert(tx, [agency(each, f"Cơ quan {each}") for each in wanted], act=ACT)
    statements: list[str] = []
    engine = registry.database._reader.sync_engine
    sa.event.listen(engine, "before_cursor_execute", lambda *event: statements.append(event[2]))
    async with registry.database.read() as tx:
        found = await directory.resolve(tx, wanted, on=DAY)
    assert len(found) == 1_500
    assert len([each for each in statements if "SELECT" in each]) <= 4


SEARCHES = [
    ("da nang", ["H17"]),
    ("ĐÀ NẴNG", ["H17"]),
    ("đăk lak", ["H15"]),
    ("lak dak", ["H15"]),
    ("huế", ["H57"]),
    ("thanh pho", ["H17", "H57"]),
    ("H44", ["H44"]),
    ("h44", ["H44"]),
    ("000.00.00.h", ["H15", "H17", "H44", "H57"]),
    ("bo tai chinh", ["G12"]),
    ("100%", []),
    ("_", []),
    ("không có", []),
    ("\x00\ud800", ["G12", "H15", "H17", "H44", "H57"]),
    ("", ["G12", "H15", "H17", "H44", "H57"]),
]


async def test_search_looks_past_accents_case_and_order(places: Registry) -> None:
    for q, expected in SEARCHES:
        assert await codes(places.database, q=q) == expected, q


async def test_search_narrows_by_every_filter(registry: Registry) -> None:
    await registry.add("H44")
    for given in (
        agency("G12", tier=Tier.CENTRAL),
        agency("K44", branch=Branch.ASSEMBLY),
        agency("H44.05", parent="H44"),
        agency("H28", status=AgencyStatus.CLOSED, valid_to=date(2025, 6, 30), successor="H44"),
        agency("H45", valid_from=date(2027, 1, 1)),
    ):
        await agencies.register(registry.database, given, act=ACT)
    assert await codes(registry.database, tier=Tier.CENTRAL) == ["G12"]
    assert await codes(registry.database, branch=Branch.ASSEMBLY) == ["K44"]
    assert await codes(registry.database, parent=code("H44")) == ["H44.05"]
    assert await codes(registry.database, status=AgencyStatus.CLOSED) == ["H28"]
    assert await codes(registry.database, as_of=date(2025, 6, 30)) == ["G12", "H28", "H44", "H44.05", "K44"]
    assert await codes(registry.database, as_of=date(2027, 1, 1)) == ["G12", "H44", "H44.05", "H45", "K44"]


async def test_pages_follow_each_other_without_gap_or_repetition(places: Registry) -> None:
    seen: list[str] = []
    after = None
    while batch := await codes(places.database, after=after, limit=2):
        seen += batch
        after = batch[-1]
    assert sorted(seen) == sorted(PLACES)
    assert len(seen) == len(PLACES)


async def test_a_search_shows_the_aliases(places: Registry) -> None:
    async with places.database.read() as tx:
        (only,) = await directory.search(tx, q="da nang", limit=50)
    assert [alias.code.text for alias in only.aliases] == ["000.00.00.H17"]
