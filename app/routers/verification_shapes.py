"""What a verification report looks like from outside: members, meanings, and the words beside the codes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from app.exchange.verification_words import words
from app.findings import Indication
from app.routers.inspection_views import InspectionView, PdfView


class Meaning(BaseModel):
    """What a code means, for people."""

    vi: str
    en: str

    @classmethod
    def of(cls, group: str, code: str) -> "Meaning":
        """Look a code up."""
        return cls(**words(group, code)._asdict())


class ExaminedView(BaseModel):
    """The octets the report is about."""

    media_type: str = Field(examples=["application/xml"])
    sha256: str = Field(description="SHA-256 of the octets, hex.")
    size: int = Field(description="Their number.")


class TimesView(BaseModel):
    """When."""

    received_at: datetime | None = Field(description="When all of it had arrived; null for a file that was not sent.")
    judged_at: datetime = Field(description="When this report was made.")


class SignatureSumView(BaseModel):
    """What is proven of the signatures alone, whatever is wrong with the content."""

    indication: Indication
    sub_indication: str | None


class StepView(BaseModel):
    """One step of the verification."""

    number: int
    step: str = Field(examples=["trust"])
    outcome: str = Field(description="`passed`, `failed`, `indeterminate` or `not-run`.")
    title: str = Field(description="English.")
    title_vi: str

    @classmethod
    def of(cls, step: Mapping[str, Any]) -> "StepView":
        """Show a step with its name."""
        named = words("step", step["step"])
        return cls(**step, title=named.en, title_vi=named.vi)


class ReferenceView(BaseModel):
    """Something a signature covers."""

    uri: str = Field(description="Empty for the whole document.")
    covers: str = Field(description="`document` or `part`.")
    digest_algorithm: str = Field(examples=["sha256"])
    digest: str = Field(description="Hex.")


class RevocationView(BaseModel):
    """What was known of a certificate's revocation, and from where."""

    status: str = Field(description="`good`, `revoked`, `revoked-later` (after it was used) or `unknown`.")
    reason: str | None = Field(description="Why it was revoked, or why nothing is known.", examples=["stale"])
    revoked_at: datetime | None
    fresh_until: datetime | None = Field(description="When this stops being known by itself.")
    evidence: list[str] = Field(description="SHA-256 of the lists and answers; described under `evidence`.")


class PathStepView(BaseModel):
    """One certificate of a path."""

    certificate: str = Field(description="SHA-256; described under `certificates`.")
    anchor: bool = Field(description="Whether it is the trust anchor, whose revocation is not asked about.")
    revocation: RevocationView | None = Field(description="Null for the anchor, and where no path was found.")


class TimestampView(BaseModel):
    """A trusted timestamp over a signature."""

    time: datetime = Field(description="genTime.")
    authority: str = Field(description="SHA-256 of the authority's certificate.")
    evidence: str = Field(description="SHA-256 of the token.")


class SignatureView(BaseModel):
    """One signature."""

    number: int = Field(description="From 1, in the order of the document.")
    indication: Indication = Field(description="Of this signature alone.")
    sub_indication: str | None = Field(examples=["TRY_LATER"], description="Why it is not proven valid.")
    form: str = Field(examples=["XMLDSig", "XAdES-BASELINE-B", "XAdES-BASELINE-T", "PDF"])
    role: str | None = Field(description="`seal` of an agency or `person`; null where that is not known.")
    agency: str | None = Field(
        description="Code of the agency its certificate is registered for; null where it is not."
    )
    certificate: str | None = Field(description="SHA-256 of the signer's certificate.")
    intact: bool | None = Field(description="Whether it holds and covers what it has to; null where it was not asked.")
    algorithm: str | None = Field(examples=["rsa-sha256"])
    canonicalization: str | None
    references: list[ReferenceView]
    claimed_signing_time: datetime | None = Field(description="What the signer says; proves nothing.")
    best_signing_time: datetime = Field(description="It is proven to have existed then; certificates are judged at it.")
    best_signing_time_by: str = Field(description="`timestamp`, `receipt`, or `asking` where nothing proves a time.")
    timestamp: TimestampView | None
    path: list[PathStepView] = Field(
        description="From the signer to the anchor; the signer alone where none was found."
    )


class CertificateFactsView(BaseModel):
    """What a certificate says of itself."""

    sha256: str
    subject: str = Field(description="RFC 4514.")
    issuer: str
    serial: str = Field(description="Hex.")
    not_before: datetime
    not_after: datetime


class EvidenceView(BaseModel):
    """Something the report rests on."""

    sha256: str
    kind: str = Field(description="`certificate`, `crl`, `ocsp` or `timestamp`.")
    about: str | None = Field(description="Subject of the certificate, or issuer of the list or answer; RFC 4514.")
    since: datetime | None = Field(description="Beginning of its period, thisUpdate, or the time it proves.")
    until: datetime | None = Field(description="End of its period, nextUpdate.")
    kept: bool = Field(description="Whether this node keeps it.")


class ExaminedAttachmentView(BaseModel):
    """An attachment as it was found."""

    number: int
    name: str | None = Field(description="Null for whom the content is none of their business.")
    media_type: str = Field(description="By its first bytes.")
    size: int
    sha256: str
    pdf: PdfView | None = Field(
        default=None, description="The signatures in a PDF; null where none were looked for, or not yet."
    )


class ReportFindingView(BaseModel):
    """One thing a step found."""

    step: str
    code: str
    severity: str
    message: str | None = Field(description="Null for whom the content is none of their business.")
    fix: str
    source: str
    location: str | None


class VerificationReportView(BaseModel):
    """A verification report (indications after ETSI EN 319 102-1)."""

    type: str = Field(examples=["truc.verification-report"])
    version: int = Field(examples=[1])
    indication: Indication = Field(description="What was decided about the message as a whole.")
    sub_indication: str | None = Field(description="Where the standard has one for this indication.")
    meaning: Meaning
    sub_meaning: Meaning | None
    proven: bool = Field(description="Whether everything that had to be is proven; false for all but TOTAL-PASSED.")
    signature: SignatureSumView
    legacy: str | None = Field(
        default=None,
        description="A form of signature that proves nothing: `unsigned`, `sha1` or `foreign-namespace`; let in, if "
        "at all, by a dated policy for its sender.",
    )
    legacy_meaning: Meaning | None = None
    examined: ExaminedView
    times: TimesView
    steps: list[StepView]
    signatures: list[SignatureView]
    certificates: list[CertificateFactsView] = Field(description="Every certificate that is named above, once.")
    evidence: list[EvidenceView]
    attachments: list[ExaminedAttachmentView]
    findings: list[ReportFindingView] = Field(description="In the order of the steps.")
    pdf: PdfView | None = Field(default=None, description="The signatures in detail, where a PDF was examined.")

    @classmethod
    def members(cls, report: Mapping[str, Any]) -> dict[str, Any]:
        """Give a report's members with the words for its codes."""
        cause, legacy = report["signature"]["sub_indication"], report.get("legacy")
        return {
            **report,
            "meaning": Meaning.of("indication", report["indication"]),
            "sub_meaning": Meaning.of("sub-indication", cause) if cause is not None else None,
            "legacy_meaning": Meaning.of("legacy", legacy) if legacy is not None else None,
            "steps": [StepView.of(step) for step in report["steps"]],
        }

    @classmethod
    def of(cls, report: Mapping[str, Any]) -> "VerificationReportView":
        """Show a report."""
        return cls(**cls.members(report))


class DocumentReportView(VerificationReportView):
    """A report that is kept with its document."""

    document: str
    revision: int = Field(description="0: made when the document was accepted; one more each time it was judged again.")
    revisions: int = Field(description="How many there are.")
    with_content: bool = Field(
        description="Whether it tells what the document says: names of files, words of findings, signers of PDFs."
    )
    inspection: InspectionView | None = Field(description="How far the looking into PDF attachments has come.")
