"""Pages and their cursors."""

import base64
import json

import pytest

from app.errors import RequestInvalid
from app.routers.paging import Window, cursor_of, page, paging

_ID = "01a202ea-8e36-7357-9967-6a550beb494d"


def test_a_cursor_gives_back_the_key_it_was_made_of() -> None:
    assert paging(cursor=cursor_of("000.00.00.H41")).text_after() == "000.00.00.H41"
    assert paging(cursor=cursor_of(17)).number_after() == 17
    assert paging(cursor=cursor_of(_ID)).id_after() == _ID
    assert paging(cursor=cursor_of(2, 17, "Đà Nẵng")).key_after(int, int, str) == (2, 17, "Đà Nẵng")


def test_the_first_page_has_no_key() -> None:
    window = paging()
    assert (window.limit, window.text_after(), window.number_after(), window.key_after(int, str)) == (
        50,
        None,
        None,
        None,
    )


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "!",
        "é",
        "x" * 5,
        base64.urlsafe_b64encode(b"\xff\xff").decode(),
        base64.urlsafe_b64encode(b"{}").decode(),
        base64.urlsafe_b64encode(b"[]").decode(),
        base64.urlsafe_b64encode(b"[true]").decode(),
        base64.urlsafe_b64encode(b"[1.5]").decode(),
        base64.urlsafe_b64encode(b"[1,2,3,4,5]").decode(),
        base64.urlsafe_b64encode(json.dumps([2**63]).encode()).decode(),
        base64.urlsafe_b64encode(json.dumps(["\0"]).encode()).decode(),
        base64.urlsafe_b64encode(json.dumps(["\ud800"]).encode()).decode(),
        base64.urlsafe_b64encode(b"[" * 700).decode(),
    ],
)
def test_a_made_up_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(RequestInvalid):
        paging(cursor=cursor)


def test_a_cursor_of_another_listing_is_refused() -> None:
    with pytest.raises(RequestInvalid):
        paging(cursor=cursor_of("x")).number_after()
    with pytest.raises(RequestInvalid):
        paging(cursor=cursor_of(1)).key_after(int, int)
    with pytest.raises(RequestInvalid):
        paging(cursor=cursor_of("000.00.00.H41")).id_after()


def test_a_page_names_the_next_one_only_where_more_follows() -> None:
    window = Window(limit=2)
    full = page([1, 2, 3], window, shape=str, key=lambda row: (row,))
    assert full.items == ["1", "2"]
    assert full.next_cursor == cursor_of(2)
    last = page([3, 4], window, shape=str, key=lambda row: (row,))
    assert (last.items, last.next_cursor) == (["3", "4"], None)
    assert page([], window, shape=str, key=lambda row: (row,)).items == []
