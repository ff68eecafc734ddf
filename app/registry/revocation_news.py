"""What is news to the holder of a certificate: that an authority revoked it, told once, whichever way it is learned."""

from collections.abc import Mapping
from datetime import datetime

from app.edxml.organ_id import OrganId
from app.ids import new_id
from app.ledger.events import Event, EventKind
from app.registry import directory
from app.signing.crl import REMOVED, Revocation
from app.store import certificates as certificate_rows
from app.store import ocsp_answers
from app.store import revocation_sources as rows
from app.store.database import Transaction

_REVOKED = "revoked"


async def news(
    tx: Transaction,
    issuer: str,
    issuer_sha256: str,
    revoked: Mapping[int, Revocation],
    *,
    material: str,
    actor: str,
    at: datetime,
) -> list[Event]:
    """Make the events of registered certificates that turn out to be revoked; to be called before that is written.

    Args:
        issuer: distinguished name of the certificates' issuer, RFC 4514.
        issuer_sha256: digest of that name.
        revoked: by serial number.
        material: digest of the list or answer that says so.
        actor: who brought it.
    """
    registered = {row.serial: row for row in await rows.active_of(tx, issuer)}
    found = {
        f"{serial:x}": revocation
        for serial, revocation in revoked.items()
        if revocation.reason != REMOVED and f"{serial:x}" in registered
    }
    keys = {(issuer_sha256, serial) for serial in found}
    if not keys:
        return []
    told = {row.serial for row in await certificate_rows.revoked(tx, keys)}
    told |= {row.serial for row in await ocsp_answers.find_many(tx, keys) if row.status == _REVOKED}
    events = []
    for serial, revocation in found.items():
        if serial in told:
            continue
        holder = await directory.find(tx, OrganId.parse(registered[serial].organ_id))
        detail = {"sha256": registered[serial].sha256, "reason": revocation.reason, "material": material}
        standing = holder.standing if holder is not None else None
        events.append(Event(new_id(), EventKind.REVOCATION_LEARNED, at, actor, standing=standing, detail=detail))
    return events
