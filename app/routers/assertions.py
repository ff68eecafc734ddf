"""Client assertions (private_key_jwt, RFC 7523): a client proves who it is with the key of a registered certificate.

Reads and checks the token alone; whether the certificate is registered, in force and of an agency the client acts for
is decided by the caller, before `verify`. No key is ever taken from the token: it only names the certificate.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from app.errors import InvalidClient

ALGORITHMS: Final = ("ES256", "ES384", "PS256", "RS256", "RS384", "RS512")
"""What assertions may be signed with (RFC 7518 §3.1); the key's family and curve must fit."""
LIFETIME_MAX: Final = timedelta(minutes=10)
"""Assertions are made for one use; longer ones only serve whoever steals them (ours)."""
CLOCK_SKEW: Final = timedelta(seconds=60)
"""How far the clocks of client and node may differ."""
ASSERTION_CHARACTERS_MAX: Final = 32_768
_JTI_CHARACTERS_MAX: Final = 255
_HEX_DIGEST = re.compile(r"[0-9a-fA-F]{64}")
_BASE64URL_DIGEST = re.compile(r"[A-Za-z0-9_-]{43}")


class _Registry(jws.JWSRegistry):
    """Lets a header hold a chain of certificates, which is longer than the library expects of headers."""

    max_header_length = 24_576


_REGISTRY: Final = _Registry(algorithms=ALGORITHMS, strict_check_header=False)


@dataclass(frozen=True, slots=True)
class Assertion:
    """A client assertion whose form is right; nothing in it is proven before `verify`.

    Attributes:
        client_id: who it claims to be from.
        certificate_sha256: hex digest of the certificate whose key it claims to be signed with.
        jti: its own id, to be used once.
        expires_at: from when on it must not be taken.
    """

    client_id: str
    certificate_sha256: str
    jti: str
    expires_at: datetime
    _token: str

    def verify(self, certificate: x509.Certificate) -> None:
        """Check the signature with the registered certificate that it names.

        Raises:
            InvalidClient: it is not signed with that key.
        """
        public = certificate.public_key()
        pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        family = ECKey if isinstance(public, ec.EllipticCurvePublicKey) else RSAKey
        try:
            jws.deserialize_compact(self._token, family.import_key(pem), registry=_REGISTRY)
        except (JoseError, ValueError, TypeError) as error:
            detail = "the assertion is not signed with the key of the certificate it names"
            raise InvalidClient(detail) from error


def read(token: str, *, audiences: Collection[str], at: datetime) -> Assertion:
    """Read an assertion and check everything but its signature (RFC 7523 §3).

    Args:
        audiences: what it may be addressed to, the token endpoint or the issuer.

    Raises:
        InvalidClient: its form, audience or times are wrong; the detail says which.
    """
    header, claims = _parts(token)
    if header.get("alg") not in ALGORITHMS:
        raise InvalidClient(
            f"the assertion's alg is {str(header.get('alg'))[:20]!r}; use one of {', '.join(ALGORITHMS)}"
        )
    client_id, jti = claims.get("sub"), claims.get("jti")
    if not isinstance(client_id, str) or claims.get("iss") != client_id:
        raise InvalidClient("the assertion's iss and sub must both be the client id")
    if not isinstance(jti, str) or not 1 <= len(jti) <= _JTI_CHARACTERS_MAX or not jti.isprintable():
        raise InvalidClient(f"the assertion's jti must be a text of 1 to {_JTI_CHARACTERS_MAX} characters")
    addressed = claims.get("aud")
    named = addressed if isinstance(addressed, list) else [addressed]
    if not any(audience in named for audience in audiences):
        raise InvalidClient(f"the assertion's aud must be {' or '.join(sorted(audiences))}")
    return Assertion(client_id, _certificate_sha256(header), jti, _expiry(claims, at=at), token)


def _parts(token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    if len(token) > ASSERTION_CHARACTERS_MAX:
        raise InvalidClient(f"the assertion is longer than {ASSERTION_CHARACTERS_MAX} characters")
    try:
        signed = jws.extract_compact(token.encode("ascii"), registry=_REGISTRY)
        header, claims = signed.headers(), json.loads(signed.payload)
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise InvalidClient("the assertion is not a compact JWS with JSON claims") from error
    if not isinstance(claims, dict):
        raise InvalidClient("the assertion's claims must be a JSON object")
    return header, claims


def _expiry(claims: Mapping[str, Any], *, at: datetime) -> datetime:
    expires_at = _moment(claims, "exp")
    if expires_at is None:
        raise InvalidClient("the assertion has no exp")
    if expires_at <= at - CLOCK_SKEW:
        raise InvalidClient("the assertion has expired")
    if expires_at > at + LIFETIME_MAX + CLOCK_SKEW:
        raise InvalidClient(f"the assertion's exp is more than {LIFETIME_MAX.seconds // 60} minutes ahead")
    for name in ("nbf", "iat"):
        begins_at = _moment(claims, name)
        if begins_at is not None and begins_at > at + CLOCK_SKEW:
            raise InvalidClient(f"the assertion's {name} lies in the future")
    return expires_at


def _moment(claims: Mapping[str, Any], name: str) -> datetime | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 253_402_300_800:
        raise InvalidClient(f"the assertion's {name} must be a number of seconds since 1970")
    return datetime.fromtimestamp(value, tz=UTC)


def _certificate_sha256(header: Mapping[str, Any]) -> str:
    """Tell which certificate the header names: x5t#S256, else x5c, else a digest as kid (RFC 7515 §4.1)."""
    thumbprint, chain, kid = header.get("x5t#S256"), header.get("x5c"), header.get("kid")
    if isinstance(thumbprint, str) and _BASE64URL_DIGEST.fullmatch(thumbprint):
        return base64.urlsafe_b64decode(thumbprint + "=").hex()
    if isinstance(chain, list) and chain and isinstance(chain[0], str):
        try:
            return hashlib.sha256(base64.b64decode(chain[0], validate=True)).hexdigest()
        except binascii.Error as error:
            raise InvalidClient("the assertion's x5c is not base64") from error
    if isinstance(kid, str) and _HEX_DIGEST.fullmatch(kid):
        return kid.lower()
    if isinstance(kid, str) and _BASE64URL_DIGEST.fullmatch(kid):
        return base64.urlsafe_b64decode(kid + "=").hex()
    raise InvalidClient("the assertion must name its certificate by x5t#S256, x5c, or its SHA-256 as kid")
