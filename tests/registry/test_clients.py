"""Clients: creating and changing them, secrets that are shown once, assertions that are used once."""

import asyncio
import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.errors import InvalidClient, NotFound, PreconditionFailed, RequestInvalid
from app.registry import agencies, certificates, clients
from app.registry.clients import ClientCredentials
from app.registry.expiry import forget_expired
from app.registry.model import Client, ClientStatus, Grant, RevocationReason, Scope, SuspensionReason
from app.registry.secrets import NOBODY_HASH, hash_secret, matches
from app.registry.trust import TrustCache
from app.signing.path import UnknownRevocation
from app.store.database import Database
from app.store.schema import clients as clients_table
from app.store.schema import idempotency_keys, used_assertions
from tests.registry.filling import ACT, Registry, code, once, seal_of
from tests.support.cheap_secrets import REAL
from tests.support.pki import DAY, NOW, Identity, shared_pki

EXCHANGE = frozenset({Scope.EXCHANGE})


async def create(
    registry: Registry, *agencies: str, scopes: frozenset[Scope] = EXCHANGE, name: str = "Hệ thống"
) -> ClientCredentials:
    grants = tuple(Grant.parse(each) for each in agencies)
    return (await clients.create(registry.database, ACT, name=name, scopes=scopes, agencies=grants)).value


async def sign_in(database: Database, made: ClientCredentials) -> Client:
    assert made.secret is not None
    return await clients.authenticate_secret(database, made.client.client_id, made.secret)


async def test_a_client_signs_in_with_the_secret_it_was_given(registry: Registry) -> None:
    await registry.add("H44")
    made = await create(registry, "H28.*", "H44", scopes=frozenset({Scope.EXCHANGE, Scope.AUDIT}))
    assert made.secret is not None
    assert len(made.secret) == 43
    client = await sign_in(registry.database, made)
    assert client == made.client
    assert [str(grant) for grant in client.agencies] == ["H28.*", "H44"]
    assert client.effective_scopes == {Scope.EXCHANGE, Scope.AUDIT, Scope.REGISTRY_READ}


async def test_the_secret_is_nowhere_in_the_database(registry: Registry) -> None:
    done = await clients.create(registry.database, once("k1"), name="Hệ thống", scopes=EXCHANGE)
    secret = done.value.secret
    assert secret is not None
    async with registry.database.read() as tx:
        (kept,) = (await tx.execute(sa.select(clients_table.c.secret_hash))).scalars()
        (answer,) = (await tx.execute(sa.select(idempotency_keys.c.answer))).scalars()
    assert kept.startswith("$argon2id$")
    assert secret not in kept + json.dumps([answer, await registry.events()])
    again = await clients.create(registry.database, once("k1"), name="Hệ thống", scopes=EXCHANGE)
    assert again.replayed
    assert again.value == ClientCredentials(done.value.client, None)
    assert await registry.count(clients_table) == 1


async def test_the_log_names_what_was_granted(registry: Registry) -> None:
    made = await create(registry, "H28.*", name="Văn thư tỉnh")
    (event,) = await registry.events()
    assert event["kind"] == "client.created"
    assert event["detail"] == {"client_id": made.client.client_id, "scopes": ["exchange"], "agencies": ["H28.*"]}
    assert "Văn thư" not in str(event)


async def test_whoever_is_not_let_in_learns_nothing(registry: Registry) -> None:
    made = await create(registry)
    other = await create(registry)
    assert made.secret is not None
    details = set()
    for client_id, secret in (
        (made.client.client_id, "x" * 43),
        (made.client.client_id, ""),
        (made.client.client_id, made.secret + "x" * 200),
        (made.client.client_id.upper(), made.secret),
        (other.client.client_id, made.secret),
        ("01a2022d-fb9b-75ac-92fd-527f80c9bf3a", made.secret),
        ("no uuid\x00\ud800", made.secret),
    ):
        with pytest.raises(InvalidClient) as refused:
            await clients.authenticate_secret(registry.database, client_id, secret)
        details.add(refused.value.detail)
    await clients.disable(registry.database, made.client.client_id, act=ACT)
    with pytest.raises(InvalidClient) as refused:
        await sign_in(registry.database, made)
    assert details == {refused.value.detail}


def test_a_kept_secret_costs_a_guesser_what_owasp_asks_for_and_so_does_that_of_nobody() -> None:
    cost = "$argon2id$v=19$m=19456,t=2,p=1$"
    assert REAL.hash("x").startswith(cost)
    assert NOBODY_HASH.startswith(cost)


def test_a_secret_of_nobody_matches_nothing() -> None:
    assert not matches("anything", None)
    assert not matches("anything", NOBODY_HASH)
    assert not matches("x" * 201, hash_secret("x" * 200))
    assert matches("x" * 200, hash_secret("x" * 200))


async def test_a_new_secret_ends_the_old_one(registry: Registry) -> None:
    made = await create(registry)
    rotated = (await clients.rotate_secret(registry.database, made.client.client_id, act=ACT)).value
    assert rotated.client.version == 2
    assert await sign_in(registry.database, rotated) == rotated.client
    with pytest.raises(InvalidClient):
        await sign_in(registry.database, made)
    assert (await registry.events())[-1]["detail"] == {"client_id": made.client.client_id, "fields": ["secret"]}


async def test_a_client_is_shut_out_and_let_in_again(registry: Registry) -> None:
    made = await create(registry)
    disabled = (await clients.disable(registry.database, made.client.client_id, act=ACT)).value
    assert (disabled.status, disabled.version) == (ClientStatus.DISABLED, 2)
    enabled = (await clients.enable(registry.database, made.client.client_id, if_match=2, act=ACT)).value
    assert (await sign_in(registry.database, made)) == enabled


async def test_a_change_moves_the_version_and_says_what_is_granted_now(registry: Registry) -> None:
    await registry.add("H44")
    made = await create(registry)
    done = await clients.change(
        registry.database,
        made.client.client_id,
        {"name": "Tên mới", "scopes": frozenset({Scope.AUDIT}), "agencies": (Grant.parse("H44"),)},
        if_match=1,
        act=ACT,
    )
    assert (done.value.name, done.value.version) == ("Tên mới", 2)
    assert await sign_in(registry.database, made) == done.value
    assert (await registry.events())[-1]["detail"] == {
        "client_id": made.client.client_id,
        "fields": ["agencies", "name", "scopes"],
        "scopes": ["audit"],
        "agencies": ["H44"],
        "status": "active",
    }


async def test_of_two_changes_of_one_version_one_succeeds(registry: Registry, other_database: Database) -> None:
    made = await create(registry)
    outcomes = await asyncio.gather(
        clients.change(registry.database, made.client.client_id, {"name": "Một"}, if_match=1, act=ACT),
        clients.change(other_database, made.client.client_id, {"name": "Hai"}, if_match=1, act=ACT),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Done", "PreconditionFailed"]


async def test_a_change_of_nothing_or_nobody(registry: Registry) -> None:
    made = await create(registry)
    same = await clients.change(registry.database, made.client.client_id, {"name": "Hệ thống"}, act=ACT)
    assert same.value.version == 1
    with pytest.raises(NotFound):
        await clients.change(registry.database, "nobody", {"name": "Không"}, act=ACT)
    with pytest.raises(PreconditionFailed):
        await clients.rotate_secret(registry.database, made.client.client_id, if_match=7, act=ACT)


async def test_a_wrong_client_is_refused(registry: Registry) -> None:
    nothing: frozenset[Scope] = frozenset()
    for name, scopes, grants, expected in (
        (" ", EXCHANGE, (), "name"),
        ("x" * 201, EXCHANGE, (), "name"),
        ("Hệ\x00thống", EXCHANGE, (), "name"),
        ("Hệ thống", nothing, (), "scopes"),
        ("Hệ thống", EXCHANGE, ("H99",), "agencies"),
    ):
        with pytest.raises(RequestInvalid) as refused:
            await create(registry, *grants, name=name, scopes=scopes)
        assert [finding.location for finding in refused.value.findings] == [expected]
    assert await registry.count(clients_table) == 0


async def test_clients_are_listed_in_pages(registry: Registry) -> None:
    made = [(await create(registry, name=f"Hệ thống {number}")).client for number in range(3)]
    async with registry.database.read() as tx:
        first = await clients.list_all(tx, limit=2)
        rest = await clients.list_all(tx, after=first[-1].client_id, limit=2)
        with pytest.raises(RequestInvalid):
            await clients.list_all(tx, after="nobody", limit=2)
        assert await clients.find(tx, made[0].client_id) == made[0]
        assert await clients.find(tx, "nobody") is None
    assert sorted((*first, *rest), key=lambda each: each.client_id) == sorted(made, key=lambda each: each.client_id)
    assert len({each.client_id for each in (*first, *rest)}) == 3


async def test_an_assertion_is_used_once_per_client(registry: Registry, other_database: Database) -> None:
    one, two = (await create(registry)).client, (await create(registry)).client
    until = NOW + timedelta(minutes=10)
    outcomes = await asyncio.gather(
        *(
            clients.claim_assertion(database, one.client_id, "jti-1", expires_at=until)
            for database in [registry.database, other_database] * 3
        ),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["InvalidClient"] * 5 + ["NoneType"]
    await clients.claim_assertion(registry.database, two.client_id, "jti-1", expires_at=until)
    with pytest.raises(InvalidClient):
        await clients.claim_assertion(registry.database, two.client_id, "x" * 256, expires_at=until)


async def test_what_expired_is_forgotten(registry: Registry) -> None:
    made = await clients.create(registry.database, once("k1"), name="Hệ thống", scopes=EXCHANGE)
    client_id = made.value.client.client_id
    for number in (1, 2):
        expires_at = NOW + number * timedelta(minutes=10)
        await clients.claim_assertion(registry.database, client_id, f"jti-{number}", expires_at=expires_at)
    assert await forget_expired(registry.database, at=NOW) == 0
    assert await forget_expired(registry.database, at=NOW + timedelta(minutes=15)) == 1
    assert await registry.count(used_assertions) == 1
    assert await forget_expired(registry.database, at=NOW + 31 * DAY) == 2
    assert await registry.count(idempotency_keys) == 0


class Asserting:
    """A client of H44 with a registered certificate, and one who asks for it."""

    def __init__(self, registry: Registry, client: Client, seal: Identity) -> None:
        self.registry, self.client, self.seal = registry, client, seal
        self.cache = TrustCache()

    async def ask(self, sha256: str | None = None) -> Identity:
        _, found = await clients.certificate_for_assertion(
            self.registry.database,
            self.cache,
            self.client.client_id,
            sha256 or self.seal.sha256,
            at=NOW,
            unknown_revocation=UnknownRevocation.ACCEPT,
        )
        return Identity(self.seal.key, found)


@pytest.fixture
async def asserting(registry: Registry) -> Asserting:
    await registry.trust(shared_pki())
    await registry.add("H44", "H45")
    seal = seal_of("H44")
    await registry.enrol("H44", seal)
    return Asserting(registry, (await create(registry, "H44")).client, seal)


async def test_a_key_of_an_agency_it_acts_for_may_sign_for_a_client(asserting: Asserting) -> None:
    assert (await asserting.ask()).sha256 == asserting.seal.sha256


async def test_no_other_key_may(asserting: Asserting) -> None:
    foreign = seal_of("H45")
    await asserting.registry.enrol("H45", foreign)
    for sha256 in (foreign.sha256, seal_of("H44").sha256):
        with pytest.raises(InvalidClient):
            await asserting.ask(sha256)


async def test_a_revoked_key_may_not(asserting: Asserting) -> None:
    await asserting.ask()
    reason = RevocationReason.KEY_COMPROMISE
    await certificates.revoke(asserting.registry.database, asserting.seal.sha256, reason=reason, act=ACT)
    with pytest.raises(InvalidClient) as refused:
        await asserting.ask()
    assert [finding.code for finding in refused.value.findings if finding.refuses] == ["rfc5280.6.3.revoked"]


async def test_the_key_of_a_suspended_agency_may_not(asserting: Asserting) -> None:
    await agencies.suspend(asserting.registry.database, code("H44"), SuspensionReason.KEY_COMPROMISED, act=ACT)
    with pytest.raises(InvalidClient):
        await asserting.ask()


async def test_a_disabled_client_may_not(asserting: Asserting) -> None:
    await clients.disable(asserting.registry.database, asserting.client.client_id, act=ACT)
    with pytest.raises(InvalidClient):
        await asserting.ask()
