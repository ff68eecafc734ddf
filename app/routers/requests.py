"""What every request gets: an id, one log line, safe headers, and an opaque 500 when something breaks.

A plain ASGI layer around the whole application; it never touches a body. HEAD is answered as GET without the body
(RFC 9110 §9.3.2), so no route needs to know of it.
"""

import re
import time

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.ids import new_id
from app.routers import problems

_SANE_ID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:-]{7,63}")
"""What of a caller's X-Request-Id is taken over: long enough to be meant, harmless in any log."""
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
"""Polled every few seconds by machines; logged only when they fail."""
_DEFAULT_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}

_log = structlog.get_logger("truc.access")


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
        self._scope.setdefault("state", {})["request_id"] = self._id

    async def serve(self, receive: Receive) -> None:
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=self._id)
        try:
            await self._app(self._scope, receive, self._reply)
        except Exception:
            _log.exception("request.failed")
            if self._status:
                # Half an answer is out; only a broken connection tells the client that it is not whole.
                raise
            await problems.internal(self._scope)(self._scope, receive, self._reply)
        finally:
            self._account()

    async def _reply(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = self._id
            headers["X-Content-Type-Options"] = "nosniff"
            for name, value in _DEFAULT_HEADERS.items():
                headers.setdefault(name, value)
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
        _log.info(
            "request.answered",
            method=method,
            path=path[:500],
            route=route,
            status=status,
            milliseconds=round(seconds * 1000, 1),
            bytes_sent=self._bytes_sent,
            client_id=self._scope["state"].get("client_id"),
        )


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _SANE_ID.fullmatch(value):
            return bytes(value).decode("ascii")
    return new_id()
