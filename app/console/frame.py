"""What every page has in common: its route, its headers, its language, its errors as pages.

Pages are the API's own answers, drawn: a page calls the function behind the API call with the same access rules, so it
can show nothing that the API would not give. No page needs a script, and none is allowed to run.
"""

import hashlib
import re
from collections.abc import Callable, Coroutine, Mapping
from importlib import resources
from typing import Annotated, Any, Final
from urllib.parse import quote, urlencode

import structlog
from fastapi import APIRouter, Depends
from fastapi.exceptions import RequestValidationError
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from typing_extensions import override

import app as product
from app.console import locale, session
from app.console.locale import Language, Locale, language_of
from app.errors import NodeFault, NotFound, RequestInvalid, ScopeMissing, TrucError
from app.findings import Finding, Severity
from app.registry.model import Scope
from app.routers import kinds, problems
from app.routers.access import Caller
from app.routers.calls import Call
from app.routers.kinds import Kind

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'"
    ),
    # Not no-referrer: with it browsers send `Origin: null` with forms.
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
"""On every page."""

FORM_FIELD: Final = "form"
"""Hidden field by which the address of a form is told from one that was written; see `_from_form`."""

_LANGUAGE_SECONDS: Final = 365 * 24 * 3600
_LOCAL_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?")
_MOMENTS: Final = frozenset({"from", "to"})

_log = structlog.get_logger("truc.console")

_pages = Environment(
    loader=PackageLoader("app.console"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


class SignInNeeded(Exception):
    """Nobody is signed in; never leaves this room."""


class Page(Call):
    """The route of a page: plain addresses for those of forms, no forms from elsewhere, errors as pages."""

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def serve(request: Request) -> Response:
            if plain := _from_form(request):
                return plain
            try:
                if request.method != "GET":
                    session.require_own_page(request)
                answer = await handle(request)
            except Exception as error:  # noqa: BLE001 -- whatever it was, a person sees a page
                answer = await _problem_page(request, error)
            return _finished(request, answer)

        return serve


def pages() -> APIRouter:
    """Make a router of pages."""
    return APIRouter(route_class=Page, include_in_schema=False)


def viewer(*scopes: Scope) -> Any:
    """Guard a page; one of the scopes is enough. Written `caller: Annotated[Caller, viewer(Scope.AUDIT)]`."""

    async def signed_in(request: Request) -> Caller:
        caller = await session.viewer_of(request)
        if caller is None:
            raise SignInNeeded
        if scopes and caller.scopes.isdisjoint(scopes):
            raise ScopeMissing(f"this page needs the scope {' or '.join(scopes)}")
        return caller

    return Depends(signed_in)


Viewer = Annotated[Caller, viewer()]
"""Parameter of a page that everybody who is signed in may see."""


def render(request: Request, template: str, *, status: int = 200, **shown: Any) -> Response:
    """Draw a page.

    Args:
        template: file name below `templates`.
        shown: what the template speaks of, beside what every template knows (see `_surroundings`).
    """
    text = _pages.get_template(template).render(_surroundings(request) | shown)
    return HTMLResponse(text, status)


def locale_of(request: Request) -> Locale:
    """Return the language of a page: the address's wish, the one that is remembered, Vietnamese."""
    return Locale(language_of(request.query_params.get("lang"), request.cookies.get(locale.COOKIE)))


def address(path: str, query: Mapping[str, Any] | None = None, **further: Any) -> str:
    """Write an address on this node; what is None is left out, lists are repeated, `from_` means `from`."""
    given = {**(query or {}), **further}
    pairs = [(name.rstrip("_"), value) for name, value in given.items() if value is not None]
    return path + ("?" + urlencode(pairs, doseq=True) if pairs else "")


def asked(request: Request, *names: str) -> dict[str, Any]:
    """Return these parameters of a page's address, those that were given; lists where they are repeated."""
    found: dict[str, Any] = {}
    for name in names:
        values = request.query_params.getlist(name)
        if values:
            found[name] = values if len(values) > 1 else values[0]
    return found


def in_path(text: str) -> str:
    """Write a text as one part of an address."""
    return quote(text, safe="")


def _from_form(request: Request) -> Response | None:
    """Send the address a form made on to the address that says the same, which can be kept and given to others.

    Forms send what was left empty, where an address means "of none" by it, and moments without an offset, as people
    write them: they mean Vietnamese time.
    """
    if request.method != "GET" or FORM_FIELD not in request.query_params:
        return None
    pairs = [
        (name, _with_offset(value) if name in _MOMENTS else value)
        for name, value in request.query_params.multi_items()
        if value.strip() and name != FORM_FIELD
    ]
    return RedirectResponse(_path(request) + (f"?{urlencode(pairs)}" if pairs else ""), 303)


def _with_offset(value: str) -> str:
    found = _LOCAL_MOMENT.fullmatch(value)
    # Browsers leave out seconds that are zero; RFC 3339 does not.
    return f"{value}{'' if found[1] else ':00'}+07:00" if found else value


def _finished(request: Request, answer: Response) -> Response:
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
    answer.headers.setdefault("Vary", "Cookie")
    wish = request.query_params.get("lang")
    if wish in set(Language):
        secure = request.app.state.public_url.startswith("https:")
        answer.set_cookie(
            locale.COOKIE, wish, max_age=_LANGUAGE_SECONDS, path="/", secure=secure, httponly=True, samesite="lax"
        )
    return answer


def _surroundings(request: Request) -> dict[str, Any]:
    """Return what every template knows: `t` for texts, `l` for ways of writing, who looks, and addresses."""
    words = locale_of(request)
    here = _path(request) if request.scope["method"] == "GET" else "/"
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
    switch = urlencode([*kept, ("lang", words.language.other.value)])
    caller: Caller | None = getattr(request.state, "viewer", None)
    return {
        "t": words.text,
        "l": words,
        "viewer": caller,
        "nav": _navigation(caller),
        "here": here,
        "language_switch": f"{here}?{switch}",
        "address": address,
        "in_path": in_path,
        "utc": locale.utc_text,
        "form_field": FORM_FIELD,
        "form_moment": lambda at: locale.form_text(at) if at else "",
        "given_without": lambda given, name: {kept: value for kept, value in given.items() if kept != name},
        "style_version": STYLE_VERSION,
        "product_version": product.__version__,
        "request_id": request.state.request_id,
        "may": {scope.value: caller is not None and scope in caller.scopes for scope in Scope},
    }


def _navigation(caller: Caller | None) -> list[tuple[str, str]]:
    """List (address, key of its text) of the pages this viewer may open."""
    if caller is None:
        return []
    shown = [("/", "nav.overview")]
    if caller.scopes & {Scope.EXCHANGE, Scope.AUDIT}:
        shown.append(("/documents", "nav.documents"))
    shown.append(("/agencies", "nav.agencies"))
    if Scope.AUDIT in caller.scopes:
        shown.append(("/log", "nav.log"))
        shown.append(("/ledger", "nav.ledger"))
    if Scope.STATISTICS in caller.scopes:
        shown.append(("/statistics", "nav.statistics"))
    if caller.scopes & {Scope.AUDIT, Scope.REGISTRY_WRITE}:
        shown.append(("/trust", "nav.trust"))
    if Scope.REGISTRY_WRITE in caller.scopes:
        shown.append(("/clients", "nav.clients"))
    return shown


async def _problem_page(request: Request, error: Exception) -> Response:
    match error:
        case SignInNeeded():
            return _to_sign_in(request)
        case RequestValidationError():
            return _drawn(request, *_invalid(error))
        case HTTPException():
            return _drawn(request, kinds.kind_of_status(error.status_code), str(error.detail), ())
        case TrucError():
            kind = problems.kind_for(error)
            if kind.status < 500:
                return _drawn(request, kind, error.detail, error.findings, headers=problems.headers_for(error))
            _log.error("page.failed", exc_info=error)
            return _drawn(request, kind, None, (), headers=problems.headers_for(error))
        case _:
            _log.error("page.failed", exc_info=error)
            return _drawn(request, kinds.kind_of(NodeFault), None, ())


def _drawn(
    request: Request,
    kind: Kind,
    detail: str | None,
    findings: tuple[Finding, ...],
    *,
    headers: Mapping[str, str] | None = None,
) -> Response:
    shown = sorted(findings, key=lambda finding: not finding.refuses)[: problems.FINDINGS_MAX]
    answer = render(request, "problem.html", status=kind.status, kind=kind, detail=detail, findings=shown)
    for name, value in (headers or {}).items():
        # A browser that is challenged for a bearer token has no use for it.
        if name != "WWW-Authenticate":
            answer.headers[name] = value
    return answer


def _invalid(error: RequestValidationError) -> tuple[Kind, str, tuple[Finding, ...]]:
    found = error.errors()
    if any(each["loc"][0] == "path" for each in found):
        return kinds.kind_of(NotFound), "No page has this address.", ()
    findings = tuple(
        Finding(
            f"request.{each['type'].replace('_', '-')}",
            Severity.ERROR,
            f"{each['loc'][-1]}: {each['msg']}",
            "Use the form of the page, or correct the address.",
            "/openapi.json",
        )
        for each in found
    )
    return kinds.kind_of(RequestInvalid), "The address of the page asks for something that does not exist.", findings


def _to_sign_in(request: Request) -> Response:
    """Send somebody who is not signed in to the form, and back here afterwards.

    A link from another site comes without the cookie (`SameSite=Strict`), also for those who are signed in: they get a
    page that opens the address once more, from here.
    """
    here = _path(request) + (f"?{request.url.query}" if request.url.query else "")
    if request.headers.get("sec-fetch-site") == "cross-site":
        return render(request, "continue.html", target=here)
    return RedirectResponse(address("/sign-in", next=here), 303)


def _path(request: Request) -> str:
    return quote(request.url.path, safe="/:,@+$!*()~-._")


def _style() -> bytes:
    return (resources.files("app.console") / "static" / "truc.css").read_bytes()


STYLE_VERSION: Final = hashlib.sha256(_style()).hexdigest()[:12]
"""Part of the style sheet's address, so that browsers may keep it for ever."""
