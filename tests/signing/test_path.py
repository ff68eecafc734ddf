"""Certificates at a point in time: each defect has its own finding."""

import asyncio
import itertools
import threading
import time
from datetime import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from app.findings import Severity
from app.signing import whole_path
from app.signing.path import SIGNATURES_MAX, PathVerdict, UnknownRevocation, validate
from app.signing.revocations import Revocation, RevocationIndex, parse_revocation_list
from tests.support.pki import DAY, NOW, YEAR, Identity, Pki, certify, make_key, name, shared_pki

PKI = shared_pki()


def index(pki: Pki = PKI, revoked: tuple[Identity, ...] = (), at: datetime = NOW - DAY) -> RevocationIndex:
    found = RevocationIndex()
    found.add(parse_revocation_list(pki.crl(revoked, at=at), issuers=[pki.issuing.certificate]))
    found.add(parse_revocation_list(pki.crl(issuer=pki.root), issuers=pki.anchors))
    return found


def judge(
    identity: Identity,
    *,
    pki: Pki = PKI,
    intermediates: tuple[x509.Certificate, ...] | None = None,
    anchors: tuple[x509.Certificate, ...] | None = None,
    revocations: RevocationIndex | None = None,
    at: datetime = NOW,
    unknown: UnknownRevocation = UnknownRevocation.REFUSE,
) -> PathVerdict:
    return validate(
        identity.certificate,
        intermediates=identity.chain if intermediates is None else intermediates,
        anchors=pki.anchors if anchors is None else anchors,
        revocations=index(pki) if revocations is None else revocations,
        at=at,
        unknown_revocation=unknown,
    )


def codes(verdict: PathVerdict) -> list[str]:
    for finding in verdict.findings:
        assert finding.message
        assert finding.fix
        assert finding.source
    return [finding.code for finding in verdict.findings]


@pytest.mark.parametrize("key", ["rsa2048", "rsa3072", "p256", "p384"])
def test_seal_in_force_passes(key: str) -> None:
    seal = PKI.seal(key=key)  # type: ignore[arg-type]
    verdict = judge(seal)
    assert verdict.passed
    assert verdict.findings == ()
    assert verdict.path == (seal.certificate, PKI.issuing.certificate, PKI.root.certificate)


def test_rsa_hierarchy_passes() -> None:
    pki = Pki.new("RSA", key="rsa2048")
    assert judge(pki.seal(), pki=pki).passed


def test_person_passes() -> None:
    assert judge(PKI.person()).passed


def test_anchor_may_be_the_issuing_authority() -> None:
    verdict = judge(PKI.seal(key="p256"), anchors=(PKI.issuing.certificate,), intermediates=())
    assert verdict.passed
    assert len(verdict.path) == 2


def test_verdict_can_be_kept_until_the_next_list_is_due() -> None:
    verdict = judge(PKI.seal(key="p256"))
    assert verdict.valid_until == NOW + 7 * DAY
    assert hash(verdict) == hash(judge_again := verdict)
    assert judge_again == verdict


def test_equal_arguments_give_equal_verdicts() -> None:
    seal = PKI.expired(key="p256")
    known = index()
    assert judge(seal, revocations=known) == judge(seal, revocations=known)


def test_1_encryption_certificate_is_refused() -> None:
    assert codes(judge(PKI.wrong_usage())) == ["rfc5280.4.2.1.3.wrong-usage"]


def test_1_server_certificate_is_refused() -> None:
    assert codes(judge(PKI.wrong_purpose())) == ["rfc5280.4.2.1.12.wrong-purpose"]


def test_1_mixed_purposes_pass() -> None:
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.EMAIL_PROTECTION]
    assert judge(PKI.seal(key="p256", purposes=purposes)).passed


def test_1_authority_does_not_sign_documents() -> None:
    assert codes(judge(PKI.issuing)) == ["rfc5280.4.2.1.3.wrong-usage", "rfc5280.4.2.1.9.authority"]


def test_1_certificate_without_extensions_passes() -> None:
    key = make_key("p256", 700)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name((NameOID.COMMON_NAME, "Không phần mở rộng")))
        .issuer_name(PKI.issuing.certificate.subject)
        .public_key(key.public_key())
        .serial_number(4711)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .sign(PKI.issuing.key, hashes.SHA256())
    )
    assert judge(Identity(key, certificate, PKI.seal(key="p256").chain)).passed


def test_2_unknown_issuer_is_refused() -> None:
    assert codes(judge(PKI.seal(key="p256"), intermediates=())) == ["rfc5280.6.1.no-path"]


def test_2_no_anchors_is_no_path() -> None:
    verdict = judge(PKI.seal(key="p256"), anchors=())
    assert codes(verdict) == ["rfc5280.6.1.no-path"]
    assert verdict.path == ()
    assert verdict.valid_until is None


def test_2_look_alike_hierarchy_is_refused() -> None:
    other = PKI.look_alike()
    seal = other.seal(key="p256")
    assert seal.certificate.issuer == PKI.issuing.certificate.subject
    assert codes(judge(seal)) == ["rfc5280.6.1.no-path"]
    assert codes(judge(seal, intermediates=(*seal.chain, PKI.issuing.certificate))) == ["rfc5280.6.1.no-path"]


def test_2_self_signed_certificate_is_refused() -> None:
    seal = PKI.self_signed()
    assert codes(judge(seal)) == ["rfc5280.6.1.self-signed"]
    assert codes(judge(seal, anchors=(seal.certificate,))) == ["rfc5280.6.1.self-signed"]


def test_2_expired_stranger_is_told_both() -> None:
    assert codes(judge(PKI.expired(key="p256"), intermediates=())) == [
        "rfc5280.6.1.no-path",
        "rfc5280.4.1.2.5.expired",
    ]


def test_2_second_path_is_taken_when_the_first_fails() -> None:
    """Root → issuing expired and root → issuing renewed: the same key, two certificates."""
    expired = certify(
        PKI.issuing.certificate.subject,
        PKI.issuing.key,
        issuer=PKI.root.certificate,
        signer=PKI.root.key,
        serial=3,
        authority=True,
        not_before=NOW - 5 * YEAR,
        not_after=NOW - DAY,
    )
    seal = PKI.seal(key="p256")
    for order in itertools.permutations((expired, PKI.issuing.certificate)):
        verdict = judge(seal, intermediates=order)
        assert verdict.passed
        assert PKI.issuing.certificate in verdict.path
    assert codes(judge(seal, intermediates=(expired,))) == ["rfc5280.4.1.2.5.expired"]


def test_2_of_failing_paths_the_one_with_the_fewest_findings_is_told() -> None:
    also_weak = certify(
        PKI.issuing.certificate.subject,
        PKI.issuing.key,
        issuer=PKI.root.certificate,
        signer=PKI.root.key,
        serial=4,
        authority=True,
        not_before=NOW - 5 * YEAR,
        not_after=NOW - DAY,
    )
    seal = PKI.expired(key="p256")
    for order in itertools.permutations((also_weak, PKI.issuing.certificate)):
        verdict = judge(seal, intermediates=order)
        assert codes(verdict) == ["rfc5280.4.1.2.5.expired"]
        assert PKI.issuing.certificate in verdict.path


def test_2_crossed_authorities_end_quickly() -> None:
    """A stranger's certificates that all issue each other must not keep the node busy."""
    subject = name((NameOID.COMMON_NAME, "Vòng"))
    keys = [make_key("p256", slot) for slot in range(600, 610)]
    crossed = [
        certify(subject, key, issuer=None, signer=signer, serial=number * 100 + at + 1, authority=True)
        for number, key in enumerate(keys)
        for at, signer in enumerate(keys)
    ]
    leaf = certify(name((NameOID.COMMON_NAME, "Kẻ lạ")), keys[0], issuer=crossed[0], signer=keys[1], serial=5)
    started = time.process_time()
    verdict = judge(Identity(keys[0], leaf), intermediates=tuple(crossed))
    assert codes(verdict) == ["rfc5280.6.1.no-path"]
    assert time.process_time() - started < 1
    assert len(crossed) > SIGNATURES_MAX


def test_2_long_path_is_not_followed() -> None:
    authorities = [PKI.root]
    for step in range(6):
        key = make_key("p256", 500 + step)
        above = authorities[-1]
        certificate = certify(
            name((NameOID.COMMON_NAME, f"Bậc {step}")),
            key,
            issuer=above.certificate,
            signer=above.key,
            serial=step + 1,
            authority=True,
        )
        authorities.append(Identity(key, certificate))
    key = make_key("p256", 520)
    certificates = tuple(authority.certificate for authority in authorities[1:])
    leaf = certify(
        name((NameOID.COMMON_NAME, "Cuối")), key, issuer=certificates[-1], signer=authorities[-1].key, serial=9
    )
    assert codes(judge(Identity(key, leaf), intermediates=certificates)) == ["rfc5280.6.1.no-path"]


def test_3_short_key_is_refused() -> None:
    assert codes(judge(PKI.short_key())) == ["ours.certificate.weak-key"]


@pytest.mark.parametrize("key", ["p521", "ed25519", "dsa"])
def test_3_other_keys_are_refused(key: str) -> None:
    assert codes(judge(PKI.seal(key=key))) == ["ours.certificate.weak-key"]  # type: ignore[arg-type]


def test_3_sha1_certificate_is_refused() -> None:
    pki = Pki.new("SHA-1", key="rsa2048")
    assert codes(judge(pki.signed_with_sha1(pki.seal(key="p256")), pki=pki)) == ["ours.certificate.weak-signature"]


def test_3_sha1_authority_is_refused() -> None:
    pki = Pki.new("SHA-1", key="rsa2048")
    outer = Pki(pki.root, Identity(pki.root.key, pki.root.certificate))
    weak = outer.signed_with_sha1(pki.issuing)
    assert codes(judge(pki.seal(key="p256"), pki=pki, intermediates=(weak.certificate,))) == [
        "ours.certificate.weak-signature"
    ]


def test_4_expired_certificate_is_refused() -> None:
    assert codes(judge(PKI.expired(key="p256"))) == ["rfc5280.4.1.2.5.expired"]


def test_4_certificate_of_tomorrow_is_refused() -> None:
    assert codes(judge(PKI.not_yet_valid(key="p256"))) == ["rfc5280.4.1.2.5.not-yet-valid"]


def test_4_both_ends_of_the_period_count() -> None:
    seal = PKI.seal(key="p256", not_before=NOW, not_after=NOW + DAY)
    assert judge(seal, at=NOW).passed
    assert judge(seal, at=NOW + DAY).passed
    assert not judge(seal, at=NOW - DAY / 86_400).passed
    assert not judge(seal, at=NOW + DAY + DAY / 86_400).passed


def test_4_expired_certificate_was_good_before() -> None:
    assert judge(PKI.expired(key="p256"), at=NOW - YEAR).passed


def test_4_expired_anchor_is_refused() -> None:
    at = NOW + 19 * YEAR
    seal = PKI.seal(key="p256", not_after=NOW + 30 * YEAR)
    verdict = judge(seal, at=at, unknown=UnknownRevocation.ACCEPT)
    expired = [finding for finding in verdict.findings if finding.code == "rfc5280.4.1.2.5.expired"]
    assert len(expired) == 2
    assert "CA gốc" in expired[1].message


def test_5_revoked_certificate_is_refused_with_time_and_reason() -> None:
    seal = PKI.seal(key="p256")
    verdict = judge(seal, revocations=index(revoked=(seal,)))
    assert codes(verdict) == ["rfc5280.6.3.revoked"]
    assert "2026-11-19T09:30:00Z" in verdict.findings[0].message
    assert "keyCompromise" in verdict.findings[0].message


def test_5_what_was_signed_before_the_revocation_stays_valid() -> None:
    seal = PKI.seal(key="p256")
    verdict = judge(seal, revocations=index(revoked=(seal,)), at=NOW - 2 * DAY)
    assert verdict.passed
    assert codes(verdict) == ["rfc5280.6.3.revoked-later"]
    assert verdict.findings[0].severity is Severity.INFO
    assert verdict.valid_until == NOW - DAY


def test_5_revocation_counts_from_its_moment_on() -> None:
    seal = PKI.seal(key="p256")
    assert codes(judge(seal, revocations=index(revoked=(seal,)), at=NOW - DAY)) == ["rfc5280.6.3.revoked"]


def test_5_revoked_authority_takes_everything_with_it() -> None:
    revocations = index()
    revocations.add(parse_revocation_list(PKI.crl([PKI.issuing], issuer=PKI.root, number=2), issuers=PKI.anchors))
    verdict = judge(PKI.seal(key="p256"), revocations=revocations)
    assert codes(verdict) == ["rfc5280.6.3.revoked"]
    assert "CA phục vụ" in verdict.findings[0].message


def test_5_unknown_is_never_valid() -> None:
    verdict = judge(PKI.seal(key="p256"), revocations=RevocationIndex())
    assert codes(verdict) == ["rfc5280.6.3.revocation-unknown.no-list"] * 2
    assert not verdict.passed


def test_5_unknown_may_stay_unknown_where_the_operator_says_so() -> None:
    verdict = judge(PKI.seal(key="p256"), revocations=RevocationIndex(), unknown=UnknownRevocation.ACCEPT)
    assert verdict.passed
    assert {finding.severity for finding in verdict.findings} == {Severity.UNKNOWN}


def test_5_stale_list_is_unknown() -> None:
    at = NOW + 8 * DAY
    assert codes(judge(PKI.seal(key="p256"), at=at)) == ["rfc5280.6.3.revocation-unknown.stale"] * 2
    warned = judge(PKI.seal(key="p256"), at=at, unknown=UnknownRevocation.ACCEPT)
    assert warned.valid_until == NOW + YEAR


def test_5_administrators_revocation_counts() -> None:
    seal = PKI.seal(key="p256")
    revocations = index()
    issuer = seal.certificate.issuer.rfc4514_string()
    revocations.tell(issuer, seal.certificate.serial_number, Revocation(NOW, "administrator"))
    assert codes(judge(seal, revocations=revocations)) == ["rfc5280.6.3.revoked"]


def test_6_path_length_constraint_is_kept() -> None:
    key, below = make_key("p256", 720), make_key("p256", 721)
    limited = certify(
        name((NameOID.COMMON_NAME, "CA cuối")),
        key,
        issuer=PKI.root.certificate,
        signer=PKI.root.key,
        serial=50,
        authority=True,
        path_length=0,
    )
    further = certify(
        name((NameOID.COMMON_NAME, "CA thừa")), below, issuer=limited, signer=key, serial=51, authority=True
    )
    leaf = certify(name((NameOID.COMMON_NAME, "Lá")), make_key("p256", 722), issuer=further, signer=below, serial=52)
    verdict = judge(
        Identity(make_key("p256", 722), leaf),
        intermediates=(limited, further),
        unknown=UnknownRevocation.ACCEPT,
    )
    assert codes(verdict)[-1] == "rfc5280.6.1.path-invalid"


def test_6_certificate_below_a_seal_is_refused() -> None:
    seal = PKI.seal(key="p256")
    key = make_key("p256", 730)
    forged = certify(name((NameOID.COMMON_NAME, "Giả")), key, issuer=seal.certificate, signer=seal.key, serial=60)
    verdict = judge(
        Identity(key, forged), intermediates=(seal.certificate, *seal.chain), unknown=UnknownRevocation.ACCEPT
    )
    assert codes(verdict)[-1] == "rfc5280.6.1.path-invalid"


def test_6_unknown_critical_extension_is_refused() -> None:
    strange = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")
    assert codes(judge(PKI.seal(key="p256", extensions=[(strange, True)]))) == ["rfc5280.6.1.path-invalid"]
    assert judge(PKI.seal(key="p256", extensions=[(strange, False)])).passed


@pytest.mark.parametrize(("permitted", "passes"), [("C=VN", True), ("C=LA", False)])
def test_6_name_constraints_of_an_anchor_are_kept(permitted: str, passes: bool) -> None:
    key = make_key("p256", 740)
    subtree = x509.DirectoryName(name((NameOID.COUNTRY_NAME, permitted.removeprefix("C="))))
    anchor = certify(
        name((NameOID.COMMON_NAME, "CA có ràng buộc")),
        key,
        issuer=None,
        signer=key,
        serial=70,
        authority=True,
        extensions=[(x509.NameConstraints([subtree], None), True)],
    )
    leaf_key = make_key("p256", 741)
    leaf = certify(
        name((NameOID.COUNTRY_NAME, "VN"), (NameOID.COMMON_NAME, "Lá")), leaf_key, issuer=anchor, signer=key, serial=71
    )
    verdict = judge(Identity(leaf_key, leaf), anchors=(anchor,), unknown=UnknownRevocation.ACCEPT)
    assert verdict.passed is passes


def test_6_path_that_cannot_be_checked_does_not_pass() -> None:
    """Policy mappings of a shape the validator chokes on: a crash is a fatal finding."""
    broken = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.33"), b"\x02\x01\x05")
    pki = Pki(PKI.root, PKI.issuing)
    verdict = judge(pki.seal(key="p256", extensions=[(broken, False)]))
    (finding,) = verdict.findings
    assert finding.code == "rfc5280.6.1.path-unchecked"
    assert finding.severity is Severity.FATAL


def test_nothing_waits_in_the_validator() -> None:
    async def waiting() -> None:
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="waited"):
        whole_path._run(waiting())


def test_validation_works_inside_an_event_loop_and_in_threads() -> None:
    seal = PKI.seal(key="p256")

    async def inside() -> PathVerdict:
        return judge(seal)

    assert asyncio.run(inside()).passed
    found: list[PathVerdict] = []
    threads = [threading.Thread(target=lambda: found.append(judge(seal))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [verdict.passed for verdict in found] == [True] * 4
