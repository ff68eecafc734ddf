"""Reading what somebody signs with: a private key, its certificate, the authorities above it."""

import sys
from dataclasses import dataclass
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
ChainFile = Annotated[
    Path | None, typer.Option("--chain", metavar="FILE", help="Authorities above it, PEM, to go along.")
]
PasswordFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Password of the key; asked for at the terminal where it is needed."),
]


@dataclass(frozen=True, slots=True)
class Signer:
    """A key with its certificate."""

    key: "SigningKey"
    certificate: "x509.Certificate"
    chain: "tuple[x509.Certificate, ...]"


def load_signer(key: Path, certificate: Path, chain: Path | None, password: Path | None) -> Signer:
    """Read a signer's files.

    Raises:
        RequestInvalid: one of them cannot be read, or is something else.
    """
    from app.signing.certificates import parse_certificates

    presented = parse_certificates(read_file(certificate))
    above = parse_certificates(read_file(chain)) if chain else ()
    return Signer(_private_key(key, password), presented[0], (*presented[1:], *above))


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
