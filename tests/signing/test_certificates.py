"""Reading certificates from operators and strangers."""

import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from app.errors import RequestInvalid
from app.signing.certificates import (
    BUNDLE_OCTETS_MAX,
    CERTIFICATE_OCTETS_MAX,
    CertificateKind,
    UnreadableCertificate,
    fingerprint,
    issuer_of,
    key_defect,
    key_kind,
    kind_hint,
    load,
    parse_certificate,
    parse_certificates,
    pem_of,
    serial_of,
    signature_defect,
    subject_of,
    validity_of,
)
from tests.support.pki import NOW, YEAR, Pki, certify, make_key, name, shared_pki

PKI = shared_pki()
SEAL = PKI.seal(key="p256", serial=0x0ABC)


def test_pem_and_der_are_read() -> None:
    assert parse_certificate(SEAL.pem().encode()) == SEAL.certificate
    assert parse_certificate(SEAL.der()) == SEAL.certificate
    assert parse_certificate(pem_of(SEAL.certificate).encode()) == SEAL.certificate


def test_bundle_is_read_in_order_with_text_between() -> None:
    bundle = f"Cơ quan\n{SEAL.pem()}\nsubject=CN=x\n{PKI.issuing_pem}\n{PKI.root_pem}"
    assert parse_certificates(bundle.encode()) == (SEAL.certificate, *SEAL.chain, *PKI.anchors)


def test_one_certificate_means_one() -> None:
    with pytest.raises(RequestInvalid, match="2 certificates"):
        parse_certificate((SEAL.pem() + PKI.root_pem).encode())


@pytest.mark.parametrize(
    ("octets", "says"),
    [
        (b"", "neither PEM nor readable DER"),
        (b"hello", "neither PEM nor readable DER"),
        (SEAL.der()[:-10], "neither PEM nor readable DER"),
        (SEAL.der() + b"more", "neither PEM nor readable DER"),
        (SEAL.key_pem(), "PRIVATE KEY, not a CERTIFICATE"),
        (SEAL.pem().encode()[:-20], "no end line"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no readable X.509"),
        (b"x" * (BUNDLE_OCTETS_MAX + 1), "at most"),
        (bytes(CERTIFICATE_OCTETS_MAX + 1), "at most"),
    ],
)
def test_anything_else_is_refused_with_a_reason(octets: bytes, says: str) -> None:
    with pytest.raises(RequestInvalid, match=says):
        parse_certificates(octets)


def test_certificate_with_a_broken_part_fails_when_it_is_read() -> None:
    """Extensions are decoded late; a stranger's must not fail where nobody expects it."""
    der = SEAL.der()
    constraints = bytes.fromhex("0603551d13")
    broken = der.replace(constraints, bytes.fromhex("0603551d0f"), 1)
    with pytest.raises(UnreadableCertificate):
        load(broken)


@pytest.mark.parametrize("serial", [b"\x00", b"\xff"])
def test_serial_number_that_is_not_positive_is_refused(serial: bytes) -> None:
    der = PKI.seal(key="p256", serial=0x7B).der()
    position = der.index(b"\x02\x01\x7b") + 2
    with pytest.raises(UnreadableCertificate):
        load(der[:position] + serial + der[position + 1 :])


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_serial_number_is_looked_at_also_where_warnings_are_only_warnings() -> None:
    der = PKI.seal(key="p256", serial=0x7B).der()
    with pytest.raises(UnreadableCertificate, match="not positive"):
        load(der.replace(b"\x02\x01\x7b", b"\x02\x01\xff", 1))


def test_names_numbers_and_times() -> None:
    assert fingerprint(SEAL.certificate) == SEAL.sha256
    assert subject_of(SEAL.certificate) == "UID=000.00.00.G22,CN=Văn phòng Chính phủ,O=Văn phòng Chính phủ,C=VN"
    assert issuer_of(SEAL.certificate) == "CN=CA phục vụ cơ quan Kiểm thử,C=VN"
    assert serial_of(SEAL.certificate) == "abc"
    validity = validity_of(SEAL.certificate)
    assert (validity.not_before, validity.not_after) == (NOW - YEAR, NOW + YEAR)
    assert validity.not_before.tzinfo is not None
    assert validity.holds(NOW)
    assert not validity.holds(NOW + 2 * YEAR)


@pytest.mark.parametrize(
    ("parts", "kind"),
    [
        ([(NameOID.ORGANIZATION_NAME, "UBND"), (NameOID.COMMON_NAME, "UBND")], CertificateKind.SEAL),
        ([(NameOID.ORGANIZATIONAL_UNIT_NAME, "Sở"), (NameOID.COMMON_NAME, "sở")], CertificateKind.SEAL),
        ([(NameOID.ORGANIZATION_IDENTIFIER, "VATVN-1"), (NameOID.COMMON_NAME, "X")], CertificateKind.SEAL),
        ([(NameOID.TITLE, "Chủ tịch"), (NameOID.COMMON_NAME, "Nguyễn Văn Mẫu")], CertificateKind.PERSON),
        ([(NameOID.GIVEN_NAME, "Mẫu"), (NameOID.SURNAME, "Nguyễn")], CertificateKind.PERSON),
        ([(NameOID.COMMON_NAME, "Nguyễn Văn Mẫu")], None),
    ],
)
def test_kind_is_guessed_from_the_names(
    parts: list[tuple[x509.ObjectIdentifier, str]], kind: CertificateKind | None
) -> None:
    assert kind_hint(PKI.issue(name(*parts)).certificate) is kind


@pytest.mark.parametrize("key", ["rsa2048", "rsa3072", "p256", "p384"])
def test_strong_keys_have_no_defect(key: str) -> None:
    certificate = PKI.seal(key=key).certificate  # type: ignore[arg-type]
    assert key_defect(certificate) is None
    assert key_kind(certificate) == ("RSA" if key.startswith("rsa") else "EC")
    assert signature_defect(certificate) is None


@pytest.mark.parametrize(
    ("key", "says"), [("rsa1024", "1024 bits"), ("p521", "secp521r1"), ("ed25519", "Ed25519"), ("dsa", "DSA")]
)
def test_other_keys_have_one(key: str, says: str) -> None:
    defect = key_defect(PKI.seal(key=key).certificate)  # type: ignore[arg-type]
    assert defect is not None
    assert says in defect


def test_families_that_do_not_sign_documents_are_none() -> None:
    assert key_kind(PKI.seal(key="ed25519").certificate) is None


def _with_rsa(public: rsa.RSAPublicNumbers) -> x509.Certificate:
    """A certificate for a key nobody has; only its public half is looked at."""

    class Half:
        def public_key(self) -> rsa.RSAPublicKey:
            return public.public_key()

    half = Half()
    return certify(
        name((NameOID.COMMON_NAME, "x")),
        half,  # type: ignore[arg-type]
        issuer=PKI.issuing.certificate,
        signer=PKI.issuing.key,
        serial=99,
    )


def test_rsa_keys_of_odd_numbers_have_a_defect() -> None:
    small_exponent = _with_rsa(rsa.RSAPublicNumbers(3, (1 << 2047) + 1))
    assert "exponent 3" in str(key_defect(small_exponent))
    huge = _with_rsa(rsa.RSAPublicNumbers(65_537, (1 << 16_383) + 1))
    assert "16384 bits" in str(key_defect(huge))


def test_sha1_and_unknown_hashes_of_the_issuer_are_a_defect() -> None:
    pki = Pki.new("SHA-1", key="rsa2048")
    assert "SHA1" in str(signature_defect(pki.signed_with_sha1(pki.seal(key="p256")).certificate))
    key = make_key("ed25519", 1)
    odd = certify(name((NameOID.COMMON_NAME, "x")), key, issuer=None, signer=key, serial=5)
    assert "1.3.101.112" in str(signature_defect(odd))


def test_base64_of_a_certificate_alone_is_no_pem() -> None:
    with pytest.raises(RequestInvalid):
        parse_certificate(base64.b64encode(SEAL.der()))


def test_unknown_algorithm_of_the_issuer_is_a_defect() -> None:
    known, unknown = bytes.fromhex("2a8648ce3d040302"), bytes.fromhex("2a8648ce3d04030f")
    assert "1.2.840.10045.4.3.15" in str(signature_defect(load(SEAL.der().replace(known, unknown))))
