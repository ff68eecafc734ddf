"""Statistics over HTTP: monthly sums, participation, definitions; each row links to the events it counts."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Header, Query
from fastapi.responses import Response

from app.registry import directory, names, succession
from app.registry.model import Scope
from app.routers import clock, problems
from app.routers.access import AtNode, require
from app.routers.calls import calls
from app.routers.conditions import CSV, JSON, XLSX, negotiate
from app.routers.paging import Page, Paged, Window, page
from app.routers.queries import AgencyText, BranchOrNone, DocumentTypeText, MonthText, ProvinceText, TierOrNone
from app.routers.statistics_shapes import (
    Definitions,
    DefinitionView,
    ExchangeReport,
    FigureRow,
    MonthState,
    ParticipationReport,
    ParticipationRow,
    PresentFigures,
    TakingPart,
)
from app.statistics import definitions, reports
from app.statistics import participation as taking_part
from app.statistics.definitions import PARTICIPATION, Definition
from app.statistics.participation import KEYS, Participation, TakingPartBy
from app.statistics.periods import ZONE, Month
from app.statistics.present import Present, present
from app.statistics.reports import Asked, Direction, GroupBy, Report, Row, View
from app.statistics.tables import NAMED, as_csv
from app.statistics.workbook import workbook

router: APIRouter = calls(tag="Statistics")

LEDGER_SIZE_HEADER = "Ledger-Size"
"""On answers that are tables: length of the log they cover."""

TABLE_ROWS_MAX = 200_000
"""Most rows of a CSV or XLSX table: a year of 900 agencies is about 11,000."""


@router.get(
    "/v1/statistics/exchange",
    summary="Monthly figures",
    dependencies=[require(Scope.STATISTICS)],
    response_model=ExchangeReport,
    responses={
        200: {
            "content": {CSV: {"schema": {"type": "string"}}, XLSX: {"schema": {"type": "string", "format": "binary"}}}
        },
        **problems.answers(406, 422),
    },
)
async def exchange(
    node: AtNode,
    window: Paged,
    since: Annotated[
        MonthText | None, Query(alias="from", description="First month; the present one if left out.")
    ] = None,
    until: Annotated[MonthText | None, Query(alias="to", description="Last month; the first one if left out.")] = None,
    by: Annotated[
        GroupBy, Query(description="What the figures are broken down by, beside the month.")
    ] = GroupBy.AGENCY,
    agency: Annotated[AgencyText | None, Query(description="Only of this agency, by either code form.")] = None,
    tier: Annotated[TierOrNone | None, Query(description="Only of agencies of this tier.")] = None,
    branch: Annotated[BranchOrNone | None, Query(description="Only of agencies of this branch.")] = None,
    province: Annotated[
        ProvinceText | None, Query(description="Only of agencies whose code says this level-one code, such as H41.")
    ] = None,
    document_type: Annotated[DocumentTypeText | None, Query(description="Only of this type of document.")] = None,
    direction: Annotated[Direction | None, Query(description="Only figures of sending, or of receiving.")] = None,
    view: Annotated[
        View, Query(description="Under the agency, tier, branch and province of then, or of today.")
    ] = View.AS_WAS,
    accept: Annotated[str | None, Header(description="JSON, CSV or XLSX.")] = None,
) -> Any:
    """Sum the figures by month and what is asked for. Counted from sealed events only; `ledger_size` says how many."""
    form = negotiate(accept, (JSON, CSV, XLSX))
    at = clock.now()
    first = Month.parse(since) if since else Month.of(at)
    heirs = await _heirs(node) if view is View.AS_IS else None
    equal = {
        "agency": await _own_code(node, agency, at=at),
        "tier": tier,
        "branch": branch,
        "province": province,
        "document_type": document_type,
    }
    asked = Asked(
        first=first,
        last=Month.parse(until) if until else first,
        by=by,
        equal={name: str(value) for name, value in equal.items() if value is not None},
        direction=direction,
        heirs=heirs,
        limit=window.fetch if form == JSON else TABLE_ROWS_MAX,
    )
    if form != JSON:
        report = await reports.exchange(node.database, asked)
        return table(form, asked, report, await names_of(node, asked, report, at=at))
    asked = reports.behind(asked, window.key_after(*(str for _ in asked.key)))
    report = await reports.exchange(node.database, asked)
    now = await present(node.database, asked, at=at)
    return _page(asked, report, window, now, await names_of(node, asked, report, at=at))


@router.get(
    "/v1/statistics/participation",
    summary="Who took part",
    dependencies=[require(Scope.STATISTICS)],
    response_model=ParticipationReport,
    responses=problems.answers(422),
)
async def participation(
    node: AtNode,
    window: Paged,
    month: Annotated[MonthText | None, Query(description="One month; the present one if nothing is given.")] = None,
    since: Annotated[MonthText | None, Query(alias="from", description="First month of several.")] = None,
    until: Annotated[MonthText | None, Query(alias="to", description="Last month of several.")] = None,
    by: Annotated[TakingPartBy, Query(description="What it is broken down by.")] = TakingPartBy.TIER_AND_BRANCH,
    tier: Annotated[TierOrNone | None, Query(description="Only agencies of this tier.")] = None,
    branch: Annotated[BranchOrNone | None, Query(description="Only agencies of this branch.")] = None,
    province: Annotated[ProvinceText | None, Query(description="Only agencies of this level-one code.")] = None,
) -> ParticipationReport:
    """Count the agencies of the directory on the last day of the period, and which of them sent or received."""
    at = clock.now()
    first = Month.parse(since or month or until or str(Month.of(at)))
    last = Month.parse(until or month or since or str(first))
    equal = {"tier": tier, "branch": branch, "province": province}
    found = await taking_part.participation(
        node.database,
        first=first,
        last=last,
        by=by,
        equal={name: str(value) for name, value in equal.items() if value is not None},
        now=at,
    )
    provinces = by is TakingPartBy.PROVINCE
    after = window.key_after(*(str for _ in KEYS[by]))
    rows = [(key, row) for key, row in found.rows.items() if after is None or key > after]
    named = await _names(node, GroupBy.PROVINCE, [key[0] for key, _ in rows], at=at) if provinces else {}

    def shape(each: tuple[tuple[str, ...], Participation]) -> ParticipationRow:
        key, row = each
        place = dict(zip(KEYS[by], key, strict=True))
        return ParticipationRow.model_validate({**place, "name": named.get(key[0]), **_counted(row)})

    shown = page(rows, window, shape=shape, key=lambda each: each[0])
    return ParticipationReport(
        month=str(last),
        first_month=str(first),
        last_month=str(last),
        by=by,
        ledger_size=found.ledger_size,
        total=TakingPart(**_counted(found.total)),
        items=shown.items,
        next_cursor=shown.next_cursor,
    )


@router.get(
    "/v1/statistics/definitions",
    summary="What the figures mean",
    dependencies=[require(Scope.STATISTICS)],
    response_model=Definitions,
)
async def get_definitions() -> Definitions:
    """Give the meaning, formula and source of every figure, in the order reports show them."""
    every = {**definitions.DEFINITIONS, **PARTICIPATION}
    return Definitions(items=[_defined(name, definition) for name, definition in every.items()])


def _defined(name: str, definition: Definition) -> DefinitionView:
    return DefinitionView(
        name=name,
        group=definition.group,
        side=definition.side,
        vi=definition.vi,
        en=definition.en,
        formula=definition.formula,
        source=definition.source,
        dated=definition.dated,
    )


def _counted(row: Participation) -> dict[str, Any]:
    return {name: getattr(row, name) for name in PARTICIPATION}


def _page(
    asked: Asked, report: Report, window: Window, now: Present | None, named: Mapping[str, str]
) -> ExchangeReport:
    shown = rows_page(asked, report, window, named)
    return ExchangeReport(
        first_month=str(asked.first),
        last_month=str(asked.last),
        by=asked.by,
        direction=asked.direction,
        view=View.AS_WAS if asked.heirs is None else View.AS_IS,
        ledger_size=report.ledger_size,
        months=[MonthState.model_validate(month, from_attributes=True) for month in report.months],
        now=None
        if now is None
        else PresentFigures(at=now.at, not_yet_fetched=now.not_yet_fetched, overdue_now=now.overdue),
        items=shown.items,
        next_cursor=shown.next_cursor,
    )


def table(form: str, asked: Asked, report: Report, named: Mapping[str, str], *, name: str | None = None) -> Response:
    """Answer with a report as CSV or XLSX; a header says how much of the log it covers, as a table may have no row."""
    name = name or f"exchange-{asked.first}-{asked.last}-by-{asked.by.value}"
    if form == XLSX:
        content, extension = workbook(asked, report, named), "xlsx"
    else:
        # The mark makes spreadsheets read UTF-8, as Vietnamese readers expect.
        content, extension = as_csv(asked, report, named).encode("utf-8-sig"), "csv"
    disposition = f'attachment; filename="{name}.{extension}"'
    headers = {"Content-Disposition": disposition, LEDGER_SIZE_HEADER: str(report.ledger_size)}
    return Response(content, media_type=form, headers=headers)


def _links(key: Mapping[str, str], asked: Asked, *, ledger_size: int) -> dict[str, str]:
    month = Month.parse(key["month"])
    conditions = {name: value for name, value in {**asked.equal, **key}.items() if name != "month"}
    if asked.heirs is not None:
        conditions["view"] = View.AS_IS.value
    # What is counted later belongs to later figures: these links keep giving what these figures count.
    covered = {"from": _text(month.start), "to": _text(month.end), "ledger_size": ledger_size}
    # Written once a row, for a page has thousands of links: measures are words that need no quoting.
    same = urlencode({**covered, **conditions})
    return {measure: f"/v1/audit/events?measure={measure}&{same}" for measure in asked.measures}


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def names_of(node: AtNode, asked: Asked, report: Report, *, at: datetime) -> dict[str, str]:
    """Return the names of today of what a report is broken down by, by code."""
    return await _names(node, asked.by, {row.key[asked.key[-1]] for row in report.rows}, at=at)


def rows_page(asked: Asked, report: Report, window: Window, named: Mapping[str, str]) -> Page[FigureRow]:
    """Make a page of a report's rows, each count with the link to its events."""

    def shape(row: Row) -> FigureRow:
        name = named.get(row.key[asked.key[-1]]) if asked.by in NAMED else None
        links = _links(row.key, asked, ledger_size=report.ledger_size)
        return FigureRow.model_validate({**row.key, "name": name, **row.figures(asked), "links": links})

    return page(report.rows, window, shape=shape, key=lambda row: tuple(row.key[name] for name in asked.key))


async def _own_code(node: AtNode, code: str | None, *, at: datetime) -> str | None:
    if code is None:
        return None
    async with node.database.read() as tx:
        known = await directory.resolve(tx, {code}, on=at.astimezone(ZONE).date())
    return known[code].organ_id.text if code in known else code


async def _heirs(node: AtNode) -> dict[str, str]:
    async with node.database.read() as tx:
        return await succession.heirs(tx)


async def _names(node: AtNode, by: GroupBy, codes: Iterable[str], *, at: datetime) -> dict[str, str]:
    async with node.database.read() as tx:
        return await names.names_for(tx, by, set(codes), on=at.astimezone(ZONE).date())
