"""Merkle trees written down from the text of RFC 6962 §2.1 alone: a second implementation, to hold the first against.

Nothing of the product is imported, and nothing is clever: MTH, PATH and SUBPROOF are the recursive definitions, word by
word, over a list of hashes of leaves. Hashes of subtrees are remembered, or large trees would take for ever.
"""

import hashlib


class Tree:
    """D[n] of the RFC for growing n, by the hashes of its leaves."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.leaves = leaves
        self._known: dict[tuple[int, int], bytes] = {}

    def mth(self, first: int, end: int) -> bytes:
        """MTH(D[first:end])."""
        n = end - first
        if n == 0:
            return hashlib.sha256().digest()
        if n == 1:
            return self.leaves[first]
        if (first, end) not in self._known:
            k = largest_power_of_two_smaller_than(n)
            left, right = self.mth(first, first + k), self.mth(first + k, end)
            self._known[first, end] = hashlib.sha256(b"\x01" + left + right).digest()
        return self._known[first, end]

    def path(self, m: int, first: int, end: int) -> list[bytes]:
        """PATH(m, D[first:end])."""
        n = end - first
        if n == 1:
            return []
        k = largest_power_of_two_smaller_than(n)
        if m < k:
            return [*self.path(m, first, first + k), self.mth(first + k, end)]
        return [*self.path(m - k, first + k, end), self.mth(first, first + k)]

    def proof(self, m: int, n: int) -> list[bytes]:
        """PROOF(m, D[n])."""
        return self._subproof(m, 0, n, complete=True)

    def _subproof(self, m: int, first: int, end: int, *, complete: bool) -> list[bytes]:
        n = end - first
        if m == n:
            return [] if complete else [self.mth(first, end)]
        k = largest_power_of_two_smaller_than(n)
        if m <= k:
            return [*self._subproof(m, first, first + k, complete=complete), self.mth(first + k, end)]
        return [*self._subproof(m - k, first + k, end, complete=False), self.mth(first, first + k)]


def leaf(entry: bytes) -> bytes:
    """MTH({d(0)})."""
    return hashlib.sha256(b"\x00" + entry).digest()


def largest_power_of_two_smaller_than(n: int) -> int:
    """K, with k < n <= 2k."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k
