"""Errors become answers here and nowhere else: `application/problem+json` (RFC 9457), one shape for all of them.

The node's own faults (5xx) say nothing about their cause but the request id under which the log has it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, compile_path
from starlette.types import Scope

from app.errors import (
    NodeFault,
    NotAuthenticated,
    RangeNotSatisfiable,
    RequestInvalid,
    ScopeMissing,
    TooManyRequests,
    TrucError,
    Unavailable,
)
from app.findings import Finding, Severity
from app.routers import kinds
from app.routers.kinds import Kind
from app.routers.noting import note_refused

MEDIA_TYPE = "application/problem+json"
FINDINGS_MAX = 200
"""Most findings in one answer; a broken file of ten thousand lines is understood from fewer."""
UNAVAILABLE_RETRY_SECONDS = 2
"""Retry-After of 503: long enough for a fail-over to be under way, short enough not to hold mail up."""

_log = structlog.get_logger("truc.problems")


class FindingView(BaseModel):
    """One thing a rule has to say about one place."""

    code: str = Field(
        description="Stable code of the rule, or of the defect.", examples=["qcvn102.1.14.document-id-missing"]
    )
    severity: Severity = Field(description="`error` and `fatal` refuse, `warning` and `info` do not.")
    message: str = Field(description="What is wrong, with the offending value.")
    fix: str = Field(description="What to change so that the finding goes away.")
    location: str | None = Field(
        description="Element path, line:column, JSON pointer or parameter; null for the whole."
    )
    source: str = Field(description="Article or section the rule comes from.", examples=["QCVN 102:2016/BTTTT §1.14"])

    @classmethod
    def of(cls, finding: Finding) -> "FindingView":
        """Show a finding."""
        return cls(
            code=finding.code,
            severity=finding.severity,
            message=finding.message,
            fix=finding.fix,
            location=finding.location,
            source=finding.source,
        )


class Problem(BaseModel):
    """A problem (RFC 9457). The type is an address that explains it."""

    model_config = ConfigDict(
        json_schema_extra={"required": ["type", "title", "title_vi", "status", "request_id", "findings"]}
    )

    type: str = Field(
        description="URI of the kind of problem; its last part is stable.", examples=["…/problems/not-found"]
    )
    title: str = Field(description="English title of the kind.")
    title_vi: str = Field(description="Vietnamese title of the kind.")
    status: int = Field(description="HTTP status.")
    detail: str | None = Field(description="What happened this time.")
    instance: str = Field(description="Path of the request.")
    request_id: str = Field(description="Id of the request, under which the node's log has it.")
    findings: list[FindingView] = Field(description="What the rules found, where rules decided.")


def install(app: FastAPI) -> None:
    """Let every error of the application be answered from here."""
    app.add_exception_handler(TrucError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _framework)
    app.add_exception_handler(ClientDisconnect, _gone)


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe error answers for the API description: `responses=problems.answers(404, 409)`."""
    return {status: _description(status) for status in statuses}


def answer(
    scope: Scope,
    kind: Kind,
    detail: str | None,
    *,
    findings: Sequence[Finding] = (),
    headers: Mapping[str, str] | None = None,
    media_type: str = MEDIA_TYPE,
    **further: Any,
) -> Response:
    """Build the answer for one problem.

    Args:
        findings: shown up to `FINDINGS_MAX`, those that refuse first.
        further: extension members (RFC 9457 §3.2), such as the two of RFC 6749 §5.2.
    """
    shown = sorted(findings, key=lambda finding: not finding.refuses)[:FINDINGS_MAX]
    problem = Problem(
        type=f"{scope['app'].state.public_url}/problems/{kind.code}",
        title=kind.title,
        title_vi=kind.title_vi,
        status=kind.status,
        detail=detail,
        instance=quote(scope["path"], safe="/:,;=@+$!*'()~-._"),
        request_id=scope["state"]["request_id"],
        findings=[FindingView.of(finding) for finding in shown],
    )
    body = problem.model_dump(mode="json") | further
    return JSONResponse(body, kind.status, headers=dict(headers or {}), media_type=media_type)


def internal(scope: Scope) -> Response:
    """Build the opaque answer for a fault of the node."""
    return answer(scope, kinds.kind_of(NodeFault), "The node failed; its log has the cause under the request id.")


def kind_for(error: TrucError) -> Kind:
    """Return the kind of an error.

    A `RequestInvalid` with findings is well-formed but breaks rules: it answers 422, as all refusals with findings.
    """
    kind = kinds.kind_of(type(error))
    if isinstance(error, RequestInvalid) and error.findings and kind.status == 400:
        return Kind(kind.code, 422, kind.title, kind.title_vi, kind.meaning, kind.fix)
    return kind


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, TrucError)
    note_refused(request, error)
    return refusal(request, error)


def refusal(request: Request, error: TrucError) -> Response:
    """Build the answer for an error of the tree; what is the node's own fault goes to its log."""
    kind = kind_for(error)
    if kind.status == 500:
        _log.error("request.failed", exc_info=error)
        return internal(request.scope)
    if kind.status == 503:
        _log.warning("request.unavailable", detail=error.detail, cause=repr(error.__cause__))
    return answer(request.scope, kind, error.detail, findings=error.findings, headers=headers_for(error))


def headers_for(error: TrucError) -> dict[str, str]:
    """Return the headers that belong to an error: when to come again, how to authenticate."""
    match error:
        case Unavailable():
            return {"Retry-After": str(UNAVAILABLE_RETRY_SECONDS)}
        case TooManyRequests():
            return {"Retry-After": str(error.retry_after_seconds)}
        case NotAuthenticated():
            return {"WWW-Authenticate": _challenge("invalid_token", error.detail)}
        case ScopeMissing():
            return {"WWW-Authenticate": _challenge("insufficient_scope", error.detail)}
        case RangeNotSatisfiable():
            return {"Content-Range": f"bytes */{error.size}"}
        case _:
            return {}


def printable(text: str) -> str:
    """Leave what error_description may hold: ASCII without quote and backslash (RFC 6749 §5.2, RFC 6750 §3)."""
    return "".join(letter for letter in text if " " <= letter <= "~" and letter not in '"\\')


def _challenge(code: str, detail: str) -> str:
    return f'Bearer realm="truc", error="{code}", error_description="{printable(detail)}"'


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    malformed = next((each for each in found if each["type"] == "json_invalid"), None)
    if malformed is not None:
        place, reason = malformed["loc"][-1], malformed["ctx"]["error"]
        return answer(request.scope, kinds.MALFORMED_JSON, f"The body is not JSON: {reason} at character {place}.")
    detail = f"{len(found)} {'place does' if len(found) == 1 else 'places do'} not fit the description of this call."
    findings = [_finding(each) for each in found]
    note_refused(request, RequestInvalid(detail, findings=findings))
    return answer(request.scope, kinds.VALIDATION_FAILED, detail, findings=findings)


def _finding(error: Mapping[str, Any]) -> Finding:
    origin, *path = error["loc"]
    if origin == "body":
        location = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
    else:
        location = f"{origin} parameter {'.'.join(map(str, path))}"
    return Finding(
        code=f"request.{error['type'].replace('_', '-')}",
        severity=Severity.ERROR,
        message=str(error["msg"]),
        fix="Send what the API description of this call asks for in this place.",
        source="API description, /openapi.json",
        location=location or None,
    )


async def _framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    kind = kinds.kind_of_status(error.status_code)
    detail = error.detail
    if error.status_code == 404:
        detail = "No resource has this address."
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_allowed(request))
        detail = f"This resource takes {headers['Allow']}, not {request.scope['method'][:20]}."
    return answer(request.scope, kind, detail, headers=headers)


def _allowed(request: Request) -> Iterable[str]:
    """List the methods of every route with this path; the framework names those of the first one only.

    Where one has exactly this path, those that only have it by a parameter (`/v1/agencies/{organ_id}` as
    `/v1/agencies/import`) do not count.
    """
    asked = request.scope["path"]
    methods: set[str] = set()
    known = [(route.path, route.methods or set()) for route in request.app.routes if isinstance(route, Route)]
    exact = [each for path, each in known if path == asked]
    for each in exact or [each for path, each in known if compile_path(path)[0].match(asked)]:
        methods |= each
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))


async def _gone(_request: Request, _error: Exception) -> Response:
    # Nobody reads this answer; the status is for the access log alone.
    return Response(status_code=499)


def _description(status: int) -> dict[str, Any]:
    known = [kind for kind in kinds.all_kinds().values() if kind.status == status]
    assert known, f"no kind of problem has status {status}"
    titles = "; ".join(f"`{kind.code}`: {kind.meaning}" for kind in known)
    headers = {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}}
    if status in (429, 503):
        headers["Retry-After"] = {"$ref": "#/components/headers/Retry-After"}
    if status == 401:
        headers["WWW-Authenticate"] = {"$ref": "#/components/headers/WWW-Authenticate"}
    return {
        "description": titles,
        "headers": headers,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
