"""Figures as a page: a table with bars, every figure a link to the events it counts, and the same as CSV and XLSX.

The page for both sides shows the figures reports begin with; those of one side show everything that side has. What
each figure means stands on a page of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from app.console.agencies import names_of
from app.console.frame import asked, locale_of, pages, render, viewer
from app.console.locale import Language, Locale
from app.edxml.document_types import LABELS
from app.node import Node
from app.registry.model import Branch, Scope, Tier
from app.routers import clock
from app.routers import statistics as calls
from app.routers.access import AtNode, Caller
from app.routers.conditions import CSV, JSON, XLSX
from app.routers.paging import LIMIT_DEFAULT, LIMIT_MAX, Paged, Window
from app.routers.queries import AgencyText, BranchOrNone, DocumentTypeText, MonthText, ProvinceText, TierOrNone
from app.routers.statistics_shapes import FigureRow, ParticipationReport
from app.statistics.definitions import COUNTS, PARTICIPATION, PRESENT, SHARES, SPANS
from app.statistics.participation import TakingPartBy
from app.statistics.periods import Month
from app.statistics.rates import PERCENTILES, shares
from app.statistics.reports import MONTHS_MAX, Asked, Direction, GroupBy, View
from app.statistics.spread import ERROR_MAX

router: APIRouter = pages()

Statistician = Annotated[Caller, viewer(Scope.STATISTICS)]

FILTERS: Final = ("from", "to", "by", "agency", "tier", "branch", "province", "document_type", "direction", "view")
"""Parameters of the page, by their names in the API."""

OVERVIEW: Final = (
    "sent",
    "received",
    "acknowledged",
    "completed",
    "overdue",
    "refused",
    "not_proven",
    "signed_share",
    "electronic_only_share",
    "on_time_share",
    "completed_on_time_share",
    "median_seconds_to_fetch",
    "median_seconds_to_acceptance",
)
"""Figures of the page for both sides."""

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
    province: str | None
    document_type: str | None
    direction: Direction | None
    view: View

    @property
    def figures(self) -> tuple[str, ...]:
        """Figures the page shows."""
        if self.direction is None and self.by is not GroupBy.TIER_PAIR:
            return OVERVIEW
        return figures_of(self.since, self.by, self.direction)

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
            province=self.province,
            document_type=self.document_type,
            direction=self.direction,
            view=self.view,
            accept=form,
        )

    async def participation(self, node: Node) -> ParticipationReport:
        """Ask the API's call who took part in the same period."""
        provinces = self.by is GroupBy.PROVINCE
        return await calls.participation(
            node,
            Window(LIMIT_MAX),
            month=None,
            since=self.since,
            until=self.until,
            by=TakingPartBy.PROVINCE if provinces else TakingPartBy.TIER_AND_BRANCH,
            tier=self.tier,
            branch=self.branch,
            province=self.province,
        )


def wanted(
    since: Annotated[MonthText | None, Query(alias="from")] = None,
    until: Annotated[MonthText | None, Query(alias="to")] = None,
    by: GroupBy = GroupBy.TIER,
    agency: AgencyText | None = None,
    tier: TierOrNone | None = None,
    branch: BranchOrNone | None = None,
    province: ProvinceText | None = None,
    document_type: DocumentTypeText | None = None,
    direction: Direction | None = None,
    view: View = View.AS_WAS,
) -> Wanted:
    """Read the address: the present month by tier, where it says nothing."""
    first = since or until or str(Month.of(clock.now()))
    return Wanted(first, until or first, by, agency, tier, branch, province or None, document_type, direction, view)


Asking = Annotated[Wanted, Depends(wanted)]


@router.get("/statistics")
async def figures(request: Request, node: AtNode, _caller: Statistician, window: Paged, asking: Asking) -> Response:
    """Show a page of figures, the totals of the whole period, and what they mean."""
    report = await asking.report(node, window, JSON)
    months = await asking.report(node, Window(MONTHS_MAX), JSON, by=GroupBy.MONTH)
    participation = None if asking.agency or asking.document_type else await asking.participation(node)
    codes = {row.agency for row in report.items if row.agency} | ({asking.agency} if asking.agency else set())
    return render(
        request,
        "statistics.html",
        asking=asking,
        report=report,
        rows=sorted(report.items, key=lambda row: (row.month, _place(row))),
        total=_total(asking, months.items),
        total_links=months.items[0].links if len(months.items) == 1 else {},
        longest=max((max(row.sent or 0, row.received or 0) for row in report.items), default=0) or 1,
        given=asked(request, *FILTERS),
        paged="cursor" in request.query_params,
        participation=participation,
        takers=sorted(participation.items, key=_place) if participation else [],
        neighbours=_neighbours(asking),
        names=await names_of(node, codes, at=clock.now()),
        types=LABELS,
        figures=asking.figures,
        taking_part=PARTICIPATION,
        headings=headings(locale_of(request)),
        groups=list(GroupBy),
        directions=list(Direction),
        views=list(View),
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


@router.get("/statistics/methods")
async def methods(request: Request, _caller: Statistician) -> Response:
    """Define every figure: what it means, how it is made, what provision it answers to, in which month it counts."""
    return render(
        request,
        "methods.html",
        sections=[
            ("count", COUNTS),
            ("share", SHARES),
            ("span", SPANS),
            ("present", PRESENT),
            ("participation", PARTICIPATION),
        ],
        percent_wrong=round(ERROR_MAX * 100),
    )


def figures_of(month: str, by: GroupBy, direction: Direction | None) -> tuple[str, ...]:
    """Return the figures of a report about one side."""
    only = Month.parse(month)
    return Asked(only, only, by, {}, direction).figures


def headings(words: Locale) -> dict[str, tuple[str, str]]:
    """Return heading and meaning of every figure, by its name."""
    vietnamese = words.language is Language.VI
    told = {name: (words.term("measure", name), definition) for name, definition in {**COUNTS, **SHARES}.items()}
    for span, definition in SPANS.items():
        for beginning, percent in PERCENTILES.items():
            told[f"{beginning}{span}"] = (
                f"{words.term('measure', span)} ({words.term('percentile', percent)})",
                definition,
            )
    return {name: (heading, text.vi if vietnamese else text.en) for name, (heading, text) in told.items()}


def _total(asking: Wanted, months: Sequence[FigureRow]) -> dict[str, Any] | None:
    """Add the months up; times of several months have no sum, so they are told of one month alone."""
    if not months:
        return None
    if len(months) == 1:
        return {name: getattr(months[0], name) for name in asking.figures}
    counts = {
        name: sum(getattr(row, name) for row in months) for name in COUNTS if getattr(months[0], name) is not None
    }
    told: dict[str, Any] = {**counts, **shares(counts)}
    return {name: told.get(name) for name in asking.figures}


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
