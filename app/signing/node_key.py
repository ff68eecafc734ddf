"""The node's own key: ES256 signatures over receipts and access tokens.

Owns the key files of one folder. `node-0001.pem`, `node-0002.pem`, … are private keys; `node-0003.pub.pem` is the
public half of one that lies in a token, or of one whose private half was thrown away. The highest number signs, all of
them verify, so a receipt outlives a rotation and the token it was signed with. Whoever holds a `NodeKey` sees a
rotation at the next signature: the names in the folder are looked at each time, which costs microseconds.

Never looks at the clock: `exp` and `iat` are claims like any other, the caller judges them. Compact JWS (RFC 7515 §3.1)
with ES256 (RFC 7518 §3.4) pinned; `kid` is the key's thumbprint (RFC 7638).
"""

import base64
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, Self

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from app.errors import DataFault, NotAuthenticated
from app.signing import key_files
from app.signing.key_files import Series, Watched
from app.signing.pkcs11 import Token, TokenKey

ALGORITHM: Final = "ES256"
TOKEN_CHARACTERS_MAX: Final = 65_536
"""Longest token that is looked at; the largest receipt with a thousand deliveries stays below."""

_SERIES: Final = Series("node")
_COORDINATE_OCTETS: Final = 32


class Signer(Protocol):
    """A private P-256 key, wherever it lies: a key file's, or one in a token."""

    def sign(self, data: bytes, scheme: ec.ECDSA, /) -> bytes:
        """Hash and sign; answers in DER."""


@dataclass(frozen=True, slots=True)
class KeyToken:
    """Where the node's key lies when it is not in a file.

    Attributes:
        token: the token.
        label: of its key; later ones are called the same with `-0002` and so on behind it.
    """

    token: Token
    label: str

    def held(self) -> tuple[TokenKey, ...]:
        """Return its P-256 keys of this label, oldest first.

        Raises:
            RequestInvalid: the module or the PIN is wrong.
            Unavailable: the token does not answer.
        """
        of_label = re.compile(rf"{re.escape(self.label)}(?:-([0-9]{{4}}))?")
        found = [
            (int(named.group(1) or 0), key)
            for key in self.token.private_keys()
            if (named := of_label.fullmatch(key.label)) and _is_p256(key.public)
        ]
        return tuple(key for _, key in sorted(found, key=lambda each: each[0]))


@dataclass(frozen=True, slots=True)
class _Ring:
    """The keys as a folder had them.

    Attributes:
        keys: public halves with `kid`, oldest first, at least one.
        signer: the private half of the last one.
    """

    keys: tuple[ECKey, ...]
    signer: Signer


class NodeKey:
    """The keys of this node, newest last; safe to share between threads."""

    def __init__(self, ring: Callable[[], _Ring], *, in_token: bool = False) -> None:
        self._ring = ring
        self._in_token = in_token

    @classmethod
    def open(cls, folder: Path, token: KeyToken | None = None) -> Self:
        """Read the keys of a folder; make the folder and the first key when there is none.

        Several processes may do this at once: exactly one key appears and all of them read it.

        Args:
            folder: where the key files lie; created with mode 0700.
            token: what signs, None: the newest file does.

        Raises:
            DataFault: a key file can be read by group or others, is no regular file, or holds no P-256 key; or the
                newest key is not where it is looked for, in a file or in the token: then a rotation is due.
            RequestInvalid: the module or the PIN is wrong.
            Unavailable: the token does not answer.
        """
        key_files.make_folder(folder)
        if not _SERIES.files_in(folder):
            _add(folder, 1, token, ())
        return cls(Watched(_SERIES, folder, lambda: _ring(folder, token)).current, in_token=token is not None)

    @classmethod
    def rotate(cls, folder: Path, token: KeyToken | None = None) -> Self:
        """Let another key sign from now on; the older ones go on verifying.

        In a file it is a new one. In a token it is the newest of the label that the folder does not know, where a
        person made one with the vendor's tools, else a new one. The token of before need not be there any more.

        Raises:
            DataFault: as in `open`, or 9,999 keys were made.
            RequestInvalid: the module or the PIN is wrong, or the PIN may not make keys.
            Unavailable: the token does not answer.
        """
        key_files.make_folder(folder)
        last = max(_SERIES.files_in(folder), default=0)
        following = _SERIES.next_number(last, folder)
        before = keys_in(folder)
        if last:
            # Whoever wants to destroy the private half of the retired key can do so now.
            key_files.create(folder / _SERIES.public_name(last), _pem_of(before[-1]))
        _add(folder, following, token, before)
        return cls.open(folder, token)

    @classmethod
    def generate(cls) -> Self:
        """Make a key that lives in memory only, for tools and tests."""
        private = ec.generate_private_key(ec.SECP256R1())
        ring = _Ring((_with_kid(private.public_key()),), private)
        return cls(lambda: ring)

    @property
    def keys(self) -> tuple[ECKey, ...]:
        """Public keys with `kid`, oldest first; the last one's private half signs."""
        return self._ring().keys

    @property
    def in_token(self) -> bool:
        """Whether a token signs."""
        return self._in_token

    @property
    def kid(self) -> str:
        """Thumbprint (RFC 7638, SHA-256, base64url) of the key that signs."""
        return str(self.keys[-1].kid)

    @property
    def public_jwk(self) -> dict[str, Any]:
        """The public half of the key that signs, as a JWK with `kid`, `alg` and `use`."""
        return _public(self.keys[-1])

    def jwks(self) -> dict[str, Any]:
        """Return every public key as a JWK Set (RFC 7517 §5), newest first; the ledger's are beside them elsewhere."""
        return {"keys": [_public(key) for key in reversed(self.keys)]}

    def sign_jws(self, claims: Mapping[str, Any], *, typ: str) -> str:
        """Sign claims with the newest key.

        Args:
            claims: JSON values only; written with sorted keys, so equal claims give equal signed bytes.
            typ: media subtype in the header that keeps one kind of token from passing as another (RFC 8725 §3.11):
                `receipt+jwt`, `at+jwt`.

        Returns:
            A compact JWS.

        Raises:
            Unavailable: the token that signs does not answer.
            RequestInvalid: its PIN is wrong by now.
        """
        ring = self._ring()
        body = json.dumps(claims, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
        header = json.dumps({"alg": ALGORITHM, "typ": typ, "kid": str(ring.keys[-1].kid)}, separators=(",", ":"))
        signed = f"{_base64url(header.encode())}.{_base64url(body.encode())}"
        r, s = decode_dss_signature(ring.signer.sign(signed.encode("ascii"), ec.ECDSA(hashes.SHA256())))
        value = r.to_bytes(_COORDINATE_OCTETS, "big") + s.to_bytes(_COORDINATE_OCTETS, "big")
        return f"{signed}.{_base64url(value)}"

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

    Ed25519 keys are passed over: they are the ledger's, and read by `ledger_key.ledger_keys`.

    Raises:
        NotAuthenticated: not a JWK Set, or a member that is no public P-256 key with `kid`.
    """
    try:
        entries = [dict(entry) for entry in jwks["keys"]]
        keys = tuple(ECKey.import_key(entry) for entry in entries if entry.get("kty") != "OKP")
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise NotAuthenticated(f"the key set cannot be read: {error}") from error
    for key in keys:
        if key.curve_name != "P-256" or key.kid is None or key.is_private:
            raise NotAuthenticated("a member of the key set is not a public P-256 key with kid")
    return keys


def key_named(token: str) -> str | None:
    """Return the `kid` that a compact JWS names, without verifying anything; None where it names none."""
    encoded = token.partition(".")[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except ValueError:
        return None
    named = header.get("kid") if isinstance(header, dict) else None
    return named if isinstance(named, str) else None


def keys_in(folder: Path) -> tuple[ECKey, ...]:
    """Read the public keys of a folder, oldest first, without a token and without making anything; for verifying.

    Raises:
        DataFault: a key file can be read by group or others, is no regular file, or holds no P-256 key.
    """
    return tuple(_with_kid(_public_of(private_or_public)) for private_or_public in _read_all(folder).values())


def _public(key: ECKey) -> dict[str, Any]:
    return {**key.as_dict(private=False), "kid": str(key.kid), "alg": ALGORITHM, "use": "sig"}


def _ring(folder: Path, token: KeyToken | None) -> _Ring:
    read = _read_all(folder)
    if not read:
        raise DataFault(f"there is no node key in {folder}")
    keys = tuple(_with_kid(_public_of(each)) for each in read.values())
    number, newest = list(read.items())[-1]
    if token is None:
        if not isinstance(newest, ec.EllipticCurvePrivateKey):
            raise DataFault(
                f"node key {number:04} of {folder} is not in a file; set node_key_pkcs11_module and _token to where it "
                "is, or let another one sign: truc key rotate"
            )
        return _Ring(keys, newest)
    held = next((each for each in token.held() if each.public == _public_of(newest)), None)
    if held is None:
        raise DataFault(
            f"node key {number:04} of {folder} is not in the token {token.token.label!r} under the label "
            f"{token.label!r}; let one of the token sign: truc key rotate"
        )
    return _Ring(keys, held)


def _add(folder: Path, number: int, token: KeyToken | None, known: Sequence[ECKey]) -> None:
    # Nothing was signed with the key before this call ends, so a crash that loses it loses nothing.
    if token is None:
        private = ec.generate_private_key(ec.SECP256R1())
        pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        key_files.create(folder / _SERIES.private_name(number), pem)
        return
    kids = {key.kid for key in known}
    fresh = [key for key in token.held() if _with_kid(key.public).kid not in kids]
    added = fresh[-1] if fresh else token.token.make(f"{token.label}-{number:04}", identity=os.urandom(8))
    key_files.create(folder / _SERIES.public_name(number), _pem_of(_with_kid(added.public)))


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def _is_p256(key: object) -> bool:
    return isinstance(key, ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey) and isinstance(
        key.curve, ec.SECP256R1
    )


def _public_of(key: ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey) -> ec.EllipticCurvePublicKey:
    return key.public_key() if isinstance(key, ec.EllipticCurvePrivateKey) else key


def _with_kid(public: object) -> ECKey:
    assert isinstance(public, ec.EllipticCurvePublicKey)
    key = ECKey.import_key(
        public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    key.ensure_kid()
    return key


def _pem_of(key: ECKey) -> bytes:
    return bytes(key.as_pem(private=False))


def _read_all(folder: Path) -> dict[int, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey]:
    return {number: _read(path) for number, path in _SERIES.files_in(folder).items()}


def _read(path: Path) -> ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey:
    key = _SERIES.load(path)
    if not isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey) or not _is_p256(key):
        raise DataFault(f"the node key {path} is not a P-256 key")
    return key
