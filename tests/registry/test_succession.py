"""Who answers for whom after agencies were closed."""

from datetime import date

from app.registry import agencies, directory, succession
from app.registry.model import AgencyStatus, Client, ClientStatus, Grant, Scope
from app.store.database import Database
from tests.registry.filling import ACT, Registry, agency
from tests.support.pki import NOW

DAY = date(2026, 3, 2)


async def _three_generations(registry: Registry) -> None:
    """H28.01 became H28, H28 became H44; H62 ended with nobody after it; H45 is not concerned."""
    await registry.add("H44", "H45")
    for given in (
        agency("H28", successor="H44", status=AgencyStatus.CLOSED),
        agency("H28.01", successor="H28", status=AgencyStatus.CLOSED),
        agency("H62", status=AgencyStatus.CLOSED),
    ):
        await agencies.register(registry.database, given, act=ACT)


async def test_an_agency_answers_for_its_closed_predecessors_of_every_generation(
    database: Database, registry: Registry
) -> None:
    await _three_generations(registry)
    async with database.read() as tx:
        by_code = await directory.resolve(tx, {"H44", "H45", "H28", "H28.01", "H62"}, on=DAY)
        represented = {code: await succession.represented(tx, agency) for code, agency in by_code.items()}
        acting = await succession.acting(tx, list(by_code.values()), on=DAY)
        heirs = await succession.heirs(tx)
    assert represented == {
        "H44": ("H44", "H28", "H28.01"),
        "H45": ("H45",),
        "H28": ("H28",),
        "H28.01": ("H28.01",),
        "H62": ("H62",),
    }
    assert {code: agency.organ_id.text for code, agency in acting.items()} == {
        "H44": "H44",
        "H45": "H45",
        "H28": "H44",
        "H28.01": "H44",
        "H62": "H62",
    }
    assert heirs == {"H28": "H44", "H28.01": "H44"}


async def test_the_client_of_a_successor_reaches_what_the_closed_agency_has(
    database: Database, registry: Registry
) -> None:
    await _three_generations(registry)
    async with database.read() as tx:
        by_code = await directory.resolve(tx, {"H45", "H28", "H28.01", "H62"}, on=DAY)
        reached = await succession.within_reach(tx, by_code, client=_client("H44"), on=DAY)
        before = await succession.within_reach(tx, by_code, client=_client("H28.*"), on=DAY)
    assert set(reached) == {"H28", "H28.01"}
    assert set(before) == {"H28", "H28.01"}, "a grant outlives the agency it names"


def test_a_circle_of_successors_ends_the_walk() -> None:
    assert succession.ends({"A01": "A02", "A02": "A01"}).keys() == {"A01", "A02"}


def _client(*grants: str) -> Client:
    return Client(
        client_id="c",
        name="c",
        scopes=frozenset({Scope.EXCHANGE}),
        agencies=tuple(map(Grant.parse, grants)),
        status=ClientStatus.ACTIVE,
        has_secret=True,
        version=1,
        created_at=NOW,
    )
