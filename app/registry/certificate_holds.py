"""Certificates that do not count for a time: suspended at this node, and reinstated."""

from dataclasses import replace

from app.errors import Conflict, NotFound
from app.ledger.events import EventKind, record
from app.registry import certificates, directory
from app.registry.acts import Act, Done
from app.registry.model import CertificateStatus, RegisteredCertificate, SuspensionReason
from app.store import certificates as rows
from app.store.database import Database
from app.store.versions import Part, move


async def suspend(
    database: Database, sha256: str, *, reason: SuspensionReason, act: Act
) -> Done[RegisteredCertificate]:
    """Let a certificate not count at this node until it is reinstated; what was accepted before stays accepted.

    Raises:
        NotFound: no such certificate.
        Conflict: it is suspended or revoked.
        IdempotencyKeyReused: the key belongs to another request.
        Unavailable: the database does not answer; nothing was kept.
    """
    return await _switch(database, sha256, CertificateStatus.SUSPENDED, reason, act=act)


async def reinstate(database: Database, sha256: str, *, act: Act) -> Done[RegisteredCertificate]:
    """Let a suspended certificate count again from now on.

    Raises:
        NotFound: no such certificate.
        Conflict: it is not suspended.
        IdempotencyKeyReused: the key belongs to another request.
        Unavailable: the database does not answer; nothing was kept.
    """
    return await _switch(database, sha256, CertificateStatus.ACTIVE, None, act=act)


async def _switch(
    database: Database, sha256: str, after: CertificateStatus, reason: SuspensionReason | None, *, act: Act
) -> Done[RegisteredCertificate]:
    suspending = after is CertificateStatus.SUSPENDED
    before = CertificateStatus.ACTIVE if suspending else CertificateStatus.SUSPENDED
    async with database.write() as tx:
        if earlier := await act.before(tx, RegisteredCertificate):
            return earlier
        await move(tx, Part.TRUST)
        certificate = await certificates.find(tx, sha256)
        if certificate is None:
            raise NotFound("no certificate with this digest is registered")
        if certificate.status is not before:
            raise Conflict(f"the certificate is {certificate.status}, not {before}")
        agency = await directory.get(tx, certificate.organ_id)
        switched = replace(certificate, status=after, suspended_at=act.at if suspending else None)
        await rows.update(tx, sha256, {"status": after.value, "suspended_at": switched.suspended_at})
        kind = EventKind.CERTIFICATE_SUSPENDED if suspending else EventKind.CERTIFICATE_REINSTATED
        event = act.event(kind, agency.standing, sha256=sha256, reason=reason.value if reason else None)
        await record(tx, [event])
        # Leaving the block commits the change with the moved version: the next submission anywhere sees it.
        return await act.done(tx, switched)
