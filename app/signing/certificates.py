"""Read certificates and say what they are: fingerprint, names, validity, kind, strength of the key.

Never decides whether a certificate is trusted; that is `path`.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import NameOID

from app.errors import RequestInvalid
from app.signing.algorithms import EC_COORDINATE_OCTETS, RSA_BITS_MAX, RSA_BITS_MIN, KeyKind

CERTIFICATE_OCTETS_MAX: Final = 16 * 1024
"""Longest certificate that is read, in DER; a signer's has one to three thousand octets."""
BUNDLE_OCTETS_MAX: Final = 1024 * 1024
"""Longest file of certificates that is read."""

_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----[^-]+-----END \1-----")


UNREADABLE: Final = (
    ValueError,
    TypeError,
    OverflowError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    # Only where warnings are errors: a serial number that is not positive.
    CryptographyDeprecationWarning,
)
"""Everything `cryptography` raises over certificates and lists that are not what they should be."""


class UnreadableCertificate(ValueError):
    """The octets are no X.509 certificate that can be used."""


class CertificateKind(StrEnum):
    """Who a certificate stands for."""

    SEAL = "seal"
    """An agency; its clerk's office signs with it (NĐ 30/2020/NĐ-CP Đ5, TT 41/2017/TT-BTTTT Đ8)."""
    PERSON = "person"
    """A person who signs in an office of theirs."""


@dataclass(frozen=True, slots=True)
class Validity:
    """From when to when a certificate may be used, both ends included (RFC 5280 §4.1.2.5)."""

    not_before: datetime
    not_after: datetime

    def holds(self, at: datetime) -> bool:
        """Whether the moment lies within."""
        return self.not_before <= at <= self.not_after


def parse_certificates(octets: bytes) -> tuple[x509.Certificate, ...]:
    """Read one certificate in DER, or one or more in PEM; other PEM blocks are refused, text between is not read.

    Raises:
        RequestInvalid: no certificate, one that cannot be read, or something that is no certificate, such as a key.
    """
    if len(octets) > BUNDLE_OCTETS_MAX:
        raise RequestInvalid(f"the certificates have {len(octets)} octets; at most {BUNDLE_OCTETS_MAX} are read")
    if b"-----BEGIN" not in octets:
        return (_loaded(octets, "the certificate"),)
    blocks = list(_PEM.finditer(octets))
    if len(blocks) != octets.count(b"-----BEGIN"):
        raise RequestInvalid("a PEM block has no end line, or one with another label")
    found = []
    for number, block in enumerate(blocks, start=1):
        label = block.group(1).decode("ascii")
        if label not in ("CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"):
            raise RequestInvalid(f"PEM block {number} is a {label}, not a CERTIFICATE; send certificates only")
        try:
            (certificate,) = x509.load_pem_x509_certificates(block.group(0))
            found.append(checked(certificate))
        except UNREADABLE as error:
            raise RequestInvalid(f"PEM block {number} holds no readable X.509 certificate: {error}") from error
    return tuple(found)


def parse_certificate(octets: bytes) -> x509.Certificate:
    """Read exactly one certificate, PEM or DER.

    Raises:
        RequestInvalid: as `parse_certificates`, or there are several.
    """
    found = parse_certificates(octets)
    if len(found) != 1:
        raise RequestInvalid(f"{len(found)} certificates were sent; send one, the signer's own")
    return found[0]


def load(octets: bytes) -> x509.Certificate:
    """Read a certificate in DER from a stranger, so that nothing in it fails later.

    Raises:
        UnreadableCertificate: too long, not a certificate, or a part of it cannot be read.
    """
    if len(octets) > CERTIFICATE_OCTETS_MAX:
        raise UnreadableCertificate(f"it has {len(octets)} octets; at most {CERTIFICATE_OCTETS_MAX} are read")
    try:
        return _load(octets)
    except UNREADABLE as error:
        raise UnreadableCertificate(str(error)) from error


@lru_cache(maxsize=256)
def _load(octets: bytes) -> x509.Certificate:
    # Senders sign document after document with the same certificate; what cannot be read is not remembered.
    return checked(x509.load_der_x509_certificate(octets))


def checked(certificate: x509.Certificate) -> x509.Certificate:
    """Touch every part that is decoded late, so that a broken one fails here, with one of `UNREADABLE`.

    Raises:
        ValueError: among them.
    """
    certificate.public_key()
    certificate.subject.rfc4514_string()
    certificate.issuer.rfc4514_string()
    certificate.extensions  # noqa: B018 - decoded on access
    validity_of(certificate)
    if certificate.serial_number <= 0:
        raise ValueError("its serial number is not positive (RFC 5280 §4.1.2.2)")
    return certificate


def fingerprint(certificate: x509.Certificate) -> str:
    """Give the SHA-256 of the DER in lower-case hex: the certificate's identity everywhere in this node."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def subject_of(certificate: x509.Certificate) -> str:
    """Give the subject's name as an RFC 4514 string, most specific first."""
    return certificate.subject.rfc4514_string()


def issuer_of(certificate: x509.Certificate) -> str:
    """Give the issuer's name as an RFC 4514 string, most specific first."""
    return certificate.issuer.rfc4514_string()


def serial_of(certificate: x509.Certificate) -> str:
    """Give the serial number in lower-case hex, without leading zeros."""
    return f"{certificate.serial_number:x}"


def validity_of(certificate: x509.Certificate) -> Validity:
    """Give the validity period, aware, in UTC."""
    return Validity(certificate.not_valid_before_utc, certificate.not_valid_after_utc)


def pem_of(certificate: x509.Certificate) -> str:
    """Give the certificate in PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def kind_hint(certificate: x509.Certificate) -> CertificateKind | None:
    """Guess from the subject whether it stands for an agency or a person; None when the names do not tell.

    A hint for forms and warnings, never a decision (ours): personal names and titles speak for a person, an
    organisation identifier or a common name that repeats the organisation for an agency.
    """
    subject = certificate.subject
    if any(subject.get_attributes_for_oid(oid) for oid in (NameOID.SURNAME, NameOID.GIVEN_NAME, NameOID.TITLE)):
        return CertificateKind.PERSON
    if subject.get_attributes_for_oid(NameOID.ORGANIZATION_IDENTIFIER):
        return CertificateKind.SEAL
    common = {str(name.value).casefold() for name in subject.get_attributes_for_oid(NameOID.COMMON_NAME)}
    names = [
        *subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME),
        *subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME),
    ]
    if common & {str(name.value).casefold() for name in names}:
        return CertificateKind.SEAL
    return None


def key_kind(certificate: x509.Certificate) -> KeyKind | None:
    """Give the family of the key, None when it is one that is not accepted."""
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return KeyKind.RSA
    if isinstance(key, ec.EllipticCurvePublicKey):
        return KeyKind.EC
    return None


def key_defect(certificate: x509.Certificate) -> str | None:
    """Say what is wrong with the key: family, length or curve; None for RSA of 2,048 to 8,192 bits, P-256 and P-384."""
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < RSA_BITS_MIN:
            return f"its RSA key has {key.key_size} bits, at least {RSA_BITS_MIN} are required"
        if key.key_size > RSA_BITS_MAX:
            return f"its RSA key has {key.key_size} bits, at most {RSA_BITS_MAX} are accepted"
        if key.public_numbers().e < 65_537:
            return f"its RSA key has the public exponent {key.public_numbers().e}, at least 65537 is required"
        return None
    if isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name not in EC_COORDINATE_OCTETS:
            return f"its key is on the curve {key.curve.name}; P-256 and P-384 are accepted"
        return None
    return f"its key is of the type {type(key).__name__}; RSA and ECDSA keys are accepted"


def signature_defect(certificate: x509.Certificate) -> str | None:
    """Say what is wrong with the algorithm its issuer signed it with; None for SHA-256, SHA-384 and SHA-512."""
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        algorithm = None
    if isinstance(algorithm, (hashes.SHA256, hashes.SHA384, hashes.SHA512)):
        return None
    name = algorithm.name.upper() if algorithm else certificate.signature_algorithm_oid.dotted_string
    return f"its issuer signed it with {name}; SHA-256, SHA-384 and SHA-512 are accepted"


def _loaded(octets: bytes, what: str) -> x509.Certificate:
    try:
        return load(octets)
    except UnreadableCertificate as error:
        raise RequestInvalid(f"{what} is neither PEM nor readable DER: {error}") from error
