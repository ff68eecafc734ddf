"""What a PDF's signatures are worth: what was found in the file, judged with what this node knows of certificates.

A certificate is judged at the time that is proven: a timestamp's by an authority this node trusts, else the time the
document arrived; what the signer says of the time proves nothing (ETSI EN 319 102-1 §5.5).
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from cryptography import x509

from app.findings import Finding, Indication, Severity
from app.ledger.events import instant_text
from app.registry.known import Known, known_about
from app.signing.certificates import (
    UnreadableCertificate,
    fingerprint,
    issuer_of,
    kind_hint,
    load,
    parse_certificates,
    serial_of,
    subject_of,
)
from app.signing.indications import sub_indication_of
from app.signing.path import UnknownRevocation
from app.signing.pdf_found import PdfExamination, PdfSignature, PdfTimestamp, Role
from app.signing.revocations import Revocation
from app.signing.timestamps import TimestampRefused, verify_token
from app.store import certificates as rows
from app.store.database import Database


class PdfStatus(StrEnum):
    """What is to be said of a PDF in one word."""

    VALID = "valid"
    """At least one signature is proven, and none is broken."""
    INDETERMINATE = "indeterminate"
    """It is signed, nothing is broken, and no signature is proven: by whom, or whether still in force, is not known."""
    INVALID = "invalid"
    """A signature is broken, or does not cover what one sees."""
    UNSIGNED = "unsigned"
    """Nobody signed it."""
    UNREADABLE = "unreadable"
    """It could not be looked into: damaged, encrypted or too long."""


@dataclass(frozen=True, slots=True)
class PdfVerdict:
    """A PDF and what its signatures are worth.

    Attributes:
        shown: the same with every signature, as JSON values; names in certificates are in it, text of the PDF is not.
    """

    status: PdfStatus
    shown: Mapping[str, Any]


async def judged(database: Database, found: PdfExamination, *, received_at: datetime) -> PdfVerdict:
    """Judge what was found in a PDF.

    Args:
        received_at: when the file is proven to have been there.

    Raises:
        Unavailable: the registry does not answer.
    """
    signatures = [await _signature(database, each, received_at=received_at) for each in found.signatures]
    status = _status(found, signatures)
    shown = {
        "status": status.value,
        "revisions": found.revisions,
        "signatures": signatures,
        "findings": _shown(found.findings),
    }
    return PdfVerdict(status, shown)


def unsigned() -> PdfVerdict:
    """Say of a PDF in which there is no mark of a signature what would be said after reading it."""
    return PdfVerdict(
        PdfStatus.UNSIGNED, {"status": PdfStatus.UNSIGNED.value, "revisions": 0, "signatures": [], "findings": []}
    )


def _status(found: PdfExamination, signatures: Sequence[Mapping[str, Any]]) -> PdfStatus:
    own = [each for each in signatures if each["role"] != Role.TIMESTAMP.value]
    if any(each["broken"] or each["indication"] == Indication.TOTAL_FAILED.value for each in signatures):
        return PdfStatus.INVALID
    if not own:
        return PdfStatus.UNREADABLE if found.revisions == 0 else PdfStatus.UNSIGNED
    proven = any(each["indication"] == Indication.TOTAL_PASSED.value for each in own)
    return PdfStatus.VALID if proven and not found.findings else PdfStatus.INDETERMINATE


async def _signature(database: Database, found: PdfSignature, *, received_at: datetime) -> dict[str, Any]:
    stamped_at, stamp_findings = await _stamped(database, found.timestamp, received_at=received_at)
    at = stamped_at or received_at
    signer, findings = await _signer(database, found, at=at)
    everything = (*found.findings, *findings)
    indication, cause = sub_indication_of(everything)
    return {
        "field": found.field,
        "role": found.role.value,
        "indication": indication.value,
        "sub_indication": cause.value if cause is not None else None,
        "broken": not found.intact or any(finding.refuses for finding in found.findings),
        "intact": found.intact,
        "covers": found.coverage.value,
        "revision": found.revision,
        "later_changes": found.changes.value,
        "signer": signer,
        "claimed_at": instant_text(found.claimed_at) if found.claimed_at else None,
        "timestamp": None
        if found.timestamp is None
        else {"at": instant_text(stamped_at) if stamped_at else None, "findings": _shown(stamp_findings)},
        "judged_at": instant_text(at),
        "findings": _shown(everything),
    }


async def _signer(
    database: Database, found: PdfSignature, *, at: datetime
) -> tuple[dict[str, Any] | None, tuple[Finding, ...]]:
    leaf, *others = _loaded(found.certificates) or (None,)
    if leaf is None:
        return None, ()
    registered, known = await _known(database, leaf, others)
    verdict = await asyncio.to_thread(known.judge, leaf, at=at, unknown_revocation=UnknownRevocation.ACCEPT)
    kind = kind_hint(leaf)
    signer = {
        "subject": subject_of(leaf),
        "issuer": issuer_of(leaf),
        "serial": serial_of(leaf),
        "sha256": fingerprint(leaf),
        "kind": registered.kind if registered is not None else kind.value if kind is not None else None,
        "agency": registered.organ_id if registered is not None else None,
    }
    findings = verdict.findings
    if found.role is Role.TIMESTAMP:
        # Authorities of time have a purpose of their own, which the engine takes for a wrong one.
        findings = tuple(each for each in findings if each.code != "rfc5280.4.2.1.12.wrong-purpose")
    return signer, findings


async def _stamped(
    database: Database, stamp: PdfTimestamp | None, *, received_at: datetime
) -> tuple[datetime | None, tuple[Finding, ...]]:
    """Give the time a timestamp proves; None where it proves none, and why."""
    certificates = _loaded(stamp.certificates) if stamp is not None else ()
    if stamp is None or not certificates:
        return None, ()
    _, known = await _known(database, certificates[0], certificates[1:])
    try:
        verified = await asyncio.to_thread(
            verify_token,
            stamp.token,
            stamp.octets,
            anchors=known.anchors,
            revocations=known.revocations,
            intermediates=known.intermediates,
            unknown_revocation=UnknownRevocation.ACCEPT,
        )
    except TimestampRefused as error:
        # That a time is not proven takes nothing from the signature: it is judged at the time of receipt.
        return None, tuple(replace(each, severity=Severity.WARNING) for each in error.findings)
    if any(each.severity is Severity.UNKNOWN for each in verified.findings) or verified.gen_time > received_at:
        return None, verified.findings
    return verified.gen_time, verified.findings


async def _known(
    database: Database, leaf: x509.Certificate, others: Sequence[x509.Certificate]
) -> tuple[Any | None, Known]:
    async with database.read() as tx:
        row = await rows.find(tx, fingerprint(leaf))
        enrolled = parse_certificates(row.chain_pem.encode("ascii")) if row is not None and row.chain_pem else ()
        known = await known_about(tx, leaf, intermediates=(*enrolled, *others))
    if row is not None and row.revoked_at is not None:
        revocation = Revocation(row.revoked_at, row.revocation_reason or "unspecified")
        known.revocations.tell(issuer_of(leaf), leaf.serial_number, revocation)
    return row, known


def _loaded(ders: Iterable[bytes]) -> tuple[x509.Certificate, ...]:
    """Read certificates from a stranger; the first must be readable, others are left out."""
    found: list[x509.Certificate] = []
    for number, der in enumerate(ders):
        try:
            found.append(load(der))
        except UnreadableCertificate:
            if number == 0:
                return ()
    return tuple(found)


def _shown(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    return [asdict(finding) for finding in findings]
