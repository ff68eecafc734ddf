"""Tokens for clients: the client credentials grant of OAuth 2.0, and where clients find out about it.

A client proves who it is by its secret (RFC 6749 §2.3.1) or by an assertion signed with the key of a certificate that
is registered for an agency it acts for (RFC 7523). Refusals carry the members of RFC 6749 §5.2 beside those of every
problem, as `application/json`, which §5.2 asks for. Sign-ins and refused ones are events.
"""

import base64
import binascii
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, unquote_plus

from fastapi import Depends, Request, Response
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse

from app.errors import InvalidClient, RequestInvalid, TooManyRequests, TrucError
from app.ids import new_id
from app.ledger.events import Event, EventKind, Outcome, record
from app.node import Node
from app.registry import clients
from app.registry.model import Client, Scope
from app.routers import access, assertions, clock, problems
from app.routers.access import SCOPES, AtNode
from app.routers.brake import Brake
from app.routers.calls import calls, octets
from app.routers.openapi import header

router = calls(tag="Authentication", guarded=False)

GRANT_TYPE = "client_credentials"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TOKEN_PATH = "/oauth2/token"  # noqa: S105
UNKNOWN_ACTOR = "unknown"
"""Actor of a refused sign-in under an id that nobody has."""

_FORM = octets(64 * 1024, "application/x-www-form-urlencoded")
_FIELDS_MAX = 20
_FORM_SCHEMA = {
    "type": "object",
    "required": ["grant_type"],
    "properties": {
        "grant_type": {"type": "string", "const": GRANT_TYPE},
        "scope": {"type": "string", "description": "Scopes, separated by blanks; left out: all the client has."},
        "client_id": {"type": "string", "description": "With client_secret_post."},
        "client_secret": {"type": "string", "description": "With client_secret_post."},
        "client_assertion_type": {"type": "string", "const": ASSERTION_TYPE, "description": "With private_key_jwt."},
        "client_assertion": {"type": "string", "description": "A signed JWT (RFC 7523) with private_key_jwt."},
    },
}

Method = Literal["client_secret_basic", "client_secret_post", "private_key_jwt"]


class TokenView(BaseModel):
    """An access token (RFC 6749 §5.1)."""

    access_token: str = Field(description="Send it as `Authorization: Bearer …`.")
    token_type: Literal["Bearer"] = Field(description="Always `Bearer`.")
    expires_in: int = Field(description="Seconds until it ends.", examples=[3600])
    scope: str = Field(description="Its scopes, separated by blanks.", examples=["exchange registry.read"])


class TokenProblem(problems.Problem):
    """A refused token request: a problem with the two members of RFC 6749 §5.2."""

    error: str = Field(description="Code of RFC 6749 §5.2.", examples=["invalid_client"])
    error_description: str = Field(description="The detail again.")


class ServerMetadata(BaseModel):
    """Authorization server metadata (RFC 8414)."""

    issuer: str = Field(description="Address of the node.")
    token_endpoint: str = Field(description="Where tokens are to be had.")
    jwks_uri: str = Field(description="Keys that tokens and receipts are signed with.")
    scopes_supported: list[str] = Field(description="Every scope.")
    grant_types_supported: list[str] = Field(description="client_credentials alone.")
    response_types_supported: list[str] = Field(description="None: there is no authorization endpoint.")
    token_endpoint_auth_methods_supported: list[str] = Field(description="How a client may authenticate.")
    token_endpoint_auth_signing_alg_values_supported: list[str] = Field(description="Algorithms of assertions.")
    service_documentation: str = Field(description="Description of the API for people.")


class KeySet(BaseModel):
    """JWK Set (RFC 7517 §5)."""

    keys: list[dict[str, Any]] = Field(description="Public keys, newest first.")


class _Refused(Exception):
    """A refused token request, by its code of RFC 6749 §5.2."""

    def __init__(self, code: str, cause: TrucError) -> None:
        super().__init__(code)
        self.code = code
        self.cause = cause


@dataclass(frozen=True, slots=True)
class _Presented:
    """How a client says who it is; nothing is proven yet."""

    method: Method
    client_id: str
    secret: str = ""
    assertion: assertions.Assertion | None = None


def _token_answers() -> dict[int | str, dict[str, Any]]:
    described = problems.answers(400, 401, 429)
    for answer in described.values():
        answer["content"] = {"application/json": {"schema": {"$ref": "#/components/schemas/TokenProblem"}}}
    return described


@router.post(
    TOKEN_PATH,
    summary="Get an access token",
    response_model=TokenView,
    responses={**_token_answers(), 200: {"headers": header()}},
    openapi_extra={
        "requestBody": {"required": True, "content": {_FORM.media_types[0]: {"schema": _FORM_SCHEMA}}},
        "security": [{"client_secret_basic": []}, {}],
    },
)
async def token(node: AtNode, request: Request, form: Annotated[bytes, Depends(_FORM)]) -> Response:
    """Give a token to a client that authenticates by secret or by assertion."""
    try:
        client, granted = await _sign_in(request, node, form, at=clock.now())
    except _Refused as refused:
        return _refusal(request, refused)
    issued = access.issue(
        node.key,
        client,
        scopes=granted,
        issuer=node.settings.public_url,
        at=clock.now(),
        seconds=node.settings.token_seconds,
    )
    scope = " ".join(sorted(scope.value for scope in issued.scopes))
    view = TokenView(access_token=issued.text, token_type="Bearer", expires_in=issued.seconds, scope=scope)  # noqa: S106
    return JSONResponse(view.model_dump(), headers={"Pragma": "no-cache"})


@router.get(
    "/.well-known/oauth-authorization-server", summary="Where tokens are to be had", response_model=ServerMetadata
)
async def server_metadata(node: AtNode) -> ServerMetadata:
    """Describe the authorization server (RFC 8414)."""
    url = node.settings.public_url
    return ServerMetadata(
        issuer=url,
        token_endpoint=url + TOKEN_PATH,
        jwks_uri=f"{url}/.well-known/jwks.json",
        scopes_supported=[scope.value for scope in SCOPES],
        grant_types_supported=[GRANT_TYPE],
        response_types_supported=[],
        token_endpoint_auth_methods_supported=["client_secret_basic", "client_secret_post", "private_key_jwt"],
        token_endpoint_auth_signing_alg_values_supported=list(assertions.ALGORITHMS),
        service_documentation=f"{url}/docs",
    )


@router.get("/.well-known/jwks.json", summary="Keys that tokens and receipts are signed with", response_model=KeySet)
async def key_set(node: AtNode) -> KeySet:
    """Return the node's public keys; older ones stay for what they signed."""
    return KeySet(**node.key.jwks())


async def _sign_in(request: Request, node: Node, form: bytes, *, at: datetime) -> tuple[Client, frozenset[Scope]]:
    """Take the steps of a token request: (1) form, (2) who, (3) brake, (4) proof, (5) scopes, (6) event."""
    fields = _fields(form)
    presented = _presented(request, fields, _audiences(node), at=at)
    brake: Brake = request.app.state.brake
    try:
        brake.require_free(presented.client_id, now=time.monotonic())
    except TooManyRequests as error:
        raise _Refused("temporarily_unavailable", error) from error
    try:
        client = await _proven(node, presented, at=at)
    except InvalidClient as error:
        await _record_refusal(node, brake, presented, at=at)
        raise _Refused("invalid_client", error) from error
    brake.succeeded(presented.client_id)
    granted = _granted(client, fields.get("scope"))
    detail = {"method": presented.method, "scopes": sorted(scope.value for scope in granted)}
    async with node.database.write() as tx:
        await record(tx, [Event(new_id(), EventKind.TOKEN_ISSUED, at, client.client_id, detail=detail)])
    # Committed: a token that is handed out is in the log, even if the answer gets lost.
    node.desk.doorbell.nudge()
    return client, granted


async def _record_refusal(node: Node, brake: Brake, presented: _Presented, *, at: datetime) -> None:
    """Count a failed sign-in and write its event.

    Under ids that nobody has, only as many are written as the brake lets one client fail: anybody could make them.
    """
    now = time.monotonic()
    brake.failed(presented.client_id, now=now)
    async with node.database.read() as tx:
        known = await clients.find(tx, presented.client_id) is not None
    actor = presented.client_id if known else UNKNOWN_ACTOR
    if not known:
        try:
            brake.require_free(UNKNOWN_ACTOR, now=now)
        except TooManyRequests:
            return
        brake.failed(UNKNOWN_ACTOR, now=now)
    event = Event(
        new_id(), EventKind.TOKEN_REFUSED, at, actor, outcome=Outcome.REFUSED, detail={"method": presented.method}
    )
    async with node.database.write() as tx:
        await record(tx, [event])
    node.desk.doorbell.nudge()


def _fields(form: bytes) -> Mapping[str, str]:
    try:
        pairs = parse_qsl(form.decode("utf-8"), keep_blank_values=True, max_num_fields=_FIELDS_MAX, errors="strict")
    except ValueError as error:
        raise _Refused("invalid_request", RequestInvalid("the form cannot be read")) from error
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise _Refused("invalid_request", RequestInvalid("a parameter is given more than once (RFC 6749 §3.2)"))
    if not fields.get("grant_type"):
        raise _Refused("invalid_request", RequestInvalid("grant_type is missing"))
    if fields["grant_type"] != GRANT_TYPE:
        raise _Refused("unsupported_grant_type", RequestInvalid(f"grant_type must be {GRANT_TYPE}"))
    return fields


def _presented(request: Request, fields: Mapping[str, str], audiences: tuple[str, ...], *, at: datetime) -> _Presented:
    header_value = request.headers.get("authorization")
    used = [name for name in ("client_secret", "client_assertion") if fields.get(name)]
    if len(used) + (header_value is not None) > 1:
        raise _Refused("invalid_request", RequestInvalid("more than one way of authentication is used"))
    try:
        if header_value is not None:
            presented = _Presented("client_secret_basic", *_basic(header_value))
        elif fields.get("client_assertion"):
            presented = _asserted(fields, audiences, at=at)
        elif fields.get("client_id") and fields.get("client_secret"):
            presented = _Presented("client_secret_post", fields["client_id"], fields["client_secret"])
        else:
            raise InvalidClient("no client authentication: send id and secret, or an assertion")
    except InvalidClient as error:
        raise _Refused("invalid_client", error) from error
    if fields.get("client_id", presented.client_id) != presented.client_id:
        raise _Refused("invalid_request", RequestInvalid("client_id is another than the one that authenticates"))
    return presented


def _basic(header_value: str) -> tuple[str, str]:
    """Read id and secret, which are form-encoded before they are put together (RFC 6749 §2.3.1)."""
    name, _, credentials = header_value.partition(" ")
    try:
        client_id, colon, secret = base64.b64decode(credentials.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError) as error:
        raise InvalidClient("the Authorization header is not of the form Basic BASE64") from error
    if name.lower() != "basic" or not colon:
        raise InvalidClient("the Authorization header is not of the form Basic BASE64")
    return unquote_plus(client_id), unquote_plus(secret)


def _asserted(fields: Mapping[str, str], audiences: tuple[str, ...], *, at: datetime) -> _Presented:
    if fields.get("client_assertion_type") != ASSERTION_TYPE:
        raise InvalidClient(f"client_assertion_type must be {ASSERTION_TYPE}")
    assertion = assertions.read(fields["client_assertion"], audiences=audiences, at=at)
    return _Presented("private_key_jwt", assertion.client_id, assertion=assertion)


def _audiences(node: Node) -> tuple[str, ...]:
    return (node.settings.public_url, node.settings.public_url + TOKEN_PATH)


def _granted(client: Client, asked: str | None) -> frozenset[Scope]:
    """Return the scopes of the token: those asked for, or all the client has."""
    if asked is None or not asked.split():
        return client.effective_scopes
    known = {scope.value: scope for scope in client.effective_scopes}
    missing = sorted(set(asked.split()) - set(known))
    if missing:
        raise _Refused("invalid_scope", RequestInvalid(f"this client may not ask for {', '.join(missing)[:200]}"))
    return frozenset(known[name] for name in asked.split())


def _refusal(request: Request, refused: _Refused) -> Response:
    cause = refused.cause
    headers = problems.headers_for(cause)
    if refused.code == "invalid_client":
        # RFC 6749 §5.2: 401 names the scheme that the client may use.
        headers["WWW-Authenticate"] = 'Basic realm="truc", charset="UTF-8"'
    return problems.answer(
        request.scope,
        problems.kind_for(cause),
        cause.detail,
        headers=headers,
        media_type="application/json",
        error=refused.code,
        error_description=problems.printable(cause.detail),
    )
