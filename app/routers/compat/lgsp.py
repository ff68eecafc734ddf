"""A provincial platform's REST under `/lgsp/v1`, as one province's guide describes it.

Known second hand: the shapes are those of a client that was written from the guide. What the guide is silent on is
answered so that no mail is lost and no error text either (ours, decision 0027). A session token and, on every call, the
system id with its secret; here both are needed, and of one client.
"""

import hmac
import json
import re
import time
from collections.abc import AsyncIterable, Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from typing_extensions import override

from app.errors import InvalidClient, NotAuthenticated, NotFound, RequestInvalid
from app.exchange.extract import opened_attachments
from app.exchange.inbox import InboxKind
from app.node import Node
from app.registry import clients
from app.registry.agency_list import ListedAgency
from app.registry.model import AgencyStatus, Client, Scope
from app.registry.system_keys import SystemCredentials
from app.routers import access, clock
from app.routers.brake import Brake
from app.routers.compat import answers, postbox, units
from app.routers.compat.answers import JSON, AsciiJson, Item, base64_of, present
from app.routers.compat.door import Door, declared_of, peer_of, short_body
from app.routers.compat.multipart import file_part, is_multipart
from app.routers.compat.numbers import NOT_THIS_SYSTEM, Failure
from app.routers.compat.systems import System, braked_by, known, system_of
from app.routers.sign_in import note_sign_in

PREFIX: Final = "/lgsp"
TOKEN_TYPE: Final = "lgsp+jwt"  # noqa: S105
"""Header `typ` of its session tokens; they open this door alone."""
SESSION_SECONDS: Final = 1_800
METHOD: Final = "lgsp_secret"
"""How a system authenticated, in the log's own words."""
LOGIN: Final = "v1/auth/login"
_CLIENT_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
DONE: Final = "Thanh cong"


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a proven system."""

    node: Node
    system: System
    request: Request
    at: datetime

    def kind(self) -> InboxKind:
        """Return which messages are asked for; documents, where that is not said.

        Raises:
            RequestInvalid: it is no kind of message.
        """
        asked = self.request.query_params.get("messageType", "edoc").strip().lower()
        if asked not in postbox.KINDS:
            raise RequestInvalid(f"messageType {asked[:40]!r} is neither edoc nor status")
        return postbox.KINDS[asked]


async def _send(call: Call) -> Response:
    content_type = call.request.headers.get("content-type", "")
    file: AsyncIterable[bytes] = call.request.stream()
    if is_multipart(content_type):
        file = file_part(file, content_type)
    declared = declared_of(call.request, framed=True)
    return _done(docId=await postbox.send(call.node, call.system, file, declared))


async def _list(call: Call) -> Response:
    # fromDate and toDate are not looked at: what waits is listed until it is taken over, however old it is.
    items = await postbox.received(call.node, call.system, call.kind(), size=postbox.LISTED_MAX, number=1)
    renamed = {"status_desc": "statusDesc", "created_time": "createdTime", "updated_time": "updatedTime"}
    data = [{renamed.get(name, name): value for name, value in present(item).items()} for item in items]
    return _done(count=len(data), data=data)


async def _get(call: Call) -> Response:
    asked = call.request.query_params.get("docId", "")
    row = await postbox.fetched(call.node, call.system, asked)
    told: dict[str, str] = {"docId": asked}
    names: list[str] = []
    if hasattr(row, "subject"):
        names = [str(kept["name"] or f"tep-{number}") for number, kept in enumerate(row.verification["attachments"], 1)]
        told |= {"from": row.sender, "edocCode": row.code, "edocAbstract": row.subject}
    else:
        told |= {"from": row.reporter, "edocCode": row.status_code, "edocAbstract": row.description or ""}
    told["fromName"] = await units.name_of(call.node, told["from"])
    pieces = _document(call.node, row.sha256, told, names)
    return StreamingResponse(pieces, media_type=JSON)


async def _update(call: Call) -> Response:
    fields = _fields(await short_body(call.request))
    await postbox.receipt(call.node, call.system, fields.get("docId", ""), fields.get("status", ""))
    return _done()


async def _agencies(call: Call) -> Response:
    return await units.listed(call.node, call.request, _UNITS)


def _unit(agency: ListedAgency) -> Item | None:
    if agency.status is not AgencyStatus.ACTIVE:
        return None
    return {
        "orgCode": agency.organ_id,
        "orgName": agency.name,
        "parentCode": agency.parent or "",
        "address": agency.address,
        "email": agency.email,
        "phone": agency.telephone,
    }


_UNITS: Final = answers.shape("lgsp", _unit, success={"success": True, "message": DONE})

Serve = Callable[[Call], Awaitable[Response]]

CALLS: Final[Mapping[str, tuple[str, Scope, Serve]]] = {
    "v1/sendEdoc": ("POST", Scope.EXCHANGE, _send),
    "v1/syncReceivedEdocList": ("GET", Scope.EXCHANGE, _list),
    "v1/getEdoc": ("GET", Scope.EXCHANGE, _get),
    "v1/updateStatus": ("POST", Scope.EXCHANGE, _update),
    "v1/getAgenciesList": ("GET", Scope.REGISTRY_READ, _agencies),
}
"""Every call behind a session: by which method, with which scope."""


class LgspDoor(Door):
    """The route of everything below `/lgsp`."""

    def __init__(self) -> None:
        super().__init__(PREFIX, {LOGIN, *CALLS})

    @override
    async def serve(self, request: Request, name: str) -> Response:
        node: Node = request.app.state.node
        if name == LOGIN:
            return await _login(node, request)
        if name not in CALLS:
            raise NotFound(f"the protocol has no call {name[:60]!r}")
        verb, scope, serve = CALLS[name]
        if request.method != verb:
            raise RequestInvalid(f"{name} is called by {verb}, not by {request.method[:10]}")
        at = clock.now()
        system = await _caller(node, request, at=at)
        request.state.client_id = system.client.client_id
        system.require(scope)
        return await serve(Call(node, system, request, at))

    @override
    def failed(self, name: str, failure: Failure) -> Response:
        told = {"docId": "", "status": "FAIL", "errorCode": failure.number, "errorDesc": failure.text}
        answer = AsciiJson({"success": False, "message": failure.text, "data": told})
        # The one thing that clients of this kind look at the status for: to sign in again.
        answer.status_code = 401 if failure.number == NOT_THIS_SYSTEM else 200
        return answer


async def _login(node: Node, request: Request) -> Response:
    fields = _fields(await short_body(request))
    name, secret, at = fields.get("username", ""), fields.get("password", ""), clock.now()
    request.state.system_id = name
    client = await _signed_in(node, request, name, secret, at=at)
    issued = access.issue(
        node.key,
        client,
        scopes=client.effective_scopes,
        issuer=node.settings.public_url,
        at=at,
        seconds=SESSION_SECONDS,
        typ=TOKEN_TYPE,
    )
    await note_sign_in(node, client, client.effective_scopes, method=METHOD, at=at)
    return _done(data={"token": issued, "expiresIn": SESSION_SECONDS})


async def _signed_in(node: Node, request: Request, name: str, secret: str, *, at: datetime) -> Client:
    """Return the client behind a user name: a client id with its secret, or a system id with one of its own."""
    brake: Brake = request.app.state.brake
    key = braked_by(METHOD, peer_of(request), name)
    brake.require_free(key, now=time.monotonic())
    if _CLIENT_ID.fullmatch(name):
        with suppress(InvalidClient):
            client = await clients.authenticate_secret(node.database, name, secret)
            brake.succeeded(key)
            return client
    # What failed above is counted and recorded with what fails here.
    return (await _known(node, request, name, secret, at=at)).client


async def _caller(node: Node, request: Request, *, at: datetime) -> System:
    given = request.headers
    request.state.system_id = given.get("x-systemid", "")
    scheme, _, token = given.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotAuthenticated(f"no session: sign in at {PREFIX}/{LOGIN} and send its token as Authorization: Bearer")
    holder = await access.holder_of(node, token.strip(), at=at, typ=TOKEN_TYPE)
    found = await _known(node, request, given.get("x-systemid", ""), given.get("x-secretkey", ""), at=at)
    if found.client.client_id != holder.client.client_id:
        raise NotAuthenticated("X-SystemId belongs to another client than the session")
    return await system_of(node, found)


async def _known(node: Node, request: Request, name: str, secret: str, *, at: datetime) -> SystemCredentials:
    def proves(found: SystemCredentials) -> bool:
        fits = [hmac.compare_digest(secret.encode(), each) for each in found.secrets]
        return any(fits)

    return await known(node, request.app.state.brake, name, proves, method=METHOD, peer=peer_of(request), at=at)


def _fields(octets: bytes) -> dict[str, str]:
    try:
        parsed: Any = json.loads(octets)
    except (ValueError, RecursionError) as error:
        raise RequestInvalid("the body is not JSON") from error
    if not isinstance(parsed, dict):
        raise RequestInvalid("the body is not a JSON object")
    return {str(name): value for name, value in parsed.items() if isinstance(value, str)}


def _done(**members: Any) -> Response:
    return AsciiJson({"success": True, "message": DONE, **members})


def _document(node: Node, sha256: str, told: Mapping[str, str], names: list[str]) -> Iterator[bytes]:
    """Write a document with its attachments, each file a piece at a time."""
    head = json.dumps({"success": True, "message": DONE, "data": {**told, "edxml": ""}}, separators=(",", ":"))
    yield head.encode("ascii")[:-3]
    yield from base64_of(node.blobs.slices(sha256))
    yield b'","attachments":['
    with opened_attachments(node.desk, sha256) as slices:
        for number, name in enumerate(names, start=1):
            item = json.dumps({"fileName": name, "fileContent": ""}, separators=(",", ":")).encode("ascii")[:-2]
            yield (b"," if number > 1 else b"") + item
            yield from base64_of(slices(number))
            yield b'"}'
    yield b"]}}"
