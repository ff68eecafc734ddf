"""Lists of revoked certificates: what is taken over, and what is answered."""

import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import x25519

from app.errors import RequestInvalid
from app.signing.revocations import LIST_OCTETS_MAX, Revocation, RevocationIndex, Unknown, parse_revocation_list
from tests.support.pki import DAY, NOW, Pki, certify, shared_pki

PKI = shared_pki()
ISSUERS = (PKI.root.certificate, PKI.issuing.certificate)
ISSUER = PKI.issuing.certificate.subject.rfc4514_string()


@pytest.mark.parametrize("pem", [True, False])
def test_pem_and_der_are_read(pem: bool) -> None:
    found = parse_revocation_list(PKI.crl([7, 8], number=5, pem=pem), issuers=ISSUERS)
    assert found.issuer == ISSUER
    assert found.number == 5
    assert found.next_update == NOW + 7 * DAY
    assert found.this_update < NOW
    assert found.revoked == {7: Revocation(NOW - DAY, "keyCompromise"), 8: Revocation(NOW - DAY, "keyCompromise")}


def test_number_and_reasons_may_be_missing() -> None:
    found = parse_revocation_list(PKI.crl([7], number=None, reason=None), issuers=ISSUERS)
    assert found.number == 0
    assert found.revoked[7].reason == "unspecified"


def test_suspension_is_kept_as_a_reason() -> None:
    found = parse_revocation_list(PKI.crl([7], reason=x509.ReasonFlags.certificate_hold), issuers=ISSUERS)
    assert found.revoked[7].reason == "certificateHold"


def test_harmless_scope_is_accepted() -> None:
    point = x509.IssuingDistributionPoint(
        full_name=[x509.UniformResourceIdentifier("http://crl.example.vn/ca.crl")],
        relative_name=None,
        only_contains_user_certs=False,
        only_contains_ca_certs=False,
        only_some_reasons=None,
        indirect_crl=False,
        only_contains_attribute_certs=False,
    )
    assert parse_revocation_list(PKI.crl([7], extensions=[(point, True)]), issuers=ISSUERS).revoked


@pytest.mark.parametrize("partial", ["only_contains_user_certs", "only_contains_ca_certs", "indirect_crl"])
def test_partial_and_indirect_lists_are_refused(partial: str) -> None:
    flags = {
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
        partial: True,
    }
    point = x509.IssuingDistributionPoint(full_name=None, relative_name=None, only_some_reasons=None, **flags)
    with pytest.raises(RequestInvalid, match="part of"):
        parse_revocation_list(PKI.crl([7], extensions=[(point, True)]), issuers=ISSUERS)


def test_delta_lists_are_refused() -> None:
    octets = PKI.crl([7], number=6, extensions=[(x509.DeltaCRLIndicator(5), True)])
    with pytest.raises(RequestInvalid, match="delta"):
        parse_revocation_list(octets, issuers=ISSUERS)


def test_unknown_critical_extension_is_refused() -> None:
    strange = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")
    with pytest.raises(RequestInvalid, match=r"1\.3\.6\.1\.4\.1\.99999\.1"):
        parse_revocation_list(PKI.crl(extensions=[(strange, True)]), issuers=ISSUERS)


def test_list_of_a_look_alike_is_refused() -> None:
    with pytest.raises(RequestInvalid, match="signature"):
        parse_revocation_list(PKI.look_alike().crl([7]), issuers=ISSUERS)


def test_list_of_an_unknown_authority_is_refused() -> None:
    with pytest.raises(RequestInvalid, match="no authority known"):
        parse_revocation_list(Pki.new("khác", slot=990).crl([7]), issuers=ISSUERS)


def test_list_signed_by_a_seal_is_refused() -> None:
    """Its key usage says it signs no lists."""
    seal = PKI.seal(key="p256")
    with pytest.raises(RequestInvalid, match="signature"):
        parse_revocation_list(PKI.crl([7], issuer=seal), issuers=[seal.certificate])


def test_authority_without_key_usage_may_sign_lists() -> None:
    key = PKI.issuing.key
    bare = (
        x509.CertificateBuilder()
        .subject_name(PKI.issuing.certificate.subject)
        .issuer_name(PKI.root.certificate.subject)
        .public_key(key.public_key())
        .serial_number(3)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .sign(PKI.root.key, hashes.SHA256())
    )
    assert parse_revocation_list(PKI.crl([7]), issuers=[bare]).revoked


def test_list_signed_with_sha512_is_accepted_and_others_by_name_only() -> None:
    builder = x509.CertificateRevocationListBuilder(PKI.issuing.certificate.subject, NOW, NOW + DAY)
    weak = builder.sign(PKI.issuing.key, hashes.SHA224())
    with pytest.raises(RequestInvalid, match="hash"):
        parse_revocation_list(weak.public_bytes(serialization.Encoding.DER), issuers=ISSUERS)
    strong = builder.sign(PKI.issuing.key, hashes.SHA512())
    assert not parse_revocation_list(strong.public_bytes(serialization.Encoding.DER), issuers=ISSUERS).revoked


@pytest.mark.parametrize("octets", [b"", b"hello", PKI.root.der(), PKI.root_pem.encode(), bytes(LIST_OCTETS_MAX + 1)])
def test_anything_else_is_refused(octets: bytes) -> None:
    with pytest.raises(RequestInvalid):
        parse_revocation_list(octets, issuers=ISSUERS)


def test_entry_of_another_issuer_is_refused() -> None:
    builder = x509.CertificateRevocationListBuilder(PKI.issuing.certificate.subject, NOW, NOW + DAY)
    other = x509.CertificateIssuer([x509.DirectoryName(PKI.root.certificate.subject)])
    entry = x509.RevokedCertificateBuilder(7, NOW).add_extension(other, critical=True).build()
    signed = builder.add_revoked_certificate(entry).sign(PKI.issuing.key, hashes.SHA256())
    with pytest.raises(RequestInvalid, match="another issuer"):
        parse_revocation_list(signed.public_bytes(serialization.Encoding.DER), issuers=ISSUERS)


def test_other_extensions_of_an_entry_are_passed_over() -> None:
    builder = x509.CertificateRevocationListBuilder(PKI.issuing.certificate.subject, NOW, NOW + DAY)
    since = x509.InvalidityDate(NOW.replace(tzinfo=None))
    entry = x509.RevokedCertificateBuilder(7, NOW).add_extension(since, critical=False).build()
    signed = builder.add_revoked_certificate(entry).sign(PKI.issuing.key, hashes.SHA256())
    assert parse_revocation_list(signed.public_bytes(serialization.Encoding.DER), issuers=ISSUERS).revoked == {
        7: Revocation(NOW)
    }


def test_authority_whose_key_signs_nothing_is_passed_over() -> None:
    class Half:
        def public_key(self) -> x25519.X25519PublicKey:
            return x25519.X25519PrivateKey.generate().public_key()

    odd = certify(
        PKI.issuing.certificate.subject,
        Half(),  # type: ignore[arg-type]
        issuer=PKI.root.certificate,
        signer=PKI.root.key,
        serial=9,
        authority=True,
    )
    with pytest.raises(RequestInvalid, match="signature"):
        parse_revocation_list(PKI.crl([7]), issuers=[odd])
    assert parse_revocation_list(PKI.crl([7]), issuers=[odd, *ISSUERS]).revoked


def find(index: RevocationIndex, serial: int) -> Revocation | Unknown | None:
    return index.find(ISSUER, serial, at=NOW)


def test_index_answers_revoked_good_and_unknown() -> None:
    index = RevocationIndex()
    assert find(index, 7) is Unknown.NO_LIST
    assert index.fresh_until(ISSUER) is None
    assert index.add(parse_revocation_list(PKI.crl([7]), issuers=ISSUERS))
    assert find(index, 7) == Revocation(NOW - DAY, "keyCompromise")
    assert find(index, 8) is None
    assert index.find(ISSUER, 8, at=NOW + 8 * DAY) is Unknown.STALE
    assert index.find(ISSUER, 7, at=NOW + 8 * DAY) == Revocation(NOW - DAY, "keyCompromise")
    assert index.fresh_until(ISSUER) == NOW + 7 * DAY


def test_list_without_an_end_never_grows_stale() -> None:
    index = RevocationIndex()
    endless = PKI.crl([7])
    loaded = parse_revocation_list(endless, issuers=ISSUERS)
    index.add(type(loaded)(loaded.issuer, 1, loaded.this_update, None, loaded.revoked))
    assert index.find(ISSUER, 8, at=NOW + 9_999 * DAY) is None


def test_newer_list_replaces_the_older_and_never_the_other_way_round() -> None:
    index = RevocationIndex()
    assert index.add(parse_revocation_list(PKI.crl([7], number=2), issuers=ISSUERS))
    assert not index.add(parse_revocation_list(PKI.crl([], number=1), issuers=ISSUERS))
    assert find(index, 7) is not None
    assert index.add(parse_revocation_list(PKI.crl([], number=3), issuers=ISSUERS))
    assert find(index, 7) is None


def test_earlier_of_two_revocations_counts() -> None:
    index = RevocationIndex()
    index.add(parse_revocation_list(PKI.crl([7]), issuers=ISSUERS))
    index.tell(ISSUER, 7, Revocation(NOW, "later"))
    assert find(index, 7) == Revocation(NOW - DAY, "keyCompromise")
    index.tell(ISSUER, 7, Revocation(NOW - 3 * DAY, "earlier"))
    index.tell(ISSUER, 7, Revocation(NOW - 2 * DAY, "ignored"))
    assert find(index, 7) == Revocation(NOW - 3 * DAY, "earlier")
    index.tell(ISSUER, 9, Revocation(NOW, "told"))
    assert find(index, 9) == Revocation(NOW, "told")


def test_long_lists_are_looked_up_in_no_time() -> None:
    index = RevocationIndex()
    index.add(parse_revocation_list(PKI.crl(range(1, 5_001), pem=False), issuers=ISSUERS))
    started = time.process_time()
    for serial in range(1, 5_001):
        assert find(index, serial)
    assert time.process_time() - started < 0.5
