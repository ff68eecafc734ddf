"""Polls that come again and again: answered, or held, without a query while they are known to find nothing.

An agency's system polls every few seconds with the same token and the same parameters, nearly always in vain. The call
itself (`mailbox.poll`) looks the client and its agencies up each time; what it found out is kept here by token and
query string, for as long as nothing in the registry moves, a minute at most. Where there may be mail, the page is read
in one snapshot with the versions of the registry, and the request goes on to the call, which asks for everything anew,
where they are others: a token that does not hold any more never opens an inbox, and learns at most a moment too late
that nothing more is told to it.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.exchange import inbox
from app.exchange.doorbell import Listening
from app.exchange.inbox import InboxQuery
from app.exchange.quiet import FOLLOWED, Registry
from app.node import Node
from app.regulations.calendar import end_of
from app.routers import clock
from app.routers.access import Caller
from app.statistics.periods import ZONE

PATH: Final = "/v1/inbox"
REMEMBERED_MAX: Final = 20_000
"""Polls in memory; about 1 KB each."""
REMEMBERED_SECONDS_MAX: Final = 60.0
"""How long a token is taken to hold that nobody changed: a key of the node may have been taken away meanwhile."""
REGISTRY: Final = "poll_registry"
"""Where in the state of a request the registry's is, from before its client was looked up."""
WAITED: Final = "poll_waited_seconds"
"""Where in the state of a request it says how long it was held here."""

_EMPTY: Final = b'{"items":[],"next_cursor":null}'


@dataclass(frozen=True, slots=True)
class KnownPoll:
    """A poll that came before, and whose client might see these inboxes.

    Attributes:
        registry: as it was when its client and agencies were looked up.
        until: POSIX time from which on they are looked up again.
        token_ends: POSIX time its token holds until.
        seconds: how long it waits for mail.
        route: of the call, for the figures.
        shown: writes rows as the page they are.
    """

    client_id: str
    query: InboxQuery
    registry: Registry
    until: float
    token_ends: float
    seconds: float
    route: Any
    shown: Callable[[Sequence[Any]], bytes]

    def in_time(self) -> bool:
        """Whether its token and the codes of its agencies hold as they did, if nothing in the registry moved."""
        now = clock.now().timestamp()
        # Whoever is woken by mail goes on with the same token, so it has to hold as long as the poll may wait.
        return now < self.until and now + self.seconds <= self.token_ends


class KnownPolls:
    """The polls of one process, by token and query string; the one that came longest ago leaves first."""

    def __init__(self, *, capacity: int = REMEMBERED_MAX) -> None:
        self._capacity = capacity
        self._known: OrderedDict[tuple[bytes, bytes], KnownPoll] = OrderedDict()

    def find(self, scope: Scope) -> KnownPoll | None:
        """Return what is known of a request, whether it still holds or not."""
        key = _key(scope)
        known = None if key is None else self._known.get(key)
        if known is not None and key is not None:
            self._known.move_to_end(key)
        return known

    def remember(self, scope: Scope, known: KnownPoll) -> None:
        """Keep what was found out about a request."""
        if (key := _key(scope)) is not None:
            self._known[key] = known
            self._known.move_to_end(key)
            while len(self._known) > self._capacity:
                self._known.popitem(last=False)


class QuickPolls:
    """A plain ASGI layer before the calls."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        state = scope["app"].state
        polls: KnownPolls = state.quick_polls
        node: Node = state.node
        registry, known = registry_of(node), polls.find(scope)
        if known is None or not _holds(node, known, registry):
            if known is not None and await _shown(node, known, scope, send):
                return
            scope["state"][REGISTRY] = registry
            try:
                await self.app(scope, receive, send)
            except ToBeHeld as poll:
                known = poll.known
            else:
                return
        if known.seconds and not await _held(node, known, scope["state"], receive):
            if not await _shown(node, known, scope, send):
                await self.app(scope, receive, send)
            return
        await _answer(known, _EMPTY, scope, send)


class ToBeHeld(Exception):
    """A poll found nothing and may wait: before the call that takes half the memory, for thousands of them."""

    def __init__(self, known: KnownPoll) -> None:
        super().__init__()
        self.known = known


def remember(
    request: Request,
    caller: Caller,
    query: InboxQuery,
    *,
    seconds: float,
    at: datetime,
    shown: Callable[[Sequence[Any]], bytes],
) -> None:
    """Keep what was found out about a poll, whatever it is going to find.

    Args:
        seconds: how long it may wait for mail.
        at: when its client's agencies were looked up; codes hold by the day.
        shown: writes rows as the page they are.
    """
    registry: Registry | None = request.scope["state"].get(REGISTRY)
    if registry is None:
        return
    known = KnownPoll(
        client_id=caller.client.client_id,
        query=query,
        registry=registry,
        until=min(at.timestamp() + REMEMBERED_SECONDS_MAX, caller.ends, end_of(at.astimezone(ZONE).date()).timestamp()),
        token_ends=caller.ends,
        seconds=seconds,
        route=request.scope["route"],
        shown=shown,
    )
    polls: KnownPolls = request.app.state.quick_polls
    polls.remember(request.scope, known)


def hold(request: Request) -> None:
    """Hand a poll that found nothing back to be held, unless it was or what is empty cannot be known.

    Raises:
        ToBeHeld: this is where the call ends.
    """
    polls: KnownPolls = request.app.state.quick_polls
    node: Node = request.app.state.node
    known = polls.find(request.scope)
    if known is not None and WAITED not in request.scope["state"] and _holds(node, known, registry_of(node)):
        raise ToBeHeld(known)


def left_of(request: Request, seconds: float) -> float:
    """Return how long a poll may still wait that may have been held here."""
    waited: float = request.scope["state"].get(WAITED, 0.0)
    return max(0.0, seconds - waited)


def registry_of(node: Node) -> Registry:
    """Return what differs once somebody's right to an inbox may have changed."""
    return node.desk.doorbell.quiet.registry(node.database.changes)


def _holds(node: Node, known: KnownPoll, registry: Registry) -> bool:
    return known.registry == registry and known.in_time() and inbox.known_empty(node.desk, known.query)


async def _shown(node: Node, known: KnownPoll, scope: Scope, send: Send) -> bool:
    """Answer with what waits, if something does and the database says that nothing in the registry moved."""
    if not known.in_time():
        return False
    rows = await inbox.look_while(node.desk, known.query, versions=known.registry[: len(FOLLOWED)])
    if not rows:
        return False
    await _answer(known, known.shown(rows), scope, send)
    return True


async def _answer(known: KnownPoll, page: bytes, scope: Scope, send: Send) -> None:
    scope["state"]["client_id"] = known.client_id
    scope["route"] = known.route
    headers = ((b"content-length", b"%d" % len(page)), (b"content-type", b"application/json"))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": page})


async def _held(node: Node, known: KnownPoll, state: MutableMapping[str, Any], receive: Receive) -> bool:
    """Hold a poll until its time is over or its client is gone, and nothing came; False: it is to be looked at."""
    loop = asyncio.get_running_loop()
    began, doorbell = loop.time(), node.desk.doorbell
    with doorbell.listen(known.query.agencies) as bell:
        # One that waits for the client to leave, instead of a look every few seconds for each of thousands.
        leaving = loop.create_task(_left(receive, bell))
        try:
            rung = not doorbell.closed and await bell.rung(seconds=known.seconds)
        finally:
            gone = leaving.done()
            leaving.cancel()
    if gone:
        return True
    # Whom a client acts for has not changed; that nothing waits may have to be looked up again, a minute later.
    in_vain = (doorbell.closed or not rung) and known.registry == registry_of(node)
    if in_vain and not await inbox.look(node.desk, known.query):
        return True
    state[WAITED] = loop.time() - began
    return False


async def _left(receive: Receive, bell: Listening) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    bell.end()


def _key(scope: Scope) -> tuple[bytes, bytes] | None:
    tokens = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(tokens) != 1:
        return None
    # Not the token itself: what lies in memory for a minute must not open anything.
    return hashlib.sha256(tokens[0]).digest(), scope["query_string"]
