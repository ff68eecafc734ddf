"""Taking in certificate revocation lists: read once, then every revocation is one row.

A list counts when an authority this node knows signed it, and it is not older than the one it replaces. What an earlier
list revoked stays revoked, even where the newer one no longer names it: authorities drop certificates that have expired
(RFC 5280 §3.3), and what they signed before may still be asked about. Only a hold ends when a list leaves it out.
"""

import asyncio
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from app.errors import Conflict, RequestInvalid
from app.ledger.events import EventKind, record
from app.registry.acts import Act, Done
from app.registry.certificates import SERIAL_LENGTH_MAX
from app.registry.known import name_digest, stored
from app.registry.model import ImportedCrl, RevocationReason
from app.signing.crl import RevocationList, parse_revocation_list
from app.store import certificates as rows
from app.store.database import Database
from app.store.versions import Part, move


async def import_crl(database: Database, content: bytes, *, act: Act) -> Done[ImportedCrl]:
    """Take in a list; the same one again changes nothing.

    Args:
        content: PEM or DER.

    Raises:
        RequestInvalid: no complete list, of an authority not known here, or its signature does not hold.
        Conflict: a newer list of this issuer is known.
        IdempotencyKeyReused: the key belongs to another request.
        Unavailable: the database does not answer; nothing was kept.
    """
    async with database.read() as tx:
        if earlier := await act.told(tx, ImportedCrl):
            return earlier
        ders = [*await rows.anchor_ders(tx), *await rows.authority_ders(tx)]
    # A list of a hundred thousand entries takes a second; it must not stop other requests.
    parsed, crl, entries, der = await asyncio.to_thread(_read, content, ders)
    issuer = name_digest(parsed.issuer)
    async with database.write() as tx:
        if earlier := await act.before(tx, ImportedCrl):
            return earlier
        await move(tx, Part.TRUST)
        for present in await rows.lists_of(tx, [issuer]):
            if present.sha256 == crl.sha256:
                return await act.done(tx, crl)
            _refuse_older(parsed, present)
        await rows.replace_list(tx, {**_columns(crl), "issuer_sha256": issuer, "der": der, "imported_at": act.at})
        await rows.release_holds(tx, issuer, hold=RevocationReason.CERTIFICATE_HOLD.value)
        await rows.write_revocations(tx, entries)
        event = act.event(
            EventKind.CRL_IMPORTED, sha256=crl.sha256, issuer_sha256=issuer, number=crl.number, entries=crl.entries
        )
        await record(tx, [event])
        # Leaving the block commits list, revocations and event with the moved version.
        return await act.done(tx, crl)


def _read(content: bytes, ders: list[bytes]) -> tuple[RevocationList, ImportedCrl, list[dict[str, Any]], bytes]:
    parsed = parse_revocation_list(content, issuers=[stored(der) for der in ders])
    if parsed.scope.text:
        raise RequestInvalid("this list covers a part of the issuer's certificates only, or those of others")
    # The same list is the same list, in whichever form it comes.
    der = x509.load_pem_x509_crl(content).public_bytes(Encoding.DER) if b"-----BEGIN" in content[:200] else content
    number = f"{parsed.number:x}" if parsed.number else None
    crl = ImportedCrl(
        sha256=sha256(der).hexdigest(),
        issuer=parsed.issuer,
        number=number,
        this_update=parsed.this_update,
        next_update=parsed.next_update,
        entries=len(parsed.revoked),
    )
    entries = _entries(parsed)
    if any(len(text) > SERIAL_LENGTH_MAX for text in (number or "", *(entry["serial"] for entry in entries))):
        raise RequestInvalid("a number in the revocation list is longer than 20 octets (RFC 5280 §4.1.2.2, §5.2.3)")
    return parsed, crl, entries, der


def _entries(parsed: RevocationList) -> list[dict[str, Any]]:
    issuer = name_digest(parsed.issuer)
    return [
        {
            "issuer_sha256": issuer,
            "serial": f"{serial:x}",
            "revoked_at": revocation.at,
            "reason": revocation.reason,
        }
        for serial, revocation in parsed.revoked.items()
    ]


def _refuse_older(parsed: RevocationList, present: Any) -> None:
    known = (int(present.number or "0", 16), present.this_update)
    if (parsed.number, parsed.this_update) < known:
        raise Conflict(
            f"a newer list of this issuer is known: number {known[0]} of {known[1]:%Y-%m-%dT%H:%M:%SZ}, "
            f"not {parsed.number} of {parsed.this_update:%Y-%m-%dT%H:%M:%SZ}"
        )


def _columns(crl: ImportedCrl) -> Mapping[str, Any]:
    return {
        "sha256": crl.sha256,
        "issuer": crl.issuer,
        "number": crl.number,
        "this_update": crl.this_update,
        "next_update": crl.next_update,
        "entries": crl.entries,
    }
