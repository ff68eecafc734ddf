"""Reading what somebody signs with: a private key in a file or a token, its certificate, the authorities above it."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.terminal import read_file
from app.errors import RequestInvalid

if TYPE_CHECKING:
    from cryptography import x509

    from app.signing.xmldsig import SigningKey

KeyFile = Annotated[Path, typer.Option("--key", metavar="FILE", help="Private key, PEM or DER.")]
CertificateFile = Annotated[Path, typer.Option("--cert", metavar="FILE", help="Its certificate, PEM or DER.")]
KeyName = Annotated[
    str,
    typer.Option("--key", metavar="FILE|LABEL", help="Private key, PEM or DER; with --pkcs11 its label, or id:HEX."),
]
CertificateHere = Annotated[
    Path | None,
    typer.Option("--cert", metavar="FILE", help="Its certificate, PEM or DER; a token may hold it instead."),
]
ChainFile = Annotated[
    Path | None, typer.Option("--chain", metavar="FILE", help="Authorities above it, PEM, to go along.")
]
PasswordFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Password of the key; asked for at the terminal where it is needed."),
]
Module = Annotated[
    Path | None, typer.Option("--pkcs11", metavar="MODULE", help="Sign with a token, through its PKCS#11 library.")
]
TokenLabel = Annotated[str | None, typer.Option("--token", metavar="LABEL", help="Label of the token.")]
PinFile = Annotated[
    Path | None,
    typer.Option("--pin-file", metavar="FILE", help="PIN of the token; asked for at the terminal otherwise."),
]


@dataclass(frozen=True, slots=True)
class Signer:
    """A key with its certificate."""

    key: "SigningKey"
    certificate: "x509.Certificate"
    chain: "tuple[x509.Certificate, ...]"


def load_signer(key: Path, certificate: Path | None, chain: Path | None, password: Path | None) -> Signer:
    """Read a signer's files.

    Raises:
        RequestInvalid: one of them cannot be read, or is something else.
    """
    if certificate is None:
        raise typer.BadParameter("give the certificate of the key", param_hint="--cert")
    own, *above = _certificates(certificate, chain)
    return Signer(_private_key(key, password), own, tuple(above))


def token_signer(
    module: Path, token: str | None, key: str, certificate: Path | None, chain: Path | None, pin_file: Path | None
) -> Signer:
    """Find a signer's key in a token, and its certificate there or in a file.

    Raises:
        RequestInvalid: no such key, a wrong PIN, no certificate, or a file that cannot be read.
        Unavailable: there is no such token, or it does not answer.
    """
    from app.signing.pkcs11 import Token

    if token is None:
        raise typer.BadParameter("give the label of the token", param_hint="--token")
    held = Token(module, token, _pin(token, pin_file)).key(key)
    if certificate is not None:
        own, *above = _certificates(certificate, chain)
        return Signer(held, own, tuple(above))
    if held.certificate is None:
        raise RequestInvalid(f"the token {token!r} holds no certificate for the key {key!r}; give --cert")
    return Signer(held, held.certificate, _certificates(chain, None) if chain else ())


def _certificates(file: Path, chain: Path | None) -> "tuple[x509.Certificate, ...]":
    from app.signing.certificates import parse_certificates

    above = parse_certificates(read_file(chain)) if chain else ()
    return (*parse_certificates(read_file(file)), *above)


def _pin(token: str, file: Path | None) -> "Callable[[], str]":
    from app.signing.pkcs11 import pin_of

    if file is not None:
        return partial(pin_of, file)
    if not sys.stdin.isatty():
        raise RequestInvalid(f"the token {token!r} needs its PIN; give --pin-file")
    # Asked for once, even where the token is looked for again.
    given = str(typer.prompt(f"PIN of {token}", hide_input=True, err=True))
    return lambda: given


def _private_key(path: Path, password_file: Path | None) -> "SigningKey":
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    octets = read_file(path)
    is_pem = octets.lstrip().startswith(b"-----BEGIN")
    password: bytes | None = None
    if password_file is not None:
        password = read_file(password_file).rstrip(b"\r\n")
    elif is_pem and b"ENCRYPTED" in octets:
        if not sys.stdin.isatty():
            raise RequestInvalid(f"the key {path} needs a password; give --key-password-file")
        password = str(typer.prompt(f"Password of {path}", hide_input=True, err=True)).encode()
    load = serialization.load_pem_private_key if is_pem else serialization.load_der_private_key
    try:
        key = load(octets, password=password)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise RequestInvalid(f"{path} holds no private key that can be read, or its password is another") from error
    if not isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
        raise RequestInvalid(f"{path} holds a key that is neither RSA nor ECDSA")
    return key
