"""A provincial platform's REST under `/lgsp/v1`, as one province's guide describes it.

Known second hand: the shapes are those of a client that was written from the guide. What the guide is silent on is
answered so that no mail is lost and no error text either (ours, decision 0027). A session token and, on every call, the
system id with its secret; here both are needed, and of one client.
"""

import hmac
import json
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from typing_extensions import override

from app.errors import InvalidClient, NotAuthenticated, NotFound
from app.exchange.extract import opened_attachments
from app.exchange.inbox import InboxKind
from app.node import Node
from app.registry import clients
from app.registry.agency_list import ListedAgency
from app.registry.model import Client, Scope
from app.registry.system_keys import SystemCredentials
from app.routers import access, clock
from app.routers.brake import Brake
from app.routers.compat import answers, postbox, units
from app.routers.compat.answers import JSON, SUCCESS_TEXT, AsciiJson, Item, base64_of, in_camel_case
from app.routers.compat.door import Call, Door, declared_of, fields_of, peer_of, require_verb, short_body
from app.routers.compat.multipart import file_of
from app.routers.compat.numbers import NOT_THIS_SYSTEM, Failure
from app.routers.compat.systems import Proof, System, braked_by, known, system_of
from app.routers.sign_in import note_sign_in

PREFIX: Final = "/lgsp"
TOKEN_TYPE: Final = "lgsp+jwt"  # noqa: S105
"""Header `typ` of its session tokens; they open this door alone."""
SESSION_SECONDS: Final = 1_800
BY_SECRET: Final = Proof("lgsp_secret", "headers X-SystemId and X-SecretKey, or username and password")
"""The secret itself, in every call and to sign in."""
LOGIN: Final = "v1/auth/login"
_CLIENT_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DONE: Final[Mapping[str, str | bool]] = {"success": True, "message": SUCCESS_TEXT}


async def _send(call: Call) -> Response:
    file = file_of(call.request.stream(), call.request.headers.get("content-type", ""))
    declared = declared_of(call.request, framed=True)
    return _done(docId=await postbox.send(call, file, declared))


async def _list(call: Call) -> Response:
    # fromDate and toDate are not looked at: what waits is listed until it is taken over, however old it is.
    kind = postbox.kind_of(call.request.query_params.get("messageType", ""))
    items = await postbox.received(call, kind)
    return _done(count=len(items), data=[in_camel_case(item) for item in items])


async def _get(call: Call) -> Response:
    asked = call.request.query_params.get("docId", "")
    found = await postbox.fetched(call, asked)
    row = found.row
    told: dict[str, str] = {"docId": asked}
    names: list[str] = []
    if found.kind is InboxKind.DOCUMENT:
        names = [str(kept["name"] or f"tep-{number}") for number, kept in enumerate(row.verification["attachments"], 1)]
        told |= {"from": row.sender, "edocCode": row.code, "edocAbstract": row.subject}
    else:
        told |= {"from": row.reporter, "edocCode": row.status_code, "edocAbstract": row.description or ""}
    told["fromName"] = await units.name_of(call.node, told["from"])
    pieces = _document(call.node, row.sha256, told, names)
    return StreamingResponse(pieces, media_type=JSON)


async def _update(call: Call) -> Response:
    fields = fields_of(await short_body(call.request))
    await postbox.receipt(call, fields.get("docId", ""), fields.get("status", ""))
    return _done()


async def _agencies(call: Call) -> Response:
    return await units.listed(call.node, call.request, _UNITS)


def _unit(agency: ListedAgency) -> Item:
    return {
        "orgCode": agency.organ_id,
        "orgName": agency.name,
        "parentCode": agency.parent or "",
        "address": agency.address,
        "email": agency.email,
        "phone": agency.telephone,
    }


_UNITS: Final = answers.shape("lgsp", units.active(_unit), success=_DONE)

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
            require_verb(request, "POST", name=name)
            return await _login(node, request)
        if name not in CALLS:
            raise NotFound(f"the protocol has no call {name[:60]!r}")
        verb, scope, serve = CALLS[name]
        require_verb(request, verb, name=name)
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
    fields = fields_of(await short_body(request))
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
    await note_sign_in(node, client, client.effective_scopes, method=BY_SECRET.method, at=at)
    return _done(data={"token": issued, "expiresIn": SESSION_SECONDS})


async def _signed_in(node: Node, request: Request, name: str, secret: str, *, at: datetime) -> Client:
    """Return the client behind a user name: a client id with its secret, or a system id with one of its own."""
    if not _CLIENT_ID.fullmatch(name):
        return (await _known(node, request, name, secret, at=at)).client
    brake: Brake = request.app.state.brake
    key = braked_by(BY_SECRET, peer_of(request), name)
    brake.require_free(key, now=time.monotonic())
    with suppress(InvalidClient):
        client = await clients.authenticate_secret(node.database, name, secret)
        brake.succeeded(key)
        return client
    # What failed is counted and recorded with what fails here: it may be a system id all the same.
    async with node.database.read() as tx:
        pretended = await clients.find(tx, name)
    client_id = None if pretended is None else pretended.client_id
    return (await _known(node, request, name, secret, at=at, client_id=client_id)).client


async def _caller(node: Node, request: Request, *, at: datetime) -> System:
    name, secret = request.headers.get("x-systemid", ""), request.headers.get("x-secretkey", "")
    request.state.system_id = name
    token = access.bearer_of(request, issued_at=f"{PREFIX}/{LOGIN}")
    holder = await access.holder_of(node, token, at=at, typ=TOKEN_TYPE)
    found = await _known(node, request, name, secret, at=at)
    if found.client.client_id != holder.client.client_id:
        raise NotAuthenticated("X-SystemId belongs to another client than the session")
    return await system_of(node, found)


async def _known(
    node: Node, request: Request, name: str, secret: str, *, at: datetime, client_id: str | None = None
) -> SystemCredentials:
    def proves(found: SystemCredentials) -> bool:
        fits = [hmac.compare_digest(secret.encode(), each) for each in found.secrets]
        return any(fits)

    return await known(
        node,
        request.app.state.brake,
        name,
        proves,
        proof=BY_SECRET,
        peer=peer_of(request),
        at=at,
        client_id=client_id,
    )


def _done(**members: Any) -> Response:
    return AsciiJson({**_DONE, **members})


def _document(node: Node, sha256: str, told: Mapping[str, str], names: list[str]) -> Iterator[bytes]:
    """Write a document with its attachments, each file a piece at a time."""
    head = json.dumps({**_DONE, "data": {**told, "edxml": ""}}, separators=(",", ":"))
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
