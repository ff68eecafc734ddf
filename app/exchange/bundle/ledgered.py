"""A document's events, the proof that they are in the log, and the checkpoint that says which log that is."""

import json
from dataclasses import dataclass

from app.errors import DataFault, Unavailable
from app.exchange.bundle.scratch import Scratch
from app.ledger import proofs, published
from app.ledger.bundle import layout
from app.ledger.canonical import leaf_hash
from app.ledger.events import EventKind
from app.signing.note import text_of
from app.store import bundled, checkpoints, evidence
from app.store.database import Transaction

_PROOFS_AT_A_TIME = 250
"""So many share one look at the tiles; they are computed beside the event loop."""


@dataclass(frozen=True, slots=True)
class Ledgered:
    """What of the log went into a bundle.

    Attributes:
        pending: events of the document that are committed and not in the tree yet.
        stamp: the token over the checkpoint, and what was stamped; None where there is none.
    """

    pending: int
    stamp: tuple[bytes, bytes] | None


async def put_events(tx: Transaction, scratch: Scratch, document: str) -> Ledgered:
    """Put in every event of a document that a signed checkpoint covers, with proofs and checkpoint.

    Raises:
        Unavailable: the event of its acceptance is in the log, or about to be, and no checkpoint covers it yet.
        DataFault: the log has no such event, or tiles are missing.
    """
    newest = await checkpoints.latest(tx)
    last, pending = await bundled.extent(tx, document, below=newest.size if newest is not None else 0)
    size = await bundled.best_checkpoint(tx, last) if last is not None else None
    if last is None or size is None:
        raise _not_yet(document) if pending else DataFault(f"the log has no event of document {document}")
    places = await _put_bodies(tx, scratch, document, size)
    await _put_proofs(tx, scratch, places, size)
    return Ledgered(pending, await _put_checkpoint(tx, scratch, size))


async def _put_bodies(tx: Transaction, scratch: Scratch, document: str, size: int) -> dict[int, str]:
    places: dict[int, str] = {}
    accepted = False
    async for rows in bundled.bodies(tx, document, below=size):
        for row in rows:
            body = row.body.encode("utf-8")
            scratch.put(layout.event_name(row.position), body)
            places[row.position] = leaf_hash(body)
            accepted = accepted or row.kind == EventKind.DOCUMENT_ACCEPTED.value
    if not accepted:
        raise DataFault(f"the log has no acceptance of document {document}")
    return places


async def _put_proofs(tx: Transaction, scratch: Scratch, places: dict[int, str], size: int) -> None:
    indices = sorted(places)
    origin, root = await checkpoints.origin(tx), await proofs.root(tx, size)
    head = {"origin": origin, "size": size, "root": root.hex()}
    writer = scratch.writer(layout.PROOFS)
    writer.write(_json(head)[:-1] + b',"inclusion":[')
    for start in range(0, len(indices), _PROOFS_AT_A_TIME):
        shown = [
            _json({"index": each.index, "leaf_hash": places[each.index], "hashes": [one.hex() for one in each.hashes]})
            for each in await proofs.inclusion(tx, indices[start : start + _PROOFS_AT_A_TIME], size)
        ]
        writer.write((b"," if start else b"") + b",".join(shown))
    writer.write(b"]}")
    writer.end()


async def _put_checkpoint(tx: Transaction, scratch: Scratch, size: int) -> tuple[bytes, bytes] | None:
    row, shown = await checkpoints.of_size(tx, size), await published.of_size(tx, size)
    if row is None or shown is None:
        raise DataFault(f"the checkpoint of {size} events is gone within one snapshot")
    scratch.put(layout.CHECKPOINT, shown.note.encode("utf-8"))
    if row.token is None:
        return None
    token = await evidence.find(tx, row.token)
    if token is None:
        raise DataFault(f"the time stamp {row.token} of the checkpoint of {size} events is not there")
    scratch.put(layout.CHECKPOINT_TIMESTAMP, token.der)
    return token.der, text_of(row.note).encode("utf-8")


def _not_yet(document: str) -> Unavailable:
    return Unavailable(f"the log does not cover document {document} yet; it will in a moment")


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
