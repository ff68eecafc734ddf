"""Who is asking and what they may do: bearer tokens (RFC 6750, RFC 9068), scopes, the `Caller`.

A token names a client and the version of its record: each request looks the record up by key, so a change of the
client's grants or secret, or shutting it out, ends its tokens at once.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import Depends, Security
from fastapi.openapi.models import OAuthFlowClientCredentials, OAuthFlows
from fastapi.security import OAuth2, SecurityScopes
from starlette.requests import Request

from app.errors import NotAuthenticated, ScopeMissing
from app.ids import new_id
from app.node import Node
from app.registry import clients
from app.registry.acts import Act
from app.registry.model import Client, ClientStatus, Scope
from app.registry.once import Once
from app.routers import clock
from app.routers.calls import EARLY, octets_of
from app.routers.conditions import IdempotencyKey
from app.signing.node_key import NodeKey

TOKEN_TYPE: Final = "at+jwt"  # noqa: S105
"""Header `typ` of access tokens (RFC 9068 §2.1); keeps receipts from passing as tokens."""

SCOPES: Final = {
    Scope.EXCHANGE: "Send for, read and acknowledge the inbox of, and report status for the client's own agencies.",
    Scope.REGISTRY_READ: "Read the directory; every client has it.",
    Scope.REGISTRY_WRITE: "Register, change and suspend agencies; certificates; trust anchors; clients.",
    Scope.AUDIT: "Read delivery logs, ledger and evidence of every agency; never document content.",
    Scope.STATISTICS: "Read statistics.",
}

scheme = OAuth2(
    scheme_name="oauth2",
    description="Client credentials (RFC 6749 §4.4): by secret, or by private_key_jwt with a registered certificate.",
    flows=OAuthFlows(
        clientCredentials=OAuthFlowClientCredentials(
            tokenUrl="/oauth2/token", scopes={scope.value: text for scope, text in SCOPES.items()}
        )
    ),
    auto_error=False,
)


@dataclass(frozen=True, slots=True)
class Caller:
    """The client behind a request.

    Attributes:
        client: its record as it is now.
        scopes: those of its token.
        ends: POSIX time its token holds until.
    """

    client: Client
    scopes: frozenset[Scope]
    ends: float


def issue(
    key: NodeKey,
    client: Client,
    *,
    scopes: frozenset[Scope],
    issuer: str,
    at: datetime,
    seconds: int,
    typ: str = TOKEN_TYPE,
) -> str:
    """Sign a token (RFC 9068) for a client that has authenticated.

    Args:
        issuer: public address of the node; issuer and audience alike.
        seconds: how long it holds.
        typ: what it opens: the API, unless said otherwise.
    """
    claims = {
        "iss": issuer,
        "aud": issuer,
        "sub": client.client_id,
        "client_id": client.client_id,
        "client_version": client.version,
        "iat": int(at.timestamp()),
        "exp": int((at + timedelta(seconds=seconds)).timestamp()),
        "jti": new_id(),
        "scope": " ".join(sorted(scope.value for scope in scopes)),
    }
    return key.sign_jws(claims, typ=typ)


def bearer_of(request: Request, *, issued_at: str = "/oauth2/token") -> str:
    """Return the token of a request (RFC 6750 §2.1), whatever it is worth.

    Args:
        issued_at: where to get one, to tell who has none.

    Raises:
        NotAuthenticated: there is none.
    """
    name, _, token = request.headers.get("authorization", "").partition(" ")
    if name.lower() != "bearer" or not token.strip():
        raise NotAuthenticated(f"no bearer token; get one from {issued_at}")
    return token.strip()


async def holder_of(node: Node, token: str, *, at: datetime, typ: str = TOKEN_TYPE) -> Caller:
    """Return the client a token was issued to, with the scopes it was issued for.

    Raises:
        NotAuthenticated: it does not hold, or not any more; the detail says why.
        Unavailable: the database does not answer.
    """
    claims = _claims(node, token, typ=typ, at=at)
    async with node.database.glance() as tx:
        client = await clients.find(tx, str(claims["sub"]))
    if client is None or client.status is not ClientStatus.ACTIVE or client.version != claims["client_version"]:
        raise NotAuthenticated("the client was changed or disabled after this token was issued; get a new one")
    # A scope that was taken away changed the version, so what the token says still holds.
    scopes = frozenset(Scope(name) for name in str(claims["scope"]).split())
    return Caller(client, scopes, float(claims["exp"]))


async def authenticate(request: Request) -> Caller:
    """Find the caller of a request by its bearer token, once a request.

    Raises:
        NotAuthenticated: no token, or one that does not hold.
        Unavailable: the database does not answer.
    """
    known = getattr(request.state, "caller", None)
    if isinstance(known, Caller):
        return known
    node: Node = request.app.state.node
    holder = await holder_of(node, bearer_of(request), at=clock.now())
    caller = replace(holder, scopes=holder.scopes | {Scope.REGISTRY_READ})
    request.state.caller = caller
    request.state.client_id = caller.client.client_id
    return caller


async def caller_of(
    request: Request, required: SecurityScopes, _token: Annotated[str | None, Security(scheme)] = None
) -> Caller:
    """Dependency behind `require`.

    Raises:
        NotAuthenticated: no token, or one that does not hold.
        ScopeMissing: the token has none of the scopes that open this call.
    """
    caller = await authenticate(request)
    if required.scopes and caller.scopes.isdisjoint(required.scopes):
        raise ScopeMissing(f"this call needs the scope {' or '.join(required.scopes)}")
    return caller


setattr(caller_of, EARLY, authenticate)


def require(*scopes: Scope) -> Any:
    """Guard a call; one of the scopes is enough.

    Written `caller: Annotated[Caller, require(Scope.AUDIT)]`.
    """
    return Security(caller_of, scopes=[scope.value for scope in scopes])


async def act_of(
    request: Request,
    caller: Annotated[Caller, require(Scope.REGISTRY_WRITE)],
    key: IdempotencyKey = None,
) -> Act:
    """Dependency that gives an administrator's act: who, when, and under which Idempotency-Key.

    Raises:
        RequestInvalid: no Idempotency-Key a client may choose.
    """
    at = clock.now()
    return Act(caller.client.client_id, at, None if key is None else once_of(request, caller, key, at=at))


def once_of(request: Request, caller: Caller, key: str, *, at: datetime) -> Once:
    """Bind an Idempotency-Key to this request: its method, address and body, which was read before.

    Raises:
        RequestInvalid: no key a client may choose.
    """
    node: Node = request.app.state.node
    return Once.of_body(
        caller.client.client_id,
        key,
        path=f"{request.method} {request.url.path}?{request.url.query}",
        body_sha256=hashlib.sha256(octets_of(request)).hexdigest(),
        expires_at=at + timedelta(days=node.settings.idempotency_days),
    )


Acting = Annotated[Act, Depends(act_of)]
"""Parameter of a handler that changes the registry: `act: Acting`; guards it with `registry.write`."""


def node_of(request: Request) -> Node:
    """Dependency that gives the node."""
    node: Node = request.app.state.node
    return node


AtNode = Annotated[Node, Depends(node_of)]
"""Parameter of a handler: `node: AtNode`."""


def _claims(node: Node, token: str, *, typ: str, at: datetime) -> dict[str, Any]:
    claims: dict[str, Any] = node.key.verify_jws(token, typ=typ)
    issuer = node.settings.public_url
    if claims.get("iss") != issuer or claims.get("aud") != issuer:
        raise NotAuthenticated("the token was issued by or for another node")
    if not claims.get("exp", 0) > at.timestamp():
        raise NotAuthenticated("the token has expired")
    return claims
