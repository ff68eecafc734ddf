"""Taking in certificate revocation lists: read once, then every revocation is one row.

A list counts when an authority this node knows signed it, and it is not older than the one of the same issuer and part
that it replaces. What an earlier list revoked stays revoked, even where the newer one no longer names it: authorities
drop certificates that have expired (RFC 5280 §3.3), and what they signed before may still be asked about. Only a hold
ends when a list leaves it out, or a delta takes it back.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from app.errors import Conflict, RequestInvalid
from app.ledger.events import EventKind, record
from app.registry.acts import Act, Done
from app.registry.certificates import SERIAL_LENGTH_MAX
from app.registry.known import name_digest, stored
from app.registry.model import ImportedCrl, RevocationReason
from app.registry.revocation_news import news
from app.signing.certificates import fingerprint
from app.signing.crl import REMOVED, RevocationList, parse_revocation_list, read_revocation_list
from app.signing.crl_scope import COMPLETE
from app.store import certificates as rows
from app.store.database import Database, Transaction
from app.store.versions import Part, move

PART_LENGTH_MAX: Final = 4_000
"""Longest description of what a list covers, in characters; a list names one or two places of publication."""
INDIRECT_OCTETS_MAX: Final = 1024 * 1024
"""Longest list with certificates of other issuers: it is read anew for judgements, because whether it counts depends on
the certificate that is asked about."""


@dataclass(frozen=True, slots=True)
class _Read:
    parsed: RevocationList
    crl: ImportedCrl
    der: bytes

    @property
    def number(self) -> tuple[int, datetime]:
        return self.parsed.number, self.parsed.this_update


async def import_crl(database: Database, content: bytes, *, act: Act) -> Done[ImportedCrl]:
    """Take in a list; the same one again changes nothing.

    Args:
        content: PEM or DER; complete, of a part of the issuer's certificates, indirect, or a delta to one that is here.

    Raises:
        RequestInvalid: no list, of an authority not known here, its signature does not hold, or it is a delta to a list
            that is not here.
        Conflict: a newer list of this issuer and part is known.
        IdempotencyKeyReused: the key belongs to another request.
        Unavailable: the database does not answer; nothing was kept.
    """
    async with database.read() as tx:
        if earlier := await act.told(tx, ImportedCrl):
            return earlier
        ders = [*await rows.anchor_ders(tx), *await rows.authority_ders(tx)]
    # A list of a hundred thousand entries takes a second; it must not stop other requests.
    read = await asyncio.to_thread(_read, content, ders)
    parsed, crl = read.parsed, read.crl
    issuer = name_digest(parsed.issuer)
    async with database.read() as tx:
        before = await _predecessor(tx, parsed, issuer)
    # What is on hold until now and no longer; the same for whoever imports it meanwhile, because the digest is.
    released = await asyncio.to_thread(_released, parsed, before)
    async with database.write() as tx:
        if earlier := await act.before(tx, ImportedCrl):
            return earlier
        await move(tx, Part.TRUST)
        present = await rows.lists_of(tx, [issuer])
        if any(each.sha256 == crl.sha256 for each in present):
            return await act.done(tx, crl)
        _check_order(read, present)
        learned = await news(tx, parsed.issuer, issuer, parsed.revoked, material=crl.sha256, actor=act.actor, at=act.at)
        await rows.replace_list(tx, _row(read, issuer, at=act.at), parts=_replaced(parsed, present))
        await rows.release_holds(tx, issuer, hold=RevocationReason.CERTIFICATE_HOLD.value, serials=released)
        await rows.write_revocations(tx, _entries(parsed))
        event = act.event(
            EventKind.CRL_IMPORTED, sha256=crl.sha256, issuer_sha256=issuer, number=crl.number, entries=crl.entries
        )
        await record(tx, [event, *learned])
        # Leaving the block commits list, revocations and event with the moved version.
        return await act.done(tx, crl)


def _read(content: bytes, ders: list[bytes]) -> _Read:
    parsed = parse_revocation_list(content, issuers=[stored(der) for der in ders])
    # The same list is the same list, in whichever form it comes.
    der = x509.load_pem_x509_crl(content).public_bytes(Encoding.DER) if b"-----BEGIN" in content[:200] else content
    if len(parsed.scope.text) > PART_LENGTH_MAX:
        raise RequestInvalid("the revocation list names too many places of publication")
    if parsed.scope.indirect and len(der) > INDIRECT_OCTETS_MAX:
        raise RequestInvalid(f"an indirect revocation list has {len(der)} octets; at most {INDIRECT_OCTETS_MAX} count")
    number = f"{parsed.number:x}" if parsed.number else None
    serials = (serial for revoked in (parsed.revoked, *parsed.others.values()) for serial in revoked)
    if len(number or "") > SERIAL_LENGTH_MAX or any(len(f"{serial:x}") > SERIAL_LENGTH_MAX for serial in serials):
        raise RequestInvalid("a number in the revocation list is longer than 20 octets (RFC 5280 §4.1.2.2, §5.2.3)")
    crl = ImportedCrl(
        sha256=sha256(der).hexdigest(),
        issuer=parsed.issuer,
        number=number,
        this_update=parsed.this_update,
        next_update=parsed.next_update,
        entries=len(parsed.revoked) + sum(len(revoked) for revoked in parsed.others.values()),
    )
    return _Read(parsed, crl, der)


async def _predecessor(tx: Transaction, parsed: RevocationList, issuer: str) -> bytes | None:
    """Give the list of the same part that is there, where its entries matter."""
    if parsed.scope == COMPLETE or parsed.scope.delta:
        return None
    present = await rows.lists_of(tx, [issuer])
    before = next((each for each in present if each.part == parsed.scope.text), None)
    return None if before is None else await rows.list_der(tx, before.sha256)


def _released(parsed: RevocationList, before: bytes | None) -> list[str] | None:
    """Give the serials of certificates whose hold ends; None for all that are not on the list."""
    if parsed.scope == COMPLETE:
        return None
    if parsed.scope.delta:
        return [f"{serial:x}" for serial, entry in parsed.revoked.items() if entry.reason == REMOVED]
    earlier = read_revocation_list(before).revoked if before else {}
    return [f"{serial:x}" for serial in earlier if serial not in parsed.revoked]


def _replaced(parsed: RevocationList, present: Sequence[Any]) -> list[str]:
    """Give the parts whose lists a new one makes superfluous: its own, and a delta to what came before it."""
    delta = replace(parsed.scope, delta=True).text
    behind = [each.part for each in present if each.part == delta and int(each.number or "0", 16) <= parsed.number]
    return [parsed.scope.text, *behind]


def _check_order(read: _Read, present: Sequence[Any]) -> None:
    parsed = read.parsed
    by_part = {each.part: (int(each.number or "0", 16), each.this_update) for each in present}
    known = by_part.get(parsed.scope.text)
    if parsed.scope.delta:
        complete = by_part.get(replace(parsed.scope, delta=False).text)
        if complete is None or complete[0] < (parsed.base or 0):
            raise RequestInvalid(
                f"this is a delta to list number {parsed.base} of its issuer, which is not here; import that one first"
            )
        known = max(complete, known or complete)
    if known is not None and read.number < known:
        raise Conflict(
            f"a newer list of this issuer is known: number {known[0]} of {known[1]:%Y-%m-%dT%H:%M:%SZ}, "
            f"not {parsed.number} of {parsed.this_update:%Y-%m-%dT%H:%M:%SZ}"
        )


def _row(read: _Read, issuer: str, *, at: datetime) -> dict[str, Any]:
    crl, signer = read.crl, read.parsed.signer
    return {
        "sha256": crl.sha256,
        "issuer_sha256": issuer,
        "issuer": crl.issuer,
        "part": read.parsed.scope.text,
        "number": crl.number,
        "signer": fingerprint(signer) if signer is not None else None,
        "this_update": crl.this_update,
        "next_update": crl.next_update,
        "entries": crl.entries,
        "der": read.der,
        "imported_at": at,
    }


def _entries(parsed: RevocationList) -> list[dict[str, Any]]:
    issuer = name_digest(parsed.issuer)
    return [
        {"issuer_sha256": issuer, "serial": f"{serial:x}", "revoked_at": entry.at, "reason": entry.reason}
        for serial, entry in parsed.revoked.items()
        if entry.reason != REMOVED
    ]
