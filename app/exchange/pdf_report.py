"""The verification report of a PDF by itself: the members of a message's report, and the detail of its signatures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cryptography import x509

from app.exchange.shelf import Cited
from app.exchange.signature_facts import SignatureFacts, certificate_cited
from app.exchange.steps import Step
from app.exchange.verification_report import ASKING, Examined, Report, assembled
from app.findings import Finding, Severity, Verdict
from app.ledger.events import instant_text
from app.signing.indications import sub_indication_of
from app.signing.pdf_found import Coverage, PdfExamination, PdfSignature

_TRUST: Final = ("rfc5280.", "ours.certificate.", "ours.trust.")


@dataclass(frozen=True, slots=True)
class JudgedSignature:
    """A signature of a PDF and what is to be said of whoever made it.

    Attributes:
        certificate: the signer's; None where it cannot be read.
        findings: about the signature and about its certificate.
        at: when it is proven to have existed.
        stamped: whether a trusted timestamp proves that; else it is the moment of asking.
        role: `seal` or `person`, as far as that is known.
        agency: code of the agency the certificate is registered for.
    """

    found: PdfSignature
    certificate: x509.Certificate | None
    findings: tuple[Finding, ...]
    at: datetime
    stamped: bool = False
    role: str | None = None
    agency: str | None = None


def report_of_pdf(
    examined: Examined,
    found: PdfExamination,
    signatures: Sequence[JudgedSignature],
    *,
    detail: Mapping[str, Any] | None,
    at: datetime,
) -> Report:
    """Build the report of a PDF that somebody asks about.

    Args:
        detail: what the node says of PDFs in attachments, under `pdf`; None where nobody asked it.
    """
    made: dict[Step, tuple[Finding, ...]] = {Step.MARKUP: found.findings}
    if found.revisions:
        everything = [each for signature in signatures for each in signature.findings]
        made[Step.SIGNATURE] = () if signatures else (_unsigned(),)
        if signatures:
            made[Step.TRUST] = tuple(each for each in everything if each.code.startswith(_TRUST))
            made[Step.INTEGRITY] = tuple(each for each in everything if not each.code.startswith(_TRUST))
    verdict = Verdict.of(each for findings in made.values() for each in findings)
    facts = [_facts(number, each) for number, each in enumerate(signatures, start=1)]
    return {**assembled(examined, verdict, made, facts, (), at=at, received=False, kept=()), "pdf": detail}


def _facts(number: int, judged: JudgedSignature) -> SignatureFacts:
    indication, cause = sub_indication_of(judged.findings)
    cited: tuple[Cited, ...] = (certificate_cited(judged.certificate),) if judged.certificate is not None else ()
    claimed = judged.found.claimed_at
    shown = {
        "number": number,
        "indication": indication.value,
        "sub_indication": cause.value if cause is not None else None,
        "form": "PDF",
        "role": judged.role,
        "agency": judged.agency,
        "certificate": cited[0].sha256 if cited else None,
        "intact": judged.found.intact and judged.found.coverage is not Coverage.PART,
        "algorithm": None,
        "canonicalization": None,
        "references": [],
        "claimed_signing_time": instant_text(claimed) if claimed is not None else None,
        "best_signing_time": instant_text(judged.at),
        "best_signing_time_by": "timestamp" if judged.stamped else ASKING,
        "timestamp": None,
        "path": [{"certificate": each.sha256, "anchor": False, "revocation": None} for each in cited],
    }
    path = (judged.certificate,) if judged.certificate is not None else ()
    return SignatureFacts(shown, path, cited)


def _unsigned() -> Finding:
    return Finding(
        "ours.pdf.unsigned",
        Severity.UNKNOWN,
        "Nobody signed the PDF, so nothing about it is proven.",
        "Have it signed, or rely on the signature of the message it came with.",
        "ISO 32000-1 §12.8; ours, decision 0019",
    )
