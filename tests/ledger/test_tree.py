"""Roots and proofs from tiles, against a second implementation that knows RFC 6962 and nothing of tiles."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import DataFault
from app.ledger import tree
from app.signing import merkle
from tests.signing import rfc6962

SIZE_MAX = 70_000
"""Above 256 tiles of the lowest level, so that three levels of tiles are at work."""
SMALL = 70
"""Every tree up to here is looked at, with every proof."""

Tiles = dict[tuple[int, int], bytes]


def _entry(number: int) -> bytes:
    return b"event %d" % number


@pytest.fixture(scope="module")
def reference() -> rfc6962.Tree:
    """The tree as the RFC defines it."""
    return rfc6962.Tree([rfc6962.leaf(_entry(number)) for number in range(SIZE_MAX)])


@pytest.fixture(scope="module")
def tiles(reference: rfc6962.Tree) -> Tiles:
    """The same as tiles, grown in steps of any length."""
    grown, dice = Tiles(), random.Random(6962)
    size = 0
    while size < SIZE_MAX:
        added = reference.leaves[size : size + dice.choice((1, 7, 255, 256, 257, 1_000, 30_000))]
        grown.update(tree.grown({each: grown[each] for each in tree.edge(size)}, size, added))
        size += len(added)
    return grown


def _hashes(tiles: Tiles, spans: tuple[tree.Span, ...]) -> list[bytes]:
    """Compute from the tiles that are said to be needed, and no others."""
    needed = {each: tiles[each] for each in tree.tiles_for(spans)}
    return [tree.hash_of(needed, span) for span in spans]


def _root(tiles: Tiles, size: int) -> bytes:
    return _hashes(tiles, (tree.root_span(size),))[0]


def _assert_proofs(reference: rfc6962.Tree, tiles: Tiles, *, index: int, old: int, size: int) -> None:
    top = reference.mth(0, size)
    inclusion = _hashes(tiles, tree.inclusion_spans(index, size))
    assert inclusion == reference.path(index, 0, size)
    assert merkle.root_by(inclusion, _entry(index), position=index, size=size) == top
    consistency = _hashes(tiles, tree.consistency_spans(old, size))
    assert consistency == reference.proof(old, size)
    assert merkle.consistent(consistency, old=(old, reference.mth(0, old)), new=(size, top))


def test_every_small_tree_has_the_root_and_the_proofs_of_the_rfc(reference: rfc6962.Tree, tiles: Tiles) -> None:
    for size in range(SMALL + 1):
        assert _root(tiles, size) == reference.mth(0, size)
        for number in range(size):
            _assert_proofs(reference, tiles, index=number, old=number + 1, size=size)


def test_thousands_of_large_trees_have_that_root_and_hundreds_were_proven(
    reference: rfc6962.Tree, tiles: Tiles
) -> None:
    dice = random.Random(20_261_122)
    corners = [each + off for each in (256, 512, 65_536) for off in (-1, 0, 1)] + [SIZE_MAX]
    for size in corners + [dice.randint(1, SIZE_MAX) for _ in range(2_000)]:
        assert _root(tiles, size) == reference.mth(0, size)
        if size % 4 == 0:
            _assert_proofs(reference, tiles, index=dice.randrange(size), old=dice.randint(1, size), size=size)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([0, 1, 2, 100, 255, 256, 257, 300, 512]), max_size=6))
def test_steps_of_any_length_give_the_same_tiles(reference: rfc6962.Tree, tiles: Tiles, steps: list[int]) -> None:
    grown, size = Tiles(), 0
    for step in steps:
        before = dict(grown)
        changed = tree.grown({each: grown[each] for each in tree.edge(size)}, size, reference.leaves[size:][:step])
        grown.update(changed)
        # What is in a tile never changes: a larger one begins with the smaller.
        assert all(grown[each].startswith(hashes) for each, hashes in before.items())
        size += step
    assert all(tiles[each].startswith(hashes) for each, hashes in grown.items())
    assert {level for level, _ in grown} == {level for level in range(3) if size >> (8 * level)}
    assert _root(grown, size) == reference.mth(0, size)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_proof_that_was_changed_in_any_way_proves_nothing(
    reference: rfc6962.Tree, tiles: Tiles, data: st.DataObject
) -> None:
    size = data.draw(st.integers(2, 700))
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size - 1))
    top, before = reference.mth(0, size), reference.mth(0, old)

    def spoilt(proof: list[bytes]) -> list[bytes]:
        way = data.draw(st.sampled_from(["changed", "shorter", "longer", "swapped"]))
        place = data.draw(st.integers(0, len(proof) - 1)) if proof else 0
        if way == "longer" or not proof:
            return [*proof[:place], bytes(32), *proof[place:]]
        if way == "shorter":
            return [*proof[:place], *proof[place + 1 :]]
        if way == "swapped" and len(proof) > 1:
            return [*proof[1:], proof[0]]
        return [*proof[:place], bytes(32), *proof[place + 1 :]]

    inclusion = spoilt(_hashes(tiles, tree.inclusion_spans(index, size)))
    assert merkle.root_by(inclusion, _entry(index), position=index, size=size) != top
    consistency = _hashes(tiles, tree.consistency_spans(old, size))
    assert not merkle.consistent(spoilt(consistency), old=(old, before), new=(size, top))
    assert not merkle.consistent(consistency, old=(old, bytes(32)), new=(size, top))
    assert not merkle.consistent(consistency, old=(old, before), new=(size, bytes(32)))


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 3), (4, 3)])
def test_there_is_no_proof_of_what_is_not_there(index: int, size: int) -> None:
    with pytest.raises(IndexError):
        tree.inclusion_spans(index, size)


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 3), (4, 3), (-1, 3)])
def test_there_is_no_proof_from_nothing_or_backwards(old: int, new: int) -> None:
    with pytest.raises(IndexError):
        tree.consistency_spans(old, new)


@pytest.mark.parametrize("changed", ["missing", "shorter", "longer"])
def test_a_tile_that_does_not_go_with_the_size_is_not_grown_nor_read(tiles: Tiles, changed: str) -> None:
    at = (0, 1)
    held = {each: tiles[each][: 44 * 32] if each == at else tiles[each] for each in tree.edge(300)}
    spoilt = {"missing": b"", "shorter": held[at][:-32], "longer": held[at] + bytes(32)}[changed]
    with pytest.raises(DataFault, match="tile 0/1"):
        tree.grown({**held, at: spoilt}, 300, [bytes(32)])
    if changed != "longer":
        with pytest.raises(DataFault, match="tile 0/1"):
            tree.hash_of({**held, at: spoilt}, tree.root_span(300))
