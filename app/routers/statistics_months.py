"""Closed months over HTTP: which there are, the figures each was closed with, and what changed between versions."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query
from fastapi.responses import Response

from app.ledger.closing import read_frozen, version_of
from app.ledger.frozen_month import Change, FrozenMonth, changes
from app.registry.model import Scope
from app.routers import clock, problems
from app.routers.access import AtNode, require
from app.routers.calls import calls
from app.routers.conditions import CSV, JSON, XLSX, content_digest, negotiate
from app.routers.paging import Page, Paged, page
from app.routers.queries import MonthText
from app.routers.statistics import TABLE_ROWS_MAX, names_of, rows_page, table
from app.routers.statistics_shapes import ClosedMonthReport, ClosedMonthView, FigureChange, MonthChanges
from app.statistics import reports
from app.statistics.fold import ALL
from app.statistics.periods import Month
from app.statistics.reports import Asked, Direction, GroupBy
from app.store import closed_months, figures

router: APIRouter = calls(tag="Statistics")

AMonth = Annotated[MonthText, Path(description="A closed month.")]
Version = Annotated[int | None, Query(ge=1, le=2**31 - 1, description="Which version; the newest if left out.")]


@router.get(
    "/v1/statistics/months",
    summary="Closed months",
    dependencies=[require(Scope.STATISTICS)],
    response_model=Page[ClosedMonthView],
    responses=problems.answers(422),
)
async def months(node: AtNode, window: Paged) -> Page[ClosedMonthView]:
    """List the newest version of every closed month, latest month first."""
    async with node.database.read() as tx:
        newest = await closed_months.newest(tx)
        counted = await figures.counted(tx)
    before = window.text_after()
    rows = [row for row in reversed(newest) if before is None or row.month < before]
    return page(rows, window, shape=lambda row: _view(row, counted), key=lambda row: (row.month,))


@router.get(
    "/v1/statistics/months/{month}",
    summary="Figures a month was closed with",
    dependencies=[require(Scope.STATISTICS)],
    response_model=ClosedMonthReport,
    responses={
        200: {
            "content": {CSV: {"schema": {"type": "string"}}, XLSX: {"schema": {"type": "string", "format": "binary"}}}
        },
        **problems.answers(404, 406, 422),
    },
)
async def get_month(
    node: AtNode,
    month: AMonth,
    window: Paged,
    version: Version = None,
    by: Annotated[GroupBy, Query(description="What the figures are broken down by.")] = GroupBy.AGENCY,
    direction: Annotated[Direction | None, Query(description="Only figures of sending, or of receiving.")] = None,
    accept: Annotated[str | None, Header(description="JSON, CSV or XLSX.")] = None,
) -> Any:
    """Give the figures as they were when this version was made, made from the frozen report and nothing else."""
    form = negotiate(accept, (JSON, CSV, XLSX))
    closed, frozen, _ = await _frozen(node, month, version)
    only = Month.parse(month)
    asked = Asked(only, only, by, {}, direction, limit=window.fetch if form == JSON else TABLE_ROWS_MAX)
    reports.require_pairs_received(asked)
    if form == JSON:
        asked = reports.behind(asked, window.key_after(*(str for _ in asked.key)))
    report = await asyncio.to_thread(frozen.report, asked)
    named = await names_of(node, asked, report, at=clock.now())
    if form != JSON:
        return table(form, asked, report, named, name=f"closed-{month}-v{closed.version}-by-{by.value}")
    shown = rows_page(asked, report, window, named)
    return ClosedMonthReport(
        **closed.model_dump(), by=by, direction=direction, items=shown.items, next_cursor=shown.next_cursor
    )


@router.get(
    "/v1/statistics/months/{month}/frozen",
    summary="The frozen report itself",
    dependencies=[require(Scope.STATISTICS)],
    responses={
        200: {"content": {JSON: {"schema": {"type": "object"}}}},
        **problems.answers(404, 422),
    },
)
async def get_frozen(node: AtNode, month: AMonth, version: Version = None) -> Response:
    """Give the canonical JSON whose SHA-256 the event `month.closed` carries: every figure by its full key."""
    closed, _, body = await _frozen(node, month, version)
    name = f'attachment; filename="closed-{month}-v{closed.version}.json"'
    headers = {"Content-Digest": content_digest(closed.digest), "Content-Disposition": name}
    return Response(body, media_type=JSON, headers=headers)


@router.get(
    "/v1/statistics/months/{month}/changes",
    summary="What changed between two versions",
    dependencies=[require(Scope.STATISTICS)],
    response_model=MonthChanges,
    responses=problems.answers(404, 422),
)
async def get_changes(
    node: AtNode,
    month: AMonth,
    window: Paged,
    since: Annotated[
        int | None, Query(alias="from", ge=1, le=2**31 - 1, description="The one before `to` if left out.")
    ] = None,
    until: Annotated[int | None, Query(alias="to", ge=1, le=2**31 - 1, description="The newest if left out.")] = None,
) -> MonthChanges:
    """List every figure, by its full key, that two versions of a month tell differently."""
    later, after, _ = await _frozen(node, month, until)
    earlier, before, _ = await _frozen(node, month, since or max(1, later.version - 1))
    found = list(enumerate(await asyncio.to_thread(_changes, before, after)))
    behind = window.number_after()
    shown = page(
        found[0 if behind is None else max(0, behind + 1) :][: window.fetch],
        window,
        shape=lambda each: _change(each[1]),
        key=lambda each: (each[0],),
    )
    return MonthChanges(
        month=month, from_version=earlier, to_version=later, items=shown.items, next_cursor=shown.next_cursor
    )


async def _frozen(node: AtNode, month: str, version: int | None) -> tuple[ClosedMonthView, FrozenMonth, bytes]:
    async with node.database.read() as tx:
        row = await version_of(tx, month, version)
        counted = await figures.counted(tx)
    frozen, body = await asyncio.to_thread(read_frozen, node.blobs, row.digest)
    return _view(row, counted), frozen, body


def _view(row: Any, counted: dict[str, int]) -> ClosedMonthView:
    return ClosedMonthView(
        month=row.month,
        version=row.version,
        ledger_size=row.ledger_size,
        root=row.root,
        digest=row.digest,
        made_at=row.made_at,
        moved=counted.get(row.month, 0) > row.ledger_size,
    )


def _changes(before: FrozenMonth, after: FrozenMonth) -> list[Change]:
    return list(changes(before, after))


def _change(change: Change) -> FigureChange:
    key = change.key
    return FigureChange(
        agency=key.agency,
        tier=key.tier,
        branch=key.branch,
        province=key.unit,
        # Spans of an agency are not told apart by these.
        document_type="" if key.document_type == ALL else key.document_type,
        peer_tier="" if key.peer_tier == ALL else key.peer_tier,
        figure=change.figure,
        before=change.before,
        after=change.after,
    )
