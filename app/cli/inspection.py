"""`truc inspect`: what a file says, what is wrong with it, and what its signatures are worth; no node, no network."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.known import Known
from app.cli.terminal import FILE_BYTES_MAX, Json, print_json, read_file
from app.errors import DocumentRefused, SubmissionRejected

if TYPE_CHECKING:
    from cryptography import x509

    from app.exchange.verification_report import Report
    from app.exchange.verify import CheckedSignature, Trusted, Verified
    from app.findings import Finding
    from app.signing.revocations import RevocationIndex
    from app.signing.xmldsig import PresentedSignature


def inspect(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="edXML or PDF; - reads standard input.")],
    anchor: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Root certificate the signers' must lead to; may be repeated."),
    ] = None,
    crl: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Revocation list of the root or an authority below; may be repeated."),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Judge as a node with strict rules does.")] = False,
    lang: Annotated[str, typer.Option(help="vi or en.")] = "vi",
    as_json: Json = False,
) -> None:
    """Verify a file as a node would and show the report, in Vietnamese or English, or as JSON.

    Ends with 0 when the file can be read, whatever the findings say; with 1 when it cannot.
    """
    from app.cli.report_text import lines_of

    if lang not in ("vi", "en"):
        raise typer.BadParameter("use vi or en", param_hint="--lang")
    body = read_file(file)
    known = Known.read([read_file(path) for path in anchor or ()], [read_file(path) for path in crl or ()])
    found = inspection(body, known=known, strict=strict, at=datetime.now(UTC))
    if as_json:
        print_json({"file": str(file), **found})
    else:
        print("\n".join(lines_of(found["report"], "vi" if lang == "vi" else "en", file=str(file))))
    if found["document"] is None:
        raise typer.Exit(1)


def inspection(body: bytes, *, known: Known | None = None, strict: bool, at: datetime) -> dict[str, Any]:
    """Look into a message in every way that needs no node.

    Args:
        known: what certificates are judged by.
        at: when rules and certificates are judged, unless a timestamp proves an earlier time.

    Returns:
        JSON values: `report` is the verification report as the node gives it; `document` what the message says, null
        where it cannot be read, and of a PDF no more than that it is one; `signature` is about a message's last
        signature, `signature.holds` null where nothing can be said.
    """
    from app.edxml import rules
    from app.exchange.receive import body_of
    from app.exchange.steps import Step
    from app.exchange.verification_report import ASKING, XML, Examined, by_step, report_of, report_of_unread
    from app.exchange.verify import judge, open_message
    from app.findings import Verdict
    from app.markup import MarkupLimits

    known = known or Known()
    digest = hashlib.sha256(body).hexdigest()
    examined = Examined(XML, digest, len(body))
    told: dict[str, Any] = {"size": len(body), "sha256": digest, "document": None, "findings": [], "signature": None}
    if body.startswith(b"%PDF-"):
        from app.cli.pdf_inspection import pdf_report

        report = pdf_report(body, digest, known, at=at)
        return {**told, "document": {"message_type": "pdf"}, "report": _with_words(report)}
    try:
        opened = open_message(body_of(body), limits=MarkupLimits(body_bytes_max=FILE_BYTES_MAX))
    except SubmissionRejected as error:
        report = report_of_unread(examined, error.findings, at=at)
        return {**told, "findings": _shown(error.findings), "report": _with_words(report)}
    trusted = [_trusted(each, known, at=at) for each in opened.presented]
    verified = judge(opened, trusted, at=at)
    findings = rules.weigh(verified.verdict.findings, strict=strict)
    report = report_of(examined, verified, Verdict.of(findings), at=at, basis=ASKING)
    found = by_step(findings, verified.steps)
    content = [each for step in (Step.READING, Step.RULES, Step.SECRECY) for each in found.get(step, ())]
    return {
        **told,
        "document": _described(verified),
        "findings": _shown(content),
        "signature": _last(verified, opened.findings, judged=bool(known.anchors)),
        "report": _with_words(report),
    }


def _with_words(report: "Report") -> dict[str, Any]:
    """Give the report as the API gives it, with the words beside the codes."""
    from app.routers.verification_shapes import VerificationReportView

    return VerificationReportView.of(report).model_dump(mode="json")


def _trusted(presented: "PresentedSignature", known: Known, *, at: datetime) -> "Trusted":
    """Judge a signer's certificate; nothing is registered here, so whose it is stays open."""
    from app.exchange.verify import Trusted
    from app.registry.stamped import SigningMoment
    from app.registry.trust import TrustDecision
    from app.signing.path import UnknownRevocation, validate

    if not known.anchors:
        return Trusted(SigningMoment(at), TrustDecision(None, (not_judged(),)))
    revocations = known.revocations(presented.chain)
    moment = _moment(presented, known, revocations, at=at)
    verdict = validate(
        presented.certificate,
        intermediates=presented.chain,
        anchors=known.anchors,
        revocations=revocations,
        at=moment.at,
        unknown_revocation=UnknownRevocation.ACCEPT,
    )
    return Trusted(moment, TrustDecision(None, verdict.findings, verdict.path, verdict.standings))


def _moment(presented: "PresentedSignature", known: Known, revocations: "RevocationIndex", *, at: datetime) -> Any:
    """Give the earliest time that a timestamp proves, else the moment of asking."""
    from app.registry.stamped import SigningMoment
    from app.signing.path import UnknownRevocation
    from app.signing.timestamps import TimestampRefused, verify_token

    best = SigningMoment(at)
    for token in presented.timestamp_tokens:
        try:
            stamp = verify_token(
                token.token,
                token.imprint_octets,
                anchors=known.anchors,
                revocations=revocations,
                unknown_revocation=UnknownRevocation.ACCEPT,
            )
        except TimestampRefused as error:
            return SigningMoment(best.at, best.timestamp, error.findings)
        if stamp.proven and stamp.gen_time < best.at:
            best = SigningMoment(stamp.gen_time, stamp, stamp.findings)
    return best


def not_judged() -> "Finding":
    """Say that nobody vouches for a certificate, because nobody is trusted here."""
    from app.findings import Finding, Severity

    return Finding(
        "ours.trust.no-anchor",
        Severity.UNKNOWN,
        "No trust anchor was given, so nobody vouches for the certificate.",
        "Give the root certificate with --anchor and revocation lists with --crl.",
        "RFC 5280 §6.1; ours, decision 0019",
    )


def _described(verified: "Verified") -> Any:
    from app.edxml.describe import describe
    from app.edxml.model import DocumentMessage

    message = verified.message
    if message is None:
        return None
    if isinstance(message, DocumentMessage) and verified.secret is None:
        return describe(message, attachments=verified.attachments)
    return describe(message)


def _last(verified: "Verified", findings: "Sequence[Finding]", *, judged: bool) -> dict[str, Any]:
    """Say of the last signature, which covers the others, what is kept for scripts of before there were reports."""
    if not verified.signatures:
        return {"holds": None, "certificate": None, "findings": _shown(findings)}
    checked = verified.signatures[-1]
    presented, decision = checked.presented, checked.decision
    holds, covers, broken = _proven(checked)
    path = {"passed": decision.path != () and not _refused(decision.findings), "findings": _shown(decision.findings)}
    return {
        "holds": holds,
        "method": presented.method.uri,
        "canonicalization": presented.canonicalization.value,
        "certificate": _certificate(presented.certificate),
        "chain": [_certificate(each) for each in presented.chain],
        "covers_document": covers,
        "path": path if judged else None,
        "findings": _shown([*presented.findings, *broken]),
    }


def _proven(checked: "CheckedSignature") -> "tuple[bool, bool | None, Sequence[Finding]]":
    """Compute the signature also where its certificate does not count, so that it is known whether it holds."""
    try:
        return True, checked.presented.verify().covers_document, ()
    except DocumentRefused as error:
        return False, None, error.findings


def _refused(findings: "Iterable[Finding]") -> bool:
    return any(finding.refuses for finding in findings)


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
