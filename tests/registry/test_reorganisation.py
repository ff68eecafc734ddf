"""Plans carried out on a real database: all of it or nothing, once, on its day."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.errors import Conflict, IdempotencyKeyReused, NotFound, PreconditionFailed, RequestInvalid
from app.registry import agencies, clients, directory, history, succession
from app.registry.acts import Act
from app.registry.agency_csv import Line, Sheet
from app.registry.agency_import import Existing, register_all
from app.registry.model import Agency, AgencyStatus, Grant, Scope, Tier
from app.registry.once import Once
from app.registry.reference import load_reference
from app.registry.reorganisation import acts
from app.registry.reorganisation.acts import State
from app.registry.reorganisation.plan import Plan
from app.registry.reorganisation.reading import read
from app.registry.reorganisation.shipped import days, shipped
from app.registry.reorganisation.written import Written
from app.routers import clock
from app.store.database import Database
from app.store.schema import agency_history, reorganisations
from app.worker.upkeep import rounds_of
from tests.exchange.statements import plan_of, statements
from tests.registry.filling import Registry, agency, code, seal_of
from tests.support.node import running_node
from tests.support.pki import NOW, shared_pki

DAY = date(2025, 7, 1)
ACT = Act("operator", NOW)
MERGE = {"action": "merge", "agencies": ["H28", "000.00.00.H62"], "into": "H44", "name": "UBND tỉnh Phú Thọ mới"}
DISTRICTS_END = {"action": "close_all", "tier": "district", "successor": "parent"}


def planned(*steps: dict[str, Any], on: date = DAY, **fields: Any) -> Plan:
    head = {"title": "Thử", "source": "thử", "effective_on": on.isoformat()}
    return read(Written(head | fields | {"steps": list(steps)}))


@pytest.fixture
async def country(registry: Registry) -> Registry:
    """Three provinces; a district of Hòa Bình with two communes; its old code, its seal, its client."""
    await enter(
        registry.database,
        agency("H44"),
        agency("H62", aliases=["000.00.00.H62"]),
        agency("H28", "Ủy ban nhân dân tỉnh Hòa Bình", aliases=["000.00.00.H28"]),
        agency("H28.20", tier=Tier.DISTRICT, parent="H28"),
        agency("H28.20.01", tier=Tier.COMMUNE, parent="H28.20"),
        agency("H28.20.02", tier=Tier.COMMUNE, parent="H28.20"),
    )
    return registry


async def enter(database: Database, *given: Agency) -> None:
    sheet = Sheet(tuple(Line(number, each, {}) for number, each in enumerate(given, start=2)))
    await register_all(database, sheet, existing=Existing.REFUSE, act=ACT)


async def now(database: Database, *codes: str) -> dict[str, Agency]:
    async with database.read() as tx:
        return await directory.resolve(tx, codes, on=NOW.date())


async def test_a_plan_takes_effect_as_a_whole_with_an_event_for_each_agency(country: Registry) -> None:
    database = country.database
    before = len(await country.events())
    done = await acts.propose(database, planned(MERGE, DISTRICTS_END), act=ACT)
    assert (done.value.state, done.value.applied_at, done.replayed) == (State.APPLIED, NOW, False)
    found = await now(database, "H44", "H28", "000.00.00.H28", "H28.20", "H28.20.01")
    assert found["000.00.00.H28"] == found["H28"], "a closed agency keeps its other codes"
    assert (found["H28"].status, found["H28"].valid_to) == (AgencyStatus.CLOSED, DAY - timedelta(days=1))
    assert found["H28"].successor == found["H28.20"].successor == found["H28.20.01"].parent == code("H44")
    assert found["H44"].name == "UBND tỉnh Phú Thọ mới"
    events = (await country.events())[before:]
    told = {(each["kind"], each.get("agency")): each["detail"] for each in events}
    closed: dict[str, Any] = {"reorganisation": done.value.id, "successor": "H44", "version": 2}
    assert (
        told[("agency.closed", "H28")] == told[("agency.closed", "H62")] == told[("agency.closed", "H28.20")] == closed
    )
    assert told[("agency.changed", "H44")]["fields"] == ["name"]
    assert told[("agency.changed", "H28.20.01")] == told[("agency.changed", "H28.20.02")]
    assert told[("agency.changed", "H28.20.01")]["fields"] == ["parent"]
    counts = {"opened": 0, "closed": 3, "renamed": 1, "moved": 2}
    assert told[("reorganisation.applied", None)] == counts | {
        "reorganisation": done.value.id,
        "effective_on": "2025-07-01",
    }
    assert len(events) == 7
    async with database.read() as tx:
        assert await succession.represented(tx, found["H44"]) == ("H44", "H28", "H28.20", "H62")


async def test_the_directory_of_the_day_before_can_still_be_asked_for(country: Registry) -> None:
    database = country.database
    await acts.propose(database, planned(MERGE, DISTRICTS_END), act=ACT)
    present = list((await now(database, "H44", "H28", "H28.20.01")).values())
    async with database.read() as tx:
        eve = await history.as_of(tx, present, on=DAY - timedelta(days=1))
        day = await history.as_of(tx, present, on=DAY)
        chapters = (await tx.execute(sa.select(agency_history))).all()
    assert (eve["H28"].status, eve["H28"].successor) == (AgencyStatus.ACTIVE, None)
    assert eve["H28.20.01"].parent == code("H28.20")
    assert eve["H44"].name == "Ủy ban nhân dân tỉnh Phú Thọ"
    assert {each.organ_id.text: each for each in present} == day
    assert {(row.first_day, row.last_day) for row in chapters} == {(None, DAY - timedelta(days=1))}
    assert len({row.reorganisation for row in chapters}) == 1


async def test_what_was_recorded_later_than_the_plan_takes_effect_keeps_its_days(country: Registry) -> None:
    """The name was corrected in March 2026; the plan of July 2025 is entered in April 2026."""
    database = country.database
    await agencies.change(
        database, code("H28"), {"name": "Đúng tên"}, act=Act("operator", datetime(2026, 3, 1, tzinfo=UTC))
    )
    await acts.propose(database, planned(MERGE, DISTRICTS_END), act=Act("operator", datetime(2026, 4, 1, tzinfo=UTC)))
    present = list((await now(database, "H28")).values())
    async with database.read() as tx:
        earlier = await history.as_of(tx, present, on=date(2025, 12, 31))
        later = await history.as_of(tx, present, on=date(2026, 3, 1))
    assert earlier["H28"].name == "Ủy ban nhân dân tỉnh Hòa Bình"
    assert (later["H28"].name, later["H28"].status) == ("Đúng tên", AgencyStatus.CLOSED)


async def test_a_dry_run_tells_all_effects_and_changes_nothing(country: Registry) -> None:
    database = country.database
    await country.trust(shared_pki())
    await country.enrol("H28", seal_of("H28"))
    grants = (Grant.parse("000.00.00.H28"), Grant.parse("H28.*"), Grant.parse("H44"))
    client = (
        await clients.create(database, ACT, name="Hòa Bình", scopes=frozenset({Scope.EXCHANGE}), agencies=grants)
    ).value.client
    before = await country.events()
    report = (await acts.judge(database, planned(MERGE, DISTRICTS_END), at=NOW)).report
    assert {name: listed["count"] for name, listed in report.items()} == {
        "opened": 0,
        "closed": 3,
        "renamed": 1,
        "moved": 2,
        "waiting_deliveries": 0,
        "certificates": 1,
        "clients": 1,
        "findings": 0,
    }
    assert report["certificates"]["items"] == [{"organ_id": "H28", "count": 1, "answered_by": "H44"}]
    assert report["clients"]["items"] == [
        {"client_id": client.client_id, "name": "Hòa Bình", "agencies": ["000.00.00.H28", "H28.*"]}
    ]
    assert report["moved"]["items"][0] == {
        "organ_id": "H28.20.01",
        "parent": "H44",
        "former_parent": "H28.20",
        "tier": "commune",
        "former_tier": "commune",
    }
    assert await country.events() == before
    assert await country.count(reorganisations) == 0


async def test_a_plan_that_does_not_fit_changes_nothing(country: Registry) -> None:
    before = await country.events()
    with pytest.raises(RequestInvalid) as raised:
        await acts.propose(country.database, planned(MERGE, {"action": "close", "agency": "H99"}), act=ACT)
    assert [each.location for each in raised.value.findings] == ["steps[1].agency"]
    assert await country.events() == before
    assert await country.count(reorganisations) == 0
    assert (await now(country.database, "H28"))["H28"].status is AgencyStatus.ACTIVE


async def test_the_same_plan_twice_is_one_reorganisation(country: Registry, other_database: Database) -> None:
    plan = planned(MERGE)
    both = await asyncio.gather(*(acts.propose(each, plan, act=ACT) for each in (country.database, other_database)))
    again = await acts.propose(country.database, plan, act=ACT)
    assert {done.value.id for done in (*both, again)} == {again.value.id}
    assert sorted(done.replayed for done in (*both, again)) == [False, True, True]
    assert await country.count(reorganisations) == 1


async def test_a_request_is_answered_again_under_its_key_and_only_it(country: Registry) -> None:
    database = country.database
    first = await acts.propose(database, planned(MERGE), act=_keyed("a"))
    again = await acts.propose(database, planned(MERGE), act=_keyed("a"))
    assert (again.value, again.replayed) == (first.value, True)
    with pytest.raises(IdempotencyKeyReused):
        await acts.propose(database, planned(DISTRICTS_END), act=_keyed("b"))


def _keyed(body: str) -> Act:
    client = "01a2022d-fb9b-75ac-92fd-527f80c9bf3a"
    once = Once.of_body(client, "key", path="/v1/reorganisations", body_sha256=body, expires_at=NOW + timedelta(days=1))
    return Act(client, NOW, once)


TOMORROW = date(2030, 1, 15)
"""A day to come for plans; the eve of it in Vietnam ends at 17:00 UTC."""


async def test_a_plan_for_a_day_to_come_takes_effect_at_midnight_in_vietnam(country: Registry) -> None:
    database = country.database
    done = await acts.propose(database, planned(MERGE, on=TOMORROW), act=ACT)
    assert (done.value.state, done.value.applied_at) == (State.SCHEDULED, None)
    assert (await now(database, "H28"))["H28"].status is AgencyStatus.ACTIVE
    assert await acts.apply_due(database, at=datetime(2030, 1, 14, 16, 59, 59, tzinfo=UTC)) == []
    midnight = datetime(2030, 1, 14, 17, 0, tzinfo=UTC)
    assert await acts.apply_due(database, at=midnight) == [(done.value.id, State.APPLIED)]
    assert await acts.apply_due(database, at=midnight) == []
    kept = await acts.get(database, done.value.id)
    assert (kept.state, kept.applied_at, kept.version) == (State.APPLIED, midnight, 2)
    assert (await now(database, "H28"))["H28"].valid_to == TOMORROW - timedelta(days=1)
    kinds = [(each["kind"], each["actor"]) for each in await country.events()]
    assert ("reorganisation.scheduled", "operator") in kinds
    assert ("reorganisation.applied", "node") in kinds


async def test_plans_that_are_due_together_take_effect_in_the_order_of_their_days(country: Registry) -> None:
    database = country.database
    back = planned({"action": "rename", "agency": "H44", "name": "Hai"}, on=TOMORROW + timedelta(days=1))
    first = planned({"action": "rename", "agency": "H44", "name": "Một"}, on=TOMORROW)
    for plan in (back, first):
        await acts.propose(database, plan, act=ACT)
    await acts.apply_due(database, at=datetime(2030, 3, 1, tzinfo=UTC))
    assert (await now(database, "H44"))["H44"].name == "Hai"


async def test_a_plan_that_does_not_fit_on_its_day_fails_as_a_whole_and_says_why(country: Registry) -> None:
    database = country.database
    done = await acts.propose(database, planned(MERGE, on=TOMORROW), act=ACT)
    await acts.propose(database, planned({"action": "close", "agency": "H62", "successor": "H28"}), act=ACT)
    assert await acts.apply_due(database, at=datetime(2030, 2, 1, tzinfo=UTC)) == [(done.value.id, State.FAILED)]
    kept = await acts.get(database, done.value.id)
    assert [each["code"] for each in kept.report["findings"]["items"]] == ["ours.reorganisation.closed-already"]
    assert (await now(database, "H28"))["H28"].status is AgencyStatus.ACTIVE
    failed = (await country.events())[-1]
    assert (failed["kind"], failed["detail"]["codes"]) == (
        "reorganisation.failed",
        ["ours.reorganisation.closed-already"],
    )


async def test_a_kept_plan_that_cannot_be_read_any_more_fails(country: Registry) -> None:
    database = country.database
    done = await acts.propose(database, planned(MERGE, on=TOMORROW), act=ACT)
    async with database.write() as tx:
        await tx.execute(reorganisations.update().values(plan={"steps": "of another release"}))
    assert await acts.apply_due(database, at=datetime(2030, 2, 1, tzinfo=UTC)) == [(done.value.id, State.FAILED)]
    assert (await acts.get(database, done.value.id)).report["findings"]["count"] == 3


async def test_a_scheduled_plan_is_taken_back_once(country: Registry) -> None:
    database = country.database
    plan = planned(MERGE, on=TOMORROW)
    scheduled = (await acts.propose(database, plan, act=ACT)).value
    with pytest.raises(PreconditionFailed):
        await acts.cancel(database, scheduled.id, if_match=7, act=ACT)
    cancelled = (await acts.cancel(database, scheduled.id, if_match=1, act=ACT)).value
    assert (cancelled.state, cancelled.version) == (State.CANCELLED, 2)
    with pytest.raises(Conflict):
        await acts.cancel(database, scheduled.id, act=ACT)
    assert await acts.apply_due(database, at=datetime(2030, 2, 1, tzinfo=UTC)) == []
    assert (await country.events())[-1]["kind"] == "reorganisation.cancelled"
    assert not (await acts.propose(database, plan, act=ACT)).replayed, "what was taken back can be asked for again"
    with pytest.raises(NotFound):
        await acts.cancel(database, "01a2022d-fb9b-75ac-92fd-527f80c9bf3a", act=ACT)


async def test_new_agencies_and_further_codes_are_entered(country: Registry) -> None:
    opened = {
        "action": "open",
        "organ_id": "H44.90",
        "name": "Sở mới",
        "tier": "province",
        "branch": "state",
        "parent": "000.00.00.H62",
        "aliases": ["000.00.90.H44"],
    }
    renamed = {"action": "rename", "agency": "H44", "name": "Phú Thọ", "aliases": ["000.00.00.H44"]}
    await acts.propose(country.database, planned(opened, renamed), act=ACT)
    found = await now(country.database, "000.00.90.H44", "000.00.00.H44")
    assert (found["000.00.90.H44"].valid_from, found["000.00.90.H44"].parent) == (DAY, code("H62"))
    assert found["000.00.00.H44"].organ_id == code("H44")
    registered = next(each for each in reversed(await country.events()) if each["kind"] == "agency.registered")
    assert registered["detail"].keys() == {"parent", "reorganisation", "status"}


async def test_the_shipped_plan_makes_34_provinces_of_63_and_ends_the_districts(database: Database) -> None:
    await load_reference(database, as_of=DAY - timedelta(days=1), act=ACT)
    await enter(
        database,
        agency("H28.20", tier=Tier.DISTRICT, parent="H28"),
        agency("H28.20.01", tier=Tier.COMMUNE, parent="H28.20"),
    )
    assert days() == (DAY,)
    done = await acts.propose(database, shipped(DAY), act=ACT)
    counts = {name: done.value.report[name]["count"] for name in ("closed", "moved", "findings")}
    assert counts == {"closed": 29 * 2 + 1, "moved": 1, "findings": 0}
    async with database.read() as tx:
        everybody = await directory.search(tx, limit=1000)
        heirs = await succession.heirs(tx)
    alive = [each.organ_id.text for each in everybody if each.status is AgencyStatus.ACTIVE]
    for block in "HK":
        assert sum(each.startswith(block) and "." not in each for each in alive) == 34
    assert (heirs["H28"], heirs["H62"], heirs["H28.20"], heirs["K28"]) == ("H44", "H44", "H44", "K44")
    assert next(each.parent for each in everybody if each.organ_id.text == "H28.20.01") == code("H44")


async def test_the_shipped_plan_brings_about_what_the_reference_list_says_of_2025(
    database: Database, registry: Registry
) -> None:
    await load_reference(database, act=ACT)
    before = await registry.events()
    judgement = await acts.judge(database, shipped(DAY), at=NOW)
    assert judgement.order.applicable
    assert not judgement.order.changes
    assert {each.code for each in judgement.order.findings} == {"ours.reorganisation.so-already"}
    assert await registry.events() == before


async def test_many_agencies_take_as_many_statements_as_few(registry: Registry) -> None:
    """A country's districts end in one plan; nothing is written one by one."""
    heard = {}
    for province, count in (("H28", 2), ("H44", 300)):
        districts = [agency(f"{province}.{number}", tier=Tier.DISTRICT, parent=province) for number in range(count)]
        await enter(registry.database, agency(province), *districts)
        plan = planned({"action": "close_all", "tier": "district", "within": province, "successor": "parent"})
        with statements() as executed:
            done = await acts.propose(registry.database, plan, act=ACT)
        assert done.value.report["closed"]["count"] == count
        heard[province] = executed.kinds
    assert heard["H28"] == heard["H44"]


async def test_who_answers_for_whom_is_one_query_by_the_index_of_successors(country: Registry) -> None:
    await acts.propose(country.database, planned(MERGE, DISTRICTS_END), act=ACT)
    found = list((await now(country.database, "H44", "H28.20.01")).values())
    async with country.database.read() as tx:
        with statements() as executed:
            assert await succession.represented_by(tx, found) == ("H28", "H28.20", "H28.20.01", "H44", "H62")
    (text,), (parameters,) = executed.texts, executed.parameters
    if country.database.dialect == "sqlite":
        # PostgreSQL reads so small a table from end to end, whatever indexes it has.
        assert "ix_agencies_successor" in await plan_of(country.database, text, parameters)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_running_node_applies_what_is_due(database_url: str, tmp_path: Path) -> None:
    async def scheduled() -> str:
        database = Database(database_url)
        await enter(database, agency("H44"), agency("H28"))
        plan = planned({"action": "merge", "agencies": ["H28"], "into": "H44"}, on=TOMORROW)
        done = await acts.propose(database, plan, act=ACT)
        await database.close()
        return done.value.id

    plan = asyncio.run(scheduled())
    with (
        clock.steered(lambda: datetime(2030, 1, 14, 17, 0, tzinfo=UTC)),
        running_node(tmp_path / "data", database_url, log_level="error") as running,
    ):
        [due] = [each for each in rounds_of(running.node) if each.name == "reorganisations"]
        assert running.run(lambda _node: due.work()) is False
        kept = running.run(lambda node: acts.get(node.database, plan))
    assert kept.state is State.APPLIED
