"""The dated rules of exchange over HTTP: what this node applies on a day, and where it says so."""

from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from app.registry.model import Scope
from app.regulations.calendar import day_of
from app.regulations.provisions import Effect, Kept, Leniency, Provision, Regulations, RetentionRule
from app.routers import clock, problems
from app.routers.access import AtNode, Caller, require
from app.routers.calls import calls
from app.routers.clock import Day

router: APIRouter = calls(tag="Registry")


class ProvisionView(BaseModel):
    """A rule over the days it is in force."""

    source: str = Field(description="The article it comes from.")
    in_force_from: date = Field(description="First day, in Vietnam.")
    in_force_until: date | None = Field(description="Last day, in Vietnam; null until further notice.")


class SendingDeadlineView(ProvisionView):
    """Until when a document signed that day is to be sent."""

    working_days: int = Field(description="Counted from the day of signing; 0 is that day itself.")
    until: str = Field(description="Time of that working day, in Vietnam.", examples=["12:00:00"])
    send_by: datetime = Field(description="What comes out for a document signed that day.")


class ChangeEffectsView(ProvisionView):
    """When documents about other documents take effect on their deliveries."""

    revocation: Effect
    update: Effect
    replacement: Effect


class WaitingView(ProvisionView):
    """How long a document accepted that day may lie in an inbox."""

    undelivered_hours: int | None = Field(description="Then the sender is told; null: never.")
    expiry_days: int | None = Field(description="Then it leaves the inbox and the sender is told; null: never.")


class LeniencyView(ProvisionView):
    """How senders without a policy of their own are taken."""

    mode: Leniency


class RetentionRuleView(BaseModel):
    """How long bodies of one sort are kept."""

    name: str = Field(description="As answers and events give it when it let a body go.")
    of: Kept = Field(description="`document`, attachments with it, or `status`: status reports.")
    keep_days: int = Field(description="So many days after acceptance a body may go, at the earliest.")
    kinds: list[str] = Field(description="`new`, `revocation`, `update`, `replacement`; empty: all.")
    document_types: list[str] = Field(description="Codes of types of documents; empty: all.")
    forget_subject: bool = Field(description="Whether the subject of a document goes with its body.")
    source: str = Field(description="The article, or whose decision it is.")


class RetentionView(ProvisionView):
    """Which bodies may be thrown away that day; what no rule is about is kept for ever."""

    least_days: int = Field(description="No rule keeps bodies for less.")
    rules: list[RetentionRuleView] = Field(description="Of several about a body, the longest decides.")


class WorkingWeekView(ProvisionView):
    """Which days of the week are worked."""

    days: list[int] = Field(description="1 is Monday.")
    is_working_day: bool = Field(description="Whether that day is worked, holidays and exchanged days considered.")


class RegulationsView(BaseModel):
    """The rules of one day."""

    on: date
    sending_deadline: SendingDeadlineView
    change_effects: ChangeEffectsView
    waiting: WaitingView
    leniency: LeniencyView
    retention: RetentionView
    working_week: WorkingWeekView

    @classmethod
    def of(cls, rules: Regulations, on: date) -> "RegulationsView":
        """Show what is in force on a day."""
        deadline, effects = rules.sending_deadline_on(on), rules.change_effects_on(on)
        waiting, leniency, week = rules.waiting_on(on), rules.leniency_on(on), rules.working_week_on(on)
        retention = rules.retention_on(on)
        undelivered, expiry = waiting.undelivered_after, waiting.expires_after
        return cls(
            on=on,
            sending_deadline=SendingDeadlineView(
                working_days=deadline.working_days,
                until=deadline.until.isoformat(),
                send_by=rules.send_by(on).astimezone(UTC),
                **_period(deadline),
            ),
            change_effects=ChangeEffectsView(
                revocation=effects.revocation,
                update=effects.update,
                replacement=effects.replacement,
                **_period(effects),
            ),
            waiting=WaitingView(
                undelivered_hours=int(undelivered.total_seconds()) // 3600 if undelivered else None,
                expiry_days=expiry.days if expiry else None,
                **_period(waiting),
            ),
            leniency=LeniencyView(mode=leniency.mode, **_period(leniency)),
            retention=RetentionView(
                least_days=rules.retention_floor_on(on).least_days,
                rules=[_retention_rule(rule) for rule in retention.rules],
                **_period(retention),
            ),
            working_week=WorkingWeekView(
                days=sorted(week.days), is_working_day=rules.calendar.is_working_day(on), **_period(week)
            ),
        )


@router.get(
    "/v1/regulations",
    summary="Read the rules in force",
    response_model=RegulationsView,
    responses=problems.answers(422),
)
async def in_force(
    node: AtNode,
    _caller: Annotated[Caller, require(Scope.REGISTRY_READ)],
    on: Annotated[Day | None, Query(description="The day asked for, in Vietnam; today where it is left out.")] = None,
) -> RegulationsView:
    """Return the dated rules this node applies to what is signed and sent on a day, each with its source."""
    return RegulationsView.of(node.desk.policy.regulations, on or day_of(clock.now()))


def _retention_rule(rule: RetentionRule) -> RetentionRuleView:
    return RetentionRuleView(
        name=rule.name,
        of=rule.kept,
        keep_days=rule.keep_days,
        kinds=sorted(rule.kinds),
        document_types=sorted(rule.document_types),
        forget_subject=rule.forget_subject,
        source=rule.source,
    )


def _period(provision: Provision) -> dict[str, Any]:
    return {name: getattr(provision, name) for name in ProvisionView.model_fields}
