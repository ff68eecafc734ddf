"""Ids: nobody makes the same twice, and they sort by when they were made."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.ids import id_after, new_id

MILLISECONDS = st.integers(0, 2**48 - 2)


def _id(milliseconds: int, high: int, low: int) -> str:
    return str(UUID(int=milliseconds << 80 | 7 << 76 | high << 64 | 0b10 << 62 | low))


IDS = st.builds(_id, MILLISECONDS, st.integers(0, 2**12 - 1), st.integers(0, 2**62 - 1))


def test_ids_sort_by_the_moment_they_were_made_in() -> None:
    ids = [new_id() for _ in range(2_000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)


@given(IDS)
def test_an_id_after_another_is_one_and_sorts_behind_it(other: str) -> None:
    made = id_after(other)
    assert made > other
    assert UUID(made).version == 7
    assert UUID(made).variant == UUID(new_id()).variant
    assert str(UUID(made)) == made


@given(MILLISECONDS)
def test_the_last_id_of_a_millisecond_is_followed_by_one_of_the_next(milliseconds: int) -> None:
    last = _id(milliseconds, 2**12 - 1, 2**62 - 1)
    assert UUID(id_after(last)).int >> 80 > milliseconds


def test_counting_on_from_a_clock_that_is_ahead_stays_close_to_it() -> None:
    ahead = newest = _id((UUID(new_id()).int >> 80) + 60_000, 0, 0)
    ids = [newest := id_after(newest) for _ in range(5_000)]
    assert ids == sorted(set(ids))
    assert (UUID(newest).int >> 80) - (UUID(ahead).int >> 80) <= 1


def test_behind_an_older_id_an_ordinary_one_is_made() -> None:
    before, made, after = new_id(), id_after(_id(0, 0, 0)), new_id()
    assert before < made < after
