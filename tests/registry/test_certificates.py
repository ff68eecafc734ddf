"""Registering certificates and anchors, revoking, importing revocation lists."""

import asyncio
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from app.errors import AlreadyExists, Conflict, NotFound, RequestInvalid
from app.registry import agencies, anchors, certificates
from app.registry.acts import Act
from app.registry.model import AgencyStatus, CertificateKind, CertificateStatus, RevocationReason
from app.registry.revocation_lists import import_crl
from app.store.database import Database
from app.store.schema import certificates as certificates_table
from app.store.schema import crls, revocations, trust_anchors
from tests.registry.filling import ACT, Registry, agency, bundle, code, once, seal_of
from tests.support.pki import DAY, NOW, YEAR, Identity, shared_pki

PKI = shared_pki()


@pytest.fixture
async def trusting(registry: Registry) -> Registry:
    """A registry with one anchor and the agencies H44 and H45."""
    await registry.trust(PKI)
    await registry.add("H44", "H45")
    return registry


async def test_a_certificate_is_registered_and_listed(trusting: Registry) -> None:
    seal = seal_of("H44")
    done = await certificates.register(trusting.database, code("H44"), bundle(seal), CertificateKind.SEAL, act=ACT)
    assert done.value.sha256 == seal.sha256
    assert done.value.serial == f"{seal.certificate.serial_number:x}"
    assert done.value.status is CertificateStatus.ACTIVE
    async with trusting.database.read() as tx:
        assert await certificates.list_of(tx, code("H44"), limit=50) == (done.value,)
        assert await certificates.list_of(tx, code("H45"), limit=50) == ()
        assert await certificates.find(tx, seal.sha256) == done.value
    last = (await trusting.events())[-1]
    assert (last["kind"], last["agency"]) == ("certificate.registered", "H44")
    assert last["detail"] == {"sha256": seal.sha256, "certificate_kind": "seal"}


async def test_der_of_a_known_authority_is_enough(trusting: Registry) -> None:
    await trusting.enrol("H44", seal_of("H44"))
    person = PKI.person()
    done = await certificates.register(trusting.database, code("H45"), person.der(), CertificateKind.PERSON, act=ACT)
    assert done.value.kind is CertificateKind.PERSON


async def test_several_certificates_of_an_agency_are_in_force_side_by_side(trusting: Registry) -> None:
    for _ in range(3):
        await trusting.enrol("H44", seal_of("H44"))
    async with trusting.database.read() as tx:
        first = await certificates.list_of(tx, code("H44"), limit=2)
        rest = await certificates.list_of(tx, code("H44"), after=first[-1].sha256, limit=2)
    assert len({each.sha256 for each in (*first, *rest)}) == 3


async def test_a_certificate_of_tomorrow_may_be_registered_today(trusting: Registry) -> None:
    assert (await trusting.enrol("H44", PKI.not_yet_valid("H44"))).not_before == NOW + DAY


async def test_a_certificate_that_could_never_count_is_refused(trusting: Registry) -> None:
    for identity, expected in (
        (PKI.expired("H44"), "rfc5280.4.1.2.5.expired"),
        (PKI.self_signed("H44"), "rfc5280.6.1.self-signed"),
        (PKI.short_key("H44"), "ours.certificate.weak-key"),
        (PKI.wrong_usage("H44"), "rfc5280.4.2.1.3.wrong-usage"),
        (PKI.look_alike().seal("H44"), "rfc5280.6.1.no-path"),
        (PKI.issuing, "rfc5280.4.2.1.9.authority"),
    ):
        with pytest.raises(RequestInvalid) as refused:
            await trusting.enrol("H44", identity)
        assert expected in [finding.code for finding in refused.value.findings]
    assert await trusting.count(certificates_table) == 0


async def test_a_certificate_whose_authority_is_missing_is_refused(trusting: Registry) -> None:
    with pytest.raises(RequestInvalid) as refused:
        await trusting.enrol("H44", seal_of("H44"), chain=False)
    assert [finding.code for finding in refused.value.findings] == ["rfc5280.6.1.no-path"]


async def test_a_key_is_never_taken_for_a_certificate(trusting: Registry) -> None:
    with pytest.raises(RequestInvalid):
        await certificates.register(
            trusting.database, code("H44"), seal_of("H44").key_pem(), CertificateKind.SEAL, act=ACT
        )


async def test_a_certificate_belongs_to_one_agency(trusting: Registry, other_database: Database) -> None:
    seal = seal_of("H44")
    outcomes = await asyncio.gather(
        trusting.enrol("H44", seal), Registry(other_database).enrol("H45", seal), return_exceptions=True
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["AlreadyExists", "RegisteredCertificate"]
    with pytest.raises(AlreadyExists):
        await trusting.enrol("H44", seal)


async def test_only_agencies_that_exist_get_certificates(trusting: Registry) -> None:
    await agencies.register(trusting.database, agency("H28", status=AgencyStatus.CLOSED), act=ACT)
    with pytest.raises(NotFound):
        await trusting.enrol("H99", seal_of("H99"))
    with pytest.raises(Conflict):
        await trusting.enrol("H28", seal_of("H28"))


async def test_the_same_registration_again_gives_the_first_answer(trusting: Registry) -> None:
    content = bundle(seal_of("H44"))
    asked = (trusting.database, code("H44"), content, CertificateKind.SEAL)
    first = await certificates.register(*asked, act=once("k1"))
    await certificates.revoke(trusting.database, first.value.sha256, reason=RevocationReason.SUPERSEDED, act=ACT)
    again = await certificates.register(*asked, act=once("k1"))
    assert again.replayed
    assert again.value == first.value


async def test_revoking_is_for_good(trusting: Registry) -> None:
    registered = await trusting.enrol("H44", seal_of("H44"))
    done = await certificates.revoke(
        trusting.database,
        registered.sha256,
        reason=RevocationReason.KEY_COMPROMISE,
        revoked_at=NOW - DAY,
        act=ACT,
    )
    assert done.value.status is CertificateStatus.REVOKED
    assert done.value.revoked_at == NOW - DAY
    async with trusting.database.read() as tx:
        assert await certificates.find(tx, registered.sha256) == done.value
    last = (await trusting.events())[-1]
    assert (last["kind"], last["agency"]) == ("certificate.revoked", "H44")
    assert last["detail"] == {"sha256": registered.sha256, "reason": "keyCompromise"}
    with pytest.raises(Conflict):
        await certificates.revoke(trusting.database, registered.sha256, reason=RevocationReason.KEY_COMPROMISE, act=ACT)


async def test_what_cannot_be_revoked_is_said_so(trusting: Registry) -> None:
    registered = await trusting.enrol("H44", seal_of("H44"))
    with pytest.raises(NotFound):
        await certificates.revoke(trusting.database, "0" * 64, reason=RevocationReason.SUPERSEDED, act=ACT)
    with pytest.raises(RequestInvalid):
        await certificates.revoke(
            trusting.database,
            registered.sha256,
            reason=RevocationReason.SUPERSEDED,
            revoked_at=NOW + DAY,
            act=ACT,
        )
    with pytest.raises(RequestInvalid):
        await certificates.revoke(
            trusting.database, registered.sha256, reason=RevocationReason.CERTIFICATE_HOLD, act=ACT
        )


async def test_an_anchor_is_added_once_and_listed(registry: Registry) -> None:
    await registry.trust(PKI)
    async with registry.database.read() as tx:
        (anchor,) = await anchors.list_anchors(tx, limit=50)
        assert await anchors.list_anchors(tx, after=anchor.sha256, limit=50) == ()
    assert (anchor.sha256, anchor.name) == (PKI.root.sha256, "Gốc")
    assert [(event["kind"], event["detail"]) for event in await registry.events()] == [
        ("anchor.added", {"sha256": PKI.root.sha256})
    ]
    with pytest.raises(AlreadyExists):
        await registry.trust(PKI)


async def test_what_is_no_root_in_force_is_no_anchor(registry: Registry) -> None:
    for identity, at, expected in (
        (PKI.issuing, NOW, "not-self-signed"),
        (PKI.self_signed("H44"), NOW, "not-an-authority"),
        (PKI.root, NOW + 30 * YEAR, "not-in-force"),
    ):
        with pytest.raises(RequestInvalid) as refused:
            await anchors.add_anchor(registry.database, identity.pem().encode(), name="Gốc", act=Act("operator", at))
        assert f"ours.anchor.{expected}" in [finding.code for finding in refused.value.findings]
    assert await registry.count(trust_anchors) == 0


async def test_a_list_becomes_rows(trusting: Registry) -> None:
    await trusting.enrol("H44", seal_of("H44"))
    content = PKI.crl(range(10_000, 13_000), number=7)
    done = await import_crl(trusting.database, content, act=ACT)
    assert (done.value.number, done.value.entries, done.value.next_update) == ("7", 3_000, NOW + 7 * DAY)
    assert await trusting.count(revocations) == 3_000
    last = (await trusting.events())[-1]
    assert last["kind"] == "crl.imported"
    assert last["detail"]["entries"] == 3_000


async def test_the_same_list_again_changes_nothing(trusting: Registry) -> None:
    await trusting.enrol("H44", seal_of("H44"))
    content = PKI.crl([1, 2])
    first = await import_crl(trusting.database, content, act=ACT)
    before = len(await trusting.events())
    der = x509.load_pem_x509_crl(content).public_bytes(Encoding.DER)
    for same in (content, der):
        assert (await import_crl(trusting.database, same, act=ACT)).value == first.value
    assert len(await trusting.events()) == before


async def test_an_older_list_does_not_replace_a_newer_one(trusting: Registry) -> None:
    await trusting.enrol("H44", seal_of("H44"))
    await import_crl(trusting.database, PKI.crl([1], number=256), act=ACT)
    for older in (PKI.crl([], number=255), PKI.crl([], number=256, this_update=NOW - DAY)):
        with pytest.raises(Conflict):
            await import_crl(trusting.database, older, act=ACT)
    await import_crl(trusting.database, PKI.crl([1, 2], number=257), act=ACT)
    assert await trusting.count(crls) == 1
    assert await trusting.count(revocations) == 2


async def test_only_a_hold_ends_when_a_newer_list_leaves_it_out(trusting: Registry) -> None:
    """RFC 5280 §3.3: an entry may go once the certificate has expired; the revocation stays a fact."""
    await trusting.enrol("H44", seal_of("H44"))
    await import_crl(trusting.database, PKI.crl([1], number=1), act=ACT)
    await import_crl(trusting.database, PKI.crl([2], number=2, reason=x509.ReasonFlags.certificate_hold), act=ACT)
    assert await trusting.count(revocations) == 2
    await import_crl(trusting.database, PKI.crl([], number=3), act=ACT)
    assert await trusting.count(revocations) == 1


async def test_a_list_of_nobody_known_is_refused(registry: Registry) -> None:
    await registry.trust(PKI)
    for content in (PKI.crl([1]), PKI.look_alike().crl([1], issuer=PKI.look_alike().root), b"no list"):
        with pytest.raises(RequestInvalid):
            await import_crl(registry.database, content, act=ACT)
    assert await registry.count(crls) == 0


async def test_a_list_of_the_root_itself_is_taken(registry: Registry) -> None:
    await registry.trust(PKI)
    content = PKI.crl([PKI.issuing], issuer=PKI.root, pem=False)
    assert (await import_crl(registry.database, content, act=ACT)).value.entries == 1


async def test_a_certificate_that_was_revoked_before_is_not_registered(trusting: Registry) -> None:
    await trusting.enrol("H44", seal_of("H44"))
    seal = seal_of("H45")
    await import_crl(trusting.database, PKI.crl([seal], at=NOW - timedelta(hours=2)), act=ACT)
    with pytest.raises(RequestInvalid) as refused:
        await trusting.enrol("H45", seal)
    assert [finding.code for finding in refused.value.findings if finding.refuses] == ["rfc5280.6.3.revoked"]


async def test_a_chain_longer_than_any_real_one_is_refused(trusting: Registry) -> None:
    seal = seal_of("H44")
    with pytest.raises(RequestInvalid):
        await trusting.enrol("H44", Identity(seal.key, seal.certificate, (PKI.issuing.certificate,) * 8))
