"""Signing in and out of the console."""

from typing import Annotated
from urllib.parse import parse_qs, urlencode

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.console import session
from app.console.frame import locale_of, pages, render
from app.errors import RequestInvalid, TooManyRequests, Unavailable
from app.routers import clock, problems
from app.routers.access import AtNode
from app.routers.calls import octets
from app.routers.sign_in import GRANT_TYPE, TokenRefused, TokenRequest, sign_in

router: APIRouter = pages()

_FORM = octets(16 * 1024, "application/x-www-form-urlencoded")


def form(request: Request, *, status: int = 200, next_: str = "/", client_id: str = "", refusal: str = "") -> Response:
    """Draw the form.

    Args:
        next_: where to go afterwards.
        client_id: what was entered before; the secret is never shown again.
        refusal: why it did not work, in the language of the page.
    """
    usable = session.cookie_of(request.app.state.public_url) is not None
    shown = {"next": next_, "client_id": client_id, "refusal": refusal, "usable": usable}
    return render(request, "sign_in.html", status=status, **shown)


@router.get("/sign-in")
async def entrance(request: Request, next: str | None = None) -> Response:
    """Show the form; who is signed in goes on."""
    path = session.local_path(next)
    if await session.viewer_of(request) is not None:
        return RedirectResponse(path, 303)
    return form(request, next_=path)


@router.post("/sign-in")
async def enter(request: Request, node: AtNode, octets: Annotated[bytes, Depends(_FORM)]) -> Response:
    """Sign a client in by its id and secret, exactly as the token endpoint does."""
    if session.cookie_of(node.settings.public_url) is None:
        return form(request, status=403)
    fields = _fields(octets)
    client_id, path = fields.get("client_id", "").strip(), session.local_path(fields.get("next"))
    token_form = {
        "grant_type": GRANT_TYPE,
        "client_id": client_id,
        "client_secret": fields.get("client_secret", "").strip(),
    }
    peer = request.client.host if request.client else ""
    at = clock.now()
    try:
        client, scopes = await sign_in(
            node, request.app.state.brake, TokenRequest(urlencode(token_form).encode(), None, peer), at=at
        )
    except TokenRefused as refused:
        return _refused(request, refused, client_id=client_id[:64], next_=path)
    answer = RedirectResponse(path, 303)
    session.begin(answer, node, client, scopes=scopes, at=at)
    return answer


@router.post("/sign-out")
async def leave(node: AtNode) -> Response:
    """End the session in this browser."""
    answer = RedirectResponse("/", 303)
    session.end(answer, node)
    return answer


def _fields(octets: bytes) -> dict[str, str]:
    try:
        fields = parse_qs(octets.decode("utf-8"), max_num_fields=10, errors="strict")
    except ValueError as error:
        raise RequestInvalid("the form cannot be read") from error
    return {name: values[-1] for name, values in fields.items()}


def _refused(request: Request, refused: TokenRefused, *, client_id: str, next_: str) -> Response:
    cause, words = refused.cause, locale_of(request)
    if isinstance(cause, Unavailable):
        raise cause
    if isinstance(cause, TooManyRequests):
        why = words.text("sign-in.braked", seconds=cause.retry_after_seconds)
    else:
        why = words.text("sign-in.refused")
    answer = form(request, status=problems.kind_for(cause).status, next_=next_, client_id=client_id, refusal=why)
    for name, value in problems.headers_for(cause).items():
        answer.headers[name] = value
    if answer.status_code == 401:
        # RFC 9110 §15.5.2 wants a challenge; browsers know no scheme of this name and so open no dialogue of their own.
        answer.headers["WWW-Authenticate"] = 'Cookie realm="truc"'
    return answer
