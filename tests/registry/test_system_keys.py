"""Secrets that systems sign their requests with: given once, sealed, overlapping, taken back, remembered a second."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa
from typing_extensions import override

from app.errors import AlreadyExists, NotFound, RequestInvalid
from app.ids import new_id
from app.ledger.divergence import CheckReport
from app.ledger.events import instant_text
from app.ledger.registry_check import check_registry
from app.registry import clients, resealing, system_key_acts
from app.registry.model import Grant, Scope
from app.registry.resealing import SealedSecrets
from app.registry.system_key_acts import IssuedSystemKey, SystemKeyState
from app.registry.system_keys import SystemCredentials, SystemKeys
from app.signing.sealing_key import SealingKey
from app.store.database import Database
from app.store.schema import idempotency_keys, system_keys, webhooks
from tests.registry.filling import ACT, Registry, code, once
from tests.support.pki import NOW

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


@pytest_asyncio.fixture
async def systems(database: Database, tmp_path: Path) -> SystemKeys:
    return SystemKeys(database, SealingKey.open(tmp_path / "keys"))


async def client_for(registry: Registry, *agencies: str, scope: Scope = Scope.EXCHANGE) -> str:
    grants = tuple(Grant.parse(each) for each in agencies)
    done = await clients.create(registry.database, ACT, name="VNPT-iOffice", scopes=frozenset({scope}), agencies=grants)
    return done.value.client.client_id


async def issued(systems: SystemKeys, client_id: str, agency: str = "H28.01", **more: Any) -> IssuedSystemKey:
    act = more.pop("act", ACT)
    return (await system_key_acts.issue(systems, act, client_id, agency=code(agency), **more)).value


async def secrets_of(systems: SystemKeys, system_id: str, at: datetime) -> tuple[bytes, ...]:
    found = await systems.find(system_id, at=at)
    return found.secrets if found else ()


def octets(made: IssuedSystemKey) -> bytes:
    assert made.secret is not None
    return made.secret.encode()


class Counted(Database):
    """A database that counts how often it is read."""

    reads = 0

    @override
    def read(self) -> Any:
        self.reads += 1
        return super().read()


async def test_a_system_is_found_with_its_client_agency_and_secret(registry: Registry, systems: SystemKeys) -> None:
    await registry.add("H28.01", "H28.02")
    client_id = await client_for(registry, "H28.*")
    made = await issued(systems, client_id)
    found = await systems.find("H28.01", at=NOW)
    async with registry.database.read() as tx:
        client = await clients.find(tx, client_id)
    assert client is not None
    assert found == SystemCredentials("H28.01", client, "H28.01", (octets(made),))
    assert octets(made).decode() not in f"{found!r} {made!r}"
    other = await issued(systems, client_id, "H28.02", system_id="vxp.saas.03")
    assert (other.key.system_id, other.key.agency) == ("vxp.saas.03", "H28.02")
    assert await secrets_of(systems, "vxp.saas.03", NOW) == (octets(other),)
    for unknown in ("H28.02", "h28.01", "", "x" * 65, "H28.01\x00", "Hệ"):
        assert await systems.find(unknown, at=NOW) is None


async def test_the_secret_is_nowhere_in_clear(registry: Registry, systems: SystemKeys) -> None:
    await registry.add("H28.01")
    client_id = await client_for(registry, "H28.01")
    made = await issued(systems, client_id, act=once("k1"))
    async with registry.database.read() as tx:
        (row,) = (await tx.execute(sa.select(system_keys))).all()
        (answer,) = (await tx.execute(sa.select(idempotency_keys.c.answer))).scalars()
    assert octets(made) not in row.secret + json.dumps([answer, await registry.events()]).encode()
    again = await system_key_acts.issue(systems, once("k1"), client_id, agency=code("H28.01"))
    assert again.replayed
    assert again.value == IssuedSystemKey(made.key, None)
    assert await registry.count(system_keys) == 1


async def test_a_rotation_lets_both_secrets_count_until_the_overlap_is_over(
    registry: Registry, systems: SystemKeys
) -> None:
    await registry.add("H28.01")
    client_id = await client_for(registry, "H28.01")
    first = await issued(systems, client_id)
    waiting = await issued(systems, client_id, valid_from=NOW + DAY, valid_until=NOW + 2 * DAY)
    assert await secrets_of(systems, "H28.01", NOW) == (octets(first),)
    later = replace(ACT, at=NOW + DAY)
    second = await issued(systems, client_id, act=later, overlap=timedelta(hours=12))
    assert await secrets_of(systems, "H28.01", NOW + DAY) == (octets(first), octets(waiting), octets(second))
    over = NOW + DAY + timedelta(hours=12)
    assert await secrets_of(systems, "H28.01", over - SECOND) == (octets(first), octets(waiting), octets(second))
    assert await secrets_of(systems, "H28.01", over) == (octets(second),)
    async with registry.database.read() as tx:
        listed = await system_key_acts.list_of(tx, client_id, limit=10)
    assert [each.state(over) for each in listed] == [
        SystemKeyState.ENDED,
        SystemKeyState.ENDED,
        SystemKeyState.IN_FORCE,
    ]
    happened = [event for event in await registry.events() if event["kind"].startswith("system_key.")]
    assert [event["kind"].partition(".")[2] for event in happened] == ["issued", "issued", "issued", "ending", "ending"]
    assert {event["agency"] for event in happened} == {"H28.01"}
    assert happened[0]["detail"] == {
        "client_id": client_id,
        "system_id": "H28.01",
        "system_key": first.key.id,
        "valid_from": instant_text(NOW),
    }


async def test_revoking_counts_at_once_here_and_a_second_later_in_another_process(
    registry: Registry, systems: SystemKeys, other_database: Database
) -> None:
    await registry.add("H28.01")
    client_id = await client_for(registry, "H28.01")
    made = await issued(systems, client_id)
    other = SystemKeys(other_database, systems.sealing)
    assert await secrets_of(other, "H28.01", NOW) == (octets(made),)
    revoked = await system_key_acts.revoke(systems, ACT, client_id, made.key.id)
    assert revoked.value.state(NOW) is SystemKeyState.REVOKED
    assert await secrets_of(systems, "H28.01", NOW) == ()
    assert await secrets_of(other, "H28.01", NOW + SECOND / 2) == (octets(made),)
    assert await secrets_of(other, "H28.01", NOW + SECOND) == ()
    again = await system_key_acts.revoke(systems, replace(ACT, at=NOW + DAY), client_id, made.key.id)
    assert again.value == revoked.value
    kinds = [event["kind"] for event in await registry.events()]
    assert kinds.count("system_key.revoked") == 1
    with pytest.raises(NotFound):
        await system_key_acts.revoke(systems, ACT, await client_for(registry), made.key.id)


async def test_what_is_known_costs_no_query_and_a_change_of_the_client_is_seen(
    registry: Registry, systems: SystemKeys, database_url: str
) -> None:
    await registry.add("H28.01")
    client_id = await client_for(registry, "H28.01")
    made = await issued(systems, client_id)
    counted = Counted(database_url)
    hot = SystemKeys(counted, systems.sealing)
    try:
        for _ in range(5):
            assert await secrets_of(hot, "H28.01", NOW) == (octets(made),)
        assert counted.reads == 1
        await clients.disable(registry.database, client_id, act=ACT)
        assert await secrets_of(hot, "H28.01", NOW + SECOND) == ()
        await clients.enable(registry.database, client_id, act=ACT)
        assert await secrets_of(hot, "H28.01", NOW + 2 * SECOND) == (octets(made),)
        assert counted.reads == 3
        await clients.change(registry.database, client_id, {"agencies": ()}, act=ACT)
        # A clock that was set back makes everything old.
        found = await hot.find("H28.01", at=NOW)
        assert found is not None
        assert found.client.agencies == ()
    finally:
        await counted.close()


async def test_a_system_id_belongs_to_one_client_and_agency_while_a_secret_of_it_lives(
    registry: Registry, systems: SystemKeys
) -> None:
    await registry.add("H28.01", "H28.02")
    mine, other = await client_for(registry, "H28.*"), await client_for(registry, "H28.01")
    made = await issued(systems, mine)
    with pytest.raises(AlreadyExists):
        await issued(systems, other)
    with pytest.raises(AlreadyExists):
        await issued(systems, mine, "H28.02", system_id="H28.01")
    await system_key_acts.revoke(systems, ACT, mine, made.key.id)
    taken_over = await issued(systems, other)
    found = await systems.find("H28.01", at=NOW)
    assert found is not None
    assert (found.client.client_id, found.secrets) == (other, (octets(taken_over),))


async def test_what_cannot_be_is_refused(registry: Registry, systems: SystemKeys) -> None:
    await registry.add("H28.01", "H44")
    client_id = await client_for(registry, "H28.*")
    impossible: list[tuple[str, dict[str, Any], str]] = [
        ("H28.03", {}, "No agency"),
        ("H44", {}, "does not act"),
        ("H28.01", {"system_id": "a b"}, "system id"),
        ("H28.01", {"system_id": "x" * 65}, "system id"),
        ("H28.01", {"valid_until": NOW}, "before it begins"),
        ("H28.01", {"overlap": timedelta(days=91)}, "overlap"),
    ]
    for agency, more, named in impossible:
        with pytest.raises(RequestInvalid, match=named):
            await issued(systems, client_id, agency, **more)
    assert await registry.count(system_keys) == 0


async def test_only_clients_that_exchange_have_systems_and_each_five_secrets(
    registry: Registry, systems: SystemKeys
) -> None:
    await registry.add("H28.01")
    with pytest.raises(RequestInvalid, match="may not exchange"):
        await issued(systems, await client_for(registry, "H28.01", scope=Scope.AUDIT))
    with pytest.raises(NotFound):
        await issued(systems, "01936f7e-0000-7000-8000-000000000001")
    client_id = await client_for(registry, "H28.01")
    for _ in range(5):
        await issued(systems, client_id)
    with pytest.raises(RequestInvalid, match="5 secrets"):
        await issued(systems, client_id)


async def test_a_secret_that_was_moved_to_another_row_does_not_open(registry: Registry, systems: SystemKeys) -> None:
    await registry.add("H28.01", "H28.02")
    client_id = await client_for(registry, "H28.*")
    mine, other = await issued(systems, client_id), await issued(systems, client_id, "H28.02")
    async with registry.database.write() as tx:
        (sealed,) = (await tx.execute(sa.select(system_keys.c.secret).where(system_keys.c.id == mine.key.id))).scalars()
        await tx.execute(system_keys.update().where(system_keys.c.id == other.key.id).values(secret=sealed))
    assert await secrets_of(systems, "H28.02", NOW) == ()
    async with registry.database.read() as tx:
        inspected = await resealing.inspect(tx, systems.sealing)
    assert inspected == SealedSecrets(2, frozenset({1}), (f"system key {other.key.id}",))
    # Renaming the system does not help whoever can write the database either.
    async with registry.database.write() as tx:
        await tx.execute(system_keys.update().where(system_keys.c.id == mine.key.id).values(system_id="H28.09"))
    systems.forget()
    assert await secrets_of(systems, "H28.09", NOW) == ()


async def test_another_sealing_key_takes_over_without_anybody_noticing(
    registry: Registry, systems: SystemKeys, tmp_path: Path
) -> None:
    await registry.add("H28.01")
    client_id = await client_for(registry, "H28.01")
    made = await issued(systems, client_id)
    hook_id = new_id()
    hook = {"id": hook_id, "client_id": client_id, "url": "https://hook.example", "description": "", "events": []}
    held = {name: systems.sealing.seal(name.encode(), belongs_to=hook_id) for name in ("secret", "earlier_secret")}
    written = {"agencies": [], "signing": "hmac", "status": "enabled", "created_at": NOW, "updated_at": NOW}
    async with registry.database.write() as tx:
        await tx.execute(webhooks.insert().values(**hook, **held, **written, version=1))
    newer = SealingKey.rotate(tmp_path / "keys")
    assert await resealing.reseal(registry.database, newer) == 3
    assert await resealing.reseal(registry.database, newer) == 0
    async with registry.database.read() as tx:
        assert await resealing.inspect(tx, newer) == SealedSecrets(3, frozenset({2}), ())
        (number,) = (await tx.execute(sa.select(system_keys.c.key_number))).scalars()
    assert number == 2
    (tmp_path / "keys" / "sealing.key").unlink()
    async with registry.database.read() as tx:
        (row,) = (await tx.execute(sa.select(webhooks.c.secret, webhooks.c.earlier_secret))).all()
    assert [newer.unseal(each, belongs_to=hook_id) for each in row] == [b"secret", b"earlier_secret"]
    # One that was opened before the rotation, and one that is opened now.
    for sealing in (systems.sealing, SealingKey.open(tmp_path / "keys")):
        assert await secrets_of(SystemKeys(registry.database, sealing), "H28.01", NOW) == (octets(made),)


async def test_the_check_of_the_log_finds_a_secret_that_was_brought_back(
    registry: Registry, systems: SystemKeys
) -> None:
    await registry.add("H28.01")
    client_id = await client_for(registry, "H28.01")
    first = await issued(systems, client_id)
    await issued(systems, client_id, overlap=DAY)
    await system_key_acts.revoke(systems, ACT, client_id, first.key.id)
    async with registry.database.read() as tx:
        report = CheckReport()
        await check_registry(tx, report)
    assert report.divergences == []
    async with registry.database.write() as tx:
        await tx.execute(system_keys.update().where(system_keys.c.id == first.key.id).values(revoked_at=None))
    async with registry.database.read() as tx:
        await check_registry(tx, report)
    (found,) = report.divergences
    assert "revoked_at of this system key" in found.message
