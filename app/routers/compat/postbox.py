"""The unit's mail in the words of the older protocols: lists, ids, transport receipts.

Received messages go by the id of their delivery, sent ones by the id of the message; both are UUIDs, which .NET clients
insist on, and safe as the file names that clients make of them. A transport receipt is the acknowledgement of a
delivery; what people do with a document travels in status messages.
"""

from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog

from app.errors import DataFault, NotFound, RequestInvalid
from app.exchange import archive, backlog, either, inbox
from app.exchange.acting import own_agencies
from app.exchange.inbox import Acknowledgement, InboxKind
from app.exchange.named import Named, named
from app.exchange.refuse import Declared
from app.exchange.states import Progress
from app.exchange.submit import Accepted
from app.findings import Finding, Severity
from app.registry.mistakes import Origin
from app.routers import clock
from app.routers.compat.answers import Item
from app.routers.compat.door import Call
from app.routers.compat.known_lists import KnownLists, registry_of
from app.routers.compat.numbers import ascii_of
from app.statistics.periods import ZONE

SERVICE: Final = "eDoc"
KINDS: Final = {"edoc": InboxKind.DOCUMENT, "status": InboxKind.STATUS}
LISTED_MAX: Final = 2_000
"""Most messages of one list: clients take what is listed and ask again, so a longer list would only be larger."""
NEWEST_LISTED: Final = 500
"""How many of them are the newest where more wait: what may arrive between two lists of who never takes over."""
SENT_LISTED_MAX: Final = 50
FAILED: Final = "fail"
RECEIPTS: Final = frozenset({"done", FAILED, "processing"})

_WORDS: Final = {
    "available": "Cho nhan",
    "delivered": "Da nhan",
    "arrived": "Da den",
    "received": "Da tiep nhan",
    "assigned": "Da chuyen xu ly",
    "in_progress": "Dang xu ly",
    "completed": "Da hoan thanh",
    "refused": "Tu choi tiep nhan",
    "withdrawn": "Da thu hoi",
    "expired": "Het han nhan",
    "withdrawal_requested": "Yeu cau thu hoi",
    "update_requested": "Yeu cau cap nhat",
    "change_accepted": "Dong y cap nhat",
    "change_refused": "Tu choi cap nhat, thu hoi",
}
_FAILED: Final = frozenset({Progress.EXPIRED.value, Progress.WITHDRAWN.value})

_RECEIVER_FAILED: Final = Finding(
    "ours.compat.receiver-failed",
    Severity.WARNING,
    "the system could not use a message that it had fetched",
    "Look into the log of that system; the message can be fetched again by its docId.",
    "ours, decision 0027",
    "receipt",
)
_log = structlog.get_logger("truc.compat")


@dataclass(frozen=True, slots=True)
class Fetched:
    """A message whose bytes the unit may have.

    Attributes:
        kind: a document or a status report.
        row: its record; the bytes are in the blob store under its digest.
    """

    kind: InboxKind
    row: Any


def kind_of(asked: str) -> InboxKind:
    """Return which messages a message type stands for; documents, where none is given.

    Raises:
        RequestInvalid: it is no kind of message.
    """
    name = asked.strip().lower() or "edoc"
    if name not in KINDS:
        raise RequestInvalid(f"message type {name[:40]!r} is neither edoc nor status")
    return KINDS[name]


async def send(call: Call, stream: AsyncIterable[bytes], declared: Declared) -> str:
    """Accept a document or a status message, whichever its content says it is; returns its id.

    Raises:
        SubmissionRejected, AgencyNotGranted, Conflict: as `either.take`; recorded.
        Unavailable: nothing was accepted.
    """
    taken = await either.take(call.node.desk, stream, declared=declared, client=call.system.client, now=clock.now)
    return str(taken.document["id"] if isinstance(taken, Accepted) else taken.report["id"])


async def received(call: Call, kind: InboxKind) -> list[Item]:
    """List what waits for the unit, oldest first; where that is more than a list holds, the newest with the oldest."""
    desk, client, unit = call.node.desk, call.system.client.client_id, call.system.agency.text
    lists: KnownLists = call.request.app.state.known_lists
    known = lists.find(desk, client, unit, at=call.at)
    if known is not None:
        if known.holds_nothing(desk, kind):
            return []
        rows = await _ends(call, known.agencies, kind, versions=known.versions)
        if rows is not None:
            return [_waiting(row, kind) for row in rows]
    # Before the look: what changes meanwhile makes what is remembered old.
    registry = registry_of(desk)
    own = await _own(call)
    lists.remember(client, unit, own, registry=registry, at=call.at)
    return [_waiting(row, kind) for row in await _ends(call, own, kind) or ()]


async def _ends(
    call: Call, agencies: Sequence[str], kind: InboxKind, versions: tuple[int, ...] | None = None
) -> Sequence[Any] | None:
    oldest = LISTED_MAX - NEWEST_LISTED
    return await backlog.ends(
        call.node.desk, agencies, kind=kind, oldest=oldest, newest=NEWEST_LISTED, versions=versions
    )


async def page(call: Call, kind: InboxKind, *, size: int, number: int) -> list[Item]:
    """List a page of what waits for the unit, oldest first.

    Args:
        size: messages of a page.
        number: which page, from 1; pages move up as messages are taken over.
    """
    rows = await backlog.page(call.node.desk, await _own(call), kind=kind, size=size, number=number)
    return [_waiting(row, kind) for row in rows]


async def count(call: Call, kind: InboxKind) -> int:
    """Count what waits for the unit."""
    return await inbox.count(call.node.desk, await _own(call), kind=kind)


async def fetched(call: Call, asked: str) -> Fetched:
    """Return a message whose bytes the unit may have, by either of its ids.

    Raises:
        NotFound: there is none, or it is none of the unit's business.
        ContentPurged: the rules of retention let it go.
        DataFault: its body is gone from the disk.
    """
    found, client = await named(call.node.desk, asked), call.system.client
    read = archive.report_content if found.kind is InboxKind.STATUS else archive.content
    row = await read(call.node.desk, found.message, client=client, scopes=client.scopes, at=call.at)
    if not call.node.blobs.path_of(row.sha256).is_file():
        # Found out now: an answer that has begun could only be cut off, and clients try a lost connection again.
        raise DataFault(f"body {row.sha256} is missing from the store")
    return Fetched(found.kind, row)


async def receipt(call: Call, asked: str, status: str) -> None:
    """Take the transport receipt of a delivery, which takes it over whatever it says; the same again changes nothing.

    One that could not be used is taken over all the same, or it would be listed for ever, and stays to be had by its
    id; that it failed is a line in the log and counted with what its client sends wrongly, for people to see to.

    Raises:
        RequestInvalid: it is no status of transport.
        NotFound: nothing with this id was delivered to the unit.
    """
    said = status.strip().lower()
    if said not in RECEIPTS:
        raise RequestInvalid(
            f"status {status[:40]!r} is none of {', '.join(sorted(RECEIPTS))}; business statuses 01 to 16 are sent as "
            "status messages by sendEdoc"
        )
    delivery = asked.strip().lower()
    [(_, outcome)] = await inbox.acknowledge(call.node.desk, [delivery], client=call.system.client, at=call.at)
    if outcome is Acknowledgement.NOT_FOUND:
        raise NotFound(f"no delivery to this unit has the id {asked[:40]!r}")
    if said == FAILED:
        system_id = call.system.system_id
        _log.warning("compat.receiver_failed", system_id=system_id, delivery=delivery)
        origin = Origin(call.system.client.client_id, system_id)
        call.node.mistakes.accepted(origin, [_RECEIVER_FAILED], at=call.at)


async def sent(call: Call, asked: str | None) -> list[Item]:
    """List the deliveries of one message the unit sent, or of the newest ones, with how far each came.

    Raises:
        NotFound: the unit sent no message with this id.
    """
    desk, own = call.node.desk, await _own(call)
    if asked is None:
        rows = await archive.outbox(desk, own, state=None, after=None, limit=SENT_LISTED_MAX)
        return [_leg(document, leg) for document, legs in rows for leg in legs]
    found, client = await named(desk, asked), call.system.client
    if found.kind is InboxKind.STATUS:
        return [await _reported(call, found, own)]
    dossier = await archive.dossier(desk, found.message, client=client, scopes=client.scopes, at=call.at)
    if dossier.document.sender not in own:
        raise NotFound(f"this unit sent no message with the id {asked[:40]!r}")
    return [_leg(dossier.document, leg) for leg in dossier.deliveries]


async def _own(call: Call) -> tuple[str, ...]:
    return await own_agencies(call.node.desk, call.system.agency.text, client=call.system.client, at=call.at)


async def _reported(call: Call, found: Named, own: Sequence[str]) -> Item:
    client = call.system.client
    row = await archive.report_content(call.node.desk, found.message, client=client, scopes=client.scopes, at=call.at)
    if row.reporter not in own:
        raise NotFound(f"this unit sent no message with the id {found.message!r}")
    return {
        "serviceType": SERVICE,
        "messageType": "status",
        "senderDocId": row.id,
        "fromCode": row.reporter,
        "notation": row.status_code,
        "sentTime": moment(row.accepted_at),
        "sendStatus": "done",
        "sendStatusDesc": "Da gui",
    }


def _waiting(row: Any, kind: InboxKind) -> Item:
    return {
        "docId": row.id,
        "serviceType": SERVICE,
        "messageType": "status" if kind is InboxKind.STATUS else "edoc",
        "created_time": moment(row.accepted_at),
        "updated_time": moment(row.available_at),
        "from": row.sender,
        "to": row.recipient,
        "status": "initial",
        "status_desc": "Cho nhan",
    }


def _leg(document: Any, leg: Any) -> Item:
    status = "initial" if leg.progress == Progress.AVAILABLE.value else "done"
    return {
        "serviceType": SERVICE,
        "messageType": "edoc",
        "senderDocId": document.id,
        "fromCode": document.sender,
        "title": document.subject,
        "notation": document.code,
        "sentTime": moment(document.accepted_at),
        "sendStatus": "done",
        "sendStatusDesc": "Da gui",
        "receiverDocId": leg.id,
        "toCode": leg.addressed_to,
        "receiveStatus": "fail" if leg.progress in _FAILED else status,
        "receiveStatusDesc": _WORDS.get(leg.change or leg.progress, ascii_of(leg.progress)),
        "receivedTime": None if leg.acknowledged_at is None else moment(leg.acknowledged_at),
    }


def moment(at: datetime) -> str:
    """Write a moment as edXML does: local time in Vietnam, without its zone."""
    return at.astimezone(ZONE).strftime("%Y/%m/%d %H:%M:%S")
