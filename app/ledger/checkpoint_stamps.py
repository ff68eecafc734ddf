"""Step (9) of the check, of checkpoints: each token stamps the note it is kept with, at the moment that is kept.

No event tells of these tokens, for it would ask for a checkpoint of its own, and so on for ever; a token that is there
proves what it says by itself. A checkpoint whose token and moment were both taken away is found by the token, as long
as that is kept among the evidence: whoever deletes it there, too, leaves nothing that tells of it. Whether its
authority is trusted is asked of the trust anchors of this node; revocations are not, for that takes those of the day.
"""

import hashlib
from collections import Counter
from typing import Any, Final

from cryptography import x509

from app.ledger.divergence import CheckReport, Likely
from app.signing.certificates import UnreadableCertificate, load, subject_of
from app.signing.note import text_of
from app.signing.path import UnknownRevocation
from app.signing.revocations import RevocationIndex
from app.signing.timestamps import TimestampRefused, digest_in, said_by, verify_token
from app.store import certificates
from app.store import checkpoint_stamps as rows
from app.store.database import Transaction

STEP: Final = "(9) stamps"
_CHUNK: Final = 100
_NOTES: Final = 5_000
_SIGNATURE: Final = "rfc3161.2.4.2.signature"


async def check_checkpoint_stamps(tx: Transaction, report: CheckReport) -> None:
    """Look at every token; those of authorities that are not trusted here are passed over with their number."""
    trust = _Trust(await certificates.anchor_ders(tx), await certificates.authority_ders(tx))
    unknown: Counter[str] = Counter()
    after = -1
    while found := await rows.stamped_after(tx, after, limit=_CHUNK):
        for row in found:
            _one(report, row, trust, unknown)
        after = found[-1].size
    await _taken_away(tx, report)
    for signer, several in sorted(unknown.items()):
        report.passed_over.append(
            f"{STEP}: whether {signer}, who is to have stamped {several} checkpoints, did so: it is not trusted here"
        )


async def _taken_away(tx: Transaction, report: CheckReport) -> None:
    """Find checkpoints that name no token although one is kept that stamps their note.

    A token nobody names can also be that of a process that was second to stamp: its checkpoint names the other one.
    """
    tokens: dict[tuple[str, bytes], str] = {}
    for row in await rows.unnamed_tokens(tx):
        try:
            tokens[digest_in(row.der)] = row.sha256
        except (TimestampRefused, TypeError):
            # Not what this node would have kept; what hashes to another name than its own is told of by step (12).
            continue
    names = {name for name, _ in tokens}
    after = -1
    while tokens and (found := await rows.unstamped_after(tx, after, limit=_NOTES)):
        for row in found:
            text = text_of(row.note).encode("utf-8")
            for name in names:
                token = tokens.get((name, hashlib.new(name, text).digest()))
                if token is not None:
                    message = f"token {token} stamps the note of this checkpoint, which does not name it"
                    report.add(STEP, row.size, message, Likely.DELETED)
        after = found[-1].size


class _Trust:
    """Who is trusted for time stamps, and who may lie between; what cannot be read is nobody, step (12) tells of it."""

    def __init__(self, anchors: list[bytes], authorities: list[bytes]) -> None:
        self.anchors = [each for each in map(_certificate, anchors) if each is not None]
        self.between = [each for each in map(_certificate, authorities) if each is not None]


def _one(report: CheckReport, row: Any, trust: _Trust, unknown: Counter[str]) -> None:
    if row.token is None:
        report.add(STEP, row.size, "token of this checkpoint is not named, and it is said to be stamped")
        return
    if row.der is None:
        report.add(STEP, row.size, f"token {row.token} of this checkpoint is missing", Likely.DELETED)
        return
    token = row.der if isinstance(row.der, bytes) else str(row.der).encode()
    if hashlib.sha256(token).hexdigest() != row.token:
        report.add(STEP, row.size, f"token {row.token} of this checkpoint is another")
        return
    text = text_of(row.note).encode("utf-8")
    try:
        at, signer = said_by(token, text)
    except TimestampRefused as error:
        report.add(STEP, row.size, f"token of this checkpoint does not stamp its note: {error}")
        return
    if row.stamped_at != at:
        report.add(STEP, row.size, f"stamped_at of this checkpoint is {row.stamped_at}, its token says {at}")
    try:
        verify_token(
            token,
            text,
            anchors=trust.anchors,
            intermediates=trust.between,
            revocations=RevocationIndex(),
            unknown_revocation=UnknownRevocation.ACCEPT,
        )
    except TimestampRefused as error:
        if any(finding.code == _SIGNATURE for finding in error.findings):
            report.add(STEP, row.size, f"token of this checkpoint is not signed by whom it names: {error}")
        else:
            unknown[subject_of(signer)] += 1


def _certificate(der: bytes) -> x509.Certificate | None:
    try:
        return load(der)
    except UnreadableCertificate:
        return None
