"""The API's own description: OpenAPI 3.1, from the code, the same bytes every time.

FastAPI writes most of it. Added here: the shape of problems and the headers every answer has, and the truth where
FastAPI only assumes: validation errors are problems, of several scopes one is enough, and bodies have limits.
"""

import json
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

import app as product
from app.routers import problems

DESCRIPTION = """\
Exchange of signed edXML documents (QCVN 102:2016/BTTTT) between agencies.

Get a token from `POST /oauth2/token`, send it as `Authorization: Bearer …`. Times are RFC 3339 UTC, months `YYYY-MM` in
Asia/Ho_Chi_Minh, ids UUIDv7. Lists go by cursor. Errors are problem documents (RFC 9457) whose `type` is an address
that explains them. Every POST that creates honours `Idempotency-Key`. HEAD works wherever GET does.
"""

TAGS = {
    "Exchange": "Sending, receiving, acknowledging and reporting on documents.",
    "Webhooks": "Being told of events instead of asking for them; the inbox stays the truth.",
    "Registry": "Agencies, their certificates, trust anchors and clients.",
    "Audit": "The delivery log.",
    "Ledger": "Checkpoints, tiles and proofs, by which anybody can check that the log was only appended to.",
    "Statistics": "Figures of the exchange, counted from the delivery log.",
    "Authentication": "Tokens, and where clients find out about them.",
    "Operation": "Health and figures of the node itself.",
}

_HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-Id": {
        "description": "Id of this request in the node's log; taken over from the request where it sent a sane one.",
        "schema": {"type": "string"},
    },
    "Retry-After": {"description": "Seconds to wait before trying again.", "schema": {"type": "integer"}},
    "WWW-Authenticate": {"description": "How to authenticate (RFC 6750 §3).", "schema": {"type": "string"}},
    "ETag": {"description": "Version of the record, for If-Match.", "schema": {"type": "string"}},
    "Location": {"description": "Where the new resource is.", "schema": {"type": "string"}},
    "Content-Digest": {"description": "SHA-256 of the body (RFC 9530).", "schema": {"type": "string"}},
    "Idempotent-Replayed": {
        "description": "`true` where this is the first answer again.",
        "schema": {"type": "string", "const": "true"},
    },
}


def header(*names: str) -> dict[str, Any]:
    """Describe headers of an answer, for `responses={201: {"headers": …}}`."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def install(app: FastAPI) -> None:
    """Let the application describe itself as here."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = openapi_document(app)
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """Describe the API; the same for the same code, whatever the settings."""
    document = get_openapi(
        title="Trục",
        version=product.__version__,
        summary="Electronic document exchange node",
        description=DESCRIPTION,
        routes=app.routes,
        servers=[{"url": "/", "description": "This node"}],
        tags=[{"name": name, "description": text} for name, text in TAGS.items()],
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for assumed in ("HTTPValidationError", "ValidationError"):
        schemas.pop(assumed, None)
    _, own = models_json_schema([(problems.Problem, "serialization")], ref_template="#/components/schemas/{model}")
    schemas.update(own["$defs"])
    for schema in schemas.values():
        # Models made of others, such as Page[AgencyView], do not take their docstring along.
        schema.setdefault("description", f"{schema['title']}.")
    components["schemas"] = dict(sorted(schemas.items()))
    components["headers"] = _HEADERS
    for path in document["paths"].values():
        for operation in path.values():
            _correct(operation)
    return document


def openapi_text(app: FastAPI) -> str:
    """Write the description as it is committed in `openapi/openapi.json`."""
    return json.dumps(openapi_document(app), ensure_ascii=False, indent=2) + "\n"


def _correct(operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    if "HTTPValidationError" in json.dumps(answers.get("422", {})):
        answers["422"] = problems.answers(422)[422]
    if "requestBody" in operation:
        for status, answer in problems.answers(400, 413, 415).items():
            answers.setdefault(str(status), answer)
    for answer in answers.values():
        answer["headers"] = {**header("X-Request-Id"), **answer.get("headers", {})}
    operation["responses"] = dict(sorted(answers.items()))
    if "security" in operation:
        operation["security"] = [
            {name: [scope]} if scope else {name: []}
            for requirement in operation["security"]
            for name, scopes in requirement.items()
            for scope in (scopes or [""])
        ]
