"""The way back after an old backup was restored: an operator says so, and the ledger says so for ever."""

import asyncio
from datetime import datetime

from app.errors import RequestInvalid, Unavailable
from app.ids import new_id
from app.ledger import proofs
from app.ledger.canonical import JsonValue
from app.ledger.events import Event, EventKind, record
from app.ledger.publish import NotContinued, Publisher, broken
from app.signing.signed_trees import SignedTree
from app.store import checkpoints, journal


async def accept_rollback(publisher: Publisher, *, signed_size: int, actor: str, now: datetime) -> SignedTree:
    """Have the ledger go on from what the database holds, although a tree was signed that it does not continue.

    Whoever keeps a checkpoint of that tree will find it contradicted, for ever and rightly: documents it covered may be
    lost. Hence an event, which names it, and which everybody sees.

    Args:
        signed_size: of the tree that is given up, as `doubt` names it, so that nobody gives up another one.

    Returns:
        The tree that was given up.

    Raises:
        RequestInvalid: nothing is in doubt, or it is another tree that was signed.
        NotContinued: the database contradicts the newest checkpoint it holds itself; it was changed, not rolled back.
        Unavailable: the database or the disk does not answer, or a node signs just now; to be tried again.
    """
    signed = publisher.key.signed.read()
    async with publisher.database.read() as tx:
        size, origin = await journal.size(tx), await checkpoints.origin(tx) or publisher.origin
        given_up, newest = signed.get(origin), await checkpoints.latest(tx)
        if given_up is None or await broken(tx, given_up, size) is None:
            raise RequestInvalid("the ledger continues what was signed; there is nothing to accept")
        if given_up.size != signed_size:
            raise RequestInvalid(f"a tree of {given_up.size} events was signed, not of {signed_size}")
        if newest is not None:
            reason = await broken(tx, SignedTree(newest.size, bytes.fromhex(newest.root)), size)
            if reason is not None:
                raise NotContinued(reason)
        kept = SignedTree(size, await proofs.root(tx, size))
    detail: dict[str, JsonValue] = {"size": given_up.size, "root": given_up.root.hex(), "kept_size": size}
    event = Event(new_id(), EventKind.LEDGER_ROLLBACK_ACCEPTED, now, actor, detail=detail)
    async with publisher.database.write() as tx:
        await record(tx, [event])
    # If we die here it is on record, and still not accepted: to be done again, with another event.
    if not await asyncio.to_thread(publisher.key.signed.go_back, origin, seen=given_up, to=kept):
        raise Unavailable("a node signs just now; try again")
    return given_up
