"""A door: one route for everything below a prefix, whatever is asked for there.

So that whatever goes wrong is answered in the protocol's own shape and never by the framework. Each refusal is a line
in the log that says which system sent what wrongly, and what its operator has to change.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from app.errors import NodeFault, RequestInvalid, TrucError
from app.exchange.refuse import Declared
from app.node import Node
from app.routers.compat.numbers import Failure, failure_of
from app.routers.compat.systems import System
from app.routers.messages import XML
from app.routers.noting import note_refused

SHORT_BODY_BYTES_MAX: Final = 64 * 1024
"""Longest body that is no message: a registration has seven short texts."""

_log = structlog.get_logger("truc.compat")


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a proven system.

    Attributes:
        at: when it arrived.
    """

    node: Node
    system: System
    request: Request
    at: datetime


class Door(BaseRoute, ABC):
    """The route; each protocol says how it serves and how it tells a failure."""

    def __init__(self, prefix: str, names: Collection[str]) -> None:
        self.prefix = prefix
        self.names = names

    @abstractmethod
    async def serve(self, request: Request, name: str) -> Response:
        """Answer a call.

        Args:
            name: of what is called: the path below the prefix, without slashes around it.

        Raises:
            TrucError: it cannot be done.
        """

    @abstractmethod
    def failed(self, name: str, failure: Failure) -> Response:
        """Answer that it was not done."""

    def template(self, name: str) -> str:
        """Return what figures call a route: of a bounded number, whatever is asked for."""
        return name if name in self.names else "{method}"

    async def answer(self, request: Request, name: str) -> Response:
        """Answer a call, whatever comes of it."""
        try:
            return await self.serve(request, name)
        except ClientDisconnect:
            # Nobody reads this answer; the status is for the access log alone.
            return Response(status_code=499)
        except TrucError as error:
            refused = error
        except Exception:  # noqa: BLE001 -- whatever it was, a client of these protocols reads no other answer
            _log.exception("compat.failed", door=self.prefix, method=name[:40])
            refused = NodeFault("the node failed")
        failure = failure_of(refused)
        note_refused(request, refused, strangers=True)
        _log.warning(
            "compat.refused",
            door=self.prefix,
            method=name[:40],
            system_id=getattr(request.state, "system_id", "")[:64],
            error_code=failure.number,
            problem=refused.code,
            codes=sorted({finding.code for finding in refused.findings if finding.refuses}),
            detail=refused.detail[:300],
            fix=next((finding.fix for finding in refused.findings if finding.refuses), None),
        )
        return self.failed(name, failure)

    @override
    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http" or not (scope["path"] + "/").startswith(self.prefix + "/"):
            return Match.NONE, {}
        return Match.FULL, {"route": _Template(f"{self.prefix}/{self.template(self._name(scope['path']))}")}

    @override
    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self.answer(Request(scope, receive), self._name(scope["path"]))
        await response(scope, receive, send)

    def _name(self, path: str) -> str:
        return str(path[len(self.prefix) :].strip("/"))


class _Template:
    def __init__(self, path: str) -> None:
        self.path = path


async def short_body(request: Request) -> bytes:
    """Read a body that is no message.

    Raises:
        RequestInvalid: it is longer than any of them is.
    """
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > SHORT_BODY_BYTES_MAX:
            raise RequestInvalid(f"the body is longer than {SHORT_BODY_BYTES_MAX} bytes")
        pieces.append(piece)
    return b"".join(pieces)


def fields_of(octets: bytes) -> dict[str, str]:
    """Read a body that is a JSON object of texts; numbers count as their text, what is neither is left out.

    An empty body is an object without members: some clients of these protocols send their values elsewhere.

    Raises:
        RequestInvalid: it is anything else.
    """
    try:
        parsed: Any = json.loads(octets) if octets.strip() else {}
    except (ValueError, RecursionError) as error:
        raise RequestInvalid(f"the body is not JSON: {error}"[:200]) from error
    if not isinstance(parsed, dict):
        raise RequestInvalid("the body is not a JSON object")
    return {name: str(value) for name, value in parsed.items() if isinstance(value, str | int | float)}


def require_verb(request: Request, verb: str, *, name: str) -> None:
    """Refuse a call by another method of HTTP than its own.

    Raises:
        RequestInvalid: it is another one.
    """
    if request.method != verb:
        raise RequestInvalid(f"{name} is called by {verb}, not by {request.method[:10]}")


def declared_of(request: Request, *, framed: bool = False) -> Declared:
    """Return what a request says of the message in its body, whose media type these protocols name otherwise.

    Args:
        framed: the message is inside something longer, so its length is not known.
    """
    length = request.headers.get("content-length", "")
    known = length.isascii() and length.isdigit() and len(length) < 19 and not framed
    encoded = request.headers.get("content-encoding", "identity").strip().lower() != "identity"
    return Declared(media_type=XML, encoded=encoded, size=int(length) if known else None)


def peer_of(request: Request) -> str:
    """Return the address a request comes from."""
    return request.client.host if request.client else ""
