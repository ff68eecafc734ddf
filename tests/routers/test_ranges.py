"""Which bytes a Range header asks for (RFC 9110 §14.1.2)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import RangeNotSatisfiable
from app.routers.ranges import span

SIZE = 1_000


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-499", (0, 500)),
        ("bytes=500-", (500, 1_000)),
        ("bytes=999-999", (999, 1_000)),
        ("bytes=990-5000", (990, 1_000)),
        ("bytes=-1", (999, 1_000)),
        ("bytes=-1000", (0, 1_000)),
        ("bytes=-5000", (0, 1_000)),
        ("BYTES=1-2", (1, 3)),
    ],
)
def test_one_range_is_given(asked: str, found: tuple[int, int]) -> None:
    assert span(asked, SIZE) == found


@pytest.mark.parametrize(
    "asked", ["", "bytes", "bytes=", "bytes=-", "bytes=5-4", "bytes=a-b", "bytes=0-1,5-6", "items=0-5", "bytes=1 - 2"]
)
def test_what_cannot_be_read_or_is_several_gets_the_whole(asked: str) -> None:
    assert span(asked, SIZE) == (0, SIZE)
    assert span(None, SIZE) == (0, SIZE)


@pytest.mark.parametrize("asked", ["bytes=1000-", "bytes=1000-1001", "bytes=-0", "bytes=999999999999-"])
def test_what_begins_behind_the_end_is_refused(asked: str) -> None:
    with pytest.raises(RangeNotSatisfiable):
        span(asked, SIZE)


@given(st.text(alphabet="bytes=0123456789-, ", max_size=30), st.integers(1, 2_000))
@settings(max_examples=200)
def test_whatever_is_asked_for_lies_within_the_body(asked: str, size: int) -> None:
    try:
        start, end = span(f"bytes={asked}", size)
    except RangeNotSatisfiable:
        return
    assert 0 <= start < end <= size
