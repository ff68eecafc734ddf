"""Registering, changing, suspending and reinstating agencies: what is refused, what is kept, what the log says."""

import asyncio
from datetime import date

import pytest

from app.edxml.organ_id import OrganId
from app.errors import AlreadyExists, Conflict, IdempotencyKeyReused, NotFound, PreconditionFailed, RequestInvalid
from app.registry import agencies, directory
from app.registry.model import Agency, AgencyStatus, Alias, Branch, SuspensionReason, Tier
from app.store.database import Database
from app.store.schema import agencies as agencies_table
from app.store.schema import agency_aliases
from tests.registry.filling import ACT, Registry, agency, code, once


async def found(database: Database, text: str) -> Agency | None:
    async with database.read() as tx:
        return await directory.find(tx, code(text))


async def test_a_registered_agency_is_found_as_it_was_given(registry: Registry) -> None:
    await registry.add("H44")
    given = agency(
        "H44.05",
        "Sở Tư pháp tỉnh Phú Thọ",
        aliases=["000.00.05.H44", Alias(code("H62.05"), valid_to=date(2025, 6, 30))],
        parent="H44",
        valid_from=date(2020, 9, 15),
        contact={"email": "sotuphap@example.vn", "telephone": "0210 000 000"},
    )
    done = await agencies.register(registry.database, given, act=ACT)
    assert done.value == given
    assert not done.replayed
    assert await found(registry.database, "H44.05") == given
    assert await found(registry.database, "000.00.05.H44") == given


async def test_registering_writes_one_event_of_codes_only(registry: Registry) -> None:
    await registry.add("H44")
    await agencies.register(
        registry.database, agency("H44.05", "Sở Tư pháp", parent="H44", contact={"email": "a@b.vn"}), act=ACT
    )
    last = (await registry.events())[-1]
    assert last["kind"] == "agency.registered"
    assert (last["agency"], last["tier"], last["branch"]) == ("H44.05", "province", "state")
    assert last["detail"] == {"status": "active", "parent": "H44"}
    assert "Sở" not in str(last)


async def test_a_code_belongs_to_one_agency_only(registry: Registry) -> None:
    await agencies.register(registry.database, agency("H44", aliases=["000.00.00.H44"]), act=ACT)
    for second in (
        agency("H44"),
        agency("H45", aliases=["H44"]),
        agency("000.00.00.H44"),
        agency("H45", aliases=["000.00.00.H44"]),
    ):
        with pytest.raises(AlreadyExists) as refused:
            await agencies.register(registry.database, second, act=ACT)
        assert [finding.code for finding in refused.value.findings] == ["ours.agency.code-taken"]
    assert len(await registry.events()) == 1
    assert await registry.count(agencies_table) == 1


async def test_of_many_who_register_a_code_at_once_one_succeeds(registry: Registry, other_database: Database) -> None:
    nodes = [registry.database, other_database] * 4
    rivals = [agency("H44") if number % 2 else agency("H45", aliases=["H44"]) for number in range(8)]
    outcomes = await asyncio.gather(
        *(agencies.register(node, rival, act=ACT) for node, rival in zip(nodes, rivals, strict=True)),
        return_exceptions=True,
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, AlreadyExists)]
    assert len(refused) == 7
    assert await registry.count(agencies_table) == 1
    assert len(await registry.events()) == 1


async def test_a_wrong_record_is_refused_with_its_findings(registry: Registry) -> None:
    await agencies.register(registry.database, agency("X01", tier=Tier.COMMUNE), act=ACT)
    for wrong, expected in (
        (agency(name=" "), "name-unusable"),
        (agency(parent="H99"), "parent-unknown"),
        (agency(parent="X01"), "tier-order"),
    ):
        with pytest.raises(RequestInvalid) as refused:
            await agencies.register(registry.database, wrong, act=ACT)
        assert [finding.code for finding in refused.value.findings] == [f"ours.agency.{expected}"]
    assert await registry.count(agencies_table) == 1


async def test_parent_and_successor_may_be_named_by_an_alias_and_are_kept_by_their_own_code(registry: Registry) -> None:
    await agencies.register(registry.database, agency("H44", aliases=["000.00.00.H44"]), act=ACT)
    given = agency("H28", parent="000.00.00.H44", successor="000.00.00.H44", status=AgencyStatus.CLOSED)
    done = await agencies.register(registry.database, given, act=ACT)
    assert (done.value.parent, done.value.successor) == (code("H44"), code("H44"))


async def test_a_change_moves_the_version_and_names_the_fields(registry: Registry) -> None:
    await registry.add("H44", "H44.05")
    done = await agencies.change(
        registry.database,
        code("H44.05"),
        {"name": "Sở Nội vụ", "parent": code("H44"), "branch": Branch.STATE},
        if_match=1,
        act=ACT,
    )
    assert (done.value.name, done.value.parent, done.value.version) == ("Sở Nội vụ", code("H44"), 2)
    assert await found(registry.database, "H44.05") == done.value
    last = (await registry.events())[-1]
    assert last["kind"] == "agency.changed"
    assert last["detail"] == {"fields": ["name", "parent"], "version": 2}


async def test_a_change_that_changes_nothing_leaves_no_trace(registry: Registry) -> None:
    await registry.add("H44")
    done = await agencies.change(registry.database, code("H44"), {"name": "Cơ quan H44"}, act=ACT)
    assert done.value.version == 1
    assert len(await registry.events()) == 1


async def test_a_change_made_for_an_older_version_is_refused(registry: Registry) -> None:
    await registry.add("H44")
    await agencies.change(registry.database, code("H44"), {"name": "Một"}, if_match=1, act=ACT)
    with pytest.raises(PreconditionFailed):
        await agencies.change(registry.database, code("H44"), {"name": "Hai"}, if_match=1, act=ACT)


async def test_of_two_changes_of_one_version_one_succeeds(registry: Registry, other_database: Database) -> None:
    await registry.add("H44")
    outcomes = await asyncio.gather(
        agencies.change(registry.database, code("H44"), {"name": "Một"}, if_match=1, act=ACT),
        agencies.change(other_database, code("H44"), {"name": "Hai"}, if_match=1, act=ACT),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Done", "PreconditionFailed"]


async def test_aliases_are_replaced_as_a_whole_and_become_free(registry: Registry) -> None:
    await agencies.register(registry.database, agency("H44", aliases=["000.00.00.H44", "H62"]), act=ACT)
    changed = await agencies.change(
        registry.database, code("H44"), {"aliases": (Alias(code("H28")), Alias(code("000.00.00.H44")))}, act=ACT
    )
    assert [alias.code.text for alias in changed.value.aliases] == ["000.00.00.H44", "H28"]
    assert await found(registry.database, "H28") == changed.value
    await agencies.register(registry.database, agency("H62"), act=ACT)


async def test_an_alias_of_another_agency_is_refused(registry: Registry) -> None:
    await registry.add("H44", "H45")
    with pytest.raises(AlreadyExists):
        await agencies.change(registry.database, code("H44"), {"aliases": (Alias(code("H45")),)}, act=ACT)


async def test_nobody_comes_to_stand_below_itself(registry: Registry) -> None:
    await registry.add("H44")
    await agencies.register(registry.database, agency("H44.05", parent="H44"), act=ACT)
    await agencies.register(registry.database, agency("H44.05.01", parent="H44.05"), act=ACT)
    with pytest.raises(RequestInvalid) as refused:
        await agencies.change(registry.database, code("H44"), {"parent": code("H44.05.01")}, act=ACT)
    assert [finding.code for finding in refused.value.findings] == ["ours.agency.cycle"]


async def test_two_changes_at_once_cannot_close_a_circle(registry: Registry, other_database: Database) -> None:
    await registry.add("H44", "H45")
    outcomes = await asyncio.gather(
        agencies.change(registry.database, code("H44"), {"parent": code("H45")}, act=ACT),
        agencies.change(other_database, code("H45"), {"parent": code("H44")}, act=ACT),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Done", "RequestInvalid"]


async def test_an_agency_cannot_sink_below_the_tier_of_its_parts(registry: Registry) -> None:
    await registry.add("H44")
    await agencies.register(registry.database, agency("H44.05", parent="H44"), act=ACT)
    with pytest.raises(RequestInvalid) as refused:
        await agencies.change(registry.database, code("H44"), {"tier": Tier.COMMUNE}, act=ACT)
    assert [finding.code for finding in refused.value.findings] == ["ours.agency.tier-order"]


async def test_an_agency_is_suspended_and_reinstated(registry: Registry) -> None:
    await registry.add("H44")
    suspended = await agencies.suspend(registry.database, code("H44"), SuspensionReason.KEY_COMPROMISED, act=ACT)
    assert (suspended.value.status, suspended.value.version) == (AgencyStatus.SUSPENDED, 2)
    assert await found(registry.database, "H44") == suspended.value
    reinstated = await agencies.reinstate(registry.database, code("H44"), if_match=2, act=ACT)
    assert (reinstated.value.status, reinstated.value.version) == (AgencyStatus.ACTIVE, 3)
    assert [(event["kind"], event["detail"]) for event in (await registry.events())[1:]] == [
        ("agency.suspended", {"reason": "key_compromised", "version": 2}),
        ("agency.reinstated", {"version": 3}),
    ]


async def test_what_is_suspended_or_closed_cannot_be_suspended(registry: Registry) -> None:
    await registry.add("H44")
    await agencies.register(registry.database, agency("H28", status=AgencyStatus.CLOSED), act=ACT)
    await agencies.suspend(registry.database, code("H44"), SuspensionReason.REQUESTED, act=ACT)
    for each in ("H44", "H28"):
        with pytest.raises(Conflict):
            await agencies.suspend(registry.database, code(each), SuspensionReason.REQUESTED, act=ACT)
    with pytest.raises(Conflict):
        await agencies.reinstate(registry.database, code("H28"), act=ACT)


async def test_an_unknown_agency_is_not_found(registry: Registry) -> None:
    with pytest.raises(NotFound):
        await agencies.change(registry.database, OrganId.parse("H99"), {"name": "Không"}, act=ACT)
    with pytest.raises(NotFound):
        await agencies.suspend(registry.database, OrganId.parse("H99"), SuspensionReason.REQUESTED, act=ACT)


async def test_the_same_request_again_gives_the_first_answer(registry: Registry) -> None:
    given = agency("H44", aliases=["000.00.00.H44"], valid_from=date(2020, 9, 15), contact={"email": "a@b.vn"})
    first = await agencies.register(registry.database, given, act=once("k1"))
    await agencies.change(registry.database, code("H44"), {"name": "Tên khác"}, act=ACT)
    again = await agencies.register(registry.database, given, act=once("k1"))
    assert again.replayed
    assert again.value == first.value
    assert len(await registry.events()) == 2


async def test_the_same_request_at_once_is_done_once(registry: Registry, other_database: Database) -> None:
    outcomes = await asyncio.gather(
        *(agencies.register(node, agency("H44"), act=once("k1")) for node in [registry.database, other_database] * 3)
    )
    assert sorted(done.replayed for done in outcomes) == [False] + [True] * 5
    assert len(await registry.events()) == 1


async def test_a_key_for_another_request_is_refused(registry: Registry) -> None:
    await agencies.register(registry.database, agency("H44"), act=once("k1"))
    with pytest.raises(IdempotencyKeyReused):
        await agencies.register(registry.database, agency("H45"), act=once("k1", body="b" * 64))
    other_client = once("k1", body="b" * 64, client_id="01a2022d-fb9b-75ac-92fd-5280259f9a3e")
    assert not (await agencies.register(registry.database, agency("H45"), act=other_client)).replayed


async def test_a_refused_request_does_not_use_up_its_key(registry: Registry) -> None:
    await registry.add("H44")
    with pytest.raises(AlreadyExists):
        await agencies.register(registry.database, agency("H44"), act=once("k1"))
    done = await agencies.register(registry.database, agency("H45"), act=once("k1", body="b" * 64))
    assert not done.replayed
    assert await registry.count(agency_aliases) == 0
