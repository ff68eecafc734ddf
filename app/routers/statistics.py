"""Statistics over HTTP: monthly sums, participation; each row links to the events it counts."""

import csv
import io
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Header, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from app.registry import directory
from app.registry.model import Scope
from app.routers import clock, problems
from app.routers.access import AtNode, require
from app.routers.calls import calls
from app.routers.conditions import CSV, JSON, XLSX, negotiate
from app.routers.paging import Paged, Window, page
from app.routers.queries import AgencyText, BranchOrNone, DocumentTypeText, MonthText, TierOrNone
from app.statistics import reports
from app.statistics.definitions import COUNTS
from app.statistics.measures import MEASURE_NAMES
from app.statistics.periods import ZONE, Month
from app.statistics.reports import Asked, GroupBy, Report, Row
from app.statistics.workbook import workbook

router: APIRouter = calls(tag="Statistics")

TABLE_ROWS_MAX = 200_000
"""Most rows of a CSV or XLSX table: a year of 900 agencies is about 11,000."""


def _counted(name: str) -> Any:
    return Field(description=COUNTS[name].en)


class FigureRow(BaseModel):
    """Sums of one month and one agency, tier, branch or type; only what the report is broken down by is set."""

    month: str = Field(examples=["2026-11"], description="Month in Asia/Ho_Chi_Minh.")
    agency: str | None = Field(default=None, description="Empty for refusals whose sender could not be established.")
    tier: str | None = None
    branch: str | None = None
    document_type: str | None = None
    sent: int = _counted("sent")
    received: int = _counted("received")
    acknowledged: int = _counted("acknowledged")
    statuses: int = _counted("statuses")
    refused: int = _counted("refused")
    withdrawn: int = _counted("withdrawn")
    signed: int = _counted("signed")
    with_paper: int = _counted("with_paper")
    electronic_only: int = _counted("electronic_only")
    revocations: int = _counted("revocations")
    updates: int = _counted("updates")
    replacements: int = _counted("replacements")
    on_time: int = _counted("on_time")
    late: int = _counted("late")
    withdrawal_requests: int = _counted("withdrawal_requests")
    changes_accepted: int = _counted("changes_accepted")
    changes_refused: int = _counted("changes_refused")
    arrived: int = _counted("arrived")
    accepted: int = _counted("accepted")
    returned: int = _counted("returned")
    completed: int = _counted("completed")
    completed_on_time: int = _counted("completed_on_time")
    completed_late: int = _counted("completed_late")
    overdue: int = _counted("overdue")
    undelivered: int = _counted("undelivered")
    expired: int = _counted("expired")
    redirected: int = _counted("redirected")
    links: dict[str, str] = Field(description="By figure: the audit query that lists exactly the events it counts.")

    @classmethod
    def of(cls, row: Row, asked: Asked, *, ledger_size: int) -> "FigureRow":
        """Show a row of figures that cover so much of the log."""
        links = _links(row.key, asked, ledger_size=ledger_size)
        return cls.model_validate({**row.key, **row.counts, "links": links})


class ExchangeReport(BaseModel):
    """A page of figures."""

    first_month: str = Field(serialization_alias="from")
    last_month: str = Field(serialization_alias="to")
    by: GroupBy
    ledger_size: int = Field(description="Length of the log that the figures cover.")
    items: list[FigureRow]
    next_cursor: str | None


class ParticipationRow(BaseModel):
    """How many agencies of one tier and branch took part."""

    tier: str
    branch: str
    registered: int = Field(description="Active agencies of the directory, as it is now.")
    active: int = Field(description="Of these or earlier ones: sent or received a document in the month.")
    share: float | None = Field(description="active / registered; null where none is registered.")


class ParticipationReport(BaseModel):
    """Who took part in a month."""

    month: str
    ledger_size: int
    items: list[ParticipationRow]


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
    document_type: Annotated[DocumentTypeText | None, Query(description="Only of this type of document.")] = None,
    accept: Annotated[str | None, Header(description="JSON, CSV or XLSX.")] = None,
) -> Any:
    """Sum the figures by month and what is asked for. Counted from sealed events only; `ledger_size` says how many."""
    form = negotiate(accept, (JSON, CSV, XLSX))
    first = Month.parse(since) if since else Month.of(clock.now())
    equal = {"agency": await _own_code(node, agency), "tier": tier, "branch": branch, "document_type": document_type}
    asked = Asked(
        first=first,
        last=Month.parse(until) if until else first,
        by=by,
        equal={name: str(value) for name, value in equal.items() if value is not None},
        after=_after(window, by) if form == JSON else None,
        limit=window.fetch if form == JSON else TABLE_ROWS_MAX,
    )
    report = await reports.exchange(node.database, asked)
    return _page(asked, report, window) if form == JSON else _table(form, asked, report)


@router.get(
    "/v1/statistics/participation",
    summary="Who took part",
    dependencies=[require(Scope.STATISTICS)],
    response_model=ParticipationReport,
    responses=problems.answers(422),
)
async def participation(
    node: AtNode,
    month: Annotated[MonthText | None, Query(description="The present month if left out.")] = None,
) -> ParticipationReport:
    """Count per tier and branch the agencies that sent or received at least one document."""
    asked = Month.parse(month) if month else Month.of(clock.now())
    size, active = await reports.participation(node.database, asked)
    async with node.database.read() as tx:
        registered = await directory.count_active(tx)
    counted = {(row.tier, row.branch): row.active for row in active}
    return ParticipationReport(
        month=str(asked),
        ledger_size=size,
        items=[
            _share(tier, branch, registered.get((tier, branch), 0), counted.get((tier, branch), 0))
            for tier, branch in sorted(registered.keys() | counted.keys())
        ],
    )


def _page(asked: Asked, report: Report, window: Window) -> ExchangeReport:
    shown = page(
        report.rows,
        window,
        shape=lambda row: FigureRow.of(row, asked, ledger_size=report.ledger_size),
        key=lambda row: tuple(row.key[name] for name in asked.key),
    )
    return ExchangeReport(
        first_month=str(asked.first),
        last_month=str(asked.last),
        by=asked.by,
        ledger_size=report.ledger_size,
        items=shown.items,
        next_cursor=shown.next_cursor,
    )


def _table(form: str, asked: Asked, report: Report) -> Response:
    name = f"exchange-{asked.first}-{asked.last}-by-{asked.by.value}"
    if form == XLSX:
        content, extension = workbook(asked, report), "xlsx"
    else:
        content, extension = _csv(asked, report), "csv"
    disposition = f'attachment; filename="{name}.{extension}"'
    return Response(content, media_type=form, headers={"Content-Disposition": disposition})


def _csv(asked: Asked, report: Report) -> bytes:
    sheet = io.StringIO()
    writer = csv.writer(sheet)
    writer.writerow([*asked.key, *MEASURE_NAMES, "ledger_size"])
    for row in report.rows:
        keys, counts = [row.key[name] for name in asked.key], [row.counts[name] for name in MEASURE_NAMES]
        writer.writerow([*keys, *counts, report.ledger_size])
    # The mark makes spreadsheets read UTF-8, as Vietnamese readers expect.
    return sheet.getvalue().encode("utf-8-sig")


def _links(key: Mapping[str, str], asked: Asked, *, ledger_size: int) -> dict[str, str]:
    month = Month.parse(key["month"])
    conditions = {name: value for name, value in {**asked.equal, **key}.items() if name != "month"}
    # What is counted later belongs to later figures: these links keep giving what these figures count.
    covered = {"from": _text(month.start), "to": _text(month.end), "ledger_size": ledger_size}
    return {
        measure: "/v1/audit/events?" + urlencode({"measure": measure, **covered, **conditions})
        for measure in MEASURE_NAMES
    }


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _after(window: Window, by: GroupBy) -> tuple[str, ...] | None:
    key = window.key_after(str) if by is GroupBy.MONTH else window.key_after(str, str)
    return None if key is None else tuple(str(part) for part in key)


async def _own_code(node: AtNode, code: str | None) -> str | None:
    if code is None:
        return None
    async with node.database.read() as tx:
        known = await directory.resolve(tx, {code}, on=clock.now().astimezone(ZONE).date())
    return known[code].organ_id.text if code in known else code


def _share(tier: str, branch: str, registered: int, active: int) -> ParticipationRow:
    share = round(active / registered, 4) if registered else None
    return ParticipationRow(tier=tier, branch=branch, registered=registered, active=active, share=share)
