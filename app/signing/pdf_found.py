"""What was found in a PDF, as values; `pdf` finds it. Apart, so that who only passes them on need not load pyHanko."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.findings import Finding


@dataclass(frozen=True, slots=True)
class PdfLimits:
    """How far a PDF is looked into.

    Attributes:
        octets_max: longest file.
        signatures_max: most signatures; those behind are not looked at, and a finding says so.
        certificates_max: most certificates that are given on of one signature.
    """

    octets_max: int = 64 * 1024 * 1024
    signatures_max: int = 16
    certificates_max: int = 8


class Role(StrEnum):
    """What a signature is there for."""

    APPROVAL = "approval"
    """Somebody signed."""
    CERTIFICATION = "certification"
    """Somebody signed and said which later changes are allowed (DocMDP, ISO 32000-1 §12.8.2.2)."""
    TIMESTAMP = "timestamp"
    """An authority says when the file was there; nobody signed (ETSI EN 319 142-1 §5.4.3)."""


class Coverage(StrEnum):
    """How much of the file a signature is over."""

    WHOLE_FILE = "whole-file"
    """Every octet but those of the signature itself."""
    REVISION = "revision"
    """The file as it was when it was signed; something was appended later."""
    PART = "part"
    """Less than that, or something else: what one sees may not be what was signed."""


class Changes(StrEnum):
    """What was appended after a signature."""

    NONE = "none"
    """Nothing."""
    MAINTENANCE = "maintenance"
    """Evidence and timestamps that keep signatures verifiable (ETSI EN 319 142-1 §5.4)."""
    FORM_FILLING = "form-filling"
    """Further signatures, or fields filled in."""
    ANNOTATIONS = "annotations"
    """Remarks on the pages."""
    OTHER = "other"
    """Something that may change what one sees."""


@dataclass(frozen=True, slots=True)
class PdfTimestamp:
    """A timestamp over a signature's value (RFC 3161), as it was found; whether it proves anything is not judged here.

    Attributes:
        token: in DER.
        octets: the value it should be over.
        certificates: in DER, the authority's own first.
    """

    token: bytes
    octets: bytes
    certificates: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class PdfSignature:
    """One signature.

    Attributes:
        field: full name of its form field, shortened.
        intact: whether the digest and the signature's value hold, by the certificate it names.
        revision: which state of the file it was made over, from 1.
        changes: what was appended since.
        claimed_at: when the signer says it was made; proves nothing. Of a timestamp: its genTime.
        timestamp: the first over its value, if there is one.
        certificates: in DER, the signer's own first; empty where it cannot be found.
        findings: what is wrong with the signature itself; nothing about who made it.
    """

    field: str
    role: Role
    intact: bool
    coverage: Coverage
    revision: int
    changes: Changes
    claimed_at: datetime | None
    timestamp: PdfTimestamp | None
    certificates: tuple[bytes, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class PdfExamination:
    """What was found in one file.

    Attributes:
        revisions: how many states the file has, the first included; 0 where it could not be read.
        signatures: in the order they were made.
        findings: what is to be said of the file as a whole.
    """

    revisions: int
    signatures: tuple[PdfSignature, ...]
    findings: tuple[Finding, ...]
