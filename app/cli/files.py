"""`truc sign`, `truc inspect`: edXML files, without a node and without a network."""

import hashlib
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from app.cli.terminal import print_json, read_file, write_file
from app.errors import DocumentRefused, SubmissionRejected

if TYPE_CHECKING:
    from cryptography import x509

    from app.findings import Finding
    from app.markup import Markup
    from app.signing.xmldsig import PresentedSignature


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
    add: Annotated[bool, typer.Option("--add", help="Sign over signatures that are there: persons, then the seal.")] = (
        False
    ),
) -> None:
    """Sign a document or status message: an enveloped XML signature over the whole of it.

    The key lies in a file, or with --pkcs11 in a token.
    """
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
        xades=xmldsig.Xades(datetime.now(UTC)) if xades else None,
        add=add,
    )
    write_file(output, signed)


def inspect(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="edXML; - reads standard input.")],
    anchor: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Root certificate the signer's must lead to; may be repeated."),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Judge as a node with strict rules does.")] = False,
    _as_json: Annotated[bool, typer.Option("--json", help="The only form there is.")] = False,
) -> None:
    """Say as JSON what an edXML file holds, what is wrong with it, and what its signature is worth.

    Ends with 0 when the file can be read, whatever the findings say; with 1 when it cannot.
    """
    body = read_file(file)
    roots = [read_file(path) for path in anchor or ()]
    report = inspection(body, anchors=roots, strict=strict, at=datetime.now(UTC))
    print_json({"file": str(file), **report})
    if report["document"] is None:
        raise typer.Exit(1)


def inspection(body: bytes, *, anchors: Iterable[bytes] = (), strict: bool, at: datetime) -> dict[str, Any]:
    """Look into a message in every way that needs no node.

    Args:
        anchors: root certificates, PEM or DER; without any the certificate's path is not judged.
        at: when the rules and the certificate are judged.

    Returns:
        JSON values: `document` is null where the message cannot be read; `signature.holds` where nothing can be said.
    """
    from app.markup import parse

    report: dict[str, Any] = {
        "size": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "document": None,
        "findings": [],
        "signature": None,
    }
    try:
        markup = parse(body)
    except SubmissionRejected as error:
        return {**report, "findings": _shown(error.findings)}
    document, findings = _reading(markup, strict=strict, at=at)
    report |= {"document": document, "findings": _shown(findings)}
    report["signature"] = _signature(markup, anchors=anchors, at=at)
    return report


def _reading(markup: "Markup", *, strict: bool, at: datetime) -> "tuple[dict[str, Any] | None, list[Finding]]":
    from app.edxml import rules, secrecy
    from app.edxml.attachments import inspect as open_attachments
    from app.edxml.describe import describe
    from app.edxml.model import DocumentMessage
    from app.edxml.read import read

    reading = read(markup)
    findings = [*reading.findings]
    message = reading.message
    if message is None:
        return None, findings
    findings += rules.check(message, at=at, strict=strict)
    mark = secrecy.find_mark(message)
    if mark is not None:
        findings.append(mark)
    if not isinstance(message, DocumentMessage):
        return describe(message), findings
    attachments, unreadable = open_attachments(message, markup)
    return describe(message, attachments=attachments), [*findings, *unreadable]


def _signature(markup: "Markup", *, anchors: Iterable[bytes], at: datetime) -> dict[str, Any]:
    from app.signing import xmldsig

    try:
        presented = xmldsig.present(markup)
    except DocumentRefused as error:
        return {"holds": None, "certificate": None, "findings": _shown(error.findings)}
    facts: dict[str, Any] = {
        "holds": True,
        "method": presented.method.uri,
        "canonicalization": presented.canonicalization.value,
        "certificate": _certificate(presented.certificate),
        "chain": [_certificate(each) for each in presented.chain],
        "covers_document": None,
        "path": _path(presented, anchors, at=at),
    }
    findings = [*presented.findings]
    try:
        facts["covers_document"] = presented.verify().covers_document
    except DocumentRefused as error:
        facts["holds"] = False
        findings += error.findings
    return {**facts, "findings": _shown(findings)}


def _path(presented: "PresentedSignature", anchors: Iterable[bytes], *, at: datetime) -> dict[str, Any] | None:
    from app.signing.certificates import parse_certificate
    from app.signing.path import UnknownRevocation, validate
    from app.signing.revocations import RevocationIndex

    roots = [parse_certificate(each) for each in anchors]
    if not roots:
        return None
    verdict = validate(
        presented.certificate,
        intermediates=presented.chain,
        anchors=roots,
        revocations=RevocationIndex(),
        at=at,
        unknown_revocation=UnknownRevocation.ACCEPT,
    )
    return {"passed": verdict.passed, "findings": _shown(verdict.findings)}


def _certificate(certificate: "x509.Certificate") -> dict[str, Any]:
    from app.signing import certificates as read

    kind, validity = read.kind_hint(certificate), read.validity_of(certificate)
    return {
        "sha256": read.fingerprint(certificate),
        "subject": read.subject_of(certificate),
        "issuer": read.issuer_of(certificate),
        "serial": read.serial_of(certificate),
        "not_before": validity.not_before,
        "not_after": validity.not_after,
        "kind_hint": kind.value if kind else None,
    }


def _shown(findings: "Iterable[Finding]") -> list[dict[str, Any]]:
    return [asdict(finding) for finding in findings]
