"""Figures as a page: a table with bars, every figure a link to the events it counts, and the same as CSV and XLSX."""

from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from app.console.agencies import names_of
from app.console.frame import asked, pages, render, viewer
from app.edxml.document_types import LABELS
from app.node import Node
from app.registry.model import Branch, Scope, Tier
from app.routers import clock
from app.routers import statistics as calls
from app.routers.access import AtNode, Caller
from app.routers.conditions import CSV, JSON, XLSX
from app.routers.paging import LIMIT_DEFAULT, LIMIT_MAX, Paged, Window
from app.routers.queries import AgencyText, BranchOrNone, DocumentTypeText, MonthText, TierOrNone
from app.statistics.definitions import COUNTS as DEFINITIONS
from app.statistics.measures import MEASURE_NAMES
from app.statistics.periods import Month
from app.statistics.reports import MONTHS_MAX, GroupBy

router: APIRouter = pages()

Statistician = Annotated[Caller, viewer(Scope.STATISTICS)]

FILTERS: Final = ("from", "to", "by", "agency", "tier", "branch", "document_type")
"""Parameters of the page, by their names in the API."""

_API_EVENTS: Final = "/v1/audit/events"
_TIERS: Final = {tier.value: place for place, tier in enumerate(Tier)}
_BRANCHES: Final = {branch.value: place for place, branch in enumerate(Branch)}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which figures are asked for, as the API takes it."""

    since: str
    until: str
    by: GroupBy
    agency: str | None
    tier: TierOrNone | None
    branch: BranchOrNone | None
    document_type: str | None

    async def report(self, node: Node, window: Window, form: str, *, by: GroupBy | None = None) -> Any:
        """Ask the API's call for it."""
        return await calls.exchange(
            node,
            window,
            since=self.since,
            until=self.until,
            by=by or self.by,
            agency=self.agency,
            tier=self.tier,
            branch=self.branch,
            document_type=self.document_type,
            accept=form,
        )


def wanted(
    since: Annotated[MonthText | None, Query(alias="from")] = None,
    until: Annotated[MonthText | None, Query(alias="to")] = None,
    by: GroupBy = GroupBy.TIER,
    agency: AgencyText | None = None,
    tier: TierOrNone | None = None,
    branch: BranchOrNone | None = None,
    document_type: DocumentTypeText | None = None,
) -> Wanted:
    """Read the address: the present month by tier, where it says nothing."""
    first = since or until or str(Month.of(clock.now()))
    return Wanted(first, until or first, by, agency, tier, branch, document_type)


Asking = Annotated[Wanted, Depends(wanted)]


@router.get("/statistics")
async def figures(request: Request, node: AtNode, _caller: Statistician, window: Paged, asking: Asking) -> Response:
    """Show a page of figures, the totals of the whole period, and what they mean."""
    report = await asking.report(node, window, JSON)
    months = await asking.report(node, Window(MONTHS_MAX), JSON, by=GroupBy.MONTH)
    total = {name: sum(getattr(row, name) for row in months.items) for name in MEASURE_NAMES}
    participation = await calls.participation(node, month=asking.until) if asking.by is not GroupBy.MONTH else None
    codes = {row.agency for row in report.items if row.agency} | ({asking.agency} if asking.agency else set())
    return render(
        request,
        "statistics.html",
        asking=asking,
        report=report,
        rows=sorted(report.items, key=lambda row: (row.month, _place(row))),
        total=total if months.items else None,
        total_links=months.items[0].links if len(months.items) == 1 else {},
        longest=max((max(row.sent, row.received) for row in report.items), default=0) or 1,
        given=asked(request, *FILTERS),
        paged="cursor" in request.query_params,
        participation=participation,
        takers=sorted(participation.items, key=_place) if participation else [],
        neighbours=_neighbours(asking),
        names=await names_of(node, codes, at=clock.now()),
        types=LABELS,
        measures=MEASURE_NAMES,
        definitions=DEFINITIONS,
        groups=list(GroupBy),
        tiers=list(Tier),
        branches=list(Branch),
        limit=min(window.limit, LIMIT_MAX),
        log_address=_log_address,
    )


@router.get("/statistics.csv")
async def figures_csv(node: AtNode, _caller: Statistician, asking: Asking) -> Response:
    """Give the same figures as CSV, all of them."""
    answer: Response = await asking.report(node, Window(LIMIT_DEFAULT), CSV)
    return answer


@router.get("/statistics.xlsx")
async def figures_xlsx(node: AtNode, _caller: Statistician, asking: Asking) -> Response:
    """Give the same figures as a workbook, all of them."""
    answer: Response = await asking.report(node, Window(LIMIT_DEFAULT), XLSX)
    return answer


def _log_address(link: str) -> str:
    """Return the page that shows what a link of the API lists; their parameters are the same."""
    assert link.startswith(_API_EVENTS), link
    return "/log" + link.removeprefix(_API_EVENTS)


def _place(row: Any) -> tuple[int, int]:
    """Return where tier and branch of a row stand in the order of the regulation; others keep the order they have."""
    return _TIERS.get(row.tier, 0), _BRANCHES.get(row.branch, 0)


def _neighbours(asking: Wanted) -> tuple[str, str] | None:
    """Return the months before and after, where one month is shown."""
    if asking.since != asking.until:
        return None
    month = Month.parse(asking.since)
    before = Month(month.year, month.number - 1) if month.number > 1 else Month(month.year - 1, 12)
    return (str(before), str(month.following)) if before.year > 0 else None
