"""The report of a PDF without a node: its signatures, judged with anchors and revocation lists from files."""

import io
from collections.abc import Iterable
from datetime import datetime

from cryptography import x509

from app.cli.inspection import not_judged
from app.cli.known import Known
from app.exchange.pdf_report import JudgedSignature, report_of_pdf
from app.exchange.verification_report import PDF, Examined, Report
from app.findings import Finding
from app.signing.certificates import UnreadableCertificate, kind_hint, load
from app.signing.path import UnknownRevocation, validate
from app.signing.pdf import examine
from app.signing.pdf_found import PdfSignature


def pdf_report(body: bytes, sha256: str, known: Known, *, at: datetime) -> Report:
    """Look into a PDF in this process: whoever calls waits for it, and nobody else.

    Args:
        at: when certificates are judged; timestamps in PDFs are not asked here.
    """
    found = examine(io.BytesIO(body))
    signatures = [_judged(each, known, at=at) for each in found.signatures]
    return report_of_pdf(Examined(PDF, sha256, len(body)), found, signatures, detail=None, at=at)


def _judged(found: PdfSignature, known: Known, *, at: datetime) -> JudgedSignature:
    certificates = _loaded(found.certificates)
    if not certificates:
        return JudgedSignature(found, None, found.findings, at)
    leaf, *between = certificates
    findings: tuple[Finding, ...] = (not_judged(),)
    if known.anchors:
        findings = validate(
            leaf,
            intermediates=between,
            anchors=known.anchors,
            revocations=known.revocations(between),
            at=at,
            unknown_revocation=UnknownRevocation.ACCEPT,
        ).findings
    kind = kind_hint(leaf)
    role = kind.value if kind is not None else None
    return JudgedSignature(found, leaf, (*found.findings, *findings), at, role=role)


def _loaded(ders: Iterable[bytes]) -> list[x509.Certificate]:
    """Read certificates up to the first that is none; who signed comes first."""
    found = []
    for der in ders:
        try:
            found.append(load(der))
        except UnreadableCertificate:
            break
    return found
