"""Whether a presented certificate counts, asked at each submission.

(1) remembered   an earlier verdict that still holds, while nothing in the trust part of the registry has moved
(2) registered   the certificate is one of an agency here
(3) path         `signing.path` judges it with the anchors, authorities and revocations the node knows

Nothing is fetched over the network, and the judging runs beside the event loop. What is remembered is bound to the
version of the trust part, which every change moves in its own transaction, whichever process makes it: a revocation
counts from the next submission on.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from cryptography import x509

from app.findings import Finding, Severity
from app.registry.certificates import certificate_of
from app.registry.known import Known, known_about
from app.registry.model import RegisteredCertificate
from app.signing.certificate_findings import LAW, certificate_finding
from app.signing.certificates import fingerprint, issuer_of, parse_certificates, subject_of
from app.signing.path import UnknownRevocation
from app.signing.refusal import shortened
from app.signing.revocations import Revocation, Standing
from app.store import certificates as rows
from app.store.database import Database
from app.store.versions import Part, current

REMEMBERED_MAX = 10_000
"""Verdicts kept at a time: agencies sign with one or two certificates each; a verdict takes about 2 KB."""
CHAIN_MAX = 8
"""Certificates of a presented chain that are looked at; real chains have one or two."""


class Presented(Protocol):
    """A certificate that came with a signature, such as `signing.presented.PresentedSignature`."""

    @property
    def certificate(self) -> x509.Certificate:
        """The signer's own."""

    @property
    def chain(self) -> Sequence[x509.Certificate]:
        """Further certificates that came along; nobody vouches for them."""


@dataclass(frozen=True, slots=True)
class TrustDecision:
    """What the registry says of a presented certificate.

    Attributes:
        certificate: as it is registered; None where it is not, or nothing was presented.
        findings: why it does not count, and what else is worth knowing.
        path: signer first, anchor last; empty where none was found or looked for.
        standings: what is known of the revocation of each certificate below the anchor, signer first.
        version: of the trust part of the registry, at which this was decided.
    """

    certificate: RegisteredCertificate | None
    findings: tuple[Finding, ...]
    path: tuple[x509.Certificate, ...] = field(default=(), compare=False)
    standings: tuple[Standing, ...] = field(default=(), compare=False)
    version: int = field(default=-1, compare=False)

    @property
    def trusted(self) -> bool:
        """Whether a signature with it counts."""
        return self.certificate is not None and not any(finding.refuses for finding in self.findings)


_Key = tuple[str, tuple[str, ...], UnknownRevocation]


@dataclass(frozen=True, slots=True)
class _Remembered:
    version: int
    since: datetime
    until: datetime
    decision: TrustDecision


class TrustCache:
    """Favourable verdicts that still hold; the least recently used one leaves first. For one event loop.

    Unfavourable ones are not kept: what is wrong may be mended a moment later.
    """

    def __init__(self, *, capacity: int = REMEMBERED_MAX) -> None:
        self._capacity = capacity
        self._kept: OrderedDict[_Key, _Remembered] = OrderedDict()

    def find(self, key: _Key, *, version: int, at: datetime) -> TrustDecision | None:
        """Return the verdict, if the trust part has still this version and the moment is one it holds for."""
        kept = self._kept.get(key)
        if kept is None or kept.version != version or not kept.since <= at < kept.until:
            return None
        self._kept.move_to_end(key)
        return kept.decision

    def believed(self, key: _Key, *, at: datetime) -> TrustDecision | None:
        """Return the verdict whatever the version is by now; whoever uses it compares that before it decides."""
        kept = self._kept.get(key)
        return kept.decision if kept is not None and kept.since <= at < kept.until else None

    def keep(self, key: _Key, decision: TrustDecision, *, version: int, since: datetime, until: datetime) -> None:
        """Remember a verdict reached with what was known at a version."""
        self._kept[key] = _Remembered(version, since, until, decision)
        self._kept.move_to_end(key)
        while len(self._kept) > self._capacity:
            self._kept.popitem(last=False)


async def decide(
    database: Database,
    cache: TrustCache,
    presented: Presented,
    *,
    at: datetime,
    unknown_revocation: UnknownRevocation,
    believing: bool = False,
) -> TrustDecision:
    """Say whether a certificate counts at a moment; one short query where it was asked before.

    Args:
        believing: without even that one where a verdict is remembered: the caller compares its version with that of
            the trust part before anything is decided, and asks again where it has moved.

    Raises:
        Unavailable: the database does not answer.
    """
    leaf, chain = presented.certificate, tuple(presented.chain[:CHAIN_MAX])
    sha256 = fingerprint(leaf)
    key = (sha256, tuple(fingerprint(each) for each in chain), unknown_revocation)
    if believing and (remembered := cache.believed(key, at=at)):
        return remembered
    async with database.read() as tx:
        # The version first: what is read behind it may be newer, and is then judged once more, never kept too long.
        version = await current(tx, Part.TRUST)
        if remembered := cache.find(key, version=version, at=at):
            return remembered  # (1)
        row = await rows.find(tx, sha256)
        if row is None:
            return TrustDecision(None, (_not_registered(leaf),), version=version)  # (2)
        known = await known_about(tx, leaf, intermediates=(*_enrolled(row), *chain))
    certificate = certificate_of(row)
    _tell_own_revocation(known, leaf, certificate)
    verdict = await asyncio.to_thread(known.judge, leaf, at=at, unknown_revocation=unknown_revocation)  # (3)
    findings = (*_suspended(leaf, row.suspended_at, at), *verdict.findings)
    decision = TrustDecision(certificate, findings, verdict.path, verdict.standings, version)
    if decision.trusted and verdict.valid_until is not None:
        cache.keep(key, decision, version=version, since=at, until=verdict.valid_until)
    return decision


def _enrolled(row: Any) -> tuple[x509.Certificate, ...]:
    return parse_certificates(row.chain_pem.encode("ascii")) if row.chain_pem else ()


def _tell_own_revocation(known: Known, leaf: x509.Certificate, certificate: RegisteredCertificate) -> None:
    if certificate.revoked_at is not None:
        reason = certificate.revocation_reason
        revocation = Revocation(certificate.revoked_at, reason.value if reason else "unspecified")
        known.revocations.tell(issuer_of(leaf), leaf.serial_number, revocation)


def _suspended(leaf: x509.Certificate, since: datetime | None, at: datetime) -> Iterator[Finding]:
    if since is not None and since <= at:
        yield certificate_finding(
            "ours.trust.suspended",
            leaf,
            f"is suspended at this node since {since:%Y-%m-%dT%H:%M:%SZ}",
            "Ask the operator of the node why; sign with another certificate of the agency until it is reinstated.",
            f"ours; {LAW}",
        )


def _not_registered(leaf: x509.Certificate) -> Finding:
    return Finding(
        "ours.trust.not-registered",
        Severity.ERROR,
        f"The certificate of {shortened(subject_of(leaf), 120)} (SHA-256 {fingerprint(leaf)}) is not registered here.",
        "Have the agency's certificate registered, or sign with one that is.",
        "QĐ 28/2018/QĐ-TTg Đ9; ours",
    )
