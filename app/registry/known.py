"""What this node knows that bears on a certificate: anchors, authorities, revocations; read for one judgement."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, Self

from cryptography import x509

from app.errors import DataFault
from app.signing.certificates import UnreadableCertificate, fingerprint, issuer_of, load, serial_of, subject_of
from app.signing.crl import Revocation, RevocationList, read_revocation_list
from app.signing.crl_scope import Scope, publishers_of
from app.signing.distinguished_names import issuer_key, subject_key
from app.signing.ocsp import LIFETIME, OcspStatus
from app.signing.path import PathVerdict, UnknownRevocation, validate
from app.signing.revocations import Answered, RevocationIndex
from app.store import certificates as rows
from app.store import ocsp_answers
from app.store.database import Transaction

SIGNERS_DEEP_MAX: Final = 3
"""How often signers of lists are looked for whose own lists others signed; one that is deeper is not believed."""
INDIRECT_MAX: Final = 16
"""Lists about other issuers' certificates that stay in memory once read."""


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
    judged = [leaf, *between]
    here = {fingerprint(each): each for each in (*between, *anchors)}
    lists: dict[str, Any] = {}
    for _ in range(SIGNERS_DEEP_MAX):
        # Whoever signed a list has to be judged like anybody else, by lists of its own.
        names = _Names.of(here.values())
        found = await rows.lists_of(tx, {name_digest(name) for each in judged for name in names.publishers(each)})
        lists.update((row.sha256, row) for row in found)
        missing = {row.signer for row in found if row.signer is not None} - here.keys()
        signers = [stored(der) for der in await rows.authorities_of(tx, missing)]
        if not signers:
            break
        here.update((fingerprint(each), each) for each in signers)
        judged.extend(signers)
    index = RevocationIndex()
    for row in lists.values():
        if row.signer is None or row.signer in here:
            index.add(await _list(tx, row, here))
    names = _Names.of(here.values())
    issuers = {
        (name_digest(name), serial_of(each)): (name, each.serial_number)
        for each in judged
        for name in names.of_issuer(each)
    }
    for row in await rows.revoked(tx, issuers.keys()):
        index.tell(*issuers[row.issuer_sha256, row.serial], Revocation(row.revoked_at, row.reason or "unspecified"))
    for row in await ocsp_answers.find_many(tx, issuers.keys()):
        name, serial = issuers[row.issuer_sha256, row.serial]
        index.answer(name, serial, _answer(row, name))
    return Known(anchors, tuple(each for each in here.values() if each not in anchors), index)


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


@dataclass(frozen=True, slots=True)
class _Names:
    """The names under which what an issuer publishes may be kept: as certificates write it, and as the issuer does."""

    written: Mapping[str, Set[str]]

    @classmethod
    def of(cls, authorities: Iterable[x509.Certificate]) -> Self:
        written = defaultdict(set)
        for each in authorities:
            written[subject_key(each)].add(subject_of(each))
        return cls(written)

    def of_issuer(self, certificate: x509.Certificate) -> Set[str]:
        return {issuer_of(certificate), *self.written.get(issuer_key(certificate), ())}

    def publishers(self, certificate: x509.Certificate) -> Set[str]:
        return publishers_of(certificate) | self.of_issuer(certificate)


async def _list(tx: Transaction, row: Any, here: Mapping[str, x509.Certificate]) -> RevocationList:
    """Make a list without its own issuer's entries: they are rows, and only those that are asked about are read."""
    scope = Scope.of_text(row.part)
    others: Mapping[str, Mapping[int, Revocation]] = {}
    if scope.indirect and (der := await rows.list_der(tx, row.sha256)) is not None:
        others = await asyncio.to_thread(_others, row.sha256, der)
    return RevocationList(
        issuer=row.issuer,
        number=int(row.number or "0", 16),
        this_update=row.this_update,
        next_update=row.next_update,
        revoked={},
        others=others,
        scope=scope,
        signer=here.get(row.signer) if row.signer else None,
        sha256=row.sha256,
    )


@lru_cache(maxsize=INDIRECT_MAX)
def _others(_sha256: str, der: bytes) -> Mapping[str, Mapping[int, Revocation]]:
    return read_revocation_list(der).others


def _answer(row: Any, issuer: str) -> Answered:
    revocation = None
    if row.status == OcspStatus.REVOKED:
        revocation = Revocation(row.revoked_at or row.this_update, row.reason or "unspecified")
    return Answered(
        revocation=revocation,
        responder=issuer,
        this_update=row.this_update,
        fresh_until=row.next_update or row.this_update + LIFETIME,
        sha256=row.material,
    )
