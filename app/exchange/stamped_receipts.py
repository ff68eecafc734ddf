"""Finding a receipt's time stamp, with all that is needed to check it without this node."""

from dataclasses import dataclass

from app.errors import DataFault
from app.signing import merkle
from app.signing.stamped_receipt import StampedReceipt
from app.store import evidence
from app.store import timestamps as rows
from app.store.database import Database


@dataclass(frozen=True, slots=True)
class Unstamped:
    """That there is no time stamp yet.

    Attributes:
        reason: why, for the person who asked.
    """

    reason: str


async def stamped_receipt(database: Database, identity: str, receipt: str) -> StampedReceipt | Unstamped:
    """Return the proof for the receipt of a document or status report.

    Args:
        identity: its id.
        receipt: its receipt.

    Raises:
        DataFault: its batch is stamped, and the token is not there.
    """
    async with database.read() as tx:
        batch = await rows.of_receipt(tx, identity)
        if batch is None:
            return Unstamped("it is in no batch yet; batches are made while a time-stamping authority is configured")
        if batch.token is None:
            since = f"{batch.made_at:%Y-%m-%dT%H:%M:%SZ}"
            attempts = f"{batch.attempts} attempts so far"
            return Unstamped(f"its batch waits since {since} for the time-stamping authority, {attempts}")
        digests = [bytes.fromhex(member.digest) for member in await rows.members(tx, batch.id)]
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
