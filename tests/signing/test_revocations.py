"""Lists of revoked certificates: what is taken over, and what is answered."""

import time
from datetime import datetime
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import x25519
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import RequestInvalid
from app.signing.crl import LIST_OCTETS_MAX, RevocationList, parse_revocation_list
from app.signing.crl_scope import ALL_REASONS, COMPLETE, Holders, Scope
from app.signing.revocations import Answered, EvidenceKind, Revocation, RevocationIndex, Unknown
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


URI = x509.UniformResourceIdentifier("http://crl.example.vn/ca-1.crl")


def limited(**limits: object) -> tuple[x509.ExtensionType, bool]:
    flags = dict.fromkeys(
        ("only_contains_user_certs", "only_contains_ca_certs", "only_contains_attribute_certs"), False
    )
    fixed = {"full_name": None, "relative_name": None, "only_some_reasons": None, "indirect_crl": False}
    return x509.IssuingDistributionPoint(**{**flags, **fixed, **limits}), True  # type: ignore[arg-type]


def partial(*revoked: int, number: int = 1, **limits: object) -> RevocationList:
    return parse_revocation_list(PKI.crl(revoked, number=number, extensions=[limited(**limits)]), issuers=ISSUERS)


def knowing(*lists: RevocationList) -> RevocationIndex:
    index = RevocationIndex()
    for each in lists:
        assert index.add(each)
    return index


def test_list_of_users_certificates_speaks_of_no_authority() -> None:
    index = knowing(partial(7, only_contains_user_certs=True))
    assert isinstance(find(index, 7), Revocation)
    assert find(index, 8) is None
    authority = PKI.seal(key="p256", slot=0, serial=8, authority=True).certificate
    assert index.standing(authority, at=NOW).known is Unknown.NOT_COVERED


def test_lists_of_authorities_and_users_complete_each_other() -> None:
    assert find(knowing(partial(only_contains_ca_certs=True)), 8) is Unknown.NOT_COVERED
    both = knowing(partial(only_contains_ca_certs=True), partial(only_contains_user_certs=True))
    assert find(both, 8) is None
    assert find(knowing(partial(only_contains_attribute_certs=True)), 8) is Unknown.NOT_COVERED


def test_lists_of_some_reasons_cover_a_certificate_together_only() -> None:
    compromise = frozenset((x509.ReasonFlags.key_compromise, x509.ReasonFlags.ca_compromise))
    others = frozenset(x509.ReasonFlags) - compromise - {x509.ReasonFlags.unspecified, x509.ReasonFlags.remove_from_crl}
    first = partial(7, only_some_reasons=compromise)
    assert isinstance(find(knowing(first), 7), Revocation)
    assert find(knowing(first), 8) is Unknown.NOT_COVERED
    both = knowing(first, partial(only_some_reasons=others))
    assert find(both, 8) is None
    assert len(both.standing(numbered(8), at=NOW).evidence) == 2


def test_list_of_one_place_speaks_of_certificates_that_name_it() -> None:
    index = knowing(partial(full_name=[URI]))
    assert find(index, 8) is Unknown.NOT_COVERED
    places = x509.CRLDistributionPoints([x509.DistributionPoint([URI], None, None, None)])
    named = PKI.seal(key="p256", slot=0, serial=8, extensions=[(places, False)]).certificate
    assert index.standing(named, at=NOW).known is None


def test_delta_adds_to_the_list_it_builds_on_and_takes_back() -> None:
    hold = x509.ReasonFlags.certificate_hold
    complete = parse_revocation_list(PKI.crl([7], number=5, reason=hold), issuers=ISSUERS)

    def delta(base: int, number: int, *revoked: int, reason: x509.ReasonFlags) -> RevocationList:
        indicator = (x509.DeltaCRLIndicator(base), True)
        octets = PKI.crl(revoked, number=number, reason=reason, extensions=[indicator])
        return parse_revocation_list(octets, issuers=ISSUERS)

    released = delta(5, 6, 7, reason=x509.ReasonFlags.remove_from_crl)
    assert find(knowing(complete), 7) == Revocation(NOW - DAY, "certificateHold")
    assert find(knowing(complete, released), 7) is None
    added = delta(5, 6, 8, reason=x509.ReasonFlags.key_compromise)
    assert isinstance(find(knowing(complete, added), 8), Revocation)
    # Alone, or on a list older than it builds on, it says nothing.
    assert find(knowing(added), 9) is Unknown.NO_LIST
    assert isinstance(find(knowing(complete, delta(6, 7, 7, reason=x509.ReasonFlags.remove_from_crl)), 7), Revocation)


def test_indirect_list_counts_where_the_certificate_names_its_publisher() -> None:
    other = Pki.new("khác", slot=990)
    entry = (
        x509.RevokedCertificateBuilder(7, NOW - DAY)
        .add_extension(x509.CertificateIssuer([x509.DirectoryName(PKI.issuing.certificate.subject)]), critical=True)
        .build()
    )
    signed = (
        x509.CertificateRevocationListBuilder(other.root.certificate.subject, NOW - DAY, NOW + DAY)
        .add_revoked_certificate(entry)
        .add_extension(limited(indirect_crl=True)[0], critical=True)
        .sign(other.root.key, hashes.SHA256())
    )
    octets = signed.public_bytes(serialization.Encoding.DER)
    index = knowing(parse_revocation_list(octets, issuers=[other.root.certificate]))
    assert find(index, 7) is Unknown.NO_LIST
    publisher = [x509.DirectoryName(other.root.certificate.subject)]
    places = x509.CRLDistributionPoints([x509.DistributionPoint(None, None, None, publisher)])
    for serial, known in ((7, Revocation(NOW - DAY)), (8, None)):
        named = PKI.seal(key="p256", slot=0, serial=serial, extensions=[(places, False)]).certificate
        assert index.standing(named, at=NOW).known == known


def test_answer_counts_beside_a_list_and_where_there_is_none() -> None:
    index = RevocationIndex()
    index.answer(ISSUER, 8, Answered(None, "Trả lời", NOW, NOW + DAY, "ab"))
    assert find(index, 8) is None
    assert index.standing(numbered(8), at=NOW).evidence[0].kind is EvidenceKind.OCSP
    assert find(index, 8, NOW + 2 * DAY) is Unknown.STALE
    index.add(parse_revocation_list(PKI.crl([7]), issuers=ISSUERS))
    assert index.standing(numbered(8), at=NOW).fresh_until == NOW + 7 * DAY
    index.answer(ISSUER, 8, Answered(Revocation(NOW, "superseded"), "Trả lời", NOW + DAY, NOW + 2 * DAY, "cd"))
    index.answer(ISSUER, 8, Answered(None, "Trả lời", NOW, NOW + DAY, "ab"))
    assert find(index, 8) == Revocation(NOW, "superseded")


@given(
    st.sampled_from(Holders),
    st.frozensets(st.text(max_size=20), max_size=3),
    st.frozensets(st.sampled_from(sorted(ALL_REASONS)), min_size=1),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=50, deadline=None)
def test_scope_is_read_as_it_was_written(
    holders: Holders, names: frozenset[str], reasons: frozenset[str], indirect: bool, delta: bool
) -> None:
    scope = Scope(holders, names, reasons, indirect, delta)
    assert Scope.of_text(scope.text) == scope
    assert (scope.text == "") == (scope == COMPLETE)


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


def find(index: RevocationIndex, serial: int, at: datetime = NOW) -> Revocation | Unknown | None:
    return index.standing(numbered(serial), at=at).known


@cache
def numbered(serial: int) -> x509.Certificate:
    return PKI.seal(key="p256", slot=0, serial=serial).certificate


def test_index_answers_revoked_good_and_unknown() -> None:
    index = RevocationIndex()
    assert find(index, 7) is Unknown.NO_LIST
    assert index.add(parse_revocation_list(PKI.crl([7]), issuers=ISSUERS))
    assert find(index, 7) == Revocation(NOW - DAY, "keyCompromise")
    assert find(index, 8) is None
    assert find(index, 8, NOW + 8 * DAY) is Unknown.STALE
    assert find(index, 7, NOW + 8 * DAY) == Revocation(NOW - DAY, "keyCompromise")
    assert index.standing(numbered(8), at=NOW).fresh_until == NOW + 7 * DAY


def test_list_without_an_end_never_grows_stale() -> None:
    index = RevocationIndex()
    endless = PKI.crl([7])
    loaded = parse_revocation_list(endless, issuers=ISSUERS)
    index.add(type(loaded)(loaded.issuer, 1, loaded.this_update, None, loaded.revoked))
    assert find(index, 8, NOW + 9_999 * DAY) is None


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
    certificate = numbered(1_000)
    started = time.process_time()
    for _ in range(1_000):
        assert isinstance(index.standing(certificate, at=NOW).known, Revocation)
    assert time.process_time() - started < 0.5
