"""Proof that whoever presents a certificate holds its private key.

Two forms. A certification request (PKCS#10, RFC 2986) carries a signature by the key and is what an agency sent to its
authority anyway; it says nothing of when and for whom it was made. A statement is a JWS (RFC 7515) over the
certificate's digest, made for this node within minutes. A statement of a second kind lets an agency bring its next
certificate by itself: it is signed with one that is in force, and names the new one.
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from app.errors import RequestInvalid
from app.findings import Finding, Severity
from app.signing.certificates import UNREADABLE, fingerprint

POSSESSION_TYPE: Final = "possession+jwt"
"""Header `typ` of a statement by the new certificate's own key."""
ENROLMENT_TYPE: Final = "enrolment+jwt"
"""Header `typ` of a statement by a certificate in force that another one follows it."""
ALGORITHMS: Final = ("ES256", "ES384", "PS256", "RS256", "RS384", "RS512")
"""RFC 7518 §3.1; the key's family and curve must fit."""
PROOF_CHARACTERS_MAX: Final = 32_768
LIFETIME_MAX: Final = timedelta(minutes=10)
"""Statements are made for one use (ours)."""
CLOCK_SKEW: Final = timedelta(seconds=60)
_SECONDS_MAX: Final = 253_402_300_800
"""The end of the year 9999, in seconds since 1970."""

_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")
_REGISTRY: Final = jws.JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
_OURS: Final = "ours, decision 0018"
_SIGN: Final = "Sign it with the private key of the certificate."
_ANEW: Final = "Make the request anew from the key of this very certificate."
_FORM: Final = "Send a PEM certification request (PKCS#10) or a compact JWS."


class Possession(StrEnum):
    """How it was proven that the agency holds the key of a certificate."""

    REQUEST = "request"
    """By a certification request with the certificate's key (RFC 2986)."""
    STATEMENT = "statement"
    """By a statement for this node, signed with the certificate's key."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement whose form is right; nothing in it is proven before `verify`.

    Attributes:
        sha256: digest of the certificate it speaks of.
        signer: digest of the certificate it names as its signer's; None where it names none.
    """

    sha256: str
    signer: str | None
    _token: str

    def verify(self, certificate: x509.Certificate) -> None:
        """Check its signature with a certificate's key.

        Raises:
            RequestInvalid: it is not signed with that key.
        """
        public = certificate.public_key()
        pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        family = ECKey if isinstance(public, ec.EllipticCurvePublicKey) else RSAKey
        try:
            jws.deserialize_compact(self._token, family.import_key(pem), registry=_REGISTRY)
        except (JoseError, ValueError, TypeError) as error:
            raise _refusal("signature", "The statement is not signed with the certificate's key.", _SIGN) from error


def prove(certificate: x509.Certificate, proof: str, *, audience: str, at: datetime) -> Possession:
    """Check a proof that the certificate's key is at hand.

    Args:
        proof: a certification request in PEM, or a compact JWS of type `possession+jwt`.
        audience: the node's public address, which a statement names.
        at: now.

    Raises:
        RequestInvalid: it proves nothing; the finding says why.
    """
    if len(proof) > PROOF_CHARACTERS_MAX:
        raise _refusal("unreadable", f"The proof is longer than {PROOF_CHARACTERS_MAX} characters.", _FORM)
    if "-----BEGIN" in proof:
        _check_request(certificate, proof)
        return Possession.REQUEST
    statement = read_statement(proof.strip(), typ=POSSESSION_TYPE, audience=audience, at=at)
    if statement.sha256 != fingerprint(certificate):
        raise _refusal("other-key", "The statement speaks of another certificate.", "State this certificate's SHA-256.")
    statement.verify(certificate)
    return Possession.STATEMENT


def missing() -> RequestInvalid:
    """Say that this node registers no certificate without a proof."""
    return _refusal("missing", "This node takes a certificate only with a proof that its key is at hand.", _FORM)


def read_statement(token: str, *, typ: str, audience: str, at: datetime) -> Statement:
    """Read a statement and check everything but its signature.

    Raises:
        RequestInvalid: its form, type, audience or time is wrong.
    """
    header, claims = _parts(token)
    if header.get("typ") != typ or header.get("alg") not in ALGORITHMS:
        raise _refusal(
            "unreadable",
            f"The statement's header must have typ {typ} and an alg of {', '.join(ALGORITHMS)}.",
            _FORM,
        )
    addressed = claims.get("aud")
    if audience not in (addressed if isinstance(addressed, list) else [addressed]):
        raise _refusal("audience", "The statement was made for another node.", f"Name {audience} as its aud.")
    expires = claims.get("exp")
    if isinstance(expires, bool) or not isinstance(expires, int | float) or not 0 <= expires < _SECONDS_MAX:
        raise _refusal("time", "The statement has no exp that can be.", "Give exp, seconds since 1970.")
    left = expires - at.timestamp()
    if not -CLOCK_SKEW.total_seconds() < left <= (LIFETIME_MAX + CLOCK_SKEW).total_seconds():
        minutes = int(LIFETIME_MAX.total_seconds()) // 60
        raise _refusal(
            "time",
            "The statement has expired, or is made to last too long.",
            f"Make it for its use, with an exp at most {minutes} minutes ahead.",
        )
    sha256 = claims.get("sha256")
    if not isinstance(sha256, str):
        raise _refusal("unreadable", "The statement has no sha256.", "Give the certificate's SHA-256 in hex as sha256.")
    return Statement(sha256.lower(), _signer(header), token)


def _check_request(certificate: x509.Certificate, proof: str) -> None:
    try:
        request = x509.load_pem_x509_csr(proof.encode())
        public, hashing = request.public_key(), request.signature_hash_algorithm
        holds = request.is_signature_valid
    except (*UNREADABLE, UnsupportedAlgorithm) as error:
        raise _refusal("unreadable", "The certification request cannot be read.", _FORM) from error
    if _spki(public) != _spki(certificate.public_key()):
        raise _refusal("other-key", "The certification request is for another key than the certificate's.", _ANEW)
    if not isinstance(hashing, hashes.SHA256 | hashes.SHA384 | hashes.SHA512):
        raise _refusal("weak", "The certification request is signed over a hash that proves nothing.", _ANEW)
    if not holds:
        raise _refusal("signature", "The certification request's signature does not hold.", _ANEW)


def _parts(token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    try:
        signed = jws.extract_compact(token.encode("ascii"), registry=_REGISTRY)
        header, claims = signed.headers(), json.loads(signed.payload)
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise _refusal("unreadable", "The statement is not a compact JWS with JSON claims.", _FORM) from error
    if not isinstance(claims, dict):
        raise _refusal("unreadable", "The statement's claims are not a JSON object.", _FORM)
    return header, claims


def _signer(header: Mapping[str, Any]) -> str | None:
    thumbprint = header.get("x5t#S256")
    if not isinstance(thumbprint, str) or not _THUMBPRINT.fullmatch(thumbprint):
        return None
    return base64.urlsafe_b64decode(thumbprint + "=").hex()


def _spki(key: Any) -> bytes:
    return bytes(key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))


def _refusal(code: str, message: str, fix: str) -> RequestInvalid:
    return RequestInvalid(
        f"proof: {message}", findings=[Finding(f"ours.possession.{code}", Severity.ERROR, message, fix, _OURS)]
    )
