"""Asking an authority about one certificate, and reading what it answers (RFC 6960).

Owns the request and the judgement of the answer: that it is about this certificate, current, and signed by the
certificate's issuer or by a responder the issuer appointed for that. Nothing is fetched here. An answer that does not
hold is as good as none, so every defect is an error that names it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from hashlib import sha1, sha256
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from app.errors import RequestInvalid
from app.signing.certificates import UNREADABLE, issuer_of, key_defect, serial_of, signature_defect, subject_of
from app.signing.certificates import checked as checked_certificate
from app.signing.distinguished_names import comparable, subject_key
from app.signing.purpose import extension_of
from app.signing.refusal import shortened
from app.signing.soundness import is_issued_by

ANSWER_OCTETS_MAX: Final = 64 * 1024
"""Longest answer that is read; one with the responder's certificate has two to four thousand octets."""
CLOCK_TOLERANCE: Final = timedelta(minutes=5)
"""How far a responder's clock may be ahead of ours."""
LIFETIME: Final = timedelta(days=1)
"""How long an answer counts that does not say when the next one is due (RFC 6960 §4.2.2.1; the figure is ours)."""
RESPONDERS_MAX: Final = 4
"""Certificates in an answer that are looked at; real ones bring one, or one with its issuer."""


_sha1 = partial(sha1, usedforsecurity=False)
"""Only to name issuers and keys in a CertID and a ResponderID (RFC 6960 §4.1.1, §4.2.1); proves nothing."""


class OcspStatus(StrEnum):
    """What the responder says of the certificate (RFC 6960 §2.2)."""

    GOOD = "good"
    """It is not revoked."""
    REVOKED = "revoked"
    """It is revoked, for good or for a time."""
    UNKNOWN = "unknown"
    """The responder does not know it."""


@dataclass(frozen=True, slots=True)
class OcspAnswer:
    """An answer that holds: signed by whoever may, about the certificate that was asked for, current when it was read.

    Attributes:
        issuer: RFC 4514 string of the certificate's issuer.
        serial: of the certificate.
        this_update: for when the status is known to be right, aware, UTC.
        next_update: when a newer answer will be there; None where the responder does not say.
        produced_at: when the responder signed.
        revoked_at: from when on the certificate does not count; None unless revoked.
        reason: RFC 5280 §5.3.1, such as `keyCompromise`; None unless revoked.
        responder: RFC 4514 string of whoever signed.
        delegated: the responder's own certificate, where it is not the issuer itself.
        sha256: hex digest of the whole answer.
    """

    issuer: str
    serial: int
    status: OcspStatus
    this_update: datetime
    next_update: datetime | None
    produced_at: datetime
    revoked_at: datetime | None
    reason: str | None
    responder: str
    delegated: x509.Certificate | None
    sha256: str

    @property
    def fresh_until(self) -> datetime:
        """Until when the answer counts."""
        return self.next_update or self.this_update + LIFETIME


def request_for(certificate: x509.Certificate, issuer: x509.Certificate, *, nonce: bytes | None = None) -> bytes:
    """Write the request about a certificate, DER, media type `application/ocsp-request`.

    Args:
        certificate: the one that is asked about.
        issuer: the certificate of its issuer.
        nonce: 1 to 32 octets; many public responders answer from a store and leave it out (RFC 8954).
    """
    # The digest in a CertID is a name, not a proof, and SHA-1 is the only one every responder knows (RFC 5019 §2.1.1).
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, hashes.SHA1())  # noqa: S303
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(serialization.Encoding.DER)


def parse_answer(
    octets: bytes,
    *,
    certificate: x509.Certificate,
    issuers: Iterable[x509.Certificate],
    at: datetime,
    nonce: bytes | None = None,
    responder_revoked: bool = False,
) -> OcspAnswer:
    """Read an answer and check that it may be relied on.

    Args:
        octets: DER, as it came.
        certificate: the one that was asked about.
        issuers: authorities that may have issued it; the one whose key signed it is taken.
        at: when the answer came, aware.
        nonce: what the request carried; an answer without one is taken, one with another is not.
        responder_revoked: whether the responder's own certificate is known to be revoked; see `delegated_responder`.

    Raises:
        RequestInvalid: it is no answer, about another certificate, out of date, or its signature is not that of the
            issuer or of a responder the issuer appointed; the text says which.
    """
    try:
        return _judged(octets, certificate, tuple(issuers), at, nonce, responder_revoked=responder_revoked)
    except UNREADABLE as error:
        # Much of an answer is decoded only when it is looked at.
        raise _unreadable(error) from error


def _judged(
    octets: bytes,
    certificate: x509.Certificate,
    issuers: tuple[x509.Certificate, ...],
    at: datetime,
    nonce: bytes | None,
    *,
    responder_revoked: bool,
) -> OcspAnswer:
    answer = _loaded(octets)
    issuer = _issuer(certificate, issuers)
    single = _single(answer, certificate, issuer)
    _check_nonce(answer, nonce)
    _check_critical(answer)
    responder = _responder(answer, issuer, at)
    _check_signature(answer, responder)
    if responder_revoked and responder is not issuer:
        raise _refused("the responder's own certificate is revoked")
    _check_times(single, at)
    status = OcspStatus[single.certificate_status.name]
    revoked = status is OcspStatus.REVOKED
    reason = single.revocation_reason
    return OcspAnswer(
        issuer=issuer_of(certificate),
        serial=certificate.serial_number,
        status=status,
        this_update=single.this_update_utc,
        next_update=single.next_update_utc,
        produced_at=answer.produced_at_utc,
        revoked_at=single.revocation_time_utc if revoked else None,
        reason=(reason.value if reason else "unspecified") if revoked else None,
        responder=subject_of(responder),
        delegated=None if responder is issuer else responder,
        sha256=sha256(octets).hexdigest(),
    )


def delegated_responder(octets: bytes) -> x509.Certificate | None:
    """Give the certificate of a responder whose own revocation has to be looked up before it is believed.

    Returns:
        None where the answer has no certificate of its own, or one that says it need not be (id-pkix-ocsp-nocheck,
        RFC 6960 §4.2.2.2.1).

    Raises:
        RequestInvalid: it is no answer.
    """
    try:
        certificates = [checked_certificate(each) for each in _loaded(octets).certificates[:RESPONDERS_MAX]]
    except UNREADABLE as error:
        raise _unreadable(error) from error
    appointed = next(filter(_appointed, certificates), None)
    return None if appointed is None or extension_of(appointed, x509.OCSPNoCheck) is not None else appointed


def _refused(why: str) -> RequestInvalid:
    return RequestInvalid(f"the OCSP answer cannot be relied on: {why}")


def _unreadable(error: BaseException) -> RequestInvalid:
    return _refused(f"it is not readable: {shortened(str(error), 200)}")


def _loaded(octets: bytes) -> ocsp.OCSPResponse:
    if len(octets) > ANSWER_OCTETS_MAX:
        raise _refused(f"it has {len(octets)} octets; at most {ANSWER_OCTETS_MAX} are read")
    answer = ocsp.load_der_ocsp_response(octets)
    if answer.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise _refused(f"the responder refused to answer: {answer.response_status.name.lower()}")
    return answer


def _issuer(certificate: x509.Certificate, issuers: Iterable[x509.Certificate]) -> x509.Certificate:
    for issuer in issuers:
        if is_issued_by(certificate, issuer):
            return issuer
    raise _refused(f"no authority known here issued the certificate with the serial number {serial_of(certificate)}")


def _single(
    answer: ocsp.OCSPResponse, certificate: x509.Certificate, issuer: x509.Certificate
) -> ocsp.OCSPSingleResponse:
    for single in answer.responses:
        if single.serial_number == certificate.serial_number and _is_named(single, issuer):
            return single
    raise _refused(f"it is not about the certificate with the serial number {serial_of(certificate)}")


def _is_named(single: ocsp.OCSPSingleResponse, issuer: x509.Certificate) -> bool:
    name, key = issuer.subject.public_bytes(), _key_bits(issuer)
    given = (single.issuer_name_hash, single.issuer_key_hash)
    match single.hash_algorithm.name:
        case "sha1":
            return given == (_sha1(name).digest(), _sha1(key).digest())
        case "sha256":
            return given == (sha256(name).digest(), sha256(key).digest())
        case _:
            return False


def _key_bits(certificate: x509.Certificate) -> bytes:
    """Give the key's BIT STRING without tag, length and unused bits, as OCSP hashes it (RFC 6960 §4.1.1)."""
    key = certificate.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)


def _check_nonce(answer: ocsp.OCSPResponse, nonce: bytes | None) -> None:
    if nonce is None:
        return
    for extension in answer.extensions:
        if isinstance(extension.value, x509.OCSPNonce) and extension.value.nonce != nonce:
            raise _refused("it answers another request: its nonce is not ours")


def _check_critical(answer: ocsp.OCSPResponse) -> None:
    for extension in answer.extensions:
        if extension.critical and not isinstance(extension.value, x509.OCSPNonce):
            raise _refused(f"it has the critical extension {extension.oid.dotted_string}, unknown here")


def _responder(answer: ocsp.OCSPResponse, issuer: x509.Certificate, at: datetime) -> x509.Certificate:
    if _is_responder(answer, issuer):
        return issuer
    for certificate in map(checked_certificate, answer.certificates[:RESPONDERS_MAX]):
        if not _is_responder(answer, certificate):
            continue
        who = shortened(subject_of(certificate), 120)
        if not _appointed(certificate):
            raise _refused(f"{who} signed it, which is not appointed for that (id-kp-OCSPSigning is missing)")
        if (defect := signature_defect(certificate)) is not None:
            raise _refused(f"the certificate of {who} is too weak: {defect}")
        if not is_issued_by(certificate, issuer):
            raise _refused(f"{who} signed it, which the certificate's issuer did not appoint")
        if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
            raise _refused(f"the certificate of {who} is not in force")
        return certificate
    raise _refused("it was signed neither by the certificate's issuer nor by a responder whose certificate it brings")


def _is_responder(answer: ocsp.OCSPResponse, certificate: x509.Certificate) -> bool:
    name = answer.responder_name
    if name is not None:
        return comparable(name.rfc4514_string()) == subject_key(certificate)
    return answer.responder_key_hash == _sha1(_key_bits(certificate)).digest()


def _appointed(certificate: x509.Certificate) -> bool:
    purposes = extension_of(certificate, x509.ExtendedKeyUsage)
    return purposes is not None and ExtendedKeyUsageOID.OCSP_SIGNING in purposes


def _check_signature(answer: ocsp.OCSPResponse, responder: x509.Certificate) -> None:
    who = shortened(subject_of(responder), 120)
    if (defect := key_defect(responder)) is not None:
        raise _refused(f"the key of {who} is too weak: {defect}")
    try:
        algorithm = answer.signature_hash_algorithm
    except UnsupportedAlgorithm:
        algorithm = None
    if not isinstance(algorithm, (hashes.SHA256, hashes.SHA384, hashes.SHA512)):
        name = algorithm.name.upper() if algorithm else answer.signature_algorithm_oid.dotted_string
        raise _refused(f"it is signed with {name}; SHA-256, SHA-384 and SHA-512 are accepted")
    key = responder.public_key()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(answer.signature, answer.tbs_response_bytes, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(answer.signature, answer.tbs_response_bytes, ec.ECDSA(algorithm))
    except InvalidSignature as error:
        raise _refused(f"its signature is not that of {who}") from error


def _check_times(single: ocsp.OCSPSingleResponse, at: datetime) -> None:
    if single.this_update_utc > at + CLOCK_TOLERANCE:
        raise _refused(f"it is of {single.this_update_utc:%Y-%m-%dT%H:%M:%SZ}, which lies ahead")
    due = single.next_update_utc or single.this_update_utc + LIFETIME
    if due < at:
        raise _refused(f"it counted until {due:%Y-%m-%dT%H:%M:%SZ}")
    if single.next_update_utc is not None and single.next_update_utc < single.this_update_utc:
        raise _refused("it ends before it begins")
