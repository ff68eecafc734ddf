"""When a signature was made, as far as that is proven: a trusted timestamp, else the time of receipt.

What a signer claims (SigningTime) is never asked. Nothing is fetched: authorities and revocations are those the node
knows. A timestamp that contradicts the signature refuses it; one whose authority is not trusted here, or not known well
enough, is passed over with a warning, for the signature is worth no less than one without a timestamp.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from app.findings import Finding, Severity
from app.registry.known import known_about
from app.signing.path import UnknownRevocation
from app.signing.timestamps import Timestamp, TimestampRefused, certificates_of, verify_token
from app.signing.xmldsig import TimestampToken
from app.store.database import Database

CLOCKS_APART_MAX = timedelta(minutes=5)
"""How far an authority's clock may be ahead of ours."""

_CONTRADICTS = ("rfc3161.2.4.2.", "rfc5816.")
"""Codes of tokens that are broken, or about something else than this signature."""


class Stamped(Protocol):
    """A signature that may carry timestamps, such as `signing.presented.PresentedSignature`."""

    @property
    def timestamp_tokens(self) -> Sequence[TimestampToken]:
        """Over its value, unverified."""


@dataclass(frozen=True, slots=True)
class SigningMoment:
    """The best signing time (ETSI EN 319 102-1 §5.5).

    Attributes:
        at: the signature is proven to have existed then.
        timestamp: what proves it; None where that is the receipt.
        findings: about its timestamps.
    """

    at: datetime
    timestamp: Timestamp | None = None
    findings: tuple[Finding, ...] = ()


async def signing_moment(database: Database, signature: Stamped, *, at: datetime) -> SigningMoment:
    """Judge the timestamps of a signature and return the earliest moment that is proven.

    Args:
        at: when it was received.

    Raises:
        Unavailable: the database does not answer.
    """
    best, findings = SigningMoment(at), list[Finding]()
    for token in signature.timestamp_tokens:
        try:
            stamp = await _judged(database, token)
        except TimestampRefused as error:
            findings += [_weighed(finding) for finding in error.findings]
            continue
        if stamp.gen_time > at + CLOCKS_APART_MAX:
            findings.append(_in_future(stamp))
        elif stamp.proven and stamp.gen_time < best.at:
            best = SigningMoment(stamp.gen_time, stamp)
        findings += [_weighed(finding) for finding in stamp.findings]
    return replace(best, findings=tuple(findings))


async def _judged(database: Database, token: TimestampToken) -> Timestamp:
    signer, *others = certificates_of(token.token)
    async with database.read() as tx:
        known = await known_about(tx, signer, intermediates=others)
    return await asyncio.to_thread(
        verify_token,
        token.token,
        token.imprint_octets,
        anchors=known.anchors,
        revocations=known.revocations,
        intermediates=known.intermediates,
        unknown_revocation=UnknownRevocation.ACCEPT,
    )


def _weighed(finding: Finding) -> Finding:
    if finding.refuses and finding.code.startswith(_CONTRADICTS):
        return finding
    return replace(finding, severity=Severity.WARNING)


def _in_future(stamp: Timestamp) -> Finding:
    return Finding(
        "rfc3161.2.4.2.in-future",
        Severity.ERROR,
        f"The timestamp says {stamp.gen_time:%Y-%m-%dT%H:%M:%SZ}, which lies ahead of the time of receipt.",
        "Ask another time-stamping authority; the clock of this one is wrong.",
        "ETSI EN 319 102-1 §5.5",
    )
