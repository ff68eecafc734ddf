"""Step (9) of the check: the log's word on time stamps against the batches, and the batches against the receipts."""

import hashlib
from typing import Any

from app.ledger.divergence import CheckReport
from app.ledger.said import said_by
from app.signing import merkle
from app.store import evidence, journal
from app.store import timestamps as rows
from app.store.database import Transaction
from app.store.journal import EventFilter

_STEP = "(9) stamps"
_KIND = "receipts.timestamped"
_CHUNK = 1_000


async def check_stamps(tx: Transaction, report: CheckReport) -> None:
    """Compare each stamped batch with its event, its root with its members, and its members with the receipts.

    Who signed a token, and whether it holds, is for whoever relies on it: it takes that day's trust.
    """
    told = 0
    async for chunk in journal.stream(tx, EventFilter(kinds=(_KIND,)), chunk=_CHUNK):
        for row in chunk:
            await _batch(tx, report, said_by(row).detail)
            told += 1
    stamped = await rows.count_stamped(tx)
    # An event that is not sealed yet is one the batch's row is ahead of.
    if stamped > told and not report.unsealed:
        report.add(_STEP, "batches", f"{stamped} batches have a time stamp, the log tells of {told}")


async def _batch(tx: Transaction, report: CheckReport, said: Any) -> None:
    place = str(said.get("batch"))
    row = await rows.by_id(tx, place)
    if row is None:
        report.add(_STEP, place, "the log says it was stamped, and there is no such batch")
        return
    kept = {"root": row.root, "receipts": row.size, "token": row.token}
    report.compare(_STEP, place, kept=kept, said={name: said.get(name) for name in kept})
    members = await rows.members(tx, place)
    receipts = await rows.receipts(tx, [member.receipt for member in members])
    for member in members:
        receipt = receipts.get(member.receipt)
        if receipt is None or hashlib.sha256(receipt.encode("utf-8")).hexdigest() != member.digest:
            report.add(_STEP, member.receipt, "its receipt is missing" if receipt is None else "its receipt is another")
    root = merkle.root([_octets(member.digest) for member in members]).hex()
    if root != row.root:
        report.add(_STEP, place, f"its members give the root {root}, it was stamped as {row.root}")
    token = await evidence.find(tx, row.token) if row.token is not None else None
    if token is None or hashlib.sha256(token.der).hexdigest() != row.token:
        report.add(_STEP, place, "its token is missing" if token is None else "its token is another")
    report.stamps += 1


def _octets(digest: str) -> bytes:
    try:
        return bytes.fromhex(digest)
    except ValueError:
        return digest.encode()
