"""Tokens for clients: the client credentials grant of OAuth 2.0, and where clients find out about it.

Refusals carry the members of RFC 6749 §5.2 beside those of every problem, as `application/json`, which §5.2 asks for.
"""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse

from app.ledger.publish import known_keys
from app.routers import access, assertions, clock, problems
from app.routers.access import SCOPES, AtNode
from app.routers.calls import calls, octets
from app.routers.noting import note_refused
from app.routers.sign_in import ASSERTION_TYPE, GRANT_TYPE, METHODS, TOKEN_PATH, TokenRefused, TokenRequest, sign_in
from app.signing.ledger_key import as_jwk

router: APIRouter = calls(tag="Authentication", guarded=False)

_FORM = octets(64 * 1024, "application/x-www-form-urlencoded", required=False)
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
    jwks_uri: str = Field(description="Keys that tokens, receipts and checkpoints are signed with.")
    scopes_supported: list[str] = Field(description="Every scope.")
    grant_types_supported: list[str] = Field(description="client_credentials alone.")
    response_types_supported: list[str] = Field(description="None: there is no authorization endpoint.")
    token_endpoint_auth_methods_supported: list[str] = Field(description="How a client may authenticate.")
    token_endpoint_auth_signing_alg_values_supported: list[str] = Field(description="Algorithms of assertions.")
    service_documentation: str = Field(description="Description of the API for people.")


class KeySet(BaseModel):
    """JWK Set (RFC 7517 §5)."""

    keys: list[dict[str, Any]] = Field(description="Public keys, newest first: EC (ES256), then OKP (EdDSA).")


def _token_answers() -> dict[int | str, dict[str, Any]]:
    described = problems.answers(400, 401, 429)
    for answer in described.values():
        del answer["content"]
        answer["model"] = TokenProblem
    return described


@router.post(
    TOKEN_PATH,
    summary="Get an access token",
    response_model=TokenView,
    responses=_token_answers(),
    openapi_extra={"requestBody": {"required": True, "content": {_FORM.media_types[0]: {"schema": _FORM_SCHEMA}}}},
)
async def token(node: AtNode, request: Request, form: Annotated[bytes, Depends(_FORM)]) -> Response:
    """Give a token to a client that proves who it is.

    By Basic authentication, by id and secret in the form, or by an assertion (RFC 7523) signed with the key of a
    certificate that is registered for one of its agencies.
    """
    asked = TokenRequest(form, request.headers.get("authorization"), request.client.host if request.client else "")
    at = clock.now()
    try:
        client, granted = await sign_in(node, request.app.state.brake, asked, at=at)
    except TokenRefused as refused:
        request.state.system_id = refused.claimed
        note_refused(request, refused.cause, strangers=True)
        return _refusal(request, refused)
    settings = node.settings
    issued = access.issue(
        node.key, client, scopes=granted, issuer=settings.public_url, at=at, seconds=settings.token_seconds
    )
    scope = " ".join(sorted(scope.value for scope in granted))
    view = TokenView(access_token=issued, token_type="Bearer", expires_in=settings.token_seconds, scope=scope)  # noqa: S106
    return JSONResponse(view.model_dump(), headers={"Pragma": "no-cache"})


@router.get(
    "/.well-known/oauth-authorization-server",
    summary="Where tokens are to be had",
    response_model=ServerMetadata,
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
        token_endpoint_auth_methods_supported=list(METHODS),
        token_endpoint_auth_signing_alg_values_supported=list(assertions.ALGORITHMS),
        service_documentation=f"{url}/docs",
    )


@router.get(
    "/.well-known/jwks.json",
    summary="Keys that tokens, receipts and checkpoints are signed with",
    response_model=KeySet,
)
async def key_set(node: AtNode) -> KeySet:
    """Return the node's public keys; older ones stay for what they signed.

    EC keys are those of receipts and tokens, OKP keys those of checkpoints of the ledger.
    """
    ledger = await known_keys(node.publisher)
    return KeySet(keys=[*node.key.jwks()["keys"], *map(as_jwk, reversed(ledger))])


def _refusal(request: Request, refused: TokenRefused) -> Response:
    cause = refused.cause
    headers = problems.headers_for(cause)
    if refused.code == "invalid_client":
        # RFC 6749 §5.2: 401 names the scheme that the client may use.
        headers["WWW-Authenticate"] = 'Basic realm="truc", charset="UTF-8"'
    return problems.answer(
        request.scope,
        problems.kind_for(cause),
        cause.detail,
        findings=cause.findings,
        headers=headers,
        media_type="application/json",
        error=refused.code,
        error_description=problems.printable(cause.detail),
    )
