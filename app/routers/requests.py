"""What every request gets: an id, one log line, safe headers, and an opaque 500 when something breaks.

A plain ASGI layer around the whole application; it never touches a body. HEAD is answered as GET without the body
(RFC 9110 §9.3.2), so no route needs to know of it.
"""

import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.ids import new_id
from app.routers import problems

_SANE_ID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:-]{7,63}")
"""What of a caller's X-Request-Id is taken over: long enough to be meant, harmless in any log."""
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
"""Polled every few seconds by machines; logged only when they fail."""
_DEFAULT_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
)
_OURS = frozenset({b"x-request-id", b"x-content-type-options"})

BODILESS = "bodiless"
"""Where in the state of a request it says that its answer is sent without the body."""

_log = structlog.get_logger("truc.access")
_quoted = json.JSONEncoder(ensure_ascii=False).encode


class Lines:
    """Where the lines of requests go: there is one for each, and the general way costs more than a short request.

    Attributes:
        write: takes a line that is ready; None: lines are written as all others are.
    """

    write: Callable[[str], object] | None = None


lines = Lines()
"""Of this process; set when it says how it logs."""


class Requests:
    """The outermost layer of our own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of whatever type."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        await _Request(self.app, scope, send).serve(receive)


class _Request:
    def __init__(self, app: ASGIApp, scope: Scope, send: Send) -> None:
        self._app = app
        self._send = send
        self._started = time.monotonic()
        self._status = 0
        self._bytes_sent = 0
        self._id = _request_id(scope)
        self._bodiless = scope["method"] == "HEAD"
        # A copy: the server looks at the method of its own scope when it writes the answer.
        self._scope = {**scope, "method": "GET" if self._bodiless else scope["method"]}
        self._scope.setdefault("state", {}).update({"request_id": self._id, BODILESS: self._bodiless})

    async def serve(self, receive: Receive) -> None:
        try:
            await self._app(self._scope, receive, self._reply)
        except Exception:
            _log.exception("request.failed", request_id=self._id)
            if self._status:
                # Half an answer is out; only a broken connection tells the client that it is not whole.
                raise
            await problems.internal(self._scope)(self._scope, receive, self._reply)
        finally:
            self._account()

    async def _reply(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = [each for each in message.get("headers", ()) if each[0] not in _OURS]
            given = {name for name, _ in headers}
            headers += (each for each in _DEFAULT_HEADERS if each[0] not in given)
            headers += ((b"x-request-id", self._id.encode("ascii")), (b"x-content-type-options", b"nosniff"))
            message = {**message, "headers": headers}
        elif message["type"] == "http.response.body":
            self._bytes_sent += len(message.get("body", b""))
            if self._bodiless:
                message = {**message, "body": b""}
        await self._send(message)

    def _account(self) -> None:
        seconds = time.monotonic() - self._started
        path, status = self._scope["path"], self._status
        route = getattr(self._scope.get("route"), "path", "(none)")
        method = "HEAD" if self._bodiless else self._scope["method"]
        self._scope["app"].state.metrics.count_request(method=method, route=route, status=status, seconds=seconds)
        if path in _QUIET and status < 400:
            return
        client = self._scope["state"].get("client_id")
        milliseconds = round(seconds * 1000, 1)
        if lines.write is None:
            told = {"status": status, "milliseconds": milliseconds, "bytes_sent": self._bytes_sent, "client_id": client}
            _log.info(
                "request.answered", method=method, path=path[:500], route=route, request_id=self._id, **told
            )  # fmt: skip
            return
        # Written out: an encoder that is asked for the whole takes three times as long.
        stamp = datetime.now(UTC).isoformat(timespec="microseconds")[:-6]
        lines.write(
            f'{{"method": {_quoted(method)}, "path": {_quoted(path[:500])}, "route": {_quoted(route)}, '
            f'"status": {status}, "milliseconds": {milliseconds}, "bytes_sent": {self._bytes_sent}, '
            f'"client_id": {_quoted(client) if client else "null"}, "event": "request.answered", '
            f'"request_id": {_quoted(self._id)}, "level": "info", "timestamp": "{stamp}Z"}}'
        )


class Named:
    """An inner layer: what is logged on the way to the answer names the request."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of whatever type."""
        if scope["type"] == "http":
            structlog.contextvars.clear_contextvars()
            structlog.contextvars.bind_contextvars(request_id=scope["state"]["request_id"])
        await self.app(scope, receive, send)


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _SANE_ID.fullmatch(value):
            return bytes(value).decode("ascii")
    return new_id()
