"""Cursor pages: `?limit=` and `?cursor=` in, `{items, next_cursor}` out. Never an offset, never an unbounded list.

A cursor is the key of the last row that was shown, as base64url JSON. It is opaque, not secret and not a grant:
access is checked on every page, so a made-up cursor gives nobody anything.
"""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar
from uuid import UUID

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from app.errors import RequestInvalid

LIMIT_DEFAULT = 50
LIMIT_MAX = 500
_CURSOR_CHARACTERS_MAX = 1000
_NUMBER_MAX = 2**63 - 1
BAD_CURSOR = "cursor: not a cursor of this listing; start again without one"

Key = tuple[str | int, ...]
"""What a listing is ordered by, of one row; strings and integers only."""

T = TypeVar("T")
R = TypeVar("R")


class Page(BaseModel, Generic[T]):
    """Some of the items, and where the next ones begin."""

    items: list[T] = Field(description="The items of this page.")
    next_cursor: str | None = Field(description="Give it as `cursor` to get the next page; null at the end.")


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a listing is asked for.

    Attributes:
        limit: how many items at most.
        after: key of the last row of the page before; None for the first page.
    """

    limit: int
    after: Key | None = None

    @property
    def fetch(self) -> int:
        """How many rows to read: one more than is shown, to know whether more follow."""
        return self.limit + 1

    def text_after(self) -> str | None:
        """Return the cursor of a listing ordered by one text; None on the first page.

        Raises:
            RequestInvalid: the cursor belongs to another listing.
        """
        key = self.key_after(str)
        return None if key is None else str(key[0])

    def id_after(self) -> str | None:
        """Return the cursor of a listing ordered by ids; None on the first page.

        Raises:
            RequestInvalid: the cursor belongs to another listing. PostgreSQL would not even compare what is no id.
        """
        text = self.text_after()
        try:
            return None if text is None else str(UUID(text))
        except ValueError as error:
            raise RequestInvalid(BAD_CURSOR) from error

    def number_after(self) -> int | None:
        """Return the cursor of a listing ordered by one number; None on the first page.

        Raises:
            RequestInvalid: the cursor belongs to another listing.
        """
        key = self.key_after(int)
        return None if key is None else int(key[0])

    def key_after(self, *types: type[str] | type[int]) -> Key | None:
        """Return the cursor of a listing ordered by several columns of these types; None on the first page.

        Raises:
            RequestInvalid: the cursor belongs to another listing.
        """
        if self.after is None:
            return None
        if tuple(type(part) for part in self.after) != types:
            raise RequestInvalid(BAD_CURSOR)
        return self.after


def paging(
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX, description="How many items at most.")] = LIMIT_DEFAULT,
    cursor: Annotated[
        str | None, Query(description="`next_cursor` of the page before.", max_length=_CURSOR_CHARACTERS_MAX)
    ] = None,
) -> Window:
    """Read limit and cursor.

    Raises:
        RequestInvalid: the cursor is none of this node's.
    """
    return Window(limit, None if cursor is None else _decode(cursor))


Paged = Annotated[Window, Depends(paging)]
"""Parameter of a handler that lists: `window: Paged`."""


def page(rows: Sequence[R], window: Window, *, shape: Callable[[R], T], key: Callable[[R], Key]) -> Page[T]:
    """Make a page from `window.fetch` rows (or all there are).

    Args:
        shape: from a row to the item that is shown.
        key: from a row to what the listing is ordered by.
    """
    shown = rows[: window.limit]
    more = len(rows) > window.limit
    return Page(items=[shape(row) for row in shown], next_cursor=cursor_of(*key(shown[-1])) if more else None)


def cursor_of(*key: str | int) -> str:
    """Write the key of the last row that was shown as a cursor."""
    text = json.dumps(key, separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode("utf-8")).rstrip(b"=").decode("ascii")


def _decode(cursor: str) -> Key:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, RecursionError) as error:
        raise RequestInvalid(BAD_CURSOR) from error
    if not isinstance(parts, list) or not 1 <= len(parts) <= 4 or not all(map(_usable, parts)):
        raise RequestInvalid(BAD_CURSOR)
    return tuple(parts)


def _usable(part: object) -> bool:
    match part:
        case bool():
            return False
        case int():
            return abs(part) <= _NUMBER_MAX
        case str():
            # PostgreSQL keeps no NUL, and UTF-8 no lone surrogate.
            return not any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in part)
        case _:
            return False
