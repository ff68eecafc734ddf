"""Whether one certificate is sound by itself: who signed it, how strong that is, and from when to when it counts."""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from app.findings import Finding
from app.signing.certificate_findings import LAW, certificate_finding
from app.signing.certificates import UNREADABLE, key_defect, signature_defect, validity_of
from app.signing.distinguished_names import issuer_key, subject_key
from app.signing.refusal import OURS


class Strength(StrEnum):
    """How strong keys and signatures have to be."""

    STRICT = "strict"
    """RSA of 2,048 bits or more, P-256 or P-384, with SHA-256 or better; what this node asks of everybody."""
    ANY = "any"
    """Whatever the path validator can compute, SHA-1 and DSA too; for the vectors of standards, never for a node."""


def is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether one certificate's key signed the other.

    Where the signature is one that is not accepted anyway, names alone decide: `check_strength` refuses every such
    path and names the cause, and where it does not, the path validator looks at the signature.
    """
    if issuer_key(certificate) != subject_key(issuer):
        return False
    if signature_defect(certificate) is not None:
        return True
    try:
        return _signature_holds(certificate, issuer)
    except UNREADABLE:
        return False


def _signature_holds(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    key = issuer.public_key()
    algorithm, parameters = certificate.signature_hash_algorithm, certificate.signature_algorithm_parameters
    signature, signed = certificate.signature, certificate.tbs_certificate_bytes
    try:
        if (
            isinstance(key, rsa.RSAPublicKey)
            and isinstance(parameters, (padding.PKCS1v15, padding.PSS))
            and algorithm is not None
        ):
            key.verify(signature, signed, parameters, algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey) and isinstance(parameters, ec.ECDSA):
            key.verify(signature, signed, parameters)
        else:
            return False
    except InvalidSignature:
        return False
    return True


def check_strength(certificate: x509.Certificate, *, anchor: bool = False) -> Iterator[Finding]:
    """Say what is too weak: the key, or the algorithm of the signature on it."""
    fix = "Have it replaced: RSA of 2048 bits or more or ECDSA on P-256 or P-384, signed with SHA-256 or better."
    defect = key_defect(certificate)
    if defect is not None:
        yield certificate_finding("ours.certificate.weak-key", certificate, f"is too weak: {defect}", fix, OURS)
    # An anchor is trusted as it is; nobody relies on its signature on itself.
    defect = None if anchor else signature_defect(certificate)
    if defect is not None:
        yield certificate_finding("ours.certificate.weak-signature", certificate, f"is too weak: {defect}", fix, OURS)


def check_period(certificate: x509.Certificate, at: datetime) -> Iterator[Finding]:
    """Say that a certificate is not in its period; anchors are asked too (TT 41/2017/TT-BTTTT Đ8: up to the root)."""
    validity = validity_of(certificate)
    source = f"RFC 5280 §4.1.2.5; {LAW}"
    if at < validity.not_before:
        yield certificate_finding(
            "rfc5280.4.1.2.5.not-yet-valid",
            certificate,
            f"is valid from {validity.not_before:%Y-%m-%dT%H:%M:%SZ} on, after {at:%Y-%m-%dT%H:%M:%S%z}",
            "Sign with a certificate that is valid now, and set the clock.",
            source,
        )
    elif at > validity.not_after:
        yield certificate_finding(
            "rfc5280.4.1.2.5.expired",
            certificate,
            f"expired on {validity.not_after:%Y-%m-%dT%H:%M:%SZ}, before {at:%Y-%m-%dT%H:%M:%S%z}",
            "Have the certificate renewed and sign again.",
            source,
        )
