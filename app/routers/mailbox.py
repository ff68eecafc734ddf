"""Inbox and outbox over HTTP: polling, taking over, following up."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from app.errors import RequestInvalid
from app.exchange import archive, inbox
from app.exchange.acting import own_agencies
from app.exchange.inbox import Acknowledgement, InboxKind, InboxQuery
from app.exchange.notices import NoticeKind
from app.exchange.states import Change, Progress
from app.ledger.events import instant_text
from app.registry.model import Scope
from app.regulations.calendar import end_of
from app.routers import clock, problems, quick_polls
from app.routers.access import AtNode, Caller, require
from app.routers.calls import calls
from app.routers.document_views import DeliveryView
from app.routers.paging import BAD_CURSOR, Page, Paged, Window, page

router: APIRouter = calls(tag="Exchange")

Exchanging = Annotated[Caller, require(Scope.EXCHANGE)]

ACKNOWLEDGED_AT_ONCE_MAX = 500
"""Most delivery ids of one call: a full page of the inbox."""

AgencyParameter = Annotated[
    str | None,
    Query(
        max_length=35,
        description="Agency code, either form. May be left out by clients whose agencies are all named one by one.",
        examples=["000.00.00.H41"],
    ),
]


class Order(StrEnum):
    """How the inbox is sorted."""

    AGE = "age"
    """Oldest first."""
    URGENCY = "urgency"
    """Most urgent first, then oldest first."""


_SIGNATURE: Any = Field(
    description="`valid`, or the form that a policy let in although it proves nothing: `unsigned`, `sha1`, "
    "`foreign-namespace`."
)


class InboxDocument(BaseModel):
    """The document of a delivery; for a status report or a notice, the document it is about."""

    id: str
    document_id: str
    sender: str
    kind: str
    code: str = Field(description="Số/ký hiệu.")
    subject: str = Field(description="Trích yếu.")
    document_type: str
    priority: int = Field(description="Độ khẩn, 0 to 4.")
    due_date: date | None
    size: int
    sha256: str
    signature: str = _SIGNATURE
    accepted_at: datetime


class InboxStatus(BaseModel):
    """The status report of a delivery."""

    id: str
    status_code: str = Field(examples=["03"])
    reporter: str
    description: str | None = Field(description="Reason or remark.")
    reported_at: datetime | None = Field(description="As the reporter claims.")
    indication: str = Field(description="What its signature was found worth; `INDETERMINATE` where nothing proves it.")
    accepted_at: datetime
    size: int
    sha256: str


class ConcernedDelivery(BaseModel):
    """The delivery a notice is about, as it stands now."""

    id: str
    recipient: str
    state: str


class InboxNotice(BaseModel):
    """What the node tells the agency."""

    kind: NoticeKind
    delivery: ConcernedDelivery | None = Field(description="Null where it is about no single delivery.")


class InboxItem(BaseModel):
    """Something that waits to be taken over."""

    delivery_id: str = Field(description="What is acknowledged.")
    kind: InboxKind
    recipient: str = Field(description="Agency code in the directory.")
    document: InboxDocument
    status: InboxStatus | None = Field(description="Null unless `kind` is `status`.")
    notice: InboxNotice | None = Field(description="Null unless `kind` is `notice`.")
    change: str | None = Field(description="What the sender asks of this document, or how that was answered.")
    change_by: str | None = Field(description="The document or status report that asked for it.")
    superseded_by: str | None = Field(description="The document that holds instead of this one.")
    available_at: datetime

    @classmethod
    def of(cls, row: Any) -> "InboxItem":
        """Show a row of the inbox."""
        return cls(
            delivery_id=row.delivery,
            kind=InboxKind(row.delivery_kind),
            recipient=row.recipient,
            document=InboxDocument(**{name: getattr(row, name) for name in InboxDocument.model_fields}),
            status=None if row.status_report is None else _status(row),
            notice=None if row.notice is None else _notice(row),
            **{name: getattr(row, name) for name in ("change", "change_by", "superseded_by")},
            available_at=row.available_at,
        )


class OverdueItem(BaseModel):
    """A document that was due and is not completed."""

    delivery_id: str
    recipient: str = Field(description="Agency code in the directory.")
    state: str = Field(description="Where the delivery stands.", examples=["in_progress"])
    document: InboxDocument = Field(description="With its due date.")
    overdue_since: datetime = Field(description="When the due date was over: midnight in Vietnam.")
    acknowledged_at: datetime | None

    @classmethod
    def of(cls, row: Any) -> "OverdueItem":
        """Show a row of the list."""
        return cls(
            delivery_id=row.delivery,
            recipient=row.recipient,
            state=row.change or row.progress,
            document=InboxDocument(**{name: getattr(row, name) for name in InboxDocument.model_fields}),
            overdue_since=end_of(row.due_date).astimezone(UTC),
            acknowledged_at=row.acknowledged_at,
        )


class Acknowledgements(BaseModel):
    """What was taken over."""

    model_config = ConfigDict(extra="forbid")

    delivery_ids: list[Annotated[str, Field(min_length=1, max_length=64)]] = Field(
        min_length=1, max_length=ACKNOWLEDGED_AT_ONCE_MAX, description="From the inbox."
    )


class AcknowledgementView(BaseModel):
    """What became of one delivery id."""

    delivery_id: str
    outcome: Acknowledgement


class AcknowledgementReport(BaseModel):
    """What became of each, in the order they were asked for."""

    items: list[AcknowledgementView] = Field(description="One for each id that was sent.")


class OutboxItem(BaseModel):
    """A document that was sent, with its state for each recipient."""

    id: str
    document_id: str
    sender: str
    kind: str
    code: str
    subject: str
    document_type: str
    priority: int
    size: int
    sha256: str
    signature: str = _SIGNATURE
    accepted_at: datetime
    deliveries: list[DeliveryView]


@router.get(
    "/v1/inbox",
    summary="Poll the inbox",
    response_model=Page[InboxItem],
    responses=problems.answers(422),
)
async def poll(
    node: AtNode,
    caller: Exchanging,
    window: Paged,
    request: Request,
    agency: AgencyParameter = None,
    kind: Annotated[
        InboxKind | None, Query(description="Only documents, only status reports, or only notices.")
    ] = None,
    order: Annotated[Order, Query(description="`urgency`: most urgent first.")] = Order.AGE,
    wait: Annotated[int, Query(ge=0, le=60, description="Seconds to wait for mail while there is none.")] = 0,
) -> Page[InboxItem]:
    """List what was not acknowledged yet, oldest first. Listing changes nothing; acknowledging takes over."""
    at = clock.now()
    query = InboxQuery(
        agencies=await own_agencies(node.desk, agency, client=caller.client, at=at),
        kind=kind,
        by_urgency=order is Order.URGENCY,
        after=_after(window.key_after(int, int)),
        limit=window.fetch,
    )
    seconds = min(wait, node.settings.long_poll_seconds_max)

    def shown(found: Sequence[Any]) -> bytes:
        return _page(found, window).model_dump_json().encode("utf-8")

    quick_polls.remember(request, caller, query, seconds=seconds, at=at, shown=shown)
    left = quick_polls.left_of(request, seconds)
    rows = await inbox.look(node.desk, query)
    if not rows and left:
        quick_polls.hold(request)
        rows = await inbox.look(node.desk, query, wait_seconds=left, gone=request.is_disconnected)
    return _page(rows, window)


@router.post(
    "/v1/inbox/acknowledgements",
    summary="Take deliveries over",
    response_model=AcknowledgementReport,
    responses=problems.answers(422),
)
async def acknowledge(node: AtNode, caller: Exchanging, asked: Acknowledgements) -> AcknowledgementReport:
    """Take deliveries over: they leave the inbox, and the sender sees `delivered`. Repeating it changes nothing."""
    outcomes = await inbox.acknowledge(node.desk, asked.delivery_ids, client=caller.client, at=clock.now())
    return AcknowledgementReport(
        items=[AcknowledgementView(delivery_id=delivery, outcome=outcome) for delivery, outcome in outcomes]
    )


@router.get(
    "/v1/inbox/overdue",
    summary="List what is overdue",
    response_model=Page[OverdueItem],
    responses=problems.answers(422),
)
async def list_overdue(
    node: AtNode, caller: Exchanging, window: Paged, agency: AgencyParameter = None
) -> Page[OverdueItem]:
    """List what the client's agencies have not completed although its due date is over, longest overdue first.

    It is taken off the list by a report of completion (06), and by whatever else ends the delivery.
    """
    recipients = await own_agencies(node.desk, agency, client=caller.client, at=clock.now())
    found = await archive.overdue(node.desk, recipients, after=_overdue_after(window), limit=window.fetch)
    return page(found, window, shape=OverdueItem.of, key=lambda row: (instant_text(row.overdue_at), row.delivery))


@router.get(
    "/v1/outbox",
    summary="Follow up what was sent",
    response_model=Page[OutboxItem],
    responses=problems.answers(422),
)
async def follow_up(
    node: AtNode,
    caller: Exchanging,
    window: Paged,
    agency: AgencyParameter = None,
    state: Annotated[Progress | Change | None, Query(description="Only with a delivery that shows this state.")] = None,
    *,
    overdue: Annotated[
        bool, Query(description="Only with a delivery that is overdue; not together with `state`.")
    ] = False,
) -> Page[OutboxItem]:
    """List the documents the client's agencies sent, newest first, with the state for each recipient."""
    senders = await own_agencies(node.desk, agency, client=caller.client, at=clock.now())
    found = await archive.outbox(
        node.desk,
        senders,
        state=state.value if state else None,
        overdue=overdue,
        after=window.id_after(),
        limit=window.fetch,
    )
    return page(found, window, shape=_sent, key=lambda entry: (entry[0].id,))


def _page(rows: Sequence[Any], window: Window) -> Page[InboxItem]:
    return page(rows, window, shape=InboxItem.of, key=lambda row: (row.delivery_priority, row.position))


def _overdue_after(window: Window) -> tuple[datetime, str] | None:
    key = window.key_after(str, str)
    if key is None:
        return None
    try:
        return datetime.fromisoformat(str(key[0])).astimezone(UTC), str(UUID(str(key[1])))
    except (ValueError, OverflowError) as error:
        raise RequestInvalid(BAD_CURSOR) from error


def _after(key: tuple[str | int, ...] | None) -> tuple[int, int] | None:
    return None if key is None else (int(key[0]), int(key[1]))


def _status(row: Any) -> InboxStatus:
    return InboxStatus(
        id=row.status_report,
        status_code=row.status_code,
        reporter=row.reporter,
        description=row.description,
        reported_at=row.reported_at,
        indication=row.status_indication,
        accepted_at=row.status_accepted_at,
        size=row.status_size,
        sha256=row.status_sha256,
    )


def _notice(row: Any) -> InboxNotice:
    delivery = None
    if row.concerns is not None:
        state = row.concerned_change or row.concerned_progress
        delivery = ConcernedDelivery(id=row.concerns, recipient=row.concerned_recipient, state=state)
    return InboxNotice(kind=NoticeKind(row.notice), delivery=delivery)


def _sent(entry: tuple[Any, Any]) -> OutboxItem:
    row, legs = entry
    same = {name: getattr(row, name) for name in OutboxItem.model_fields if name != "deliveries"}
    return OutboxItem(**same, deliveries=[DeliveryView.of(leg) for leg in legs])
