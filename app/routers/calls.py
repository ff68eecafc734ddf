"""The route class of the API: who is asking is settled before a body is read, and what is read is bounded.

FastAPI by itself reads and parses a JSON body before it looks at the token, without a limit, and answers a body of another
media type as if its members were missing. Order here: (1) access, (2) size, (3) media type, (4) FastAPI's own validation.
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import override

from app.errors import UnsupportedMediaType
from app.routers import problems
from app.routers.conditions import read_body

JSON_BYTES_MAX: Final = 1024 * 1024
"""Longest JSON body: a thousand delivery ids, or a certificate with its chain, are far below."""

_Handle = Callable[[Request], Coroutine[Any, Any, Response]]


class BodyInHand(Request):
    """A request whose body was read already, within its bound."""

    def __init__(self, request: Request, body: bytes) -> None:
        super().__init__(request.scope, request.receive)
        self._body = body


class Call(APIRoute):
    """One operation of the API."""

    @override
    def get_route_handler(self) -> _Handle:
        handle = super().get_route_handler()
        steps = tuple(_early_steps(self.dependant))
        takes_json = self.body_field is not None

        async def serve(request: Request) -> Response:
            for step in steps:
                await step(request)
            if takes_json:
                body = await read_body(request, JSON_BYTES_MAX)
                if body:
                    _require_json(request.headers.get("content-type", ""))
                request = BodyInHand(request, body)
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


EARLY: Final = "truc_early_step"
"""Attribute of a dependency that also runs, as `step(request)`, before the body is read."""


def _early_steps(dependant: Dependant) -> "list[Callable[[Request], Awaitable[object]]]":
    found = []
    for dependency in dependant.dependencies:
        step = getattr(dependency.call, EARLY, None)
        if step is not None:
            found.append(step)
        found.extend(_early_steps(dependency))
    return found


def _require_json(content_type: str) -> None:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type != "application/json" and not (
        media_type.startswith("application/") and media_type.endswith("+json")
    ):
        raise UnsupportedMediaType(f"Content-Type is {content_type[:80]!r}; this call takes application/json")
