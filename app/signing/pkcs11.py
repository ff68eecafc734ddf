"""Keys that never leave their token: RSA and ECDSA signing through PKCS#11 (OASIS PKCS#11 v2.40).

A `TokenKey` signs like a key file of `cryptography` does, so whoever signs need not know where the key is. The host
hashes, the token signs the digest: every token can do that, and only 32 to 64 octets go to it.

A module is not asked by two threads at a time. Where a token was pulled out, a session ended or the module was started
anew, the next signature looks for the token again, once; every signature is checked with the public key, so that a
token that answers wrongly is an error here and not a document that nobody can verify.
"""

import hashlib
import os
import stat
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import pkcs11
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11 import exceptions as refusals
from pkcs11.util.ec import encode_ec_public_key, encode_named_curve_parameters

from app.errors import RequestInvalid, Unavailable

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
T = TypeVar("T")

PIN_OCTETS_MAX: Final = 256
ID_PREFIX: Final = "id:"
"""Before the hex of a key's id, where it is named by that and not by its label."""

_LOCKS: Final[defaultdict[str, threading.RLock]] = defaultdict(threading.RLock)
_STARTS: Final[defaultdict[str, int]] = defaultdict(int)
"""How often a module was started anew in this process: handles of before may name other objects now."""

_LOADED: Final[set[str]] = set()
"""Modules that worked once; what fails in them later is the token's doing."""

_PIN_REFUSED: Final = (refusals.PinIncorrect, refusals.PinInvalid, refusals.PinLenRange)
_RSA_MECHANISMS: Final = {
    "sha256": Mechanism.SHA256_RSA_PKCS,
    "sha384": Mechanism.SHA384_RSA_PKCS,
    "sha512": Mechanism.SHA512_RSA_PKCS,
}


def pin_of(path: Path) -> str:
    """Read a PIN from its file; a line end behind it is not part of it.

    Raises:
        RequestInvalid: it cannot be read, everybody may read it, or it holds no PIN.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            mode, octets = os.fstat(descriptor).st_mode, os.read(descriptor, PIN_OCTETS_MAX + 2)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise RequestInvalid(f"the PIN file {path} cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(mode):
        raise RequestInvalid(f"the PIN file {path} is no regular file")
    if mode & 0o007:
        raise RequestInvalid(f"the PIN file {path} has mode {stat.S_IMODE(mode):04o}: everybody can read it; chmod 600")
    try:
        pin = octets.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise RequestInvalid(f"the PIN file {path} is no text") from error
    if not pin or len(octets) > PIN_OCTETS_MAX:
        raise RequestInvalid(f"the PIN file {path} must hold one PIN of at most {PIN_OCTETS_MAX} octets")
    return pin


@dataclass(eq=False, slots=True)
class Token:
    """A token by its label, behind a module; safe to share between threads, not between processes.

    Attributes:
        module: the vendor's PKCS#11 library.
        label: of the token.
        pin: asked when a session is opened, so that a PIN that was changed is found; None opens without one.
    """

    module: Path
    label: str
    pin: Callable[[], str] | None = field(default=None, repr=False)
    _session: Any = field(default=None, init=False, repr=False)
    _start: int = field(default=-1, init=False, repr=False)
    _objects: dict[tuple[str, bytes], Any] = field(default_factory=dict, init=False, repr=False)
    _refused_pin: bytes | None = field(default=None, init=False, repr=False)

    def key(self, name: str) -> "TokenKey":
        """Find the private key with this label, or with this id as `id:` and hex.

        Raises:
            RequestInvalid: no such key, several, one that is neither RSA nor ECDSA, a wrong PIN, or a module that is
                none.
            Unavailable: there is no token with the label, or it does not answer.
        """
        label, wanted = _named(name)
        found = [key for key in self.private_keys() if wanted in (None, key.id) and label in (None, key.label)]
        if not found:
            raise RequestInvalid(f"the token {self.label!r} has no RSA or ECDSA key {name!r} with a public half")
        if len(found) > 1:
            raise RequestInvalid(f"the token {self.label!r} has {len(found)} keys {name!r}; name one by its id")
        return found[0]

    def private_keys(self) -> tuple["TokenKey", ...]:
        """Return the private keys that can be used: RSA and ECDSA, with a public key or a certificate beside them.

        Raises:
            RequestInvalid: as `key`.
            Unavailable: the token does not answer.
        """
        return self._asked(lambda session: tuple(self._listed(session)))

    def make(self, label: str, *, identity: bytes) -> "TokenKey":
        """Make a P-256 key in the token, one that cannot be taken out of it.

        Args:
            identity: its id, which no other key of the token has.

        Raises:
            RequestInvalid: as `key`; or the PIN may not make keys.
            Unavailable: the token does not answer.
        """

        def made(session: Any) -> None:
            curve = {Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
            session.create_domain_parameters(KeyType.EC, curve, local=True).generate_keypair(
                store=True,
                label=label,
                id=identity,
                mechanism=Mechanism.EC_KEY_PAIR_GEN,
                private_template={
                    Attribute.SENSITIVE: True,
                    Attribute.EXTRACTABLE: False,
                    Attribute.SIGN: True,
                },
            )

        self._asked(made, writing=True)
        return self.key(f"{ID_PREFIX}{identity.hex()}")

    def signed(self, key: "TokenKey", mechanisms: tuple[tuple[Mechanism, bytes], ...]) -> bytes:
        """Sign with one of its keys by the first mechanism the token has, each with what it takes; for `TokenKey`."""

        def made(session: Any) -> bytes:
            held = self._object(session, key)
            for mechanism, given in mechanisms[:-1]:
                try:
                    return bytes(held.sign(given, mechanism=mechanism))
                except refusals.MechanismInvalid:
                    continue
            mechanism, given = mechanisms[-1]
            return bytes(held.sign(given, mechanism=mechanism))

        return self._asked(made)

    def _asked(self, work: Callable[[Any], T], *, writing: bool = False) -> T:
        with _LOCKS[str(self.module)]:
            try:
                return work(self._opened(writing=writing))
            except refusals.PKCS11Error:
                # Pulled out, put back, logged out, started anew by somebody else: look for it once more.
                self._forget()
            try:
                return work(self._opened(writing=writing))
            except refusals.PKCS11Error:
                self._start_anew()
            try:
                return work(self._opened(writing=writing))
            except refusals.PKCS11Error as error:
                self._forget()
                raise Unavailable(f"the token {self.label!r} does not answer: {_told(error)}") from error

    def _opened(self, *, writing: bool) -> Any:
        if self._start != _STARTS[str(self.module)]:
            self._forget()
        if self._session is not None and not writing:
            return self._session
        token = self._found()
        self._start = _STARTS[str(self.module)]
        self._session = self._logged_in(token, writing=writing)
        self._objects.clear()
        return self._session

    def _found(self) -> Any:
        try:
            loaded = pkcs11.lib(str(self.module))
        except (OSError, RuntimeError) as error:
            if str(self.module) in _LOADED:
                raise
            raise RequestInvalid(f"{self.module} is no PKCS#11 module that can be used: {error}") from error
        _LOADED.add(str(self.module))
        for slot in loaded.get_slots(token_present=True):
            try:
                token = slot.get_token()
            except refusals.PKCS11Error:
                # Another token that is going away must not hide this one.
                continue
            if token.label == self.label:
                return token
        raise _Gone(f"there is no token with the label {self.label!r}")

    def _logged_in(self, token: Any, *, writing: bool) -> Any:
        if self.pin is None:
            return token.open(rw=writing)
        pin = self.pin()
        digest = hashlib.sha256(pin.encode()).digest()
        if digest == self._refused_pin:
            # A token locks itself after a few wrong PINs; the same one is not tried again.
            raise RequestInvalid(f"the PIN of the token {self.label!r} was wrong before; correct it")
        try:
            return token.open(rw=writing, user_pin=pin)
        except refusals.UserAlreadyLoggedIn:
            # Being logged in is the process's, not the session's (PKCS#11 v2.40 §2.6.4).
            return token.open(rw=writing)
        except _PIN_REFUSED as error:
            self._refused_pin = digest
            raise RequestInvalid(f"the PIN of the token {self.label!r} is wrong") from error
        except refusals.PinLocked as error:
            raise RequestInvalid(f"the PIN of the token {self.label!r} is locked; unlock it with its tool") from error

    def _object(self, session: Any, key: "TokenKey") -> Any:
        named = (key.label, key.id)
        if named not in self._objects:
            wanted = {Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.LABEL: key.label, Attribute.ID: key.id}
            found = _found(session, wanted)
            if not found:
                raise _Gone(f"no key {key.label!r} any more")
            self._objects[named] = found[0]
        return self._objects[named]

    def _listed(self, session: Any) -> Iterator["TokenKey"]:
        for private in _found(session, {Attribute.CLASS: ObjectClass.PRIVATE_KEY}):
            certificate = _certificate(session, private.id)
            public = _public(session, private) or (_usable(certificate.public_key()) if certificate else None)
            if public is not None:
                yield TokenKey(self, private.label, bytes(private.id), public, certificate)

    def _forget(self) -> None:
        self._session = None
        self._objects.clear()

    def _start_anew(self) -> None:
        self._forget()
        _STARTS[str(self.module)] += 1
        try:
            pkcs11.lib(str(self.module)).reinitialize()
        except refusals.PKCS11Error:
            # A module that lost all its tokens says so; opening says it again, and starts it when they are back.
            return


class _Gone(refusals.PKCS11Error):
    """What was there is not there now."""


@dataclass(frozen=True, eq=False, slots=True)
class TokenKey:
    """A private key in a token; signs as `cryptography`'s private keys do.

    Attributes:
        id: as PKCS#11 knows it, empty where it has none.
        certificate: the one the token holds for it.
    """

    token: Token
    label: str
    id: bytes
    public: PublicKey
    certificate: x509.Certificate | None = None

    def public_key(self) -> PublicKey:
        """Return its public half."""
        return self.public

    def sign(self, data: bytes, /, *scheme: Any) -> bytes:
        """Sign data, hashing it first.

        Args:
            scheme: `PKCS1v15(), hash` for RSA; `ECDSA(hash)` for EC, which answers in DER.

        Raises:
            ValueError: another scheme.
            RequestInvalid: the PIN is wrong by now.
            Unavailable: the token does not answer, or not with a signature of this key.
        """
        value = self._value(data, *scheme)
        try:
            self.public.verify(value, data, *scheme)
        except InvalidSignature as error:
            raise Unavailable(
                f"the token {self.token.label!r} answered with what is no signature of its key"
            ) from error
        return value

    def _value(self, data: bytes, *scheme: Any) -> bytes:
        if isinstance(self.public, ec.EllipticCurvePublicKey):
            (method,) = scheme
            digest = _digest(method.algorithm, data)
            raw = self.token.signed(self, ((Mechanism.ECDSA, digest),))
            half = len(raw) // 2
            return encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))
        method, algorithm = scheme
        if not isinstance(method, padding.PKCS1v15) or algorithm.name not in _RSA_MECHANISMS:
            raise ValueError("a token signs with RSA as PKCS#1 v1.5 over SHA-2 only")
        # Some tokens hash by themselves only, some take nothing but what is to be padded.
        ways = (
            (_RSA_MECHANISMS[algorithm.name], data),
            (Mechanism.RSA_PKCS, _DIGEST_INFO[algorithm.name] + _digest(algorithm, data)),
        )
        return self.token.signed(self, ways)


_DIGEST_INFO: Final = {
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}
"""What PKCS#1 v1.5 puts before a digest (RFC 8017 §9.2, note 1)."""


def _digest(algorithm: hashes.HashAlgorithm, data: bytes) -> bytes:
    hashed = hashes.Hash(algorithm)
    hashed.update(data)
    return hashed.finalize()


def _named(name: str) -> tuple[str | None, bytes | None]:
    if not name.startswith(ID_PREFIX):
        return name, None
    try:
        return None, bytes.fromhex(name.removeprefix(ID_PREFIX))
    except ValueError as error:
        raise RequestInvalid(f"{name[:60]!r}: after {ID_PREFIX} the key's id is given in hex") from error


def _found(session: Any, wanted: dict[Attribute, Any]) -> list[Any]:
    # All at once: a session is in one search at a time, and one that is left half-way stays open.
    return list(session.get_objects(wanted))


def _public(session: Any, private: Any) -> PublicKey | None:
    if private.key_type == KeyType.RSA:
        return rsa.RSAPublicNumbers(
            int.from_bytes(private[Attribute.PUBLIC_EXPONENT], "big"), int.from_bytes(private[Attribute.MODULUS], "big")
        ).public_key()
    if private.key_type != KeyType.EC:
        return None
    wanted = {Attribute.CLASS: ObjectClass.PUBLIC_KEY, Attribute.KEY_TYPE: KeyType.EC, Attribute.ID: private.id}
    for public in _found(session, wanted):
        try:
            return _usable(serialization.load_der_public_key(encode_ec_public_key(public)))
        except ValueError:
            continue
    return None


def _certificate(session: Any, identity: bytes) -> x509.Certificate | None:
    for held in _found(session, {Attribute.CLASS: ObjectClass.CERTIFICATE, Attribute.ID: identity}):
        try:
            return x509.load_der_x509_certificate(bytes(held[Attribute.VALUE]))
        except ValueError:
            continue
    return None


def _usable(public: Any) -> PublicKey | None:
    return public if isinstance(public, rsa.RSAPublicKey | ec.EllipticCurvePublicKey) else None


def _told(error: refusals.PKCS11Error) -> str:
    return str(error) or type(error).__name__
