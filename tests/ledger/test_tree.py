"""Roots and proofs from tiles, against trees of whole lists."""

from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from app.ledger import tree
from app.signing import merkle

ENTRIES = [f"event {number}".encode() for number in range(1_300)]
LEAVES = [merkle.leaf(entry) for entry in ENTRIES]


@cache
def _root(size: int) -> bytes:
    return merkle.root(ENTRIES[:size])


def _grown_by(steps: list[int]) -> tuple[int, dict[tuple[int, int], bytes]]:
    tiles: dict[tuple[int, int], bytes] = {}
    size = 0
    for step in steps:
        added = LEAVES[size : size + step]
        tiles.update(tree.grown({each: tiles[each] for each in tree.edge(size)}, size, added))
        size += len(added)
    return size, tiles


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([1, 2, 100, 255, 256, 257, 300, 512]), max_size=6), st.data())
def test_tiles_grown_in_any_steps_give_the_root_and_proofs_of_every_size(steps: list[int], data: st.DataObject) -> None:
    held, tiles = _grown_by(steps)
    size = data.draw(st.integers(0, held))
    whole = tree.root_span(size)
    assert tree.hash_of({each: tiles[each] for each in tree.tiles_for([whole])}, whole) == _root(size)
    if size:
        index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
        spans = tree.inclusion_spans(index, size)
        proof = [tree.hash_of({each: tiles[each] for each in tree.tiles_for(spans)}, span) for span in spans]
        assert merkle.root_by(proof, ENTRIES[index], position=index, size=size) == _root(size)
        spans = tree.consistency_spans(old, size)
        proof = [tree.hash_of({each: tiles[each] for each in tree.tiles_for(spans)}, span) for span in spans]
        assert merkle.consistent(proof, old=(old, _root(old)), new=(size, _root(size)))
