"""Where this node fetches revocations from: what certificates name, and what the operator adds.

A source is a place where one issuer publishes what it revoked, as a list or as an OCSP responder. Sources are learned
when a certificate is registered, never from a document that is being received. What they say is verified like anything
else, so a source can be wrong, late or silent, and never forge.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

import structlog
from cryptography import x509

from app.errors import AlreadyExists, NotFound, RequestInvalid
from app.findings import Finding, Severity
from app.ledger.events import EventKind, record
from app.registry.acts import Act, Done
from app.registry.known import name_digest, stored
from app.remote.target import Target
from app.signing.certificates import issuer_of, subject_of
from app.signing.revocation_addresses import LENGTH_MAX, revocation_addresses
from app.store import certificates as certificate_rows
from app.store import revocation_sources as rows
from app.store.database import Database, Transaction

PER_ISSUER_MAX: Final = 64
"""Sources of one kind that are learned for one issuer; some publish their list in parts, each at its own address."""
_CHUNK: Final = 500

_log = structlog.get_logger("truc.revocations")


class SourceKind(StrEnum):
    """What a source answers with."""

    CRL = "crl"
    """A list of what is revoked (RFC 5280 §5)."""
    OCSP = "ocsp"
    """An answer about one certificate (RFC 6960)."""


class SourceOrigin(StrEnum):
    """Who named a source."""

    CERTIFICATE = "certificate"
    """A certificate that was registered, or an authority above one."""
    OPERATOR = "operator"
    """An administrator."""


class SourceState(StrEnum):
    """How a source is doing."""

    FRESH = "fresh"
    """What it said last still holds, and it answers."""
    STALE = "stale"
    """What it said last is out of date."""
    FAILING = "failing"
    """It does not answer with what holds; what it said before still does, if it ever said anything."""
    NEVER = "never"
    """Nothing was fetched from it yet."""


@dataclass(frozen=True, slots=True)
class RevocationSource:
    """A place where an issuer publishes what it revoked.

    Attributes:
        sha256: of kind, issuer and address; its name in the API.
        issuer: distinguished name, RFC 4514.
        tried_at: when it was last asked.
        fetched_at: when it last answered with what holds.
        fresh_until: until when that holds; None where it does not say.
        failures: since then.
        problem: why the last try failed; None where it did not.
        next_try_at: when it is asked again.
    """

    sha256: str
    kind: SourceKind
    issuer: str
    issuer_sha256: str
    address: str
    origin: SourceOrigin
    tried_at: datetime | None
    fetched_at: datetime | None
    fresh_until: datetime | None
    failures: int
    problem: str | None
    next_try_at: datetime

    def state(self, at: datetime) -> SourceState:
        """Tell how it is doing at a moment."""
        if self.fetched_at is None:
            return SourceState.FAILING if self.failures else SourceState.NEVER
        if self.fresh_until is not None and self.fresh_until < at:
            return SourceState.STALE
        return SourceState.FAILING if self.failures else SourceState.FRESH


async def learn(tx: Transaction, certificates: Iterable[x509.Certificate], *, at: datetime) -> int:
    """Take over the sources these certificates name, to be asked as soon as the worker comes to it.

    For the transaction that registers them, or later; what is known already stays as it is.

    Returns:
        how many were new.
    """
    named: dict[str, dict[str, Any]] = {}
    for certificate in certificates:
        addresses = revocation_addresses(certificate)
        if addresses.ignored:
            _log.info("revocations.addresses_ignored", issuer=issuer_of(certificate), count=addresses.ignored)
        for kind, urls in ((SourceKind.CRL, addresses.lists), (SourceKind.OCSP, addresses.responders)):
            for url in urls:
                row = _row(kind, issuer_of(certificate), url, SourceOrigin.CERTIFICATE, at=at)
                named[row["sha256"]] = row
    there = await rows.count_by_issuer(tx, {row["issuer_sha256"] for row in named.values()}) if named else {}
    inserted = 0
    for row in named.values():
        key = (row["issuer_sha256"], row["kind"])
        if there.get(key, 0) < PER_ISSUER_MAX and await rows.insert(tx, [row]):
            there[key] = there.get(key, 0) + 1
            inserted += 1
    await rows.hasten(tx, {issuer for issuer, kind in there if kind == SourceKind.OCSP}, at=at)
    return inserted


async def learn_all(database: Database, *, at: datetime) -> int:
    """Take over the sources of everything that is registered, for what was registered before sources were learned.

    Raises:
        Unavailable: the database does not answer.
    """
    async with database.write() as tx:
        learned = await learn(tx, map(stored, await rows.authorities_ders(tx)), at=at)
    after = ""
    while True:
        async with database.read() as tx:
            chunk = await rows.certificate_ders(tx, after=after, limit=_CHUNK)
        if not chunk:
            return learned
        async with database.write() as tx:
            learned += await learn(tx, (stored(row.der) for row in chunk), at=at)
        after = chunk[-1].sha256


async def add(
    database: Database, *, kind: SourceKind, issuer: str, address: str, private: bool, act: Act
) -> Done[RevocationSource]:
    """Have revocations of an issuer fetched from another place too.

    Args:
        issuer: distinguished name of an authority that is known here, as its certificate is shown.
        address: http or https.
        private: whether private and loopback addresses may be called.

    Raises:
        AlreadyExists: it is a source already.
        RequestInvalid: no such authority, or an address that must not be called.
        IdempotencyKeyReused: the key belongs to another request.
        Unavailable: the database does not answer; nothing was kept.
    """
    if len(address) > LENGTH_MAX:
        raise _invalid("address", f"The address has more than {LENGTH_MAX} characters.", "Give a shorter one.")
    Target.parse(address, private=private, plain=True)
    row = _row(kind, issuer, address, SourceOrigin.OPERATOR, at=act.at)
    async with database.write() as tx:
        if earlier := await act.before(tx, RevocationSource):
            return earlier
        ders = [*await certificate_rows.anchor_ders(tx), *await certificate_rows.authority_ders(tx)]
        if issuer not in {subject_of(stored(der)) for der in ders}:
            raise _invalid(
                "issuer",
                f"No authority {issuer[:200]!r} is known here.",
                "Give the issuer's name as its certificate or its other sources are shown, or enrol it first.",
            )
        if not await rows.insert(tx, [row]):
            raise AlreadyExists("this is a source already")
        detail = {"sha256": row["sha256"], "source_kind": kind.value, "issuer_sha256": row["issuer_sha256"]}
        await record(tx, [act.event(EventKind.REVOCATION_SOURCE_ADDED, **detail)])
        # Leaving the block commits the source and its event.
        return await act.done(tx, source_of_columns(row))


async def remove(database: Database, sha256: str, *, act: Act) -> Done[RevocationSource]:
    """Fetch from a source no longer; what it said stays known.

    Raises:
        NotFound: there is no such source.
        IdempotencyKeyReused: the key belongs to another request.
        Unavailable: the database does not answer; nothing was changed.
    """
    async with database.write() as tx:
        if earlier := await act.before(tx, RevocationSource):
            return earlier
        row = await rows.remove(tx, sha256)
        if row is None:
            raise NotFound("there is no source with this digest")
        detail = {"sha256": sha256, "source_kind": row.kind, "issuer_sha256": row.issuer_sha256}
        await record(tx, [act.event(EventKind.REVOCATION_SOURCE_REMOVED, **detail)])
        # Leaving the block commits the removal and its event.
        return await act.done(tx, source_of(row))


async def list_sources(tx: Transaction, *, after: str | None = None, limit: int) -> tuple[RevocationSource, ...]:
    """Return sources by digest.

    Args:
        after: digest of the last one of the page before.
    """
    return tuple(map(source_of, await rows.page(tx, after=after, limit=limit)))


async def every_source(tx: Transaction) -> Sequence[RevocationSource]:
    """Return all sources; a country's authorities have a few dozen."""
    found: list[RevocationSource] = []
    while page := await list_sources(tx, after=found[-1].sha256 if found else None, limit=_CHUNK):
        found += page
    return found


def source_of(row: Any) -> RevocationSource:
    """Make the value from its row."""
    return source_of_columns(row._mapping)


def source_of_columns(columns: Any) -> RevocationSource:
    """Make the value from its columns by name."""
    return RevocationSource(
        sha256=columns["sha256"],
        kind=SourceKind(columns["kind"]),
        issuer=columns["issuer"],
        issuer_sha256=columns["issuer_sha256"],
        address=columns["address"],
        origin=SourceOrigin(columns["origin"]),
        tried_at=columns["tried_at"],
        fetched_at=columns["fetched_at"],
        fresh_until=columns["fresh_until"],
        failures=columns["failures"],
        problem=columns["problem"],
        next_try_at=columns["next_try_at"],
    )


def _row(kind: SourceKind, issuer: str, address: str, origin: SourceOrigin, *, at: datetime) -> dict[str, Any]:
    named = f"{kind.value}\n{issuer}\n{address}"
    return {
        "sha256": sha256(named.encode("utf-8")).hexdigest(),
        "kind": kind.value,
        "issuer_sha256": name_digest(issuer),
        "issuer": issuer,
        "address": address,
        "origin": origin.value,
        "tried_at": None,
        "fetched_at": None,
        "fresh_until": None,
        "failures": 0,
        "problem": None,
        "alarmed_at": None,
        "next_try_at": at,
    }


def _invalid(field: str, message: str, fix: str) -> RequestInvalid:
    finding = Finding(
        f"ours.revocation-source.{field}", Severity.ERROR, message, fix, "ours, decision 0014", f"/{field}"
    )
    return RequestInvalid(message, findings=[finding])
