"""What the signatures in a PDF are: by whom, over what, unbroken or not, and what was changed afterwards.

Owns the reading of PDF signatures (ISO 32000-1 §12.8, ETSI EN 319 142-1) with pyHanko, which is pure Python and takes
tens of milliseconds for an honest file and as long as it likes for another: run this only in a process that may be
killed. Nothing is fetched, nobody is trusted here: certificates are given on as they were found, and who judges them
has the registry's anchors. Whatever is wrong with a file is a finding, never an exception.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import IO, Any, Final

from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.general import extract_certificate_info
from pyhanko.sign.validation.generic_cms import extract_tst_data_iter, validate_sig_integrity
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import SignatureCoverageLevel

from app.findings import Finding, Severity
from app.signing.refusal import shortened

SOURCE: Final = "ISO 32000-1 §12.8; ETSI EN 319 142-1; ours, decision 0017"
_DIGESTS: Final = frozenset({"sha256", "sha384", "sha512"})
_TIMESTAMP: Final = "/ETSI.RFC3161"
_PROFILES: Final = frozenset({"/adbe.pkcs7.detached", "/ETSI.CAdES.detached", _TIMESTAMP})
_FIELD_LENGTH: Final = 120


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


_CHANGES: Final = {
    ModificationLevel.NONE: Changes.NONE,
    ModificationLevel.LTA_UPDATES: Changes.MAINTENANCE,
    ModificationLevel.FORM_FILLING: Changes.FORM_FILLING,
    ModificationLevel.ANNOTATIONS: Changes.ANNOTATIONS,
    ModificationLevel.OTHER: Changes.OTHER,
}
_COVERAGE: Final = {
    SignatureCoverageLevel.ENTIRE_FILE: Coverage.WHOLE_FILE,
    SignatureCoverageLevel.ENTIRE_REVISION: Coverage.REVISION,
}


@dataclass(frozen=True, slots=True)
class PdfTimestamp:
    """A timestamp over a signature's value (RFC 3161).

    Attributes:
        at: its genTime, UTC.
        intact: whether it is over this signature and its own signature holds; who made it is not judged here.
        certificates: in DER, the authority's own first.
    """

    at: datetime
    intact: bool
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


def examine(file: IO[bytes], *, limits: PdfLimits = PdfLimits()) -> PdfExamination:
    """Look into a PDF. Raises nothing for what is in the file; takes as long as it takes.

    Args:
        file: open for reading, seekable.
    """
    size = file.seek(0, 2)
    if size > limits.octets_max:
        return _nothing(
            Finding(
                "ours.pdf.too-long",
                Severity.UNKNOWN,
                f"The PDF has {size} octets; at most {limits.octets_max} are looked into.",
                "Send a shorter file, or have the operator raise the limit.",
                SOURCE,
            )
        )
    try:
        reader = PdfFileReader(file, strict=False)
        if reader.encrypted:
            return _nothing(_encrypted())
        found: Sequence[EmbeddedPdfSignature] = reader.embedded_signatures
        revisions = reader.xrefs.total_revisions
    except Exception as error:  # noqa: BLE001 - it is the file's fault, whatever broke
        return _nothing(_unreadable(error))
    findings = (_too_many(len(found), limits.signatures_max),) if len(found) > limits.signatures_max else ()
    signatures = tuple(_signature(each, limits) for each in found[: limits.signatures_max])
    return PdfExamination(revisions, signatures, findings)


def _nothing(finding: Finding) -> PdfExamination:
    return PdfExamination(0, (), (finding,))


def _signature(embedded: EmbeddedPdfSignature, limits: PdfLimits) -> PdfSignature:
    """Look at one signature; what cannot be found out of it counts against it."""
    field = shortened(str(embedded.fq_name), _FIELD_LENGTH)
    try:
        return _looked_at(embedded, field, limits)
    except Exception as error:  # noqa: BLE001 - what a stranger wrote broke it
        finding = Finding(
            "ours.pdf.signature-unreadable",
            Severity.ERROR,
            f"The signature {field} cannot be read: {type(error).__name__} {shortened(str(error), 160)}.",
            "Sign the file again with software that follows ISO 32000-1.",
            SOURCE,
        )
        return PdfSignature(field, Role.APPROVAL, False, Coverage.PART, 0, Changes.OTHER, None, None, (), (finding,))  # noqa: FBT003


def _looked_at(embedded: EmbeddedPdfSignature, field: str, limits: PdfLimits) -> PdfSignature:
    profile = str(embedded.sig_object.get("/SubFilter", ""))
    embedded.compute_integrity_info()  # type: ignore[no-untyped-call]
    summary = embedded.summarise_integrity_info()
    named = extract_certificate_info(embedded.signed_data)
    covered = _COVERAGE.get(summary["coverage"], Coverage.PART)
    coverage = covered if _in_its_gap(embedded) else Coverage.PART
    level = getattr(summary["diff_result"], "modification_level", ModificationLevel.OTHER)
    changes = _CHANGES[level] if coverage is not Coverage.PART else Changes.OTHER
    certificates = tuple(each.dump() for each in (named.signer_cert, *named.other_certs[: limits.certificates_max]))
    defect = _defect(embedded, named.signer_cert, profile)
    findings = [_broken(field, defect)] if defect else []
    if coverage is Coverage.PART:
        findings.append(_partial(field))
    elif not summary["docmdp_ok"]:
        findings.append(_changed(field))
    findings += _weak(embedded, field, profile)
    return PdfSignature(
        field=field,
        role=_role(embedded, profile),
        intact=defect is None,
        coverage=coverage,
        revision=embedded.signed_revision + 1,
        changes=changes,
        claimed_at=_claimed(embedded, profile),
        timestamp=None if profile == _TIMESTAMP else _timestamp(embedded, limits),
        certificates=certificates,
        findings=tuple(findings),
    )


def _role(embedded: EmbeddedPdfSignature, profile: str) -> Role:
    if profile == _TIMESTAMP:
        return Role.TIMESTAMP
    return Role.APPROVAL if embedded.docmdp_level is None else Role.CERTIFICATION


def _in_its_gap(embedded: EmbeddedPdfSignature) -> bool:
    """Whether the octets a signature leaves out are its own value, and nothing that a viewer might read."""
    start, length, behind, _ = map(int, embedded.byte_range)
    stream = embedded.reader.stream
    stream.seek(start + length)
    gap = stream.read(max(0, behind - start - length))
    if gap[:1] != b"<" or gap[-1:] != b">":
        return False
    try:
        return bytes.fromhex(gap[1:-1].decode("ascii")) == embedded.pkcs7_content
    except ValueError:
        return False


def _defect(embedded: EmbeddedPdfSignature, certificate: Any, profile: str) -> str | None:
    """Say why a signature does not hold; None where it does."""
    if profile == _TIMESTAMP:
        token = embedded.signed_data["encap_content_info"]["content"]
        imprint = token.parsed["message_imprint"]["hashed_message"].native
        if imprint != embedded.compute_digest():
            return "the file is not what was time-stamped"
        return None if _token_holds(embedded.signed_data) else "the value of the timestamp's signature is wrong"
    try:
        intact, valid = validate_sig_integrity(
            embedded.signer_info, certificate, expected_content_type="data", actual_digest=embedded.compute_digest()
        )
    except Exception as error:  # noqa: BLE001 - a signature that cannot be checked does not hold
        return f"it cannot be checked ({type(error).__name__} {shortened(str(error), 160)})"
    if not intact:
        return "what it is over was changed"
    return None if valid else "its value is not that of the certificate's key"


def _weak(embedded: EmbeddedPdfSignature, field: str, profile: str) -> Iterator[Finding]:
    used = {embedded.md_algorithm, embedded.external_md_algorithm}
    if profile in _PROFILES and used <= _DIGESTS:
        return
    name = f"the digest {', '.join(sorted(used - _DIGESTS))}" if profile in _PROFILES else f"the profile {profile}"
    yield Finding(
        "ours.pdf.weak-signature",
        Severity.ERROR,
        f"The signature {field} uses {shortened(name)}, which proves nothing any more.",
        "Sign with SHA-256 or better, as adbe.pkcs7.detached or ETSI.CAdES.detached.",
        SOURCE,
    )


def _claimed(embedded: EmbeddedPdfSignature, profile: str) -> datetime | None:
    if profile == _TIMESTAMP:
        return _aware(embedded.signed_data["encap_content_info"]["content"].parsed["gen_time"].native)
    try:
        return _aware(embedded.self_reported_timestamp)
    except Exception:  # noqa: BLE001 - it proves nothing anyway
        return None


def _aware(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _timestamp(embedded: EmbeddedPdfSignature, limits: PdfLimits) -> PdfTimestamp | None:
    """Read the first timestamp over the signature's value; one that cannot be read counts as none."""
    try:
        token = next(extract_tst_data_iter(embedded.signer_info, signed=False), None)
        if token is None:
            return None
        info = token["encap_content_info"]["content"].parsed
        imprint = info["message_imprint"]
        algorithm = imprint["hash_algorithm"]["algorithm"].native
        digest = hashlib.new(algorithm, embedded.signer_info["signature"].native).digest()
        over_it = algorithm in _DIGESTS and imprint["hashed_message"].native == digest
        named = extract_certificate_info(token)
        moment = _aware(info["gen_time"].native)
        assert moment is not None, "RFC 3161 §2.4.2: genTime is not optional"
        return PdfTimestamp(
            at=moment,
            intact=over_it and _token_holds(token),
            certificates=tuple(
                each.dump() for each in (named.signer_cert, *named.other_certs[: limits.certificates_max])
            ),
        )
    except Exception:  # noqa: BLE001 - no time is proven, whatever broke
        return None


def _token_holds(token: Any) -> bool:
    """Whether the signature on a timestamp token holds by the certificate it names."""
    info = token["signer_infos"][0]
    algorithm = info["digest_algorithm"]["algorithm"].native
    digest = hashlib.new(algorithm, bytes(token["encap_content_info"]["content"])).digest()
    certificate = extract_certificate_info(token).signer_cert
    try:
        holds = validate_sig_integrity(info, certificate, expected_content_type="tst_info", actual_digest=digest)
    except Exception:  # noqa: BLE001 - a token that cannot be checked does not hold
        return False
    return algorithm in _DIGESTS and all(holds)


def _encrypted() -> Finding:
    return Finding(
        "ours.pdf.encrypted",
        Severity.UNKNOWN,
        "The PDF is encrypted; its signatures cannot be looked at.",
        "Send the file unencrypted: receivers cannot open it either.",
        SOURCE,
    )


def _unreadable(error: Exception) -> Finding:
    return Finding(
        "ours.pdf.unreadable",
        Severity.UNKNOWN,
        f"The PDF cannot be read: {type(error).__name__} {shortened(str(error), 160)}.",
        "Write the file again with software that follows ISO 32000-1.",
        SOURCE,
    )


def _too_many(found: int, looked_at: int) -> Finding:
    return Finding(
        "ours.pdf.signatures-too-many",
        Severity.UNKNOWN,
        f"The PDF has {found} signatures; {looked_at} were looked at.",
        "Send a file with fewer signatures.",
        SOURCE,
    )


def _broken(field: str, defect: str) -> Finding:
    return Finding(
        "ours.pdf.not-intact",
        Severity.ERROR,
        f"The signature {field} does not hold: {defect}.",
        "Send the file as it was signed.",
        SOURCE,
    )


def _partial(field: str) -> Finding:
    return Finding(
        "ours.pdf.partial",
        Severity.ERROR,
        f"The signature {field} does not cover the whole of the file as it was signed.",
        "Sign the whole file, with a ByteRange that leaves out nothing but the signature.",
        SOURCE,
    )


def _changed(field: str) -> Finding:
    return Finding(
        "ours.pdf.changed-afterwards",
        Severity.ERROR,
        f"After the signature {field} was made the file was changed in a way that it does not allow.",
        "Send the file as it was signed, or sign it again.",
        SOURCE,
    )
