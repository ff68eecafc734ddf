"""Certificates that speak for agencies: registering, listing, revoking them at this node.

A certificate is registered once, for one agency, and only when it leads to a trust anchor; several may be in force side
by side. A certificate that becomes valid later may be registered ahead, so that keys can change without a gap.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from app.edxml.organ_id import OrganId
from app.errors import AlreadyExists, Conflict, NotFound, RequestInvalid
from app.ledger.events import Event, EventKind, record
from app.registry import directory, revocation_sources
from app.registry.acts import Act, Done
from app.registry.known import Known, known_about, stored
from app.registry.model import (
    Agency,
    AgencyStatus,
    CertificateKind,
    CertificateStatus,
    RegisteredCertificate,
    RevocationReason,
)
from app.signing import possession
from app.signing.certificates import (
    fingerprint,
    issuer_of,
    parse_certificates,
    pem_of,
    serial_of,
    subject_of,
    validity_of,
)
from app.signing.path import PathVerdict, UnknownRevocation
from app.store import certificates as rows
from app.store.database import Database, Transaction
from app.store.versions import Part, move

BUNDLE_MAX = 8
"""Certificates in one registration: the agency's own and the authorities above it."""
SERIAL_LENGTH_MAX = 42
"""Hex digits kept of a serial number; RFC 5280 §4.1.2.2 allows 20 octets, which are 40."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What came with a certificate to prove that its key is at hand.

    Attributes:
        text: a certification request in PEM, or a compact JWS.
        audience: the node's public address.
    """

    text: str
    audience: str


async def register(
    database: Database,
    code: OrganId,
    bundle: bytes,
    kind: CertificateKind,
    *,
    proof: Proof | None = None,
    proof_needed: bool = False,
    follows: str | None = None,
    act: Act,
) -> Done[RegisteredCertificate]:
    """Register a certificate for an agency.

    Args:
        code: own code or alias of the agency.
        bundle: PEM or DER; the agency's certificate first, then the authorities above it, where the node does not know
            them from earlier registrations.
        proof: that its key is at hand.
        proof_needed: refuse where there is none.
        follows: digest of the certificate that answers for it, where the agency brings it by itself.

    Raises:
        NotFound: nobody has the code.
        Conflict: the agency is closed.
        AlreadyExists: the certificate is registered already, for this agency or another.
        RequestInvalid: no certificate, or one that leads to no trust anchor, has expired, is revoked, weak or not for
            signing, or whose key is not proven to be at hand; the findings say which.
        IdempotencyKeyReused: the key belongs to another request.
        Unavailable: the database does not answer; nothing was kept.
    """
    leaf, *above = bundle_of(bundle)
    async with database.read() as tx:
        if earlier := await act.told(tx, RegisteredCertificate):
            return earlier
        agency = await directory.get(tx, code)
        enrolled = [stored(der) for der in await rows.authority_ders(tx)]
        known = await known_about(tx, leaf, intermediates=[*above, *enrolled])
    if agency.status is AgencyStatus.CLOSED:
        raise Conflict(f"the agency {agency.organ_id} is closed")
    if proof_needed and proof is None:
        raise possession.missing()
    # After what was read: a repeated request is answered as before, when its statement has expired long since.
    proven = possession.prove(leaf, proof.text, audience=proof.audience, at=act.at) if proof else None
    verdict = await asyncio.to_thread(judged, leaf, known, at=act.at)
    certificate = described(leaf, agency, kind, proven=proven)
    row = row_of(certificate, leaf, verdict, at=act.at)
    async with database.write() as tx:
        if earlier := await act.before(tx, RegisteredCertificate):
            return earlier
        await move(tx, Part.TRUST)
        if not await rows.insert(tx, row):
            raise await _taken(tx, certificate)
        await rows.add_authorities(tx, [authority_row(each) for each in verdict.path[1:-1]])
        await revocation_sources.learn(tx, verdict.path[:-1], at=act.at)
        await record(tx, [registered(certificate, agency, act, follows=follows)])
        # Leaving the block commits the certificate, its event and the moved version that makes caches look again.
        return await act.done(tx, certificate)


async def list_of(
    tx: Transaction, organ_id: OrganId, *, after: str | None = None, limit: int
) -> tuple[RegisteredCertificate, ...]:
    """Return an agency's certificates, revoked and expired ones too, by digest.

    Args:
        organ_id: own code of the agency.
        after: digest of the last one of the page before.
    """
    found = await rows.of_agency(tx, organ_id.text, after=after, limit=limit)
    return tuple(certificate_of(row) for row in found)


async def find(tx: Transaction, sha256: str) -> RegisteredCertificate | None:
    """Return the certificate with this digest (hex)."""
    row = await rows.find(tx, sha256)
    return certificate_of(row) if row is not None else None


async def revoke(
    database: Database, sha256: str, *, reason: RevocationReason, revoked_at: datetime | None = None, act: Act
) -> Done[RegisteredCertificate]:
    """Let a certificate no longer count at this node, for good.

    Args:
        revoked_at: from when on it does not count, not later than now; None: now.

    Raises:
        NotFound: no such certificate.
        Conflict: it is revoked already.
        RequestInvalid: the moment lies ahead, or the reason is one that could be taken back.
        IdempotencyKeyReused: the key belongs to another request.
        Unavailable: the database does not answer; nothing was kept.
    """
    moment = revoked_at or act.at
    if moment > act.at:
        raise RequestInvalid("at: lies in the future; a certificate is revoked as of now or a moment past")
    if reason is RevocationReason.CERTIFICATE_HOLD:
        raise RequestInvalid("reason: revoking here is for good; to stop an agency for a time, suspend it")
    async with database.write() as tx:
        if earlier := await act.before(tx, RegisteredCertificate):
            return earlier
        await move(tx, Part.TRUST)
        certificate = await find(tx, sha256)
        if certificate is None:
            raise NotFound("no certificate with this digest is registered")
        if certificate.status is CertificateStatus.REVOKED:
            raise Conflict("the certificate is revoked already")
        agency = await directory.get(tx, certificate.organ_id)
        revoked = replace(
            certificate,
            status=CertificateStatus.REVOKED,
            revoked_at=moment,
            revocation_reason=reason,
            suspended_at=None,
        )
        await rows.update(tx, sha256, _columns(revoked))
        event = act.event(EventKind.CERTIFICATE_REVOKED, agency.standing, sha256=sha256, reason=reason.value)
        await record(tx, [event])
        # Leaving the block commits the revocation with the moved version: the next submission anywhere sees it.
        return await act.done(tx, revoked)


def certificate_of(row: Any) -> RegisteredCertificate:
    """Make the value from its row."""
    return RegisteredCertificate(
        sha256=row.sha256,
        organ_id=OrganId.parse(row.organ_id),
        kind=CertificateKind(row.kind),
        subject=row.subject,
        issuer=row.issuer,
        serial=row.serial,
        not_before=row.not_before,
        not_after=row.not_after,
        status=CertificateStatus(row.status),
        revoked_at=row.revoked_at,
        revocation_reason=RevocationReason(row.revocation_reason) if row.revocation_reason else None,
        suspended_at=row.suspended_at,
        possession=possession.Possession(row.possession) if row.possession else None,
    )


def bundle_of(octets: bytes) -> tuple[x509.Certificate, ...]:
    """Read an agency's certificate and the authorities above it.

    Raises:
        RequestInvalid: no certificates, too many, or one with a serial number that cannot be kept.
    """
    bundle = parse_certificates(octets)
    if len(bundle) > BUNDLE_MAX:
        raise RequestInvalid(f"the bundle has {len(bundle)} certificates; send at most {BUNDLE_MAX}")
    if len(serial_of(bundle[0])) > SERIAL_LENGTH_MAX:
        raise RequestInvalid("the certificate's serial number is longer than 20 octets (RFC 5280 §4.1.2.2)")
    return bundle


def judged(leaf: x509.Certificate, known: Known, *, at: datetime) -> PathVerdict:
    """Judge a certificate that is to be registered; takes milliseconds, so it belongs on a thread.

    Raises:
        RequestInvalid: it could never count; the findings say why.
    """
    # One that is not in force yet is judged as of the day it will be.
    moment = max(at, validity_of(leaf).not_before)
    verdict = known.judge(leaf, at=moment, unknown_revocation=UnknownRevocation.ACCEPT)
    if not verdict.passed:
        refusing = [finding for finding in verdict.findings if finding.refuses]
        raise RequestInvalid(refusing[0].message, findings=verdict.findings)
    return verdict


async def _taken(tx: Transaction, certificate: RegisteredCertificate) -> AlreadyExists:
    present = await find(tx, certificate.sha256)
    same = present is not None and present.organ_id == certificate.organ_id
    return AlreadyExists(f"the certificate is registered already, for {'this' if same else 'another'} agency")


def described(
    leaf: x509.Certificate, agency: Agency, kind: CertificateKind, *, proven: possession.Possession | None = None
) -> RegisteredCertificate:
    """Make the value of a certificate that is to be registered."""
    validity = validity_of(leaf)
    return RegisteredCertificate(
        sha256=fingerprint(leaf),
        organ_id=agency.organ_id,
        kind=kind,
        subject=subject_of(leaf),
        issuer=issuer_of(leaf),
        serial=serial_of(leaf),
        not_before=validity.not_before,
        not_after=validity.not_after,
        status=CertificateStatus.ACTIVE,
        possession=proven,
    )


def row_of(
    certificate: RegisteredCertificate, leaf: x509.Certificate, verdict: PathVerdict, *, at: datetime
) -> dict[str, Any]:
    """Make the row of a certificate that is to be registered, with the path it was judged by."""
    return {
        **_columns(certificate),
        "der": leaf.public_bytes(Encoding.DER),
        "chain_pem": "".join(pem_of(each) for each in verdict.path[1:-1]),
        "registered_at": at,
    }


def registered(certificate: RegisteredCertificate, agency: Agency, act: Act, *, follows: str | None = None) -> Event:
    """Make the event of a registration."""
    return act.event(
        EventKind.CERTIFICATE_REGISTERED,
        agency.standing,
        sha256=certificate.sha256,
        certificate_kind=certificate.kind.value,
        possession=certificate.possession.value if certificate.possession else None,
        follows=follows,
    )


def _columns(certificate: RegisteredCertificate) -> dict[str, Any]:
    reason = certificate.revocation_reason
    return {
        "sha256": certificate.sha256,
        "organ_id": certificate.organ_id.text,
        "kind": certificate.kind.value,
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "serial": certificate.serial,
        "not_before": certificate.not_before,
        "not_after": certificate.not_after,
        "status": certificate.status.value,
        "revoked_at": certificate.revoked_at,
        "revocation_reason": reason.value if reason else None,
        "suspended_at": certificate.suspended_at,
        "possession": certificate.possession.value if certificate.possession else None,
    }


def authority_row(certificate: x509.Certificate) -> dict[str, Any]:
    """Make the row of an authority between agencies and anchors."""
    return {
        "sha256": fingerprint(certificate),
        "subject": subject_of(certificate),
        "der": certificate.public_bytes(Encoding.DER),
    }
