"""Roots and proofs of the ledger, computed from the few tiles each of them needs: the cost grows with the logarithm."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from app.errors import RequestInvalid
from app.ledger import tree
from app.store import journal, ledger_tiles
from app.store.database import Transaction

INLINE_MAX: Final = 16
"""So many proofs are computed on the event loop; some hundred, which a long document's bundle wants at a time, take
tens of milliseconds.
"""


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """That an event is the one at its index in the tree of a size.

    Attributes:
        hashes: the audit path, lowest first (RFC 6962 §2.1.1), 32 octets each.
        root: of the tree of that size.
        leaf_hash: of the event, as the tree has it.
    """

    index: int
    size: int
    hashes: tuple[bytes, ...]
    root: bytes
    leaf_hash: bytes


@dataclass(frozen=True, slots=True)
class ConsistencyProof:
    """That a tree is the beginning of a larger one.

    Attributes:
        hashes: in the order of RFC 6962 §2.1.2, 32 octets each.
    """

    old: int
    new: int
    old_root: bytes
    new_root: bytes
    hashes: tuple[bytes, ...]


async def root(tx: Transaction, size: int) -> bytes:
    """Return the root of the tree over the first events.

    Raises:
        DataFault: tiles are missing.
    """
    (found,) = await _hashes(tx, [tree.root_span(size)])
    return found


async def inclusion(tx: Transaction, indices: Sequence[int], size: int) -> tuple[InclusionProof, ...]:
    """Prove that events are in the tree of a size, with one look at the tiles for all of them.

    Raises:
        RequestInvalid: the ledger is not that long, or an index is not below the size.
        DataFault: tiles are missing.
    """
    await _check_size(tx, size)
    beyond = [index for index in indices if not 0 <= index < size]
    if beyond:
        raise RequestInvalid(f"index {beyond[0]} is not in a tree of {size} events; it must be below the size")
    spans = [tree.inclusion_spans(index, size) for index in indices]
    whole = tree.root_span(size)
    leaves = [tree.Span(index, index + 1) for index in indices]
    wanted = [whole, *leaves, *(span for each in spans for span in each)]
    tiles = await ledger_tiles.read(tx, tree.tiles_for(wanted))
    # Events of one document lie close together and share most of their proofs; each hash is computed once.
    hashed = partial(_hashed, tiles, frozenset(wanted))
    hashes = hashed() if len(indices) <= INLINE_MAX else await asyncio.to_thread(hashed)
    return tuple(
        InclusionProof(index, size, tuple(hashes[span] for span in each), hashes[whole], hashes[leaf])
        for index, each, leaf in zip(indices, spans, leaves, strict=True)
    )


async def consistency(tx: Transaction, old: int, new: int) -> ConsistencyProof:
    """Prove that the tree of one size is the beginning of that of another.

    Raises:
        RequestInvalid: the ledger is not that long, the first size is 0, or above the second.
        DataFault: tiles are missing.
    """
    await _check_size(tx, new)
    if not 0 < old <= new:
        raise RequestInvalid(
            f"there is no proof from {old} to {new} events: the first must be at least 1, at most {new}"
        )
    first, second, *hashes = await _hashes(
        tx, [tree.root_span(old), tree.root_span(new), *tree.consistency_spans(old, new)]
    )
    return ConsistencyProof(old, new, first, second, tuple(hashes))


async def _check_size(tx: Transaction, size: int) -> None:
    sealed = await journal.size(tx)
    if not 0 <= size <= sealed:
        raise RequestInvalid(f"the ledger holds {sealed} events, not {size}")


def _hashed(tiles: tree.Tiles, spans: frozenset[tree.Span]) -> dict[tree.Span, bytes]:
    return {span: tree.hash_of(tiles, span) for span in spans}


async def _hashes(tx: Transaction, spans: Sequence[tree.Span]) -> list[bytes]:
    tiles = await ledger_tiles.read(tx, tree.tiles_for(spans))
    return [tree.hash_of(tiles, span) for span in spans]
