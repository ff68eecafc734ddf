"""Documents as pages: the boxes of those who exchange, the search of auditors, and one document with its timeline.

What a page may show is decided by the calls of the API it is drawn from: to auditors they give neither subject nor
reasons nor content.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from app.console.agencies import names_of
from app.console.frame import asked, pages, render, viewer
from app.edxml.document_types import LABELS
from app.errors import ContentPurged, NotFound
from app.exchange.trail import TrailQuery
from app.ledger.events import EventKind
from app.node import Node
from app.registry.model import Client, Scope
from app.routers import audit, clock, evidence, mailbox
from app.routers import documents as calls
from app.routers.access import AtNode, Caller
from app.routers.clock import Moment
from app.routers.conditions import JSON
from app.routers.paging import Paged, Window
from app.routers.queries import AgencyText, DocumentIdText

router: APIRouter = pages()

Reader = Annotated[Caller, viewer(Scope.EXCHANGE, Scope.AUDIT)]

_SEARCH: Final = ("document_id", "agency", "role", "from", "to")


class Box(StrEnum):
    """Which documents are listed."""

    INBOX = "inbox"
    """Waiting for the client's agencies."""
    OUTBOX = "outbox"
    """Sent by the client's agencies."""
    SEARCH = "search"
    """Of everybody, for auditors."""


class Role(StrEnum):
    """What the agency of a search did."""

    SENDER = "sender"
    """It sent the document."""
    RECIPIENT = "recipient"
    """It was sent the document."""


@router.get("/documents")
async def boxes(
    request: Request,
    node: AtNode,
    caller: Reader,
    window: Paged,
    box: Box | None = None,
    agency: AgencyText | None = None,
    document_id: DocumentIdText | None = None,
    role: Role = Role.SENDER,
    since: Annotated[Moment | None, Query(alias="from")] = None,
    until: Annotated[Moment | None, Query(alias="to")] = None,
) -> Response:
    """List a box, or search as auditors do."""
    offered = _boxes(caller)
    box = box if box in offered else offered[0]
    shown: dict[str, Any] = {"box": box, "boxes": offered, "paged": "cursor" in request.query_params}
    if box is Box.SEARCH:
        sought = TrailQuery(
            since=since,
            until=until,
            agency=agency,
            document_id=document_id,
            kinds=(EventKind.DELIVERY_AVAILABLE if role is Role.RECIPIENT else EventKind.DOCUMENT_ACCEPTED,),
        )
        given = asked(request, *_SEARCH)
        shown |= {"given": given, "role": role, "since": since, "until": until}
        return await _search(request, node, caller, window, sought if given else None, shown)
    shown |= {"given": asked(request, "agency"), "name_agency": agency is None and not may_list_all(caller.client)}
    if shown["name_agency"]:
        return render(request, "documents.html", found=None, names={}, grants=caller.client.agencies, **shown)
    if box is Box.INBOX:
        inbox = await mailbox.poll(node, caller, window, request, agency=agency)
        shown_codes = {each.status.reporter if each.status else each.document.sender for each in inbox.items}
        shown_codes |= {each.notice.delivery.recipient for each in inbox.items if each.notice and each.notice.delivery}
        names = await names_of(node, shown_codes, at=clock.now())
        return render(request, "documents.html", found=inbox, names=names, types=LABELS, **shown)
    outbox = await mailbox.follow_up(node, caller, window, agency=agency)
    codes = {leg.recipient for each in outbox.items for leg in each.deliveries}
    return render(
        request,
        "documents.html",
        found=outbox,
        names=await names_of(node, codes, at=clock.now()),
        types=LABELS,
        **shown,
    )


@router.get("/documents/{document}")
async def one(request: Request, node: AtNode, caller: Reader, document: UUID) -> Response:
    """Show a document with everything that happened to it."""
    view = await calls.get_document(node, caller, document)
    trail = await calls.get_history(node, caller, document)
    try:
        attachments = await calls.list_attachments(node, caller, document)
    except (NotFound, ContentPurged):
        # To auditors, and to a recipient it was withdrawn from, there is no content; to nobody when it was purged.
        attachments = []
    codes = {view.sender, *(leg.recipient for leg in view.deliveries), *(event.agency for event in trail)}
    return render(
        request,
        "document.html",
        document=view,
        trail=trail,
        attachments=attachments,
        names=await names_of(node, codes, at=clock.now()),
        types=LABELS,
    )


@router.get("/documents/{document}/evidence")
async def bundle(node: AtNode, caller: Reader, document: UUID) -> Response:
    """Give the evidence of a document as a file, as far as the client may have it."""
    return await evidence.get_evidence_bundle(node, caller, document)


def may_list_all(client: Client) -> bool:
    """Whether a box can be listed without naming an agency: all of the client's agencies are named one by one."""
    return bool(client.agencies) and not any(grant.subtree for grant in client.agencies)


async def _search(
    request: Request, node: Node, caller: Caller, window: Window, sought: TrailQuery | None, shown: dict[str, Any]
) -> Response:
    """Search by the log. Nothing is looked for before something is asked: every search is an event."""
    if sought is None:
        return render(request, "documents.html", found=None, names={}, types=LABELS, **shown)
    found = await audit.search(node, caller, window, sought, request, accept=JSON)
    at: datetime = clock.now()
    names = await names_of(node, {event.agency for event in found.items}, at=at)
    return render(request, "documents.html", found=found, names=names, types=LABELS, **shown)


def _boxes(caller: Caller) -> list[Box]:
    own = [Box.INBOX, Box.OUTBOX] if Scope.EXCHANGE in caller.scopes else []
    return own + ([Box.SEARCH] if Scope.AUDIT in caller.scopes else [])
