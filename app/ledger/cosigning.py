"""Taking in what witnesses sign: that they saw a checkpoint of this ledger and found that it continues what they knew.

A witness needs no credential, for its signature is one. Only the keys of the settings count; a signature by one of them
lets the checkpoint stay for ever, so they are bounded: one in a while of each witness, and never backwards.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from app.errors import Conflict, NotAuthenticated, NotFound, RequestInvalid, TooManyRequests
from app.findings import Finding, Severity
from app.ledger import proofs, published
from app.ledger.publish import Publisher
from app.signing.checkpoint import Checkpoint, open_checkpoint
from app.signing.note import COSIGNATURE, Signature, VerifierKey
from app.store import checkpoints, cosignatures
from app.store.database import Transaction

AHEAD_MAX: Final = timedelta(minutes=1)
"""So far may the clock of a witness be ahead of ours."""
SOURCE: Final = "C2SP tlog-cosignature"
_OURS: Final = "ours, decision 0020"


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A cosignature that is kept now.

    Attributes:
        size: of the checkpoint.
        witness: verifier key.
        at: when the witness says it saw the checkpoint, UTC.
    """

    size: int
    witness: str
    at: datetime


async def take_in(
    publisher: Publisher, note: str, *, witnesses: tuple[VerifierKey, ...], rest: timedelta, now: datetime
) -> Cosigned:
    """Keep the cosignature of a note: a checkpoint of ours with the signature of the log and of one witness.

    The very line that is kept already changes nothing and is no error: an answer may have been lost.

    Args:
        witnesses: whose cosignatures are taken.
        rest: shortest time between two cosignatures of one witness.

    Raises:
        RequestInvalid: it is no such note, a signature does not hold, or its time is to come.
        NotFound: the checkpoint is none of those published.
        Conflict: it is of another tree than this ledger's, or older than what the witness signed before.
        TooManyRequests: the witness signed shortly before.
        Unavailable: the database does not answer.
    """
    async with publisher.database.read() as tx:
        origin = await checkpoints.origin(tx) or publisher.origin
    checkpoint, signature, log_line = _opened(note, publisher.key.verifiers(origin), witnesses)
    assert signature.at is not None
    if signature.at > now + AHEAD_MAX:
        raise _refused(
            "in-the-future",
            f"The witness says it signed at {signature.at:%Y-%m-%dT%H:%M:%SZ}; here it is {now:%Y-%m-%dT%H:%M:%SZ}.",
            "Set the clock of the witness.",
        )
    async with publisher.database.read() as tx:
        await _require_ours(tx, checkpoint)
    witness = str(signature.key)
    row = {"size": checkpoint.size, "witness": witness, "line": signature.line, "cosigned_at": signature.at}
    kept = {
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
        "note": f"{checkpoint.text}\n{log_line}",
        "published_at": now,
    }
    async with publisher.database.write() as tx:
        before = await cosignatures.newest_of(tx, witness)
        if before is None or before.line != signature.line:
            _require_later(before, checkpoint.size, signature.at, rest)
            # One commit: the checkpoint stays, and it stays because this witness saw it.
            await checkpoints.keep(tx, kept)
            await cosignatures.write(tx, row)
    return Cosigned(checkpoint.size, witness, signature.at)


def _opened(
    note: str, log: tuple[VerifierKey, ...], witnesses: tuple[VerifierKey, ...]
) -> tuple[Checkpoint, Signature, str]:
    try:
        checkpoint, opened = open_checkpoint(note, log=log, others=witnesses)
    except NotAuthenticated as error:
        raise _refused(
            "note",
            f"The note cannot be used: {error.detail}.",
            "Send the checkpoint as /v1/ledger/checkpoint gave it, with your cosignature line behind it.",
        ) from error
    by_witnesses = [each for each in opened.signatures if each.key in witnesses]
    by_log = next(each for each in opened.signatures if each.key in log)
    if len(by_witnesses) != 1 or by_witnesses[0].key.algorithm != COSIGNATURE:
        raise _refused(
            "witness",
            f"The note has cosignatures of {len(by_witnesses)} witnesses that this node knows, instead of one.",
            "Have the operator add your verifier key to the setting ledger_witnesses, and send your own line only.",
            source=_OURS,
        )
    if opened.text != checkpoint.text:
        raise _refused("extensions", "The checkpoint has lines this ledger never wrote.", "Sign it as it was given.")
    return checkpoint, by_witnesses[0], by_log.line


async def _require_ours(tx: Transaction, checkpoint: Checkpoint) -> None:
    if checkpoint.size > await published.size_of(tx):
        raise NotFound(f"no checkpoint of {checkpoint.size} entries is published here")
    if await proofs.root(tx, checkpoint.size) != checkpoint.root:
        message = f"This ledger has another root at {checkpoint.size} entries than the checkpoint that you signed."
        fix = "Keep the note: with a checkpoint of this node of now it proves that two trees were signed."
        finding = Finding("ledger.cosignature.another-tree", Severity.ERROR, message, fix, SOURCE)
        raise Conflict("the checkpoint is of another tree than this ledger's", findings=(finding,))


def _require_later(before: Any, size: int, at: datetime, rest: timedelta) -> None:
    if before is None:
        return
    if size < before.size or at <= before.cosigned_at:
        message = (
            f"This witness signed a checkpoint of {before.size} entries at {before.cosigned_at:%Y-%m-%dT%H:%M:%SZ}; "
            f"one of {size} at {at:%Y-%m-%dT%H:%M:%SZ} is older."
        )
        fix = "Sign the newest checkpoint; two programs must not sign with one key."
        finding = Finding("ledger.cosignature.older", Severity.ERROR, message, fix, SOURCE)
        raise Conflict("the cosignature is older than what is kept", findings=(finding,))
    left = before.cosigned_at + rest - at
    if left > timedelta():
        seconds = int(left.total_seconds()) + 1
        raise TooManyRequests(
            f"one cosignature of a witness is kept every {int(rest.total_seconds())} s", retry_after_seconds=seconds
        )


def _refused(code: str, message: str, fix: str, *, source: str = SOURCE) -> RequestInvalid:
    finding = Finding(f"ledger.cosignature.{code}", Severity.ERROR, message, fix, source)
    return RequestInvalid("the cosignature is not taken", findings=(finding,))
