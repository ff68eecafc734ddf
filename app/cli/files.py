"""`truc sign`: edXML files, without a node and without a network."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from app.cli.keys import (
    CertificateHere,
    ChainFile,
    KeyName,
    Module,
    PasswordFile,
    PinFile,
    TokenLabel,
    load_signer,
    token_signer,
)
from app.cli.terminal import read_file, write_file


def sign(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Unsigned edXML; - reads standard input.")],
    key: KeyName,
    cert: CertificateHere = None,
    chain: ChainFile = None,
    key_password_file: PasswordFile = None,
    pkcs11: Module = None,
    token: TokenLabel = None,
    pin_file: PinFile = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Else standard output.")] = None,
    digest: Annotated[str, typer.Option(help="sha256, sha384 or sha512.")] = "sha256",
    canonicalization: Annotated[str, typer.Option(help="exclusive or inclusive.")] = "exclusive",
    xades: Annotated[bool, typer.Option("--xades", help="Add signing time and certificate: XAdES-BASELINE-B.")] = False,
    tsa: Annotated[
        str | None, typer.Option(metavar="URL", help="Have the signature stamped there: XAdES-BASELINE-T.")
    ] = None,
    add: Annotated[bool, typer.Option("--add", help="Sign over signatures that are there: persons, then the seal.")] = (
        False
    ),
) -> None:
    """Sign a document or status message: an enveloped XML signature over the whole of it.

    The key lies in a file, or with --pkcs11 in a token.
    """
    from app.cli.stamping import stamper
    from app.signing import xmldsig
    from app.signing.algorithms import Canonicalization

    forms = {"exclusive": Canonicalization.EXCLUSIVE, "inclusive": Canonicalization.INCLUSIVE}
    if canonicalization not in forms:
        raise typer.BadParameter("use exclusive or inclusive", param_hint="--canonicalization")
    if pkcs11 is not None:
        signer = token_signer(pkcs11, token, key, cert, chain, pin_file)
    else:
        signer = load_signer(Path(key), cert, chain, key_password_file)
    signed = xmldsig.sign(
        read_file(file),
        key=signer.key,
        certificate=signer.certificate,
        chain=signer.chain,
        canonicalization=forms[canonicalization],
        digest=digest,
        xades=xmldsig.Xades(datetime.now(UTC), stamper(tsa) if tsa else None) if xades or tsa else None,
        add=add,
    )
    write_file(output, signed)
