"""What the statistics calls answer with; the descriptions are those of the definitions."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from app.statistics.definitions import COUNTS, PARTICIPATION, PRESENT, SHARES, SPANS, Group, Side
from app.statistics.participation import TakingPartBy
from app.statistics.reports import Direction, GroupBy, View


def _figure(name: str) -> Any:
    return Field(default=None, description=f"{COUNTS[name].en}. Null where the report is about the other side.")


def _share(name: str) -> Any:
    told = SHARES[name]
    return Field(default=None, description=f"{told.en}: {told.formula}; null where the divisor is 0.")


def _median(span: str) -> Any:
    return Field(
        default=None,
        description=f"{SPANS[span].en}: the median, in seconds; null where none ended or it is not kept so finely.",
    )


def _p95(span: str) -> Any:
    return Field(default=None, description=f"{SPANS[span].en}: what 95 % do not exceed, in seconds.")


def _taking_part(name: str) -> Any:
    return Field(description=f"{PARTICIPATION[name].en}.")


class FigureRow(BaseModel):
    """Figures of one month and of what the report is broken down by; of the latter, nothing else is set."""

    month: str = Field(examples=["2026-11"], description="Month in Asia/Ho_Chi_Minh.")
    agency: str | None = Field(default=None, description="Empty for refusals whose sender could not be established.")
    tier: str | None = None
    branch: str | None = None
    province: str | None = Field(
        default=None, description="Level-one code of a province or ministry; empty where the agency's code has none."
    )
    document_type: str | None = None
    peer_tier: str | None = Field(default=None, description="By pairs of tiers: that of the sender; `tier` received.")
    name: str | None = Field(
        default=None, description="Name of today of the agency, province or type; null if unknown."
    )
    sent: int | None = _figure("sent")
    received: int | None = _figure("received")
    acknowledged: int | None = _figure("acknowledged")
    statuses: int | None = _figure("statuses")
    refused: int | None = _figure("refused")
    withdrawn: int | None = _figure("withdrawn")
    signed: int | None = _figure("signed")
    with_paper: int | None = _figure("with_paper")
    electronic_only: int | None = _figure("electronic_only")
    revocations: int | None = _figure("revocations")
    updates: int | None = _figure("updates")
    replacements: int | None = _figure("replacements")
    on_time: int | None = _figure("on_time")
    late: int | None = _figure("late")
    withdrawal_requests: int | None = _figure("withdrawal_requests")
    changes_accepted: int | None = _figure("changes_accepted")
    changes_refused: int | None = _figure("changes_refused")
    arrived: int | None = _figure("arrived")
    accepted: int | None = _figure("accepted")
    returned: int | None = _figure("returned")
    completed: int | None = _figure("completed")
    completed_on_time: int | None = _figure("completed_on_time")
    completed_late: int | None = _figure("completed_late")
    overdue: int | None = _figure("overdue")
    undelivered: int | None = _figure("undelivered")
    expired: int | None = _figure("expired")
    redirected: int | None = _figure("redirected")
    not_proven: int | None = _figure("not_proven")
    not_judged: int | None = _figure("not_judged")
    with_pdf: int | None = _figure("with_pdf")
    pdf_signed: int | None = _figure("pdf_signed")
    signed_share: float | None = _share("signed_share")
    electronic_only_share: float | None = _share("electronic_only_share")
    on_time_share: float | None = _share("on_time_share")
    completed_on_time_share: float | None = _share("completed_on_time_share")
    returned_share: float | None = _share("returned_share")
    pdf_signed_share: float | None = _share("pdf_signed_share")
    refused_share: float | None = _share("refused_share")
    median_seconds_to_fetch: int | None = _median("to_fetch")
    p95_seconds_to_fetch: int | None = _p95("to_fetch")
    median_seconds_to_arrival: int | None = _median("to_arrival")
    p95_seconds_to_arrival: int | None = _p95("to_arrival")
    median_seconds_to_acceptance: int | None = _median("to_acceptance")
    p95_seconds_to_acceptance: int | None = _p95("to_acceptance")
    median_seconds_to_completion: int | None = _median("to_completion")
    p95_seconds_to_completion: int | None = _p95("to_completion")
    links: dict[str, str] = Field(description="By count: the audit query that lists exactly the events it counts.")


class PresentFigures(BaseModel):
    """What is so at this moment, not in the months of the report."""

    at: datetime
    not_yet_fetched: int = Field(description=f"{PRESENT['not_yet_fetched'].en}.")
    overdue_now: int = Field(description=f"{PRESENT['overdue_now'].en}.")


class MonthState(BaseModel):
    """Whether the figures of a month are finished."""

    month: str
    version: int | None = Field(
        description="Newest version the month was closed with (`/v1/statistics/months/{month}`); null while it is open."
    )
    closed_at: int | None = Field(description="Length of the log which that version covers.")
    moved: bool = Field(
        description="Whether events counted in this month since; the figures here say more than that version."
    )


class ExchangeReport(BaseModel):
    """A page of figures."""

    first_month: str = Field(serialization_alias="from")
    last_month: str = Field(serialization_alias="to")
    by: GroupBy
    direction: Direction | None
    view: View
    ledger_size: int = Field(description="Length of the log that the figures cover.")
    months: list[MonthState] = Field(description="Months of the report that have figures: which are closed.")
    now: PresentFigures | None = Field(description="Of the agency asked for, or of all; null for any other selection.")
    items: list[FigureRow]
    next_cursor: str | None


class ClosedMonthView(BaseModel):
    """One version of a closed month."""

    month: str = Field(examples=["2026-10"], description="Month in Asia/Ho_Chi_Minh.")
    version: int = Field(description="From 1; a later one where events counted in this month after it was closed.")
    ledger_size: int = Field(description="Length of the log that its figures cover: that of a published checkpoint.")
    root: str = Field(description="Root of the log of that length, hex (RFC 6962).")
    digest: str = Field(description="SHA-256 of the frozen report, hex; the event `month.closed` carries it.")
    made_at: datetime
    moved: bool = Field(description="Whether events counted in this month since this version.")


class ClosedMonthReport(ClosedMonthView):
    """Figures of a closed month as they were then."""

    by: GroupBy
    direction: Direction | None
    items: list[FigureRow]
    next_cursor: str | None


class FigureChange(BaseModel):
    """A figure that two versions of a month tell differently."""

    agency: str
    tier: str
    branch: str
    province: str
    document_type: str
    peer_tier: str
    figure: str = Field(description="A count; or a span of time, of which it is told how many ended.")
    before: int
    after: int


class MonthChanges(BaseModel):
    """What changed in the figures of a closed month from one version to another."""

    month: str
    from_version: ClosedMonthView = Field(serialization_alias="from")
    to_version: ClosedMonthView = Field(serialization_alias="to")
    items: list[FigureChange]
    next_cursor: str | None


class TakingPart(BaseModel):
    """How many agencies took part, and how."""

    registered: int = _taking_part("registered")
    active: int = _taking_part("active")
    sending: int = _taking_part("sending")
    receiving: int = _taking_part("receiving")
    share: float | None = _taking_part("share")
    ended: int = _taking_part("ended")
    documents_sent: int = _taking_part("documents_sent")
    documents_received: int = _taking_part("documents_received")
    electronic_only_share: float | None = _taking_part("electronic_only_share")
    organisation_certificates: int = _taking_part("organisation_certificates")
    person_certificates: int = _taking_part("person_certificates")


class ParticipationRow(TakingPart):
    """The same of one tier, branch or province."""

    tier: str | None = None
    branch: str | None = None
    province: str | None = None
    name: str | None = Field(default=None, description="Name of today of the province; null if unknown.")


class ParticipationReport(BaseModel):
    """Who took part in a period."""

    month: str = Field(description="Last month of the period.")
    first_month: str = Field(serialization_alias="from")
    last_month: str = Field(serialization_alias="to")
    by: TakingPartBy
    ledger_size: int
    total: TakingPart
    items: list[ParticipationRow]
    next_cursor: str | None


class DefinitionView(BaseModel):
    """What one figure means."""

    name: str
    group: Group
    side: Side
    vi: str = Field(description="Meaning, Vietnamese.")
    en: str = Field(description="Meaning, English.")
    formula: str = Field(description="How it comes from the events of the log, or from other figures.")
    source: str = Field(description="Provision it answers to.")
    dated: str = Field(description="In which month it counts, Vietnamese.")


class Definitions(BaseModel):
    """What every figure means."""

    items: list[DefinitionView]
