"""Trust decisions: what counts, what does not and why, and how long a verdict is remembered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from cryptography import x509

from app.registry import anchors, certificates
from app.registry.model import RevocationReason
from app.registry.revocation_lists import import_crl
from app.registry.trust import TrustCache, TrustDecision, decide
from app.signing.path import UnknownRevocation
from app.store.database import Database
from tests.registry.filling import ACT, Registry, seal_of
from tests.support.pki import DAY, NOW, YEAR, Identity, Pki, shared_pki

PKI = shared_pki()


@dataclass
class Shown:
    """A certificate as it comes with a signature."""

    certificate: x509.Certificate
    chain: Sequence[x509.Certificate] = ()


async def ask(
    database: Database,
    identity: Identity,
    *,
    cache: TrustCache | None = None,
    at: datetime = NOW,
    unknown: UnknownRevocation = UnknownRevocation.ACCEPT,
    chain: bool = False,
) -> TrustDecision:
    shown = Shown(identity.certificate, identity.chain if chain else ())
    return await decide(database, cache or TrustCache(), shown, at=at, unknown_revocation=unknown)


def codes(decision: TrustDecision) -> list[str]:
    return [finding.code for finding in decision.findings]


@pytest.fixture
async def trusting(registry: Registry) -> Registry:
    """A registry with one anchor, the agencies H44 and H45, and a current list of each authority."""
    await registry.trust(PKI)
    await registry.add("H44", "H45")
    await registry.enrol("H45", seal_of("H45"))
    await import_crl(registry.database, PKI.crl([], number=1), act=ACT)
    await import_crl(registry.database, PKI.crl([], number=1, issuer=PKI.root), act=ACT)
    return registry


async def test_a_registered_certificate_counts(trusting: Registry) -> None:
    seal = seal_of("H44")
    registered = await trusting.enrol("H44", seal)
    for chain in (False, True):
        decision = await ask(trusting.database, seal, chain=chain, unknown=UnknownRevocation.REFUSE)
        assert decision == TrustDecision(registered, ())
        assert decision.trusted


async def test_an_unknown_certificate_does_not_count_whoever_issued_it(trusting: Registry) -> None:
    decision = await ask(trusting.database, seal_of("H44"), chain=True)
    assert decision.certificate is None
    assert not decision.trusted
    assert codes(decision) == ["ours.trust.not-registered"]


async def test_nothing_presented_is_not_trusted() -> None:
    assert not TrustDecision(None, ()).trusted


async def test_a_certificate_revoked_here_does_not_count_from_that_moment_on(trusting: Registry) -> None:
    seal = seal_of("H44")
    registered = await trusting.enrol("H44", seal)
    cache = TrustCache()
    assert (await ask(trusting.database, seal, cache=cache)).trusted
    await certificates.revoke(
        trusting.database, registered.sha256, reason=RevocationReason.KEY_COMPROMISE, revoked_at=NOW, act=ACT
    )
    decision = await ask(trusting.database, seal, cache=cache)
    assert not decision.trusted
    assert decision.certificate is not None
    assert codes(decision) == ["rfc5280.6.3.revoked"]
    before = await ask(trusting.database, seal, cache=cache, at=NOW - timedelta(seconds=1))
    assert before.trusted
    assert codes(before) == ["rfc5280.6.3.revoked-later"]
    assert not (await ask(trusting.database, seal, cache=cache)).trusted


async def test_a_certificate_its_issuer_revoked_does_not_count(trusting: Registry) -> None:
    seal = seal_of("H44")
    await trusting.enrol("H44", seal)
    await import_crl(trusting.database, PKI.crl([seal], number=2), act=ACT)
    decision = await ask(trusting.database, seal)
    assert not decision.trusted
    assert codes(decision) == ["rfc5280.6.3.revoked"]


async def test_a_certificate_whose_authority_was_revoked_does_not_count(trusting: Registry) -> None:
    seal = seal_of("H44")
    await trusting.enrol("H44", seal)
    await import_crl(trusting.database, PKI.crl([PKI.issuing], number=2, issuer=PKI.root), act=ACT)
    decision = await ask(trusting.database, seal)
    assert not decision.trusted
    assert codes(decision) == ["rfc5280.6.3.revoked"]


async def test_a_certificate_counts_in_its_period_only(trusting: Registry) -> None:
    seal = seal_of("H44", not_before=NOW - DAY, not_after=NOW + DAY)
    await trusting.enrol("H44", seal)
    cache = TrustCache()
    for at, expected in (
        (NOW - 2 * DAY, ["rfc5280.4.1.2.5.not-yet-valid"]),
        (NOW, []),
        (NOW + DAY, []),
        (NOW + DAY + timedelta(seconds=1), ["rfc5280.4.1.2.5.expired"]),
        (NOW + timedelta(hours=1), []),
    ):
        assert codes(await ask(trusting.database, seal, cache=cache, at=at)) == expected, at


async def test_without_a_list_of_the_issuer_the_operator_decides(registry: Registry) -> None:
    await registry.trust(PKI)
    await registry.add("H44")
    seal = seal_of("H44")
    await registry.enrol("H44", seal)
    lenient = await ask(registry.database, seal, unknown=UnknownRevocation.ACCEPT)
    strict = await ask(registry.database, seal, unknown=UnknownRevocation.REFUSE)
    assert lenient.trusted
    assert not strict.trusted
    assert set(codes(lenient)) == set(codes(strict)) == {"rfc5280.6.3.revocation-unknown.no-list"}


async def test_a_list_that_is_overdue_is_as_good_as_none(trusting: Registry) -> None:
    seal = seal_of("H44")
    await trusting.enrol("H44", seal)
    cache = TrustCache()
    strict = UnknownRevocation.REFUSE
    assert (await ask(trusting.database, seal, cache=cache, unknown=strict)).trusted
    late = await ask(trusting.database, seal, cache=cache, unknown=strict, at=NOW + 8 * DAY)
    assert set(codes(late)) == {"rfc5280.6.3.revocation-unknown.stale"}


async def test_a_verdict_is_remembered_and_costs_one_query(trusting: Registry) -> None:
    seal = seal_of("H44")
    await trusting.enrol("H44", seal)
    cache = TrustCache()
    first = await ask(trusting.database, seal, cache=cache)
    statements: list[str] = []
    engine = trusting.database._reader.sync_engine
    sa.event.listen(engine, "before_cursor_execute", lambda *event: statements.append(event[2]))
    again = await ask(trusting.database, seal, cache=cache, at=NOW + timedelta(hours=1))
    assert again is first
    assert len([each for each in statements if "SELECT" in each]) == 1


@pytest.mark.parametrize("change", ["revoke", "crl"])
async def test_what_another_node_changes_counts_here_at_once(
    trusting: Registry, other_database: Database, change: str
) -> None:
    seal = seal_of("H44")
    registered = await trusting.enrol("H44", seal)
    cache = TrustCache()
    assert (await ask(trusting.database, seal, cache=cache)).trusted
    if change == "revoke":
        reason = RevocationReason.KEY_COMPROMISE
        await certificates.revoke(other_database, registered.sha256, reason=reason, act=ACT)
    else:
        await import_crl(other_database, PKI.crl([seal], number=2), act=ACT)
    assert not (await ask(trusting.database, seal, cache=cache)).trusted


async def test_a_certificate_registered_by_another_node_counts_here_at_once(
    trusting: Registry, other_database: Database
) -> None:
    seal = seal_of("H44")
    cache = TrustCache()
    assert not (await ask(trusting.database, seal, cache=cache)).trusted
    await Registry(other_database).enrol("H44", seal)
    assert (await ask(trusting.database, seal, cache=cache)).trusted


async def test_a_released_hold_lets_a_certificate_count_again(trusting: Registry) -> None:
    seal = seal_of("H44")
    await trusting.enrol("H44", seal)
    cache = TrustCache()
    hold = x509.ReasonFlags.certificate_hold
    await import_crl(trusting.database, PKI.crl([seal], number=2, reason=hold), act=ACT)
    assert not (await ask(trusting.database, seal, cache=cache)).trusted
    await import_crl(trusting.database, PKI.crl([], number=3), act=ACT)
    assert (await ask(trusting.database, seal, cache=cache)).trusted


async def test_a_look_alike_of_a_registered_certificate_does_not_count(trusting: Registry) -> None:
    """Same names, same serial number, another key: only the digest of the certificate identifies it."""
    seal = seal_of("H44")
    await trusting.enrol("H44", seal)
    impostor = PKI.look_alike().seal("H44", serial=seal.certificate.serial_number)
    assert codes(await ask(trusting.database, impostor, chain=True)) == ["ours.trust.not-registered"]


async def test_two_anchors_stand_side_by_side(trusting: Registry) -> None:
    other = Pki.new("Ban Cơ yếu", slot=970)
    await anchors.add_anchor(trusting.database, other.root_pem.encode(), name="Gốc khác", act=ACT)
    seal = other.seal("H44")
    await trusting.enrol("H44", seal)
    assert (await ask(trusting.database, seal)).trusted


def test_the_memory_is_bounded_and_forgets_the_least_used() -> None:
    cache = TrustCache(capacity=2)
    verdict = TrustDecision(None, ())
    keys = [(digest, (), UnknownRevocation.ACCEPT) for digest in "abc"]
    for key in keys[:2]:
        cache.keep(key, verdict, version=1, since=NOW, until=NOW + YEAR)
    assert cache.find(keys[0], version=1, at=NOW) is verdict
    cache.keep(keys[2], verdict, version=1, since=NOW, until=NOW + YEAR)
    assert cache.find(keys[0], version=1, at=NOW) is verdict
    assert cache.find(keys[1], version=1, at=NOW) is None


@pytest.mark.parametrize(("version", "at"), [(2, NOW), (1, NOW - DAY), (1, NOW + DAY), (1, NOW + YEAR)])
def test_a_verdict_holds_for_its_version_and_time_only(version: int, at: datetime) -> None:
    cache = TrustCache()
    cache.keep(("a", (), UnknownRevocation.ACCEPT), TrustDecision(None, ()), version=1, since=NOW, until=NOW + DAY)
    assert cache.find(("a", (), UnknownRevocation.ACCEPT), version=version, at=at) is None
