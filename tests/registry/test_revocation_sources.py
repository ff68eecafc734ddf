"""Sources of revocations: learned, asked, verified, told of when they get stale, and never believed."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timedelta

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from app.errors import AlreadyExists, NotFound, RequestInvalid
from app.registry.acts import Act
from app.registry.known import known_about
from app.registry.revocation_lists import import_crl
from app.registry.revocation_rounds import LEASE, Refreshed, refresh
from app.registry.revocation_schedule import FAILURES_ALARM
from app.registry.revocation_sources import (
    RevocationSource,
    SourceKind,
    SourceState,
    add,
    every_source,
    learn_all,
    remove,
)
from app.remote.call import Limits
from app.remote.fetch import Fetch
from app.signing.certificates import subject_of
from app.signing.path import UnknownRevocation
from app.signing.revocation_addresses import ADDRESSES_MAX, revocation_addresses
from app.store.database import Database
from app.store.schema import crls, evidence, ocsp_answers, revocation_sources
from app.store.versions import Part, current
from tests.registry.filling import ACT, Registry
from tests.support.authority_server import AuthorityServer
from tests.support.pki import NOW, Identity, Pki, published, shared_pki

PKI = shared_pki()
LIST, RESPONDER = "/issuing.crl", "/ocsp"
INTERVAL = timedelta(hours=6)
ON_ONE_ENGINE = pytest.mark.parametrize("engine_name", ["sqlite"])
"""For what does not hang on the database."""
HOUR = timedelta(hours=1)
MOST = 1_000_000
WAIT = 20.0
"""Seconds an answer may take; long, for the machine may be busy with other things."""


@pytest.fixture
def server() -> Iterator[AuthorityServer]:
    """The issuing authority's server, which serves a list that revokes nothing."""
    with AuthorityServer() as working:
        working.files[LIST] = PKI.crl(pem=False)
        yield working


@pytest_asyncio.fixture
async def fetch() -> AsyncIterator[Fetch]:
    """What the worker fetches with."""
    opened = Fetch(limits=Limits(total=WAIT), private=True, bytes_max=MOST)
    yield opened
    opened.close()


@pytest_asyncio.fixture
async def impatient() -> AsyncIterator[Fetch]:
    """The same, which takes silence for silence soon."""
    opened = Fetch(limits=Limits(total=0.1), private=True, bytes_max=MOST)
    yield opened
    opened.close()


async def enrolled(
    registry: Registry, server: AuthorityServer, *, lists: bool = True, responder: bool = False, pki: Pki = PKI
) -> Identity:
    """Register an agency whose certificate says where its revocation is published."""
    extensions = published(
        lists=[server.url(LIST)] if lists else [], responders=[server.url(RESPONDER)] if responder else []
    )
    seal = pki.seal("H44", "Tỉnh Phú Thọ", key="p256", extensions=extensions)
    await registry.add("H44")
    await registry.trust(pki)
    await registry.enrol("H44", seal)
    return seal


async def turn(database: Database, fetch: Fetch, *, at: datetime = NOW) -> Refreshed:
    """One round of the worker at a moment."""
    return await refresh(database, fetch, interval=INTERVAL, now=lambda: at, dice=lambda: 0.0)


async def source(database: Database, kind: SourceKind = SourceKind.CRL) -> RevocationSource:
    """The one source of a kind."""
    async with database.read() as tx:
        [found] = [each for each in await every_source(tx) if each.kind is kind]
    return found


async def kinds(registry: Registry, *wanted: str) -> list[str]:
    """Which of these events there are, in their order."""
    return [event["kind"] for event in await registry.events() if event["kind"] in wanted]


async def says(database: Database, seal: Identity, *, at: datetime = NOW) -> list[str]:
    """Codes of what the node finds about a certificate, apart from the root's own list, which it does not have."""
    async with database.read() as tx:
        known = await known_about(tx, seal.certificate, intermediates=seal.chain)
    verdict = known.judge(seal.certificate, at=at, unknown_revocation=UnknownRevocation.ACCEPT)
    serial = f"serial {seal.certificate.serial_number:x}"
    return [finding.code for finding in verdict.findings if serial in finding.message]


def test_addresses_are_read_bounded_and_only_of_http() -> None:
    many = [f"http://ca{number}.example.vn/l.crl" for number in range(9)]
    other = ["ldap://ca.example.vn/cn=CA?certificateRevocationList", "http://ca.example.vn/" + "a" * 500]
    seal = PKI.seal(key="p256", extensions=published(lists=[*other, *many, many[0]], responders=["https://o.vn/x"]))
    found = revocation_addresses(seal.certificate)
    assert found.lists == tuple(many[:ADDRESSES_MAX])
    assert found.responders == ("https://o.vn/x",)
    assert found.ignored == len(many) + len(other) - ADDRESSES_MAX


async def test_a_certificate_names_its_sources_when_it_is_registered(
    database: Database, registry: Registry, server: AuthorityServer
) -> None:
    await enrolled(registry, server, responder=True)
    async with database.read() as tx:
        found = await every_source(tx)
    assert {(each.kind, each.address) for each in found} == {
        (SourceKind.CRL, server.url(LIST)),
        (SourceKind.OCSP, server.url(RESPONDER)),
    }
    assert {each.issuer for each in found} == {subject_of(PKI.issuing.certificate)}
    assert {each.state(NOW) for each in found} == {SourceState.NEVER}
    assert await learn_all(database, at=NOW) == 0, "all of it is known already"


@ON_ONE_ENGINE
async def test_what_was_registered_before_is_learned_from_too(
    database: Database, registry: Registry, server: AuthorityServer
) -> None:
    await enrolled(registry, server)
    async with database.write() as tx:
        await tx.execute(revocation_sources.delete())
    assert await learn_all(database, at=NOW) == 1


async def test_a_list_is_fetched_verified_and_counts(
    database: Database, registry: Registry, server: AuthorityServer, fetch: Fetch
) -> None:
    seal = await enrolled(registry, server)
    assert await says(database, seal) == ["rfc5280.6.3.revocation-unknown.no-list"]
    assert await turn(database, fetch) == Refreshed(answered=1)
    assert await says(database, seal) == []
    found = await source(database)
    assert (found.state(NOW), found.fetched_at, found.problem) == (SourceState.FRESH, NOW, None)
    assert found.fresh_until is not None
    assert found.next_try_at == NOW + INTERVAL, "half of a week is longer than the operator's interval"
    assert await turn(database, fetch) == Refreshed(), "it is not due"
    server.files[LIST] = PKI.crl([seal], number=2, pem=False)
    assert await turn(database, fetch, at=NOW + INTERVAL) == Refreshed(answered=1)
    assert await says(database, seal) == ["rfc5280.6.3.revoked"]
    server.files[LIST] = PKI.crl([seal], number=3, pem=False)
    await turn(database, fetch, at=NOW + 2 * INTERVAL)
    [learned] = [event for event in await registry.events() if event["kind"] == "revocation.learned"]
    assert (learned["agency"], learned["detail"]["sha256"]) == ("H44", seal.sha256), "told once"
    assert [event["actor"] for event in await registry.events() if event["kind"] == "crl.imported"] == ["node"] * 3


@ON_ONE_ENGINE
async def test_the_same_list_again_changes_nothing(
    database: Database, registry: Registry, server: AuthorityServer, fetch: Fetch
) -> None:
    await enrolled(registry, server)
    await turn(database, fetch)
    async with database.read() as tx:
        before = await current(tx, Part.TRUST)
    assert await turn(database, fetch, at=NOW + INTERVAL) == Refreshed(answered=1)
    async with database.read() as tx:
        assert await current(tx, Part.TRUST) == before, "no cache looks again"
    assert await registry.count(crls) == 1


@ON_ONE_ENGINE
async def test_it_is_asked_again_at_half_of_the_life_of_its_answer(
    database: Database, registry: Registry, server: AuthorityServer, fetch: Fetch
) -> None:
    await enrolled(registry, server)
    server.files[LIST] = PKI.crl(next_update=NOW + 2 * HOUR, pem=False)
    await turn(database, fetch)
    assert (await source(database)).next_try_at == NOW + HOUR


def silent(server: AuthorityServer) -> None:
    server.silent = True


def broken(server: AuthorityServer) -> None:
    server.status = 500


def rubbish(server: AuthorityServer) -> None:
    server.files[LIST] = b"<html>Bao tri he thong</html>"


def stale(server: AuthorityServer) -> None:
    server.files[LIST] = PKI.crl(number=9, next_update=NOW - timedelta(minutes=1), pem=False)


def forged(server: AuthorityServer) -> None:
    server.files[LIST] = PKI.look_alike().crl(number=9, pem=False)


def older(server: AuthorityServer) -> None:
    server.files[LIST] = PKI.crl(number=0, this_update=NOW - timedelta(days=2), pem=False)


def endless(server: AuthorityServer) -> None:
    server.endless = 100


def elsewhere(server: AuthorityServer) -> None:
    server.redirects[LIST] = "http://169.254.169.254/latest/meta-data/"


def of_another(server: AuthorityServer) -> None:
    server.files[LIST] = PKI.crl(issuer=PKI.root, pem=False)


FAILURES = {
    silent: "timed-out",
    broken: "HTTP status 500",
    rubbish: "no revocation list",
    stale: "counted until",
    forged: "signature",
    older: "a newer list of this issuer is known",
    endless: "too-long",
    elsewhere: "target-refused",
    of_another: "of another issuer",
}


@ON_ONE_ENGINE
@pytest.mark.parametrize("fails", FAILURES, ids=lambda fails: fails.__name__)
async def test_a_server_that_fails_takes_nothing_back_is_told_of_once_and_recovers(
    database: Database,
    registry: Registry,
    server: AuthorityServer,
    fetch: Fetch,
    impatient: Fetch,
    fails: Callable[[AuthorityServer], None],
) -> None:
    seal = await enrolled(registry, server)
    good = server.files[LIST]
    await turn(database, fetch)
    fails(server)
    at = NOW + INTERVAL if fails is not stale else NOW
    async with database.write() as tx:
        await tx.execute(revocation_sources.update().values(next_try_at=at))
    for failures in range(1, FAILURES_ALARM + 2):
        assert await turn(database, impatient if fails is silent else fetch, at=at) == Refreshed(failed=1)
        found = await source(database)
        assert (found.failures, found.state(at)) == (failures, SourceState.FAILING)
        assert FAILURES[fails] in (found.problem or "")
        assert at < found.next_try_at < at + 2 * HOUR
        assert len(await kinds(registry, "revocations.stale")) == (1 if failures >= FAILURES_ALARM else 0)
        at = found.next_try_at
    if fails is not stale:
        assert await says(database, seal) == [], "what was known still holds"
    server.silent, server.status, server.endless = False, 200, 0
    server.redirects.clear()
    server.files[LIST] = good if fails is not stale else PKI.crl(number=10, pem=False)
    assert await turn(database, fetch, at=at) == Refreshed(answered=1)
    assert (await source(database)).state(at) is SourceState.FRESH
    assert await kinds(registry, "revocations.stale", "revocations.fresh") == ["revocations.stale", "revocations.fresh"]


async def test_what_gets_stale_is_told_at_once_and_what_an_administrator_brings_ends_that(
    database: Database, registry: Registry, server: AuthorityServer, fetch: Fetch
) -> None:
    await enrolled(registry, server)
    server.files[LIST] = PKI.crl(next_update=NOW + 2 * HOUR, pem=False)
    await turn(database, fetch)
    server.status = 503
    await turn(database, fetch, at=NOW + HOUR)
    assert await kinds(registry, "revocations.stale") == [], "it failed once, and what is known holds"
    await turn(database, fetch, at=NOW + 3 * HOUR)
    found = await source(database)
    assert (found.state(NOW + 3 * HOUR), found.failures) == (SourceState.STALE, 2)
    [event] = [event for event in await registry.events() if event["kind"] == "revocations.stale"]
    assert (event["detail"]["source"], event["detail"]["failures"]) == (found.sha256, 2)
    await import_crl(database, PKI.crl(number=2), act=ACT)
    await turn(database, fetch, at=found.next_try_at)
    assert (await source(database)).state(found.next_try_at) is SourceState.FAILING, "what is known is fresh again"


async def test_a_source_that_is_taken_is_left_alone_until_its_lease_ends(
    database: Database, registry: Registry, server: AuthorityServer, fetch: Fetch, other_database: Database
) -> None:
    await enrolled(registry, server)
    server.status = 500
    both = await asyncio.gather(turn(database, fetch), turn(other_database, fetch))
    assert sum(each.failed for each in both) == len(server.asked) == 1
    assert (await source(database)).failures == 1
    assert timedelta(minutes=2) < LEASE


async def test_a_responder_is_asked_where_there_is_no_fresh_list(
    database: Database, registry: Registry, server: AuthorityServer, fetch: Fetch
) -> None:
    seal = await enrolled(registry, server, lists=False, responder=True)
    server.responders[RESPONDER] = lambda _request: PKI.ocsp(seal)
    assert await turn(database, fetch) == Refreshed(answered=1)
    assert await says(database, seal) == []
    assert server.asked[0].content_type == "application/ocsp-request"
    assert ocsp.load_der_ocsp_request(server.asked[0].body).serial_number == seal.certificate.serial_number
    assert (await registry.count(ocsp_answers), await registry.count(evidence)) == (1, 1)
    found = await source(database, SourceKind.OCSP)
    assert (found.fresh_until, found.next_try_at) == (NOW + HOUR, NOW + HOUR / 2)
    later = NOW + HOUR / 2
    server.responders[RESPONDER] = lambda _request: PKI.ocsp(
        seal, ocsp.OCSPCertStatus.REVOKED, this_update=later, next_update=later + HOUR
    )
    assert await turn(database, fetch, at=later) == Refreshed(answered=1)
    assert await says(database, seal, at=later) == ["rfc5280.6.3.revoked"]
    again = (await source(database, SourceKind.OCSP)).next_try_at
    await turn(database, fetch, at=again)
    [event] = [event for event in await registry.events() if event["kind"] == "revocation.learned"]
    assert (event["agency"], event["detail"]["sha256"], event["detail"]["reason"]) == (
        "H44",
        seal.sha256,
        "keyCompromise",
    )


@ON_ONE_ENGINE
async def test_a_responder_is_asked_only_about_new_certificates_where_a_list_is_fresh(
    database: Database, registry: Registry, server: AuthorityServer, fetch: Fetch
) -> None:
    seal = await enrolled(registry, server, responder=True)
    server.responders[RESPONDER] = lambda _request: PKI.ocsp(seal)
    await import_crl(database, PKI.crl(), act=ACT)
    await turn(database, fetch)
    assert [each.path for each in server.asked if each.method == "POST"] == [RESPONDER], "at registration"
    await turn(database, fetch, at=NOW + INTERVAL)
    assert len([each for each in server.asked if each.method == "POST"]) == 1


@ON_ONE_ENGINE
@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (lambda seal: b"rubbish", "not readable"),
        (lambda seal: PKI.ocsp(seal, this_update=NOW - 9 * HOUR, next_update=NOW - HOUR), "counted until"),
        (lambda seal: PKI.ocsp(seal, responder=PKI.look_alike().ocsp_responder()), "did not appoint"),
        (lambda seal: PKI.look_alike().ocsp(seal), "not about the certificate"),
        (lambda seal: PKI.ocsp(seal, ocsp.OCSPCertStatus.UNKNOWN), "does not know"),
        (lambda seal: PKI.ocsp(PKI.issuing), "not about the certificate"),
    ],
)
async def test_an_answer_that_does_not_hold_is_none(
    database: Database,
    registry: Registry,
    server: AuthorityServer,
    fetch: Fetch,
    answer: Callable[[Identity], bytes],
    problem: str,
) -> None:
    seal = await enrolled(registry, server, lists=False, responder=True)
    server.responders[RESPONDER] = lambda _request: answer(seal)
    assert await turn(database, fetch) == Refreshed(failed=1)
    assert problem in ((await source(database, SourceKind.OCSP)).problem or "")
    assert await registry.count(ocsp_answers) == 0


@ON_ONE_ENGINE
async def test_an_answer_of_a_revoked_responder_is_none(
    database: Database, registry: Registry, server: AuthorityServer, fetch: Fetch
) -> None:
    """Its certificate does not say that its own revocation need not be looked up (RFC 6960 §4.2.2.2.1)."""
    seal = await enrolled(registry, server, lists=False, responder=True)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Máy chủ OCSP bị thu hồi")])
    responder = PKI.issue(name, purposes=[ExtendedKeyUsageOID.OCSP_SIGNING])
    server.responders[RESPONDER] = lambda _request: PKI.ocsp(seal, responder=responder)
    await import_crl(database, PKI.crl([responder]), act=ACT)
    assert await turn(database, fetch) == Refreshed(failed=1)
    assert "own certificate is revoked" in ((await source(database, SourceKind.OCSP)).problem or "")
    assert await registry.count(ocsp_answers) == 0


@ON_ONE_ENGINE
async def test_an_operator_names_a_source_and_takes_it_away(
    database: Database, registry: Registry, server: AuthorityServer
) -> None:
    await registry.add("H44")
    await registry.trust(PKI)
    issuer = subject_of(PKI.root.certificate)
    named = {"kind": SourceKind.CRL, "issuer": issuer, "address": server.url("/top.crl"), "private": True}
    done = await add(database, **named, act=ACT)  # type: ignore[arg-type]
    assert (await source(database)).sha256 == done.value.sha256
    with pytest.raises(AlreadyExists):
        await add(database, **named, act=ACT)  # type: ignore[arg-type]
    for field, value in (
        ("issuer", "CN=Ai đó"),
        ("address", "ldap://ca.vn/"),
        ("address", "http://ca.vn/" + "a" * 500),
    ):
        with pytest.raises(RequestInvalid) as refused:
            await add(database, **(named | {field: value}), act=ACT)  # type: ignore[arg-type]
        assert refused.value.findings
    with pytest.raises(RequestInvalid):
        await add(database, **(named | {"private": False}), act=ACT)  # type: ignore[arg-type]
    await remove(database, done.value.sha256, act=Act("operator", NOW))
    with pytest.raises(NotFound):
        await remove(database, done.value.sha256, act=Act("operator", NOW))
    assert await kinds(registry, "revocation_source.added", "revocation_source.removed") == [
        "revocation_source.added",
        "revocation_source.removed",
    ]


def test_extensions_that_say_nothing_of_use_name_nothing() -> None:
    assert revocation_addresses(PKI.seal(key="p256").certificate).lists == ()
    indirect = x509.DistributionPoint(
        [x509.UniformResourceIdentifier("http://other.vn/l.crl")],
        None,
        None,
        [x509.DirectoryName(PKI.root.certificate.subject)],
    )
    seal = PKI.seal(key="p256", extensions=[(x509.CRLDistributionPoints([indirect]), False)])
    assert revocation_addresses(seal.certificate).lists == ()
