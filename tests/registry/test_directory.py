"""Looking agencies up: codes in both forms, periods of aliases, search without accents, pages."""

from datetime import UTC, date, datetime, time
from typing import Any

import pytest
import sqlalchemy as sa

from app.registry import agencies, directory
from app.registry.acts import Act
from app.registry.agencies import AgencyChanges
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


def at(day: date) -> Act:
    """An act at noon of a day in Vietnam."""
    return Act("operator", datetime.combine(day, time(5), tzinfo=UTC))


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
    ("00.h44", ["H44"]),
    ("phu h44", ["H44"]),
    ("44", []),
    ("ang", []),
    ("tha ph nẵn", ["H17"]),
    ("UBND, (thanh-pho)", []),
    ("nhân dân, (thành-phố)", ["H17", "H57"]),
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


async def test_a_subtree_is_an_agency_and_all_below_it_by_the_links_not_the_codes(registry: Registry) -> None:
    await registry.add("H44")
    for given in (
        agency("H44.05", parent="H44"),
        agency("H44.05.2", parent="H44.05", aliases=["000.02.05.H44"]),
        agency("0101234567", "Hợp tác xã Mẫu", parent="H44.05.2", branch=Branch.OTHER),
        agency("H44.99"),
    ):
        await agencies.register(registry.database, given, act=ACT)
    below = ["0101234567", "H44.05", "H44.05.2"]
    assert await codes(registry.database, within=code("H44")) == ["0101234567", "H44", "H44.05", "H44.05.2"]
    assert await codes(registry.database, within=code("H44.05")) == below
    assert await codes(registry.database, within=code("000.02.05.H44")) == ["0101234567", "H44.05.2"]
    assert await codes(registry.database, within=code("H44.05"), q="hop tac") == ["0101234567"]
    assert await codes(registry.database, within=code("X99")) == []
    assert await codes(registry.database, within=code("H44.05"), as_of=DAY) == below


async def test_the_past_is_searched_as_it_was(registry: Registry) -> None:
    """A district of the province of that time; since then it is another province's, of another tier and name."""
    await registry.add("H44", "H28")
    before = agency("H28.05", "Huyện Đà Bắc", parent="H28", tier=Tier.DISTRICT, aliases=["000.00.05.H28"])
    await agencies.register(registry.database, before, act=at(date(2020, 1, 1)))
    await agencies.register(
        registry.database, agency("H28.05.1", "Xã Mẫu", parent="H28.05", tier=Tier.COMMUNE), act=at(date(2020, 1, 1))
    )
    change: AgencyChanges = {"name": "Xã Đồng Tâm", "tier": Tier.COMMUNE, "parent": code("H44")}
    await agencies.change(registry.database, code("H28.05"), change, act=at(date(2025, 7, 1)))
    for day, name, tier, above in (
        (date(2025, 6, 30), "huyen da bac", Tier.DISTRICT, "H28"),
        (date(2025, 7, 1), "xa dong tam", Tier.COMMUNE, "H44"),
    ):
        for wanted in ({"q": name}, {"q": "000.00.05.h28", "tier": tier}, {"parent": code(above), "q": name}):
            assert await codes(registry.database, as_of=day, **wanted) == ["H28.05"], (day, wanted)
        assert await codes(registry.database, as_of=day, within=code(above)) == sorted([above, "H28.05", "H28.05.1"])
        async with registry.database.read() as tx:
            (found,) = await directory.search(tx, q=name, as_of=day, limit=5)
        assert (found.tier, found.parent) == (tier, code(above))
    assert await codes(registry.database, q="huyen da bac") == []
    assert await codes(registry.database, q="dong tam") == ["H28.05"]
    assert await codes(registry.database, as_of=date(2025, 6, 30), q="dong tam") == []


async def test_the_order_is_that_of_the_bytes_on_every_database(registry: Registry) -> None:
    given = ["a.1", "A-1", "A.1", "A1", "A01", "H1.10", "H1.2", "H1.2.1", "h1.2", "Z01_b", "Z01B", "0101234567"]
    async with registry.database.write() as tx:
        await agencies.insert(tx, [agency(each) for each in given], act=ACT)
    assert await codes(registry.database) == sorted(given)
    paged: list[str] = []
    while batch := await codes(registry.database, after=paged[-1] if paged else None, limit=5):
        paged += batch
    assert paged == sorted(given)


async def test_words_that_many_or_none_have_are_found_alike(registry: Registry) -> None:
    """Words the index leaves out, words with more entries than are gone through, and intersections of rare ones."""
    given = [agency(f"H44.{number}", f"Ủy ban nhân dân xã Mẫu {number % 7} tỉnh Phú Thọ") for number in range(300)]
    async with registry.database.write() as tx:
        await agencies.insert(tx, given, act=ACT)
    every = sorted(each.organ_id.text for each in given)
    third = [each for each in every if int(each.partition(".")[2]) % 7 == 3]
    for q, expected in (("xa", every), ("x", every), ("uy ban tinh", every), ("mau phu", every), ("mau zz", [])):
        assert await codes(registry.database, q=q, limit=300) == expected, q
    # A word with a digit may be a code's, too.
    assert set(await codes(registry.database, q="mau 3 tho", limit=300)) >= set(third)


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
