"""What waits for an agency, for clients without a cursor: pages by their number, and a list that shows both its ends.

Clients of older protocols ask for all that waits and take over what they got. Some never take over, or leave what they
do not understand: what is oldest then stays where it is, and a list of the oldest alone would one day show them nothing
new any more. So a list that cannot show all shows the newest as well (ours, decision 0027).
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from app.exchange import inbox
from app.exchange.desk import Desk
from app.exchange.inbox import InboxKind, InboxQuery
from app.exchange.quiet import FOLLOWED
from app.store import backlog as rows
from app.store.versions import currents

_START: Final = -1
"""Before the first ledger index."""
_FEW: Final = 100
"""Rows that are read at a glance; who has more waiting has them read without holding up others."""


async def page(desk: Desk, agencies: Sequence[str], *, kind: InboxKind, size: int, number: int) -> Sequence[Any]:
    """Return one page of what waits, oldest first; pages move up as messages are taken over.

    Args:
        agencies: registry codes, at least one.
        size: rows of a page.
        number: which page, from 1.

    Raises:
        Unavailable: the database does not answer.
    """
    async with desk.database.read() as tx:
        after = _START
        if number > 1:
            last = await rows.nth(tx, agencies, kind=kind.value, number=size * (number - 1))
            if last is None:
                return []
            after = last
        return await rows.behind(tx, agencies, kind=kind.value, position=after, limit=size)


async def ends(
    desk: Desk,
    agencies: Sequence[str],
    *,
    kind: InboxKind,
    oldest: int,
    newest: int,
    versions: tuple[int, ...] | None = None,
) -> Sequence[Any] | None:
    """Return all that waits, oldest first; where that is more than both numbers together, as many from either end.

    Args:
        agencies: registry codes, at least one.
        versions: at which these inboxes were the client's; None: they are now.

    Returns:
        None where the parts of the registry that are followed have other versions.

    Raises:
        Unavailable: the database does not answer.
    """
    query = InboxQuery(agencies=tuple(agencies), kind=kind)
    # By the look of every poll, which remembers where nothing waits.
    shown = await inbox.look_by(desk, query, partial(_few, desk, agencies, kind, versions))
    if shown is None or len(shown) < _FEW:
        return shown
    return await _many(desk, agencies, kind=kind, oldest=oldest, newest=newest)


async def _few(
    desk: Desk, agencies: Sequence[str], kind: InboxKind, versions: tuple[int, ...] | None
) -> Sequence[Any] | None:
    async with desk.database.glance() as tx:
        if versions is not None and await currents(tx, FOLLOWED) != versions:
            return None
        return await rows.behind(tx, agencies, kind=kind.value, position=_START, limit=_FEW)


async def _many(desk: Desk, agencies: Sequence[str], *, kind: InboxKind, oldest: int, newest: int) -> Sequence[Any]:
    most = oldest + newest
    async with desk.database.read() as tx:
        shown = await rows.behind(tx, agencies, kind=kind.value, position=_START, limit=most)
        if len(shown) < most:
            return shown
        between = await rows.nth(tx, agencies, kind=kind.value, number=newest + 1, newest_first=True)
        start = max(between or _START, shown[oldest - 1].position)
        return [
            *shown[:oldest],
            *await rows.behind(tx, agencies, kind=kind.value, position=start, limit=newest),
        ]
