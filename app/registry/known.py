"""What this node knows that bears on a certificate: anchors, authorities, revocations; read for one judgement."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from cryptography import x509

from app.errors import DataFault
from app.signing.certificates import UnreadableCertificate, issuer_of, load, serial_of
from app.signing.path import PathVerdict, UnknownRevocation, validate
from app.signing.revocations import Revocation, RevocationIndex, RevocationList
from app.store import certificates as rows
from app.store.database import Transaction


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """Everything a judgement about one certificate needs.

    Attributes:
        intermediates: authorities that may lie between; they need not be trusted.
    """

    anchors: tuple[x509.Certificate, ...]
    intermediates: tuple[x509.Certificate, ...]
    revocations: RevocationIndex

    def judge(self, leaf: x509.Certificate, *, at: datetime, unknown_revocation: UnknownRevocation) -> PathVerdict:
        """Validate a certificate; takes milliseconds of CPU, so it belongs on a thread."""
        return validate(
            leaf,
            intermediates=self.intermediates,
            anchors=self.anchors,
            revocations=self.revocations,
            at=at,
            unknown_revocation=unknown_revocation,
        )


async def known_about(tx: Transaction, leaf: x509.Certificate, *, intermediates: Iterable[x509.Certificate]) -> Known:
    """Read what is known about a certificate and those that may stand above it."""
    between = tuple(intermediates)
    anchors = tuple(stored(der) for der in await rows.anchor_ders(tx))
    judged = (leaf, *between)
    lists = await rows.lists_of(tx, {name_digest(issuer_of(each)) for each in judged})
    revoked = await rows.revoked(tx, {(name_digest(issuer_of(each)), serial_of(each)) for each in judged})
    return Known(anchors, between, _index(lists, revoked))


def name_digest(name: str) -> str:
    """Return the hex SHA-256 of a distinguished name (RFC 4514), under which issuers are looked up."""
    return sha256(name.encode("utf-8")).hexdigest()


def stored(der: bytes) -> x509.Certificate:
    """Read a certificate this node wrote itself.

    Raises:
        DataFault: it cannot be read any more.
    """
    try:
        return load(der)
    except UnreadableCertificate as error:
        raise DataFault(f"a stored certificate cannot be read: {error}") from error


def _index(lists: Iterable[Any], revoked: Iterable[Any]) -> RevocationIndex:
    by_issuer: dict[str, dict[int, Revocation]] = {}
    for row in revoked:
        named = by_issuer.setdefault(row.issuer_sha256, {})
        named[int(row.serial, 16)] = Revocation(row.revoked_at, row.reason or "unspecified")
    index = RevocationIndex()
    for row in lists:
        # Only the entries that are asked about; a list may have a hundred thousand.
        entries = by_issuer.get(row.issuer_sha256, {})
        number = int(row.number or "0", 16)
        index.add(RevocationList(row.issuer, number, row.this_update, row.next_update, entries))
    return index
