"""The API-manager contract "truclienthong" v1.0.0, with its token call, as far as its one public example shows it.

Where `secretDonVi` travels is not known, so it is taken from a header or from the query; it is the unit's identifier
and is registered here as a system id. How bodies are named on the wire is not known either, so values are looked for
in every place they may be (ours, decision 0027).
"""

import binascii
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import pybase64
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Send
from starlette.types import Scope as HttpScope
from typing_extensions import override

from app.edxml.organ_id import OrganId
from app.errors import NotFound, UnsupportedMediaType
from app.exchange.inbox import InboxKind
from app.findings import Finding, Severity
from app.node import Node
from app.registry.agency_list import ListedAgency, ListShape
from app.registry.model import Scope
from app.routers import access, clock
from app.routers.compat import answers, door, postbox, units
from app.routers.compat.answers import SUCCESS_TEXT, AsciiJson, Item, encoded, in_camel_case
from app.routers.compat.door import Door, declared_of, fields_of, peer_of, short_body
from app.routers.compat.numbers import Failure
from app.routers.compat.systems import Proof, System, known, system_of

PREFIX: Final = "/truclienthong/v1.0.0"
UNIT: Final = "secretDonVi"
BY_IDENTIFIER: Final = Proof("unit_identifier", f"header or parameter {UNIT}")
"""The unit's identifier, beside a token of its client."""
_NAMES: Final = ("vanbans", "donvilienthongs", "donvilienthongs/qn")
_OK: Final = {"status": "OK", "errorCode": "0", "errorDesc": SUCCESS_TEXT}


@dataclass(frozen=True, slots=True)
class Call(door.Call):
    """One call, with values that may be anywhere."""

    def given(self, name: str, body: Mapping[str, str] | None = None) -> str:
        """Return a value from wherever it may be: the query, a header, the body."""
        return self.request.query_params.get(name) or self.request.headers.get(name) or (body or {}).get(name, "")


class TrunkDoor(Door):
    """The route of everything below `/truclienthong/v1.0.0`."""

    def __init__(self) -> None:
        super().__init__(PREFIX, _NAMES)

    @override
    def template(self, name: str) -> str:
        return "vanbans/{docId}" if name.startswith("vanbans/") else super().template(name)

    @override
    async def serve(self, request: Request, name: str) -> Response:
        node: Node = request.app.state.node
        at = clock.now()
        call = Call(node, await _caller(node, request, at=at), request, at)
        request.state.client_id = call.system.client.client_id
        resource, _, document = name.partition("/")
        match request.method, resource, document:
            case "GET", "vanbans", "":
                return await _list(call)
            case "POST", "vanbans", "":
                return await _send(call)
            case "GET", "vanbans", asked:
                return await _get(call, asked)
            case "PUT", "vanbans", asked if asked:
                return await _update(call, asked)
            case "GET", "donvilienthongs", "" | "qn":
                return await _agencies(call, province=document == "qn")
            case "POST", "donvilienthongs", "":
                call.system.require(Scope.REGISTRY_WRITE)
                await units.register(node, call.system, await short_body(request), at=at)
                return AsciiJson(_OK)
            case "PUT", "donvilienthongs", "":
                call.system.require(Scope.REGISTRY_WRITE)
                body = fields_of(await short_body(request))
                await units.delete(node, call.system, call.given("agencyCode", body), at=at)
                return AsciiJson(_OK)
            case _:
                raise NotFound(f"there is no call {request.method[:10]} {name[:60]!r}")

    @override
    def failed(self, name: str, failure: Failure) -> Response:
        told = {"status": "FAIL", "errorCode": failure.number, "errorDesc": failure.text, "docId": "", "data": ""}
        return AsciiJson(told)


async def _list(call: Call) -> Response:
    call.system.require(Scope.EXCHANGE)
    asked = call.given("messageType").lower() or call.given("loaiVanBan").lower()
    kinds = [postbox.KINDS[asked]] if asked in postbox.KINDS else [InboxKind.DOCUMENT, InboxKind.STATUS]
    items = [item for kind in kinds for item in await postbox.received(call, kind)]
    return AsciiJson({**_OK, "data": [_shown(item) for item in items]})


def _shown(item: Item) -> dict[str, Any]:
    return {**in_camel_case(item), "status": str(item["status"]).upper()}


async def _get(call: Call, asked: str) -> Response:
    call.system.require(Scope.EXCHANGE)
    found = await postbox.fetched(call, asked)
    return encoded(call.node.blobs.slices(found.row.sha256), size=found.row.size, success=_OK)


async def _send(call: Call) -> Response:
    call.system.require(Scope.EXCHANGE)
    file = _decoded(call.request.stream())
    sent = await postbox.send(call, file, declared_of(call.request, framed=True))
    return AsciiJson({**_OK, "docId": sent})


async def _update(call: Call, asked: str) -> Response:
    call.system.require(Scope.EXCHANGE)
    body = fields_of(await short_body(call.request))
    await postbox.receipt(call, asked, call.given("status", body))
    return AsciiJson(_OK)


async def _agencies(call: Call, *, province: bool) -> Response:
    top = call.system.agency.level_one if province else None
    return await units.listed(call.node, call.request, _units(top) if top else _UNITS)


def _unit(agency: ListedAgency) -> Item:
    return {"id": agency.organ_id, "code": agency.organ_id, "name": agency.name, "pid": agency.parent or ""}


def _units(top: str) -> ListShape:
    """Make the list of one province; there are as many of them as there are provinces and ministries."""
    listed = units.active(_unit)

    def within(agency: ListedAgency) -> Item | None:
        return listed(agency) if OrganId.parse(agency.organ_id).level_one == top else None

    return answers.shape(f"truclienthong {top}", within, success=_OK)


_UNITS: Final = answers.shape("truclienthong", units.active(_unit), success=_OK)


async def _caller(node: Node, request: Request, *, at: datetime) -> System:
    holder = await access.holder_of(node, access.bearer_of(request, issued_at="/token"), at=at)
    unit = request.headers.get(UNIT) or request.query_params.get(UNIT) or ""
    request.state.system_id = unit
    found = await known(
        node,
        request.app.state.brake,
        unit,
        lambda it: it.client.client_id == holder.client.client_id,
        proof=BY_IDENTIFIER,
        peer=peer_of(request),
        at=at,
    )
    # A token may open less than its client may do.
    scopes = found.client.scopes & holder.scopes
    return await system_of(node, replace(found, client=replace(found.client, scopes=scopes)))


async def _decoded(body: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Decode a body of base64, quoted as JSON text or not, a piece at a time.

    Raises:
        UnsupportedMediaType: it is no base64.
    """
    held = b""
    async for piece in body:
        held += bytes(piece).translate(None, b'" \t\r\n')
        whole = len(held) - len(held) % 4
        yield _bytes_of(held[:whole])
        held = held[whole:]
    yield _bytes_of(held)


def _bytes_of(text: bytes) -> bytes:
    try:
        return pybase64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        finding = Finding(
            "ours.truclienthong.body-not-base64",
            Severity.ERROR,
            "the body is not the base64 text of an edXML file",
            "Send base64 of the file, alone or as a JSON text.",
            "truclienthong v1.0.0, POST /vanbans",
            "body",
        )
        raise UnsupportedMediaType(finding.message, findings=[finding]) from error


class TokenAlias(BaseRoute):
    """`POST /token`: the token endpoint by the name that API managers give it."""

    def __init__(self, target: str) -> None:
        self._target = target

    @override
    def matches(self, scope: HttpScope) -> tuple[Match, HttpScope]:
        return (Match.FULL, {}) if scope["type"] == "http" and scope["path"] == "/token" else (Match.NONE, {})

    @override
    async def handle(self, scope: HttpScope, receive: Receive, send: Send) -> None:
        router = scope["app"].router
        await router({**scope, "path": self._target, "raw_path": self._target.encode()}, receive, send)
