"""A reader of transparency logs straight from RFC 6962 and C2SP; it shares no code with the product.

Recursive as the definitions are, so that it cannot share a mistake with what walks up the tree.
"""

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def leaf_hash(entry: bytes) -> bytes:
    """Hash an entry."""
    return hashlib.sha256(b"\x00" + entry).digest()


def parent(left: bytes, right: bytes) -> bytes:
    """Hash two neighbours."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def tree_hash(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962 §2.1, of leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = largest_power_below(len(leaves))
    return parent(tree_hash(leaves[:k]), tree_hash(leaves[k:]))


def largest_power_below(n: int) -> int:
    """K of RFC 6962 §2.1: the largest power of two smaller than n."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def root_by_path(leaf: bytes, m: int, n: int, path: Sequence[bytes]) -> bytes:
    """Root that an audit path leads to: PATH of RFC 6962 §2.1.1 read backwards."""
    if n == 1:
        assert not path
        return leaf
    k = largest_power_below(n)
    if m < k:
        return parent(root_by_path(leaf, m, k, path[:-1]), path[-1])
    return parent(path[-1], root_by_path(leaf, m - k, n - k, path[:-1]))


def roots_by_proof(old_root: bytes, m: int, n: int, proof: Sequence[bytes], *, whole: bool = True) -> Any:
    """Roots of both trees that a consistency proof leads to: SUBPROOF of RFC 6962 §2.1.2 read backwards."""
    if m == n:
        assert len(proof) == (0 if whole else 1)
        return (old_root, old_root) if whole else (proof[0], proof[0])
    k = largest_power_below(n)
    if m <= k:
        old, new = roots_by_proof(old_root, m, k, proof[:-1], whole=whole)
        return old, parent(new, proof[-1])
    old, new = roots_by_proof(old_root, m - k, n - k, proof[:-1], whole=False)
    return parent(proof[-1], old), parent(proof[-1], new)


@dataclass(frozen=True)
class Checkpoint:
    """What a signed checkpoint says."""

    origin: str
    size: int
    root: bytes


def open_note(note: str, vkey: str) -> Checkpoint:
    """Read a checkpoint and check the signature of one key (C2SP signed-note, Ed25519 and cosignature/v1)."""
    name, digest, key = vkey.split("+", 2)
    octets = base64.b64decode(key)
    text, _, tail = note.rpartition("\n\n")
    text += "\n"
    lines = [line.split(" ") for line in tail.splitlines()]
    signatures = [base64.b64decode(signature) for dash, by, signature in lines if by == name and dash == "—"]
    (found,) = [each for each in signatures if each[:4].hex() == digest]
    signed, signature = text.encode(), found[4:]
    if octets[0] == 4:
        moment = int.from_bytes(signature[:8], "big")
        signed, signature = f"cosignature/v1\ntime {moment}\n{text}".encode(), signature[8:]
    Ed25519PublicKey.from_public_bytes(octets[1:]).verify(signature, signed)
    origin, size, root = text.splitlines()[:3]
    return Checkpoint(origin, int(size), base64.b64decode(root))


def address(number: int) -> str:
    """Write the number of a tile: 1234067 is x001/x234/067."""
    digits = f"{number:03}"
    digits = "0" * (-len(digits) % 3) + digits
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    return "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])


@dataclass(frozen=True)
class LogReader:
    """Reads a log through a function that fetches octets below its prefix."""

    fetch: Callable[[str], bytes]

    def part(self, below: str, number: int, size: int) -> bytes:
        """Fetch a tile or bundle of a tree that has `size` hashes at its level."""
        width = min(size - number * 256, 256)
        return self.fetch(f"tile/{below}/{address(number)}" + (f".p/{width}" if width < 256 else ""))

    def tile(self, level: int, number: int, size: int) -> list[bytes]:
        """Fetch the hashes of a tile of a tree of `size` entries."""
        octets = self.part(str(level), number, size // 256**level)
        return [octets[at : at + 32] for at in range(0, len(octets), 32)]

    def root(self, size: int) -> bytes:
        """Compute the root of a tree from as few tiles as there are at its right edge."""
        return self._span(0, size, size)

    def _span(self, first: int, end: int, size: int) -> bytes:
        for level in range(7, -1, -1):
            unit = 256**level
            if end - first == unit and first % unit == 0:
                at = first // unit
                return self.tile(level, at // 256, size)[at % 256]
        k = largest_power_below(end - first)
        return parent(self._span(first, first + k, size), self._span(first + k, end, size))

    def entries(self, size: int) -> list[bytes]:
        """Fetch all entries of a tree."""
        found = []
        for number in range((size + 255) // 256):
            octets, at = self.part("entries", number, size), 0
            while at < len(octets):
                length = int.from_bytes(octets[at : at + 2], "big")
                found.append(octets[at + 2 : at + 2 + length])
                at += 2 + length
        return found
