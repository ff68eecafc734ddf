"""Showing a receipt's time stamp, with all that is needed to check it without this node."""

from dataclasses import dataclass
from datetime import datetime

from app.errors import DataFault
from app.ledger import merkle
from app.store import evidence
from app.store import timestamps as rows
from app.store.database import Database


@dataclass(frozen=True, slots=True)
class StampedReceipt:
    """A receipt with the proof of when it existed at the latest.

    Attributes:
        receipt: the compact JWS, as it was given out.
        digest: SHA-256 of its bytes, the entry of the tree.
        position: its place among the entries, from 0.
        size: number of entries.
        proof: siblings on the way up to the root, lowest first (RFC 6962 §2.1.1).
        root: what the token is about.
        token: RFC 3161 token over the root, DER.
        gen_time: what the token says.
    """

    receipt: str
    digest: bytes
    position: int
    size: int
    proof: tuple[bytes, ...]
    root: bytes
    token: bytes
    gen_time: datetime


@dataclass(frozen=True, slots=True)
class Unstamped:
    """That there is no time stamp yet, and why, in words.

    Attributes:
        reason: for the person who asked.
    """

    reason: str


async def stamped_receipt(database: Database, identity: str, receipt: str) -> StampedReceipt | Unstamped:
    """Return the proof for the receipt of a document or status report.

    Args:
        identity: its id.
        receipt: its receipt.
    """
    async with database.read() as tx:
        batch = await rows.of_receipt(tx, identity)
        if batch is None:
            return Unstamped("it is in no batch yet; batches are made while a time-stamping authority is configured")
        if batch.token is None:
            since = f"{batch.made_at:%Y-%m-%dT%H:%M:%SZ}"
            return Unstamped(
                f"its batch waits since {since} for the time-stamping authority ({batch.attempts} attempts)"
            )
        digests = [bytes.fromhex(each) for each in await rows.digests(tx, batch.id)]
        token = await evidence.find(tx, batch.token)
    if token is None:
        raise DataFault(f"the time stamp {batch.token} of batch {batch.id} is not there")
    return StampedReceipt(
        receipt=receipt,
        digest=digests[batch.position],
        position=batch.position,
        size=batch.size,
        proof=merkle.inclusion(digests, batch.position),
        root=bytes.fromhex(batch.root),
        token=token.der,
        gen_time=batch.stamped_at,
    )
