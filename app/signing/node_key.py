"""The node's own key: ES256 signatures over receipts and access tokens.

Owns the key files of one folder: `node-0001.pem`, `node-0002.pem`, …; the highest number signs, all of them verify, so
a receipt outlives a rotation. Never looks at the clock: `exp` and `iat` are claims like any other, the caller judges
them. Compact JWS (RFC 7515 §3.1) with ES256 (RFC 7518 §3.4) pinned; `kid` is the key's thumbprint (RFC 7638).
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from app.errors import DataFault, NotAuthenticated
from app.signing import key_files

ALGORITHM: Final = "ES256"
FILE_NAME: Final = re.compile(r"node-([0-9]{4})\.pem")
TOKEN_CHARACTERS_MAX: Final = 65_536
"""Longest token that is looked at; the largest receipt with a thousand deliveries stays below."""


@dataclass(frozen=True, slots=True)
class NodeKey:
    """The keys of this node, newest last; safe to share between threads.

    Attributes:
        keys: private keys with `kid`, oldest first, at least one; the last one signs.
    """

    keys: tuple[ECKey, ...]

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read the keys of a folder; make the folder and the first key when there is none.

        Several processes may do this at once: exactly one key appears and all of them read it.

        Args:
            folder: where the key files lie; created with mode 0700.

        Raises:
            DataFault: a key file can be read by group or others, is no regular file, or holds no P-256 key.
        """
        key_files.make_folder(folder)
        if not _numbered(folder):
            _create(folder, 1)
        return cls(tuple(_read(path) for path in _numbered(folder)))

    @classmethod
    def rotate(cls, folder: Path) -> Self:
        """Make a new key in the folder that signs from now on; the older ones go on verifying.

        Running processes see the new key when they open the folder again.

        Raises:
            DataFault: as in `open`, or 9,999 keys were made.
        """
        present = cls.open(folder)
        last = _number(_numbered(folder)[-1])
        if last >= 9_999:
            raise DataFault(f"{folder} holds key number {last}; the numbering ends there")
        _create(folder, last + 1)
        return cls((*present.keys, _read(_numbered(folder)[-1])))

    @classmethod
    def generate(cls) -> Self:
        """Make a key that lives in memory only, for tools and tests."""
        return cls((_with_kid(ec.generate_private_key(ec.SECP256R1())),))

    @property
    def kid(self) -> str:
        """Thumbprint (RFC 7638, SHA-256, base64url) of the key that signs."""
        return str(self.keys[-1].kid)

    @property
    def public_jwk(self) -> dict[str, Any]:
        """The public half of the key that signs, as a JWK with `kid`, `alg` and `use`."""
        return _public(self.keys[-1])

    def jwks(self) -> dict[str, Any]:
        """Return every public key as a JWK Set (RFC 7517 §5), newest first, for `/.well-known/jwks.json`."""
        return {"keys": [_public(key) for key in reversed(self.keys)]}

    def sign_jws(self, claims: Mapping[str, Any], *, typ: str) -> str:
        """Sign claims with the newest key.

        Args:
            claims: JSON values only; written with sorted keys, so equal claims give equal signed bytes.
            typ: media subtype in the header that keeps one kind of token from passing as another (RFC 8725 §3.11):
                `receipt+jwt`, `at+jwt`.

        Returns:
            A compact JWS.
        """
        body = json.dumps(claims, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
        header = {"alg": ALGORITHM, "typ": typ, "kid": self.kid}
        return jws.serialize_compact(header, body, self.keys[-1], algorithms=[ALGORITHM])

    def verify_jws(self, token: str, *, typ: str) -> dict[str, Any]:
        """Check that this node signed the token as this type, and return its claims.

        Expiry, audience and the like are the caller's to check.

        Raises:
            NotAuthenticated: not a compact JWS, another algorithm, type or key, a wrong signature, or no JSON object.
        """
        return verify_jws(token, keys=self.keys, typ=typ)


def verify_jws(token: str, *, keys: Sequence[ECKey], typ: str) -> dict[str, Any]:
    """Check a compact ES256 JWS against a set of keys; what `NodeKey.verify_jws` does, for public keys of any node.

    Args:
        token: compact JWS.
        keys: P-256 keys with `kid`, private or public.
        typ: the only accepted value of the header's `typ`.

    Raises:
        NotAuthenticated: not a compact JWS, another algorithm, type or key, a wrong signature, or no JSON object.
    """
    if len(token) > TOKEN_CHARACTERS_MAX:
        raise NotAuthenticated(f"the token has {len(token)} characters; at most {TOKEN_CHARACTERS_MAX} are read")
    try:
        signed = jws.extract_compact(token.encode("ascii"))
        header = signed.headers()
        if set(header) != {"alg", "typ", "kid"} or header["alg"] != ALGORITHM:
            raise NotAuthenticated("the token's header must hold alg ES256, typ and kid and nothing else")
        if header["typ"] != typ:
            raise NotAuthenticated(f"the token is of type {str(header['typ'])[:40]!r}, not {typ!r}")
        key = next((key for key in keys if key.kid == header["kid"]), None)
        if key is None:
            raise NotAuthenticated(f"the token names an unknown key, kid {str(header['kid'])[:60]!r}")
        if not jws.validate_compact(signed, key, algorithms=[ALGORITHM]):
            raise NotAuthenticated("the token's signature does not match")
        claims = json.loads(signed.payload)
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise NotAuthenticated(f"the token is not a compact JWS of this node: {error}") from error
    if not isinstance(claims, dict):
        raise NotAuthenticated("the token's claims are not a JSON object")
    return claims


def public_keys(jwks: Mapping[str, Any]) -> tuple[ECKey, ...]:
    """Read the P-256 keys of a JWK Set, such as the one a node publishes, for `verify_jws`.

    Raises:
        NotAuthenticated: not a JWK Set, or a member that is no public P-256 key with `kid`.
    """
    try:
        keys = tuple(ECKey.import_key(dict(entry)) for entry in jwks["keys"])
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise NotAuthenticated(f"the key set cannot be read: {error}") from error
    for key in keys:
        if key.curve_name != "P-256" or key.kid is None or key.is_private:
            raise NotAuthenticated("a member of the key set is not a public P-256 key with kid")
    return keys


def _public(key: ECKey) -> dict[str, Any]:
    return {**key.as_dict(private=False), "kid": str(key.kid), "alg": ALGORITHM, "use": "sig"}


def _with_kid(private: ec.EllipticCurvePrivateKey) -> ECKey:
    key = ECKey.import_key(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    key.ensure_kid()
    return key


def _number(path: Path) -> int:
    found = FILE_NAME.fullmatch(path.name)
    assert found is not None
    return int(found.group(1))


def _numbered(folder: Path) -> list[Path]:
    return sorted((path for path in folder.iterdir() if FILE_NAME.fullmatch(path.name)), key=_number)


def _create(folder: Path, number: int) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    # Nothing was signed with the key before this call ends, so a crash that loses it loses nothing.
    key_files.create(folder / f"node-{number:04}.pem", pem)


def _read(path: Path) -> ECKey:
    pem = key_files.read(path)
    try:
        private = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise DataFault(f"the node key {path} holds no readable private key") from error
    if not isinstance(private, ec.EllipticCurvePrivateKey) or not isinstance(private.curve, ec.SECP256R1):
        raise DataFault(f"the node key {path} is not a P-256 key")
    return _with_kid(private)
