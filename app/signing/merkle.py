"""Merkle trees as certificate logs have them (RFC 6962 §2.1): one root for many entries, and a short proof for each.

Pure, and for trees that fit into memory: the whole list of entries goes in. Hashes are SHA-256 octets throughout.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()


def leaf(entry: bytes) -> bytes:
    """Return the hash of an entry; its prefix keeps entries and inner nodes apart."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node(left: bytes, right: bytes) -> bytes:
    """Return the hash over two neighbouring subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def joined(subtrees: Sequence[bytes]) -> bytes:
    """Return the hash over neighbouring perfect subtrees from the left, each smaller than the one before it."""
    if not subtrees:
        return EMPTY_ROOT
    *others, found = subtrees
    for each in reversed(others):
        found = node(each, found)
    return found


def root(entries: Sequence[bytes]) -> bytes:
    """Return the root over entries in their order."""
    level = [leaf(entry) for entry in entries]
    while len(level) > 1:
        level = _above(level)
    return level[0] if level else EMPTY_ROOT


def inclusion(entries: Sequence[bytes], position: int) -> tuple[bytes, ...]:
    """Return the proof that an entry is in the tree: the siblings on its way up, lowest first (RFC 6962 §2.1.1).

    Raises:
        IndexError: there is no entry at this position.
    """
    if not 0 <= position < len(entries):
        raise IndexError(f"no entry {position} among {len(entries)}")
    level = [leaf(entry) for entry in entries]
    proof = []
    while len(level) > 1:
        sibling = position ^ 1
        if sibling < len(level):
            proof.append(level[sibling])
        level, position = _above(level), position // 2
    return tuple(proof)


def root_by(proof: Sequence[bytes], entry: bytes, *, position: int, size: int) -> bytes | None:
    """Return the root a proof leads to (RFC 9162 §2.1.3.2); None where the proof is too long or too short."""
    if not 0 <= position < size:
        return None
    at, last, found = position, size - 1, leaf(entry)
    for sibling in proof:
        if last == 0:
            return None
        if at % 2 or at == last:
            found = node(sibling, found)
            while at % 2 == 0 and at != 0:
                at, last = at // 2, last // 2
        else:
            found = node(found, sibling)
        at, last = at // 2, last // 2
    return found if last == 0 else None


def consistent(proof: Sequence[bytes], *, old: tuple[int, bytes], new: tuple[int, bytes]) -> bool:
    """Tell whether a proof shows that the old tree is the beginning of the new one (RFC 9162 §2.1.4.2).

    Args:
        proof: as RFC 6962 §2.1.2 orders it.
        old: size and root of the shorter tree, at least 1; of an empty one there is nothing to prove.
        new: size and root of the longer one.
    """
    (old_size, old_root), (new_size, new_root) = old, new
    if not 0 < old_size <= new_size:
        return False
    if old_size == new_size:
        return not proof and old_root == new_root
    # A perfect old tree is a node of the new one, and is left out of the proof because it is known.
    steps = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    if not steps:
        return False
    at, last = old_size - 1, new_size - 1
    while at % 2:
        at, last = at // 2, last // 2
    first = second = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if at % 2 or at == last:
            first, second = node(step, first), node(step, second)
            while at % 2 == 0 and at != 0:
                at, last = at // 2, last // 2
        else:
            second = node(second, step)
        at, last = at // 2, last // 2
    return last == 0 and first == old_root and second == new_root


def _above(level: Sequence[bytes]) -> list[bytes]:
    """Return the next level; what has no neighbour goes up as it is."""
    pairs = [node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return [*pairs, level[-1]] if len(level) % 2 else pairs
