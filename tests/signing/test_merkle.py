"""Merkle trees against the vectors of certificate logs, and against the definition itself."""

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.signing.merkle import EMPTY_ROOT, consistent, inclusion, leaf, root, root_by

ENTRIES = [
    bytes.fromhex(each)
    for each in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
"""Of the first 0 to 8 entries, as Certificate Transparency's reference tests have them."""

trees = st.lists(st.binary(max_size=4), min_size=1, max_size=40)


def defined(entries: Sequence[bytes]) -> bytes:
    """RFC 6962 §2.1, word by word."""
    if not entries:
        return hashlib.sha256(b"").digest()
    if len(entries) == 1:
        return leaf(entries[0])
    middle = 1 << ((len(entries) - 1).bit_length() - 1)
    return hashlib.sha256(b"\x01" + defined(entries[:middle]) + defined(entries[middle:])).digest()


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_certificate_logs(size: int) -> None:
    assert root(ENTRIES[:size]).hex() == ROOTS[size]


def test_proofs_are_those_of_the_rfc() -> None:
    """The example of RFC 6962 §2.1.3: seven entries; d0 is proven by b, h, l and d6 by i, k."""
    entries = [bytes([each]) for each in range(7)]
    leaves = [leaf(each) for each in entries]
    h, k, i = root(entries[2:4]), root(entries[:4]), root(entries[4:6])
    assert inclusion(entries, 0) == (leaves[1], h, root(entries[4:]))
    assert inclusion(entries, 6) == (i, k)


def test_proofs_of_growth_are_those_of_the_rfc() -> None:
    """The example of RFC 6962 §2.1.3: from 3, 4 and 6 of seven entries."""
    entries = [bytes([each]) for each in range(7)]
    c, d, j = leaf(entries[2]), leaf(entries[3]), leaf(entries[6])
    g, i, k, ll = root(entries[:2]), root(entries[4:6]), root(entries[:4]), root(entries[4:])
    for size, proof in ((3, (c, d, g, ll)), (4, (ll,)), (6, (i, j, k)), (7, ())):
        assert consistent(proof, old=(size, root(entries[:size])), new=(7, root(entries)))
        assert not consistent((*proof, c), old=(size, root(entries[:size])), new=(7, root(entries)))
    assert not consistent((), old=(0, root([])), new=(7, root(entries)))


@given(trees)
@settings(max_examples=50)
def test_a_root_is_what_the_definition_says(entries: list[bytes]) -> None:
    assert root(entries) == defined(entries)


@given(trees, st.data())
@settings(max_examples=50)
def test_a_proof_leads_to_the_root_and_no_other_does(entries: list[bytes], data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(entries) - 1))
    proof = inclusion(entries, position)
    size, top = len(entries), root(entries)
    assert root_by(proof, entries[position], position=position, size=size) == top
    assert root_by(proof, entries[position] + b"!", position=position, size=size) != top
    assert root_by((*proof, EMPTY_ROOT), entries[position], position=position, size=size) is None
    assert root_by(proof, entries[position], position=size, size=size) is None
    if proof:
        assert root_by(proof[1:], entries[position], position=position, size=size) != top
        assert root_by((EMPTY_ROOT, *proof[1:]), entries[position], position=position, size=size) != top


@pytest.mark.parametrize("position", [-1, 3])
def test_there_is_no_proof_of_what_is_not_there(position: int) -> None:
    with pytest.raises(IndexError):
        inclusion(ENTRIES[:3], position)
