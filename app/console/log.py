"""The log as a page for auditors; its filters are those of the API, so that either address says the same."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from app.console.agencies import names_of
from app.console.frame import address, asked, locale_of, pages, render, viewer
from app.console.locale import Locale, utc_text
from app.edxml.document_types import LABELS
from app.exchange.trail import TrailQuery
from app.ledger.events import EventKind, Outcome
from app.registry.model import Branch, Scope, Tier
from app.routers import clock
from app.routers.access import AtNode, Caller
from app.routers.audit import Order, asked_for
from app.routers.audit import search as search_events
from app.routers.conditions import CSV, JSON, NDJSON
from app.routers.paging import LIMIT_DEFAULT, Paged, Window, cursor_of
from app.statistics.measures import MEASURE_NAMES
from app.statistics.periods import ZONE, Month
from app.store import journal

router: APIRouter = pages()

Auditor = Annotated[Caller, viewer(Scope.AUDIT)]
Sought = Annotated[TrailQuery, Depends(asked_for)]

FILTERS: Final = (
    "from",
    "to",
    "agency",
    "tier",
    "branch",
    "province",
    "document_type",
    "peer_tier",
    "view",
    "document_id",
    "event",
    "measure",
    "outcome",
    "actor",
    "text",
    "order",
    "ledger_size",
)
"""Parameters that restrict, by their names in the API."""

_LABELS: Final = {
    "from": "documents.from",
    "to": "documents.to",
    "agency": "event.agency",
    "tier": "agency.tier",
    "branch": "agency.branch",
    "province": "column.province",
    "document_type": "log.document-type",
    "peer_tier": "column.peer_tier",
    "view": "statistics.view",
    "document_id": "documents.document-id",
    "event": "event.event",
    "measure": "log.measure",
    "outcome": "event.outcome",
    "actor": "event.actor",
    "text": "log.text",
    "order": "log.order",
    "ledger_size": "log.ledger-size",
}
"""Text for each of them."""
_GROUPS: Final = {"event": "happened", "peer_tier": "tier", "order": "listing"}
"""Group of words, where it is not named as the parameter is."""


@router.get("/log")
async def log(request: Request, node: AtNode, caller: Auditor, window: Paged, sought: Sought) -> Response:
    """Show a page of events; the reading becomes an event itself."""
    found = await search_events(node, caller, window, sought, request, accept=JSON)
    at = clock.now()
    async with node.database.read() as tx:
        size = await journal.size(tx)
    given = asked(request, *FILTERS)
    public_url = request.app.state.public_url
    return render(
        request,
        "log.html",
        found=found,
        size=size,
        given=given,
        sought=sought,
        chips=_chips(locale_of(request), given, sought),
        paged="cursor" in request.query_params,
        permanent=public_url + address("/log", given),
        api=public_url + address("/v1/audit/events", given),
        shortcuts=_shortcuts(at, size),
        names=await names_of(node, {event.agency for event in found.items}, at=at),
        choices={
            "tier": list(Tier),
            "branch": list(Branch),
            "event": list(EventKind),
            "outcome": list(Outcome),
            "measure": MEASURE_NAMES,
            "document_type": list(LABELS),
        },
        types=LABELS,
    )


@router.get("/log.csv")
async def log_csv(request: Request, node: AtNode, caller: Auditor, sought: Sought) -> Response:
    """Give everything the query finds as CSV."""
    return await _download(request, node, caller, sought, CSV, "csv")


@router.get("/log.ndjson")
async def log_ndjson(request: Request, node: AtNode, caller: Auditor, sought: Sought) -> Response:
    """Give everything the query finds, one event a line."""
    return await _download(request, node, caller, sought, NDJSON, "ndjson")


async def _download(
    request: Request, node: AtNode, caller: Caller, sought: TrailQuery, form: str, extension: str
) -> Response:
    answer: Response = await search_events(node, caller, Window(LIMIT_DEFAULT), sought, request, accept=form)
    moment = clock.now().astimezone(ZONE).strftime("%Y%m%d-%H%M%S")
    answer.headers["Content-Disposition"] = f'attachment; filename="log-{moment}.{extension}"'
    return answer


def _chips(words: Locale, given: Mapping[str, Any], sought: TrailQuery) -> list[tuple[str, str, str]]:
    """List (parameter, its label, what was chosen in words) of what restricts the query."""

    def said(name: str, value: str) -> str:
        if not value:
            return words.text("frame.none")
        match name:
            case "from" if sought.since:
                return words.moment(sought.since)
            case "to" if sought.until:
                return words.moment(sought.until)
            case "document_type":
                return LABELS.get(value, value)
            case "text":
                return value
            case _:
                return words.term(_GROUPS.get(name, name), value)

    return [
        (
            name,
            words.text(_LABELS[name]),
            ", ".join(said(name, value) for value in ([chosen] if isinstance(chosen, str) else chosen)),
        )
        for name, chosen in given.items()
    ]


def _shortcuts(at: datetime, size: int) -> list[tuple[str, dict[str, Any]]]:
    """List (key of the text, query) of what auditors look at most."""
    today = at.astimezone(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    periods = [
        ("log.today", today),
        ("log.week", today - timedelta(days=6)),
        ("log.month", Month.of(at).start),
    ]
    shown: list[tuple[str, dict[str, Any]]] = [(key, {"from": utc_text(start)}) for key, start in periods]
    end = size - 1 - LIMIT_DEFAULT
    shown.append(("log.end", {"cursor": cursor_of(end, size)} if end >= 0 else {}))
    return [*shown, ("log.newest", {"order": Order.DESCENDING.value})]
