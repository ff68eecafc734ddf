"""Lists of a part, deltas, indirect lists and OCSP answers, from their import to the decision about a certificate."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from app.errors import Conflict, RequestInvalid
from app.registry import certificate_holds
from app.registry.known import name_digest
from app.registry.model import SuspensionReason
from app.registry.revocation_lists import import_crl
from app.registry.trust import TrustCache
from app.signing.certificates import issuer_of, serial_of
from app.signing.path import UnknownRevocation
from app.signing.revocations import EvidenceKind
from app.store import ocsp_answers
from app.store.listed import among_pairs
from app.store.schema import crls, revocations
from tests.registry.filling import ACT, Registry, seal_of
from tests.registry.test_trust import ask, codes
from tests.support.pki import DAY, NOW, Identity, Pki, shared_pki

PKI = shared_pki()
HOLD = x509.ReasonFlags.certificate_hold
REFUSE = UnknownRevocation.REFUSE
SEAL = seal_of("H44")


def limited(**limits: object) -> tuple[x509.ExtensionType, bool]:
    flags = dict.fromkeys(
        ("only_contains_user_certs", "only_contains_ca_certs", "only_contains_attribute_certs"), False
    )
    fixed = {"full_name": None, "relative_name": None, "only_some_reasons": None, "indirect_crl": False}
    return x509.IssuingDistributionPoint(**{**flags, **fixed, **limits}), True  # type: ignore[arg-type]


async def take(registry: Registry, *revoked: Identity | int, number: int = 1, **more: object) -> str:
    limits = more.pop("limits", None)
    extensions = [limited(**limits)] if isinstance(limits, dict) else []
    if (base := more.pop("base", None)) is not None:
        extensions.append((x509.DeltaCRLIndicator(base), True))  # type: ignore[arg-type]
    content = PKI.crl(revoked, number=number, extensions=extensions, **more)  # type: ignore[arg-type]
    return (await import_crl(registry.database, content, act=ACT)).value.sha256


@pytest.fixture
async def trusting(registry: Registry) -> Registry:
    """A registry with one anchor and the agency H44; of the root alone a list is known."""
    await registry.trust(PKI)
    await registry.add("H44")
    await registry.enrol("H44", SEAL)
    await take(registry, issuer=PKI.root)
    return registry


USERS, AUTHORITIES = {"only_contains_user_certs": True}, {"only_contains_ca_certs": True}


async def test_parts_stand_side_by_side_and_each_is_replaced_by_its_own_kind(trusting: Registry) -> None:
    seal = SEAL
    await take(trusting, limits=AUTHORITIES)
    not_covered = codes(await ask(trusting.database, seal, unknown=REFUSE))
    assert not_covered == ["rfc5280.6.3.revocation-unknown.not-covered"]
    used = await take(trusting, limits=USERS)
    decision = await ask(trusting.database, seal, unknown=REFUSE)
    assert decision.trusted
    cited = {each.sha256 for standing in decision.standings for each in standing.evidence}
    assert used in cited
    await take(trusting, seal, number=2, limits=USERS)
    assert codes(await ask(trusting.database, seal)) == ["rfc5280.6.3.revoked"]
    with pytest.raises(Conflict):
        await take(trusting, number=1, limits=USERS)
    assert await trusting.count(crls) == 3


async def test_hold_of_a_part_ends_with_that_part_alone(trusting: Registry) -> None:
    seal = SEAL
    await take(trusting, seal, number=1, limits=USERS, reason=HOLD)
    await take(trusting, 77, number=1, limits=AUTHORITIES, reason=HOLD)
    assert codes(await ask(trusting.database, seal)) == ["rfc5280.6.3.revoked"]
    await take(trusting, number=2, limits=AUTHORITIES)
    assert codes(await ask(trusting.database, seal)) == ["rfc5280.6.3.revoked"]
    await take(trusting, number=2, limits=USERS)
    assert (await ask(trusting.database, seal, unknown=REFUSE)).trusted
    assert await trusting.count(revocations) == 0


async def test_delta_needs_its_base_adds_and_takes_back(trusting: Registry) -> None:
    seal = SEAL
    with pytest.raises(RequestInvalid, match="which is not here"):
        await take(trusting, seal, number=6, base=5)
    await take(trusting, seal, number=5, reason=HOLD)
    with pytest.raises(RequestInvalid, match="which is not here"):
        await take(trusting, number=7, base=6)
    assert codes(await ask(trusting.database, seal)) == ["rfc5280.6.3.revoked"]
    await take(trusting, seal, number=6, base=5, reason=x509.ReasonFlags.remove_from_crl)
    assert (await ask(trusting.database, seal, unknown=REFUSE)).trusted
    await take(trusting, seal, number=7, base=5)
    assert codes(await ask(trusting.database, seal)) == ["rfc5280.6.3.revoked"]
    # A complete list that is newer makes the delta superfluous.
    await take(trusting, seal, number=8)
    assert await trusting.count(crls) == 2


async def test_delta_keeps_a_list_fresh(trusting: Registry) -> None:
    await take(trusting, number=5, next_update=NOW + timedelta(hours=1))
    later = NOW + timedelta(hours=2)
    stale = await ask(trusting.database, SEAL, at=later, unknown=REFUSE)
    assert codes(stale) == ["rfc5280.6.3.revocation-unknown.stale"]
    await take(trusting, number=6, base=5, next_update=NOW + DAY)
    assert (await ask(trusting.database, SEAL, at=later, unknown=REFUSE)).trusted


async def test_indirect_list_revokes_where_the_certificate_names_its_publisher(trusting: Registry) -> None:
    other = Pki.new("Người công bố", slot=960)
    await trusting.trust(other)
    publisher = [x509.DirectoryName(other.root.certificate.subject)]
    places = x509.CRLDistributionPoints([x509.DistributionPoint(None, None, None, publisher)])
    named = PKI.seal("H45", key="p256", slot=3, serial=5_001, extensions=[(places, False)])
    await trusting.add("H45")
    await trusting.enrol("H45", named)
    assert codes(await ask(trusting.database, named, unknown=REFUSE)) == ["rfc5280.6.3.revocation-unknown.no-list"]

    def indirect(number: int, *serials: int) -> bytes:
        builder = x509.CertificateRevocationListBuilder(other.root.certificate.subject, NOW - DAY, NOW + DAY)
        issuer = x509.CertificateIssuer([x509.DirectoryName(PKI.issuing.certificate.subject)])
        for serial in serials:
            entry = x509.RevokedCertificateBuilder(serial, NOW - DAY).add_extension(issuer, critical=True)
            builder = builder.add_revoked_certificate(entry.build())
        point, critical = limited(indirect_crl=True)
        builder = builder.add_extension(point, critical).add_extension(x509.CRLNumber(number), critical=False)
        return builder.sign(other.root.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)

    await import_crl(trusting.database, indirect(1), act=ACT)
    assert (await ask(trusting.database, named, unknown=REFUSE)).trusted
    plain = SEAL.certificate.serial_number
    await import_crl(trusting.database, indirect(2, 5_001, plain), act=ACT)
    assert codes(await ask(trusting.database, named)) == ["rfc5280.6.3.revoked"]
    # A certificate that does not name this publisher is none of its business.
    assert codes(await ask(trusting.database, SEAL)) == ["rfc5280.6.3.revocation-unknown.no-list"]


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_one_revocation_among_very_many_is_found_by_its_key(registry: Registry) -> None:
    keys = {(issuer * 64, serial) for issuer in "ab" for serial in ("1", "2")}
    asked = sa.select(revocations).where(among_pairs(revocations.c.issuer_sha256, revocations.c.serial, keys))
    async with registry.database.read() as tx:
        text = str(asked.compile(dialect=tx.dialect, compile_kwargs={"literal_binds": True}))
        plan = [row.detail for row in await tx.execute(sa.text(f"EXPLAIN QUERY PLAN {text}"))]
    assert plan
    assert not [step for step in plan if step.startswith("SCAN")]


@pytest.mark.parametrize(("status", "expected"), [("good", []), ("revoked", ["rfc5280.6.3.revoked"])])
async def test_answer_of_a_responder_counts(trusting: Registry, status: str, expected: list[str]) -> None:
    seal = SEAL
    row = {
        "issuer_sha256": name_digest(issuer_of(seal.certificate)),
        "serial": serial_of(seal.certificate),
        "status": status,
        "revoked_at": NOW - DAY if status == "revoked" else None,
        "reason": "superseded" if status == "revoked" else None,
        "this_update": NOW - timedelta(hours=1),
        "next_update": NOW + DAY,
        "material": "ab" * 32,
        "fetched_at": NOW,
    }
    async with trusting.database.write() as tx:
        await ocsp_answers.write(tx, row)
    decision = await ask(trusting.database, seal, unknown=REFUSE)
    assert codes(decision) == expected
    kinds = [each.kind for each in decision.standings[0].evidence]
    assert kinds == [EvidenceKind.OCSP]
    late = await ask(trusting.database, seal, at=NOW + 2 * DAY, unknown=REFUSE)
    assert codes(late) == (expected or ["rfc5280.6.3.revocation-unknown.stale"])


async def test_a_suspended_certificate_does_not_count_until_it_is_reinstated(trusting: Registry) -> None:
    seal, cache = SEAL, TrustCache()
    await take(trusting)
    assert (await ask(trusting.database, seal, cache=cache)).trusted
    reason = next(iter(SuspensionReason))
    await certificate_holds.suspend(trusting.database, seal.sha256, reason=reason, act=ACT)
    decision = await ask(trusting.database, seal, cache=cache)
    assert (codes(decision), decision.trusted) == (["ours.trust.suspended"], False)
    assert (await ask(trusting.database, seal, at=NOW - timedelta(minutes=1))).trusted
    await certificate_holds.reinstate(trusting.database, seal.sha256, act=ACT)
    assert (await ask(trusting.database, seal, cache=cache)).trusted
