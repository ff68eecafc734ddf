"""Signing a client in, in steps: (1) form, (2) who, (3) brake, (4) proof, (5) scopes, (6) event.

A client proves who it is by its secret (RFC 6749 §2.3.1) or by an assertion signed with the key of a certificate that
is registered for an agency it acts for (RFC 7523). Sign-ins and refused ones are events.
"""

import base64
import binascii
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from urllib.parse import parse_qsl, unquote_plus

from app.errors import InvalidClient, RequestInvalid, TooManyRequests, TrucError
from app.ids import new_id
from app.ledger.canonical import JsonValue
from app.ledger.events import Event, EventKind, Outcome, record
from app.node import Node
from app.registry import clients
from app.registry.model import Client, Scope
from app.routers import assertions
from app.routers.brake import Brake

GRANT_TYPE: Final = "client_credentials"
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TOKEN_PATH: Final = "/oauth2/token"  # noqa: S105
METHODS: Final = ("client_secret_basic", "client_secret_post", "private_key_jwt")
UNKNOWN_ACTOR: Final = "unknown"
"""Actor of a refused sign-in under an id that nobody has."""
_FIELDS_MAX: Final = 20

Method = Literal["client_secret_basic", "client_secret_post", "private_key_jwt"]


class TokenRefused(Exception):
    """A token request that is refused.

    Attributes:
        code: of RFC 6749 §5.2.
        cause: the same in our own words.
        claimed: client id it was made under, proven or not; empty where it had come to none yet.
    """

    def __init__(self, code: str, cause: TrucError, *, claimed: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.cause = cause
        self.claimed = claimed


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A token request as it arrives.

    Attributes:
        form: the body, form-encoded.
        authorization: the header, where there is one.
        peer: address it comes from.
    """

    form: bytes
    authorization: str | None
    peer: str


@dataclass(frozen=True, slots=True)
class _Presented:
    """How a client says who it is; nothing is proven yet."""

    method: Method
    client_id: str
    secret: str = ""
    assertion: assertions.Assertion | None = None


async def sign_in(node: Node, brake: Brake, request: TokenRequest, *, at: datetime) -> tuple[Client, frozenset[Scope]]:
    """Find out which client asks, and for which scopes; both sign-in and refusal are in the log before this returns.

    Raises:
        TokenRefused: by the codes of RFC 6749 §5.2.
        Unavailable: the database does not answer.
    """
    fields = _fields(request.form)  # (1)
    presented = _presented(request.authorization, fields, _audiences(node), at=at)  # (2)
    # By address too: failures of somebody else under the same id must not lock the client itself out.
    tried = f"{presented.client_id[:64]} {request.peer}"
    try:
        brake.require_free(tried, now=time.monotonic())  # (3)
    except TooManyRequests as error:
        raise TokenRefused("temporarily_unavailable", error, claimed=presented.client_id) from error
    try:
        client = await _proven(node, presented, at=at)  # (4)
    except InvalidClient as error:
        brake.failed(tried, now=time.monotonic())
        known = await _known(node, presented.client_id)
        await note_refusal(node, brake, known, method=presented.method, at=at)
        raise TokenRefused("invalid_client", error, claimed=presented.client_id) from error
    brake.succeeded(tried)
    granted = _granted(client, fields.get("scope"))  # (5)
    await note_sign_in(node, client, granted, method=presented.method, at=at)  # (6)
    return client, granted


async def note_sign_in(node: Node, client: Client, granted: Iterable[Scope], *, method: str, at: datetime) -> None:
    """Write the event of a sign-in.

    Args:
        method: how the client proved who it is.

    Raises:
        Unavailable: the database does not answer.
    """
    detail: dict[str, JsonValue] = {"method": method, "scopes": sorted(scope.value for scope in granted)}
    await _record(node, Event(new_id(), EventKind.TOKEN_ISSUED, at, client.client_id, detail=detail))


async def note_refusal(node: Node, brake: Brake, client_id: str | None, *, method: str, at: datetime) -> None:
    """Write the event of a failed sign-in.

    Under ids that nobody has, only as many are written as the brake lets one client fail: anybody could make them.

    Args:
        client_id: whom it pretended to be; None where there is no such client.
        method: how it tried to prove that.

    Raises:
        Unavailable: the database does not answer.
    """
    if client_id is None:
        try:
            brake.require_free(UNKNOWN_ACTOR, now=time.monotonic())
        except TooManyRequests:
            return
        brake.failed(UNKNOWN_ACTOR, now=time.monotonic())
    actor = client_id or UNKNOWN_ACTOR
    refused = Event(new_id(), EventKind.TOKEN_REFUSED, at, actor, outcome=Outcome.REFUSED, detail={"method": method})
    await _record(node, refused)


def _fields(form: bytes) -> Mapping[str, str]:
    try:
        pairs = parse_qsl(form.decode("utf-8"), keep_blank_values=True, max_num_fields=_FIELDS_MAX, errors="strict")
    except ValueError as error:
        raise TokenRefused("invalid_request", RequestInvalid("the form cannot be read")) from error
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise TokenRefused("invalid_request", RequestInvalid("a parameter is given more than once (RFC 6749 §3.2)"))
    if not fields.get("grant_type"):
        raise TokenRefused("invalid_request", RequestInvalid("grant_type is missing"))
    if fields["grant_type"] != GRANT_TYPE:
        raise TokenRefused("unsupported_grant_type", RequestInvalid(f"grant_type must be {GRANT_TYPE}"))
    return fields


def _presented(
    authorization: str | None, fields: Mapping[str, str], audiences: tuple[str, ...], *, at: datetime
) -> _Presented:
    in_form = [name for name in ("client_secret", "client_assertion") if fields.get(name)]
    if len(in_form) + (authorization is not None) > 1:
        raise TokenRefused("invalid_request", RequestInvalid("more than one way of authentication is used"))
    try:
        if authorization is not None:
            presented = _Presented("client_secret_basic", *_basic(authorization))
        elif fields.get("client_assertion"):
            presented = _asserted(fields, audiences, at=at)
        elif fields.get("client_id") and fields.get("client_secret"):
            presented = _Presented("client_secret_post", fields["client_id"], fields["client_secret"])
        else:
            raise InvalidClient("no client authentication: send id and secret, or an assertion")
    except InvalidClient as error:
        raise TokenRefused("invalid_client", error) from error
    if fields.get("client_id", presented.client_id) != presented.client_id:
        raise TokenRefused("invalid_request", RequestInvalid("client_id is another than the one that authenticates"))
    return presented


def _basic(authorization: str) -> tuple[str, str]:
    """Read id and secret, which are form-encoded before they are put together (RFC 6749 §2.3.1)."""
    name, _, credentials = authorization.partition(" ")
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


async def _proven(node: Node, presented: _Presented, *, at: datetime) -> Client:
    assertion = presented.assertion
    if assertion is None:
        return await clients.authenticate_secret(node.database, presented.client_id, presented.secret)
    client, certificate = await clients.certificate_for_assertion(
        node.database,
        node.trust,
        assertion.client_id,
        assertion.certificate_sha256,
        at=at,
        unknown_revocation=node.desk.policy.unknown_revocation,
    )
    assertion.verify(certificate)
    # Only what is proven is used up: otherwise anybody could use up the assertions of others.
    expires_at = assertion.expires_at + assertions.CLOCK_SKEW
    await clients.claim_assertion(node.database, client.client_id, assertion.jti, expires_at=expires_at)
    return client


def _granted(client: Client, asked: str | None) -> frozenset[Scope]:
    """Return the scopes of the token: those asked for, or all the client has."""
    if asked is None or not asked.split():
        return client.effective_scopes
    known = {scope.value: scope for scope in client.effective_scopes}
    missing = sorted(set(asked.split()) - set(known))
    if missing:
        cause = RequestInvalid(f"this client may not ask for {', '.join(missing)[:200]}")
        raise TokenRefused("invalid_scope", cause, claimed=client.client_id)
    return frozenset(known[name] for name in asked.split())


async def _known(node: Node, client_id: str) -> str | None:
    async with node.database.read() as tx:
        found = await clients.find(tx, client_id)
    return found.client_id if found is not None else None


async def _record(node: Node, event: Event) -> None:
    async with node.database.write() as tx:
        await record(tx, [event])
    # Committed: what is answered next is in the log, even if the answer gets lost.
    node.desk.doorbell.nudge()
