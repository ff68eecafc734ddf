"""The route class of the API: who is asking is settled before a body is read, and what is read is bounded.

FastAPI by itself reads and parses a JSON body before it looks at the token, without a limit, and answers a body of
another media type as if its members were missing. Order here: (1) access, (2) media type, (3) size, (4) digest,
(5) validation. A call that takes a stream declares no body and reads `request.stream()` itself.
"""

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from typing import Any, Final

from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from app.errors import RequestInvalid, UnsupportedMediaType
from app.routers import problems
from app.routers.conditions import check_digest

JSON_BYTES_MAX: Final = 1024 * 1024
"""Longest JSON body: a thousand delivery ids, or a certificate with its chain, are far below."""

EARLY: Final = "truc_early_step"
"""Attribute of a dependency: a function that runs as `step(request)` before the body is read."""

_Handle = Callable[[Request], Coroutine[Any, Any, Response]]
_Step = Callable[[Request], Awaitable[object]]


class Octets:
    """Dependency of a call that takes a short body that is not JSON; gives its bytes."""

    def __init__(self, bytes_max: int, media_types: tuple[str, ...], *, required: bool) -> None:
        self.bytes_max = bytes_max
        self.media_types = media_types
        self.required = required

    def __call__(self, request: Request) -> bytes:
        """Return the body, which was read before."""
        return octets_of(request)

    @property
    def description(self) -> dict[str, Any]:
        """What `openapi_extra` of the call says about the body."""
        schema = {"type": "string", "format": "binary"}
        content = {media_type: {"schema": schema} for media_type in self.media_types if media_type != "*/*"}
        return {"requestBody": {"required": True, "content": content}}


_JSON = Octets(JSON_BYTES_MAX, ("application/json",), required=False)


class Call(APIRoute):
    """One operation of the API."""

    @override
    def get_route_handler(self) -> _Handle:
        handle = super().get_route_handler()
        dependencies = tuple(_all(self.dependant))
        steps: list[_Step] = [getattr(call, EARLY) for call in dependencies if hasattr(call, EARLY)]
        body = next((call for call in dependencies if isinstance(call, Octets)), _JSON if self.body_field else None)

        async def serve(request: Request) -> Response:
            for step in steps:
                await step(request)
            if body is not None:
                octets = await _read(request, body)
                request.state.octets = octets
                request = _InHand(request, octets)
            return await handle(request)

        return serve


def calls(*, tag: str, guarded: bool = True) -> APIRouter:
    """Make a router of calls.

    Args:
        tag: heading in the API description.
        guarded: the calls need a token; its errors are described with them.
    """
    common = (400, 401, 403, 500, 503) if guarded else (500, 503)
    return APIRouter(route_class=Call, tags=[tag], responses=problems.answers(*common))


class WrongMethods(BaseRoute):
    """Answers 405 where an address is one call's own, but another call's pattern would take the method too.

    `/v1/agencies/import` takes POST alone, although `GET /v1/agencies/{organ_id}` fits it. To be the first route.
    """

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._methods: dict[str, set[str]] = {}
        for route in routes:
            if isinstance(route, Route) and "{" not in route.path:
                self._methods.setdefault(route.path, set()).update(route.methods or ())

    @override
    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        methods = self._methods.get(scope["path"]) if scope["type"] == "http" else None
        wrong = methods is not None and scope["method"] not in methods
        return (Match.FULL, {}) if wrong else (Match.NONE, {})

    @override
    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        raise HTTPException(405)


def octets(bytes_max: int, *media_types: str, required: bool = True) -> Octets:
    """Describe a short body that is not JSON; give it to `Depends`, and its `description` to `openapi_extra`.

    Args:
        media_types: `*/*` among them lets every other one pass too.
        required: an empty body is refused here.
    """
    return Octets(bytes_max, media_types, required=required)


def octets_of(request: Request) -> bytes:
    """Return the body of a request whose call declares one; empty where it declares none."""
    read: bytes = getattr(request.state, "octets", b"")
    return read


class _InHand(Request):
    """A request whose body was read already, so that FastAPI finds it."""

    def __init__(self, request: Request, octets: bytes) -> None:
        super().__init__(request.scope, request.receive)
        self._body = octets


async def _read(request: Request, body: Octets) -> bytes:
    declared = request.headers.get("content-length", "0")
    present = declared != "0" or "transfer-encoding" in request.headers
    if present:
        _check_media_type(request.headers.get("content-type", ""), body.media_types)
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise UnsupportedMediaType("Content-Encoding: send the body as it is")
    too_long = HTTPException(413, f"This call takes bodies of up to {body.bytes_max} bytes.")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > body.bytes_max:
        raise too_long
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > body.bytes_max:
            raise too_long
        pieces.append(piece)
    octets = b"".join(pieces)
    if body.required and not octets:
        raise RequestInvalid("the body is missing")
    check_digest(request.headers.get("content-digest"), octets)
    return octets


def _check_media_type(content_type: str, accepted: tuple[str, ...]) -> None:
    media_type = content_type.partition(";")[0].strip().lower()
    takes_json = accepted == _JSON.media_types
    # A body without a declared type may be taken for what is expected (RFC 9110 §8.3). Not so JSON: it must say so.
    fits = media_type in accepted or "*/*" in accepted or (not media_type and not takes_json)
    if not fits and not (takes_json and _is_json(media_type)):
        raise UnsupportedMediaType(f"Content-Type is {content_type[:80]!r}; this call takes {', '.join(accepted)}")


def _is_json(media_type: str) -> bool:
    return media_type.startswith("application/") and media_type.endswith("+json")


def _all(dependant: Dependant) -> Iterator[object]:
    for dependency in dependant.dependencies:
        yield dependency.call
        yield from _all(dependency)
