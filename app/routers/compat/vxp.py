"""The VXP protocol under `/vxp`: nine methods of the SDK 2.0.0 and four that 2.0.1 adds.

One route takes every address below the prefix, so that whatever goes wrong there is answered in the protocol's own
shape and never by the framework: its clients read an error page as "nothing new", or lose the error altogether.
Nothing is ever redirected: their `sendEdoc` follows a 302 without the document.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import override

from app.errors import AgencyNotGranted, NotFound, RequestInvalid
from app.exchange.inbox import InboxKind
from app.findings import Finding, Severity
from app.node import Node
from app.registry.model import Scope as Granted
from app.regulations.calendar import day_of
from app.routers import clock
from app.routers.compat import answers, door, postbox, units
from app.routers.compat.door import Door, declared_of, peer_of, require_verb, short_body
from app.routers.compat.hash_file import file_in
from app.routers.compat.multipart import file_of
from app.routers.compat.numbers import Failure
from app.routers.compat.signed_headers import SignedHeaders
from app.routers.compat.systems import proven
from app.routers.ranges import body_answer

PREFIX: Final = "/vxp"

Parameters = Mapping[str, tuple[str, ...]]
"""What a method takes, each by the spellings it may have, the one that is meant first."""

_DOC_ID: Final[Parameters] = {"docId": ("docId", "docid")}
_DOC_ID_OF_RECEIPT: Final[Parameters] = {"docId": ("docid", "docId")}
"""Callers use the lower-case name for receipts alone, and keep the other one from their last getEdoc."""


@dataclass(frozen=True, slots=True)
class Call(door.Call):
    """One call of a method.

    Attributes:
        given: the parameters of the method that were signed; nothing else of what was.
        body: all of it; empty where the method streams it.
    """

    given: Mapping[str, str]
    body: bytes

    def required(self, name: str) -> str:
        """Return a parameter.

        Raises:
            RequestInvalid: it was not given, or is empty.
        """
        value = self.given.get(name, "").strip()
        if not value:
            raise RequestInvalid(f"{name} is missing in jsonHeaders")
        return value

    def number(self, name: str) -> int | None:
        """Return a number, from 1; one that cannot be read counts as not given."""
        text = self.given.get(name, "").strip()
        return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 7 else None


Serve = Callable[[Call], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Method:
    """One method of the protocol.

    Attributes:
        serve: what it does.
        scope: what the client must have been granted.
        verb: POST, also for those that only read; one is different.
        takes: its parameters.
        closes: whether the connection is to be closed: these calls of the SDK never close theirs.
        streams: whether it reads the body itself. Others have theirs read before: the SDK waits for the 100 that this
            brings about.
    """

    serve: Serve
    scope: Granted = Granted.EXCHANGE
    verb: str = "POST"
    takes: Parameters = field(default_factory=dict)
    closes: bool = False
    streams: bool = False


async def _send_edoc(call: Call) -> Response:
    sent = await postbox.send(call, _file(call), declared_of(call.request))
    return answers.done(DocId=sent)


async def _get_edoc(call: Call) -> Response:
    found = await postbox.fetched(call, call.required("docId"))
    return answers.encoded(call.node.blobs.slices(found.row.sha256), size=found.row.size)


async def _download_edoc(call: Call) -> Response:
    found = await postbox.fetched(call, call.required("docId"))
    return body_answer(call.node, found.row, call.request)


async def _received(call: Call) -> Response:
    kind = postbox.kind_of(call.given.get("messagetype", ""))
    size, number = call.number("pageSize") or postbox.LISTED_MAX, call.number("pageIndex")
    if number is None and size >= postbox.LISTED_MAX:
        return answers.listed(await postbox.received(call, kind))
    size = min(size, postbox.LISTED_MAX)
    return answers.listed(await postbox.page(call, kind, size=size, number=number or 1))


async def _sent(call: Call) -> Response:
    return answers.listed(await postbox.sent(call, call.given.get("docId") or None))


async def _update_status(call: Call) -> Response:
    await postbox.receipt(call, call.required("docId"), call.required("status"))
    return answers.done()


async def _count_documents(call: Call) -> Response:
    return answers.done(count=await postbox.count(call, InboxKind.DOCUMENT))


async def _count_statuses(call: Call) -> Response:
    return answers.done(count=await postbox.count(call, InboxKind.STATUS))


async def _agencies(call: Call) -> Response:
    return await units.agencies(call.node, call.request)


async def _synchronised(call: Call) -> Response:
    return await units.synchronised(call.node, call.request)


async def _agencies_by_decision_20(call: Call) -> Response:
    return await units.by_decision_20(call.node, call.request)


async def _register(call: Call) -> Response:
    await units.register(call.node, call.system, call.body, at=call.at)
    return answers.done()


async def _delete(call: Call) -> Response:
    await units.delete(call.node, call.system, call.required("AgencyCode"), at=call.at)
    return answers.done()


_LIST: Final[Parameters] = {"messagetype": ("messagetype",), "pageSize": ("pageSize",), "pageIndex": ("pageIndex",)}
_SENT_FILE: Final[Parameters] = {"from": ("from",), "hash-file": ("hash-file",)}
_RECEIPT: Final[Parameters] = {"status": ("status",), **_DOC_ID_OF_RECEIPT}
_CODE: Final[Parameters] = {"AgencyCode": ("AgencyCode",)}

METHODS: Final[Mapping[str, Method]] = {
    "getAgenciesList": Method(_agencies, Granted.REGISTRY_READ, closes=True),
    "getSynchronizeUnit": Method(_synchronised, Granted.REGISTRY_READ, closes=True),
    "registerAgency": Method(_register, Granted.REGISTRY_WRITE),
    "deleteAgency": Method(_delete, Granted.REGISTRY_WRITE, takes=_CODE),
    "getReceivedEdocList": Method(_received, takes=_LIST, closes=True),
    "getSentEdocList": Method(_sent, takes=_DOC_ID, closes=True),
    "sendEdoc": Method(_send_edoc, takes=_SENT_FILE, streams=True),
    "getEdoc": Method(_get_edoc, takes=_DOC_ID),
    "updateStatus": Method(_update_status, takes=_RECEIPT),
    "getAgenciesListQD20": Method(_agencies_by_decision_20, Granted.REGISTRY_READ, closes=True),
    "countReceiveEdoc": Method(_count_documents),
    "countReceiveStatus": Method(_count_statuses),
    "downloadEdoc": Method(_download_edoc, verb="GET", takes=_DOC_ID),
}
"""Every method, with what it takes of a map that is never cleared."""


class VxpDoor(Door):
    """The route of everything below `/vxp`."""

    def __init__(self) -> None:
        super().__init__(PREFIX, METHODS)

    @override
    async def serve(self, request: Request, name: str) -> Response:
        if name not in METHODS:
            raise NotFound(f"the protocol has no method {name[:40]!r}")
        method = METHODS[name]
        require_verb(request, method.verb, name=name)
        signed = SignedHeaders.read(request.scope["headers"])
        request.state.system_id = signed.system_id
        node: Node = request.app.state.node
        at = clock.now()
        system = await proven(node, request.app.state.brake, signed, peer=peer_of(request), at=at)
        request.state.client_id = system.client.client_id
        system.require(method.scope)
        body = b"" if method.streams else await short_body(request)
        response = await method.serve(Call(node, system, request, at, signed.meant(method.takes), body))
        return _closing(name, response)

    @override
    def failed(self, name: str, failure: Failure) -> Response:
        # This one writes whatever body comes into the file of the document, and knows a failure by its emptiness.
        return Response() if name == "downloadEdoc" else _closing(name, answers.failed(failure))


def _closing(name: str, response: Response) -> Response:
    if name in METHODS and METHODS[name].closes:
        response.headers["Connection"] = "close"
    return response


async def _file(call: Call) -> AsyncIterator[bytes]:
    await _check_sender(call)
    body = file_of(call.request.stream(), call.request.headers.get("content-type", ""))
    async for piece in file_in(body, claimed=call.given.get("hash-file")):
        yield piece


async def _check_sender(call: Call) -> None:
    """Refuse a `from` that is not the unit the system id is registered for.

    Raises:
        AgencyNotGranted: it is another one.
    """
    named, own = call.given.get("from", "").strip(), call.system.agency
    if not named or await call.system.has_code(call.node, named, on=day_of(call.at)):
        return
    # Word for word what the axis answers, as far as it is known: integrators look for it.
    message = f"Don vi gui {named[:40]} khong dung voi ma da dang ky: {own}"
    finding = Finding(
        "ours.vxp.from-not-registered",
        Severity.ERROR,
        message,
        f"Set from to {own}, or use the system id of the sending unit.",
        "VXP SDK 2.0, sendEdoc",
        "header XroadVnpt-from",
    )
    raise AgencyNotGranted(message, findings=[finding])
