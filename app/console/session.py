"""Sessions: a cookie that holds a token signed by the node, of a type of its own so that no API call takes it.

Like access tokens it names the version of the client's record, so that a change of the client's grants or secret ends
it at once. Signing in is the token endpoint's own (`routers.sign_in`): same brake, same proof, same events. Ours.
"""

from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from app.errors import NotAuthenticated, RequestInvalid
from app.node import Node
from app.registry.model import Client, Scope
from app.routers import clock
from app.routers.access import Caller, holder_of, issue

SESSION_TYPE: Final = "session+jwt"
"""Header `typ` of sessions (RFC 8725 §3.11); an access token is none, and a session opens no API call."""

PATH_CHARACTERS_MAX: Final = 2000
"""Longest address that is gone back to after signing in; the longest query of the log is below."""


@dataclass(frozen=True, slots=True)
class Cookie:
    """The cookie a session lies in.

    Attributes:
        name: with the prefix `__Host-`, browsers take it from this very host over HTTPS alone (RFC 6265bis §4.1.3.2).
    """

    name: str
    secure: bool


def cookie_of(public_url: str) -> Cookie | None:
    """Return the cookie for a node at this address; None where a session would travel unprotected."""
    address = urlsplit(public_url)
    if address.scheme == "https":
        return Cookie("__Host-truc", secure=True)
    return Cookie("truc", secure=False) if _is_loopback(address.hostname or "") else None


def begin(response: Response, node: Node, client: Client, *, scopes: frozenset[Scope], at: datetime) -> None:
    """Lay a session into the answer, for a client that has just proven who it is."""
    settings = node.settings
    cookie = cookie_of(settings.public_url)
    assert cookie is not None, "nobody signs in where no cookie can be set"
    token = issue(
        node.key,
        client,
        scopes=scopes,
        issuer=settings.public_url,
        at=at,
        seconds=settings.token_seconds,
        typ=SESSION_TYPE,
    )
    response.set_cookie(
        cookie.name,
        token,
        max_age=settings.token_seconds,
        path="/",
        secure=cookie.secure,
        httponly=True,
        samesite="strict",
    )


def end(response: Response, node: Node) -> None:
    """Take the session out of the browser."""
    cookie = cookie_of(node.settings.public_url)
    if cookie is not None:
        response.delete_cookie(cookie.name, path="/", secure=cookie.secure, httponly=True, samesite="strict")


async def viewer_of(request: Request) -> Caller | None:
    """Return who looks at a page; None where nobody is signed in, or not any more; asked for once a request.

    Raises:
        Unavailable: the database does not answer.
    """
    if hasattr(request.state, "viewer"):
        known: Caller | None = request.state.viewer
        return known
    node: Node = request.app.state.node
    cookie = cookie_of(node.settings.public_url)
    token = request.cookies.get(cookie.name) if cookie is not None else None
    viewer = await _known(node, token, at=clock.now()) if token else None
    request.state.viewer = viewer
    if viewer is not None:
        request.state.client_id = viewer.client.client_id
    return viewer


def require_own_page(request: Request) -> None:
    """Refuse a form that was not sent from a page of this node (cross-site request forgery).

    By `Sec-Fetch-Site`, which no page can forge; by `Origin` where the browser sends none, as over plain HTTP. A
    request with neither comes from no browser page and is refused like the others.

    Raises:
        RequestInvalid: it was sent from elsewhere.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        own = site == "same-origin"
    else:
        origin = request.headers.get("origin", "null")
        own = origin in (f"{request.url.scheme}://{request.headers.get('host', '')}", request.app.state.public_url)
    if not own:
        raise RequestInvalid("the form was not sent from a page of this node; open the console itself and try again")


def local_path(path: str | None) -> str:
    """Return where to go after signing in: an address on this node, whatever was asked for."""
    if path is None or len(path) > PATH_CHARACTERS_MAX or not path.startswith("/") or not path.isprintable():
        return "/"
    # Browsers read a backslash as a slash, and two slashes begin the name of another host.
    return "/" if path[1:2] in ("/", "\\") else path


async def _known(node: Node, token: str, *, at: datetime) -> Caller | None:
    try:
        return await holder_of(node, token, at=at, typ=SESSION_TYPE)
    except NotAuthenticated:
        return None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
