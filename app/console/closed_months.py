"""Closed months as pages: which there are, and one as it was closed, with its versions and what each changed."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from app.console.agencies import names_of
from app.console.frame import locale_of, pages, render, viewer
from app.console.statistics import OVERVIEW, figures_of, headings
from app.registry.model import Scope
from app.routers import clock
from app.routers import statistics_months as calls
from app.routers.access import AtNode, Caller
from app.routers.conditions import CSV, JSON, XLSX
from app.routers.paging import LIMIT_DEFAULT, Paged, Window
from app.routers.queries import MonthText
from app.statistics.reports import Direction, GroupBy
from app.store import closed_months

router: APIRouter = pages()

Statistician = Annotated[Caller, viewer(Scope.STATISTICS)]
Version = Annotated[int | None, Query(ge=1, le=2**31 - 1)]


@router.get("/statistics/months")
async def months(request: Request, node: AtNode, _caller: Statistician, window: Paged) -> Response:
    """List closed months, the latest first."""
    listed = await calls.months(node, window)
    return render(request, "months.html", listed=listed, paged="cursor" in request.query_params)


@router.get("/statistics/months/{month}.{form}")
async def month_as_file(
    node: AtNode,
    _caller: Statistician,
    month: MonthText,
    form: str,
    version: Version = None,
    by: GroupBy = GroupBy.TIER,
    direction: Direction | None = None,
) -> Response:
    """Give the same as CSV, as a workbook, or the frozen report itself as JSON."""
    answer: Response
    if form == "json":
        answer = await calls.get_frozen(node, month, version=version)
    else:
        accept = {"csv": CSV, "xlsx": XLSX}.get(form, form)
        window = Window(LIMIT_DEFAULT)
        answer = await calls.get_month(node, month, window, version=version, by=by, direction=direction, accept=accept)
    return answer


@router.get("/statistics/months/{month}")
async def month(
    request: Request,
    node: AtNode,
    _caller: Statistician,
    window: Paged,
    month: MonthText,
    version: Version = None,
    by: GroupBy = GroupBy.TIER,
    direction: Direction | None = None,
) -> Response:
    """Show the figures a month was closed with, and what changed since the version before."""
    report = await calls.get_month(node, month, window, version=version, by=by, direction=direction, accept=JSON)
    changes = await calls.get_changes(node, month, Window(LIMIT_DEFAULT), since=None, until=report.version)
    async with node.database.read() as tx:
        versions = [row.version for row in await closed_months.versions(tx, month)]
    codes = {row.agency for row in report.items if row.agency} | {each.agency for each in changes.items}
    sided = direction is not None or by is GroupBy.TIER_PAIR
    return render(
        request,
        "month.html",
        report=report,
        versions=versions,
        changes=changes,
        figures=figures_of(month, by, direction) if sided else OVERVIEW,
        headings=headings(locale_of(request)),
        names=await names_of(node, codes, at=clock.now()),
        groups=list(GroupBy),
        given={"version": str(report.version), "by": by.value} | ({"direction": direction.value} if direction else {}),
        paged="cursor" in request.query_params,
    )
