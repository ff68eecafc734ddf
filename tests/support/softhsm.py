"""Tokens of SoftHSM2, a PKCS#11 module in software, in a folder of their own; needs the Debian package `softhsm2`."""

import atexit
import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pkcs11
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pkcs11 import Attribute, CertificateType, ObjectClass

from app.signing.pkcs11 import Token, pin_of
from tests.support.pki import Identity, PrivateKey

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "1234"
_SO_PIN = "5678"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class SoftToken:
    """A token that was made for a test.

    Attributes:
        folder: where the module keeps it.
        pin_file: holds its PIN.
    """

    label: str
    folder: Path
    pin_file: Path

    @property
    def token(self) -> Token:
        """The token as the product opens it."""
        return Token(MODULE, self.label, lambda: pin_of(self.pin_file))

    def bring(self, key: PrivateKey, *, label: str, identity: str = "01") -> None:
        """Put a private key into it, with the module's own tool."""
        assert isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
        file = self.pin_file.with_name(f"{self.label}-{identity}.p8")
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        named = ["--token", self.label, "--label", label, "--id", identity, "--pin", PIN]
        _softhsm("--import", str(file), *named)
        file.unlink()

    def bring_certificate(self, identity: Identity, *, label: str, key: str = "01") -> None:
        """Put a certificate beside the key with this id."""
        module = pkcs11.lib(str(MODULE))
        # Logging in is the process's; the product may have done so before.
        module.reinitialize()
        session = module.get_token(token_label=self.label).open(rw=True, user_pin=PIN)
        session.create_object(
            {
                Attribute.CLASS: ObjectClass.CERTIFICATE,
                Attribute.CERTIFICATE_TYPE: CertificateType.X_509,
                Attribute.TOKEN: True,
                Attribute.LABEL: label,
                Attribute.ID: bytes.fromhex(key),
                Attribute.SUBJECT: identity.certificate.subject.public_bytes(),
                Attribute.VALUE: identity.der(),
            }
        )
        session.close()

    @contextmanager
    def pulled_out(self) -> Iterator[None]:
        """Take the token away for a while."""
        hidden = self.folder.rename(self.folder.parent.parent / f"{self.folder.name}.away")
        try:
            yield
        finally:
            hidden.rename(self.folder)


def new_token() -> SoftToken:
    """Make a token with a label of its own."""
    tokens = _tokens()
    label = f"truc-{os.getpid()}-{next(_numbers)}"
    before = set(tokens.iterdir())
    _softhsm("--init-token", "--free", "--label", label, "--so-pin", _SO_PIN, "--pin", PIN)
    (folder,) = set(tokens.iterdir()) - before
    pin_file = tokens.parent / f"{label}.pin"
    pin_file.touch(0o600)
    pin_file.write_text(f"{PIN}\n")
    if pkcs11.lib(str(MODULE)).initialized:
        # A module lists the tokens there were when it was started.
        pkcs11.lib(str(MODULE)).reinitialize()
    return SoftToken(label, folder, pin_file)


@cache
def _tokens() -> Path:
    """Make the folder of this process's tokens, before the module is loaded for the first time."""
    folder = Path(mkdtemp(prefix="truc-softhsm-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    tokens = folder / "tokens"
    tokens.mkdir()
    configuration = folder / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(configuration)
    return tokens


def _softhsm(*arguments: str) -> None:
    subprocess.run(["softhsm2-util", *arguments], check=True, capture_output=True, timeout=60)
