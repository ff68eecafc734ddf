"""The delivery log over HTTP, for auditors: as pages, as CSV, as NDJSON."""

import asyncio
import csv
import hashlib
import io
import json
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from app.exchange import archive
from app.exchange.trail import TrailQuery, events_page, events_stream
from app.ledger.events import EventKind, Outcome
from app.registry.model import Scope
from app.routers import clock, problems
from app.routers.access import AtNode, Caller, require
from app.routers.calls import calls
from app.routers.clock import Moment
from app.routers.conditions import CSV, JSON, NDJSON, negotiate
from app.routers.paging import Page, Paged, page
from app.routers.queries import (
    ActorText,
    AgencyText,
    BranchOrNone,
    DocumentIdText,
    DocumentTypeText,
    ProvinceText,
    SearchText,
    TierOrNone,
)
from app.statistics.measures import MEASURE_NAMES
from app.statistics.reports import View

router: APIRouter = calls(tag="Audit")

_COLUMNS = ("index", "time", "event", "outcome", "actor", "agency", "tier", "branch", "document_type", "document")
_CSV_HEADER = (*_COLUMNS, "delivery", "leaf_hash", "detail", "peer_tier")


LEDGER_SIZE = "Ledger-Size"
"""Header that says up to which index a stream goes: what was sealed later is not in it."""


class Order(StrEnum):
    """In which order events are listed."""

    ASCENDING = "asc"
    """As the log has them."""
    DESCENDING = "desc"
    """Newest first."""


class EventView(BaseModel):
    """One event of the log: ids, digests and codes only."""

    index: int | None = Field(description="Place in the log; null for some milliseconds after the commit.")
    id: str
    time: datetime
    event: str = Field(examples=["document.accepted"])
    outcome: str
    actor: str = Field(description="Client id, `operator` for the node's command line, or `node`.")
    agency: str | None = Field(description="The agency it belongs to; whose figures it counts in.")
    tier: str | None = Field(description="Tier of that agency at that moment.")
    branch: str | None = Field(description="Branch of that agency at that moment.")
    document_type: str | None
    peer_tier: str | None = Field(description="Tier of the document's sender, on what happens to its deliveries.")
    document: str | None = Field(description="The node's id of the document.")
    delivery: str | None
    detail: dict[str, Any] = Field(description="Further ids, digests and codes.")
    leaf_hash: str = Field(description="RFC 6962 leaf hash of the event's canonical JSON, hex.")

    @classmethod
    def of(cls, row: Any) -> "EventView":
        """Show an event's row."""
        same = (
            "id",
            "outcome",
            "actor",
            "agency",
            "tier",
            "branch",
            "document_type",
            "peer_tier",
            "document",
            "delivery",
        )
        return cls(
            **{name: getattr(row, name) for name in same},
            index=row.position,
            time=row.at,
            event=row.kind,
            detail=json.loads(row.body).get("detail", {}),
            leaf_hash=row.leaf_hash,
        )


def asked_for(
    since: Annotated[Moment | None, Query(alias="from", description="At or after this moment.")] = None,
    until: Annotated[Moment | None, Query(alias="to", description="Before this moment.")] = None,
    agency: Annotated[
        AgencyText | None, Query(description="Code of the agency, either form; empty: events that belong to none.")
    ] = None,
    tier: Annotated[TierOrNone | None, Query(description="Tier of the agency at that moment; empty: of none.")] = None,
    branch: Annotated[
        BranchOrNone | None, Query(description="Branch of the agency at that moment; empty: of none.")
    ] = None,
    province: Annotated[
        ProvinceText | None, Query(description="Level-one code that the agency's code says; empty: none.")
    ] = None,
    peer_tier: Annotated[
        TierOrNone | None, Query(description="Tier of the document's sender, of deliveries; empty: where it has none.")
    ] = None,
    view: Annotated[
        View, Query(description="Whether agency, tier, branch and province are those of then, or of today.")
    ] = View.AS_WAS,
    document_type: Annotated[
        DocumentTypeText | None, Query(description="Code of the type of document; empty: events without one.")
    ] = None,
    document_id: Annotated[
        DocumentIdText | None, Query(description="DocumentId as sent, or the node's id of the document.")
    ] = None,
    event: Annotated[list[EventKind] | None, Query(description="Only these kinds; may be repeated.")] = None,
    measure: Annotated[
        str | None,
        Query(pattern=f"^({'|'.join(MEASURE_NAMES)})$", description="Only events that count in this figure."),
    ] = None,
    outcome: Annotated[Outcome | None, Query(description="Only with this outcome.")] = None,
    actor: Annotated[ActorText | None, Query(description="Only by this client.")] = None,
    ledger_size: Annotated[
        int | None,
        Query(ge=0, le=2**53, description="Only events below this index: those that figures of this size cover."),
    ] = None,
    text: Annotated[
        SearchText | None,
        Query(
            description="Words of the document's code and subject, without regard to accents and case; all must occur, "
            "the last one, or a code, may be a beginning. A document is found some seconds after it was accepted."
        ),
    ] = None,
    order: Annotated[
        Order, Query(description="In the order of the log, or, with `desc`, newest first.")
    ] = Order.ASCENDING,
) -> TrailQuery:
    """Read what an auditor asks for."""
    return TrailQuery(
        since=since,
        until=until,
        agency=agency,
        tier=tier,
        branch=branch,
        province=province,
        document_type=document_type,
        peer_tier=peer_tier,
        as_is=view is View.AS_IS,
        document_id=document_id,
        kinds=tuple(kind.value for kind in event or ()),
        measure=measure,
        outcome=outcome.value if outcome else None,
        actor=actor,
        below=ledger_size,
        text=text,
        newest_first=order is Order.DESCENDING,
    )


@router.get(
    "/v1/audit/events",
    summary="Search the log",
    response_model=Page[EventView],
    responses={
        200: {
            "content": {
                CSV: {"schema": {"type": "string"}},
                NDJSON: {"schema": {"type": "string", "description": "One event a line."}},
            }
        },
        **problems.answers(406, 422),
    },
)
async def search(
    node: AtNode,
    caller: Annotated[Caller, require(Scope.AUDIT)],
    window: Paged,
    asked: Annotated[TrailQuery, Depends(asked_for)],
    request: Request,
    accept: Annotated[str | None, Header(description="JSON for a page; CSV or NDJSON for all of it.")] = None,
) -> Any:
    """List sealed events. CSV and NDJSON give everything the query finds, streamed.

    Pages and streams end where the log ended when the first of it was asked for; of streams the header `Ledger-Size`
    says where. A stream that breaks off ends without its last chunk, so whoever gets to its end has all of it.

    Words find documents by their subjects, but what is shown of an event are ids, digests and codes as always.

    The reading itself becomes an event, with the digest of the query.
    """
    form = negotiate(accept, (JSON, CSV, NDJSON))
    query_digest = hashlib.sha256(request.url.query.encode()).hexdigest()
    await archive.note_reading(node.desk, client=caller.client, at=clock.now(), document=None, query=query_digest)
    if form == JSON:
        key = window.key_after(int, int)
        reached, end = (None, None) if key is None else (int(key[0]), int(key[1]))
        found = await events_page(node.desk, asked, reached=reached, end=end, limit=window.fetch, at=clock.now())
        return page(found.rows, window, shape=EventView.of, key=lambda row: (row.position, found.end))
    stream = await events_stream(node.desk, asked, at=clock.now())
    lines = _csv(stream.chunks) if form == CSV else _ndjson(stream.chunks)
    return StreamingResponse(lines, media_type=form, headers={LEDGER_SIZE: str(stream.end)})


async def _csv(chunks: AsyncIterator[Sequence[Any]]) -> AsyncIterator[str]:
    yield _csv_lines([_CSV_HEADER])
    async for rows in chunks:
        # A chunk takes some ten milliseconds to be written, in which the node would answer nobody else.
        yield await asyncio.to_thread(_csv_chunk, rows)


def _csv_chunk(rows: Sequence[Any]) -> str:
    return _csv_lines([_csv_row(EventView.of(row)) for row in rows])


def _csv_row(event: EventView) -> tuple[str, ...]:
    shown = event.model_dump(mode="json")
    cells = [shown[name] for name in (*_COLUMNS, "delivery", "leaf_hash")]
    last = (json.dumps(event.detail, ensure_ascii=False), event.peer_tier or "")
    return (*("" if cell is None else str(cell) for cell in cells), *last)


def _csv_lines(rows: Sequence[Sequence[str]]) -> str:
    sheet = io.StringIO()
    csv.writer(sheet).writerows([[_unformulated(cell) for cell in row] for row in rows])
    return sheet.getvalue()


def _unformulated(cell: str) -> str:
    # A spreadsheet would compute a cell that begins like this, and a DocumentId may begin as its sender likes.
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


async def _ndjson(chunks: AsyncIterator[Sequence[Any]]) -> AsyncIterator[str]:
    async for rows in chunks:
        yield await asyncio.to_thread(_ndjson_chunk, rows)


def _ndjson_chunk(rows: Sequence[Any]) -> str:
    return "".join(f"{EventView.of(row).model_dump_json()}\n" for row in rows)
