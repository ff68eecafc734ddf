"""What the signatures in a PDF are: by whom, over what, unbroken or not, and what was changed afterwards.

Owns the reading of PDF signatures (ISO 32000-1 §12.8, ETSI EN 319 142-1) with pyHanko, which is pure Python and takes
tens of milliseconds for an honest file and as long as it likes for another: run this only in a process that may be
killed. Nothing is fetched, nobody is trusted here: certificates are given on as they were found, and who judges them
has the registry's anchors. Whatever is wrong with a file is a finding, never an exception.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import IO, Any, Final

from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.general import extract_certificate_info
from pyhanko.sign.validation.generic_cms import validate_sig_integrity
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import SignatureCoverageLevel

from app.findings import Finding, Severity
from app.signing.pdf_found import Changes, Coverage, PdfExamination, PdfLimits, PdfSignature, PdfTimestamp, Role
from app.signing.refusal import shortened

SOURCE: Final = "ISO 32000-1 §12.8; ETSI EN 319 142-1; ours, decision 0017"
_DIGESTS: Final = frozenset({"sha256", "sha384", "sha512"})
_TIMESTAMP: Final = "/ETSI.RFC3161"
_PROFILES: Final = frozenset({"/adbe.pkcs7.detached", "/ETSI.CAdES.detached", _TIMESTAMP})
_FIELD_LENGTH: Final = 120
DEFAULT_LIMITS: Final = PdfLimits()


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


def examine(file: IO[bytes], *, limits: PdfLimits = DEFAULT_LIMITS) -> PdfExamination:
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
        why = _named(error)
        finding = Finding(
            "ours.pdf.signature-unreadable",
            Severity.ERROR,
            f"The signature {field} cannot be read: {why}.",
            "Sign the file again with software that follows ISO 32000-1.",
            SOURCE,
        )
        return PdfSignature(field, Role.APPROVAL, False, Coverage.PART, 0, Changes.OTHER, None, None, (), (finding,))  # noqa: FBT003


def _looked_at(embedded: EmbeddedPdfSignature, field: str, limits: PdfLimits) -> PdfSignature:
    profile = str(embedded.sig_object.get("/SubFilter", ""))
    embedded.compute_integrity_info()  # type: ignore[no-untyped-call]
    summary = embedded.summarise_integrity_info()
    certificates = _certificates(embedded.signed_data, limits)
    covered = _COVERAGE.get(summary["coverage"], Coverage.PART)
    coverage = covered if _in_its_gap(embedded) else Coverage.PART
    level = getattr(summary["diff_result"], "modification_level", ModificationLevel.OTHER)
    allowed = summary["docmdp_ok"] and not _two_faced_later(embedded)
    changes = _CHANGES[level] if coverage is not Coverage.PART and allowed else Changes.OTHER
    findings = [*_defects(embedded, field, profile)]
    intact = not findings
    if coverage is Coverage.PART:
        findings.append(_partial(field))
    elif not allowed:
        findings.append(_changed(field))
    findings += _weak(embedded, field, profile)
    return PdfSignature(
        field=field,
        role=_role(embedded, profile),
        intact=intact,
        coverage=coverage,
        revision=embedded.signed_revision + 1,
        changes=changes,
        claimed_at=_claimed(embedded, profile),
        timestamp=None if profile == _TIMESTAMP else _timestamp(embedded, limits),
        certificates=certificates,
        findings=tuple(findings),
    )


def _two_faced_later(embedded: EmbeddedPdfSignature) -> bool:
    """Whether something was appended since that old and new readers see differently (ISO 32000-1 §7.5.8.4).

    Word processors write their first revision so, and sign it; nobody has to append so.
    """
    xrefs = embedded.reader.xrefs
    later = range(embedded.signed_revision + 1, xrefs.total_revisions)
    return any(xrefs.get_xref_data(revision).hybrid is not None for revision in later)


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


def _defects(embedded: EmbeddedPdfSignature, field: str, profile: str) -> Iterator[Finding]:
    """Say why a signature does not hold."""
    if profile == _TIMESTAMP:
        token = embedded.signed_data["encap_content_info"]["content"]
        if token.parsed["message_imprint"]["hashed_message"].native != embedded.compute_digest():
            yield _not_intact(field, "the file is not what was time-stamped")
        elif not _token_holds(embedded.signed_data):
            yield _value_wrong(field, "the value of the timestamp's own signature is wrong")
        return
    certificate = extract_certificate_info(embedded.signed_data).signer_cert
    try:
        intact, valid = validate_sig_integrity(
            embedded.signer_info, certificate, expected_content_type="data", actual_digest=embedded.compute_digest()
        )
    except Exception as error:  # noqa: BLE001 - a signature that cannot be checked does not hold
        yield _value_wrong(field, f"it cannot be checked ({_named(error)})")
        return
    if not intact:
        yield _not_intact(field, "what it is over was changed")
    elif not valid:
        yield _value_wrong(field, "its value is not that of the certificate's key")


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
    """Give the first timestamp over the signature's value; one that cannot be read counts as none."""
    try:
        for attribute in embedded.signer_info["unsigned_attrs"]:
            if attribute["type"].native == "signature_time_stamp_token":
                token = attribute["values"][0]
                return PdfTimestamp(
                    token.dump(), embedded.signer_info["signature"].native, _certificates(token["content"], limits)
                )
    except Exception:  # noqa: BLE001 - no time is proven, whatever broke
        return None
    return None


def _certificates(signed: Any, limits: PdfLimits) -> tuple[bytes, ...]:
    named = extract_certificate_info(signed)
    return tuple(each.dump() for each in (named.signer_cert, *named.other_certs[: limits.certificates_max]))


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


def _named(error: Exception) -> str:
    return f"{type(error).__name__} {shortened(str(error), 160)}"


def _unreadable(error: Exception) -> Finding:
    why = _named(error)
    return Finding(
        "ours.pdf.unreadable",
        Severity.UNKNOWN,
        f"The PDF cannot be read: {why}.",
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


def _not_intact(field: str, why: str) -> Finding:
    return Finding(
        "ours.pdf.not-intact",
        Severity.ERROR,
        f"The signature {field} does not hold: {why}.",
        "Send the file as it was signed.",
        SOURCE,
    )


def _value_wrong(field: str, why: str) -> Finding:
    return Finding(
        "ours.pdf.value-wrong",
        Severity.ERROR,
        f"The signature {field} does not hold: {why}.",
        "Sign the file again, with the key of the certificate that goes with it.",
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
