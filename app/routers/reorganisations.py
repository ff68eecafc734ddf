"""Reorganisations over HTTP: try a plan, carry it out or schedule it, look at what came of it, take it back."""

import asyncio
from datetime import date, datetime
from typing import Annotated, Any, Final, Generic, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import BaseModel, Field

from app.registry.acts import Done
from app.registry.model import Scope, Tier
from app.registry.reorganisation import acts
from app.registry.reorganisation.acts import Reorganisation, State
from app.registry.reorganisation.plan import Missing, Plan
from app.registry.reorganisation.reading import ACTIONS, STEPS_MAX, TEXT_LENGTH_MAX, read
from app.registry.reorganisation.written import BYTES_MAX, from_json, from_yaml
from app.routers import problems
from app.routers.access import Acting, AtNode, require
from app.routers.calls import calls, octets
from app.routers.conditions import JSON, ExpectedVersion, KnownVersion, etag, if_none_match, mark
from app.routers.openapi import header
from app.routers.paging import Page, Paged, page
from app.routers.problems import FindingView

router: APIRouter = calls(tag="Registry")

YAML: Final = ("application/yaml", "application/x-yaml", "text/yaml")
_PLAN = octets(BYTES_MAX, JSON, *YAML)
_READERS = Scope.REGISTRY_WRITE

T = TypeVar("T")


class Listed(BaseModel, Generic[T]):
    """How many there are, and the first of them."""

    count: int = Field(description="All of them.")
    items: list[T] = Field(description="The first 500.")


class OpenedView(BaseModel):
    """An agency that begins."""

    organ_id: str
    name: str


class ClosedView(BaseModel):
    """An agency that ends."""

    organ_id: str
    name: str
    successor: str | None = Field(description="Who takes over its mail; null: nobody.")


class RenamedView(BaseModel):
    """An agency that gets another name."""

    organ_id: str
    name: str
    former_name: str


class MovedView(BaseModel):
    """An agency that stands elsewhere."""

    organ_id: str
    parent: str | None
    former_parent: str | None
    tier: Tier
    former_tier: Tier


class CountedView(BaseModel):
    """How many things an agency that ends has."""

    organ_id: str
    count: int
    answered_by: str | None = Field(description="Who answers for them from then on.")


class GrantedView(BaseModel):
    """A client whose grants name agencies that end; they stay."""

    client_id: str
    name: str
    agencies: list[str]


class EffectsView(BaseModel):
    """What a plan does to the directory and to the exchange, as it was when it was judged."""

    opened: Listed[OpenedView]
    closed: Listed[ClosedView]
    renamed: Listed[RenamedView]
    moved: Listed[MovedView]
    waiting_deliveries: Listed[CountedView] = Field(description="In the inboxes of agencies that end.")
    certificates: Listed[CountedView] = Field(description="In force for agencies that end; they sign nothing new.")
    clients: Listed[GrantedView] = Field(description="Their grants name agencies that end, and stay.")
    findings: Listed[FindingView] = Field(description="What the rules say; `error` forbids the plan.")


class ReorganisationView(BaseModel):
    """A plan and what came of it."""

    id: str | None = Field(description="Null in a dry run.")
    title: str
    source: str = Field(description="The act of law, or who ordered it.")
    effective_on: date = Field(description="First day of the new order, in Vietnam.")
    state: State | None = Field(description="Null in a dry run.")
    applicable: bool = Field(description="Whether nothing forbids it, as it was judged last.")
    created_at: datetime | None = Field(description="When it was accepted.")
    applied_at: datetime | None = Field(description="When it took effect.")
    version: int | None = Field(description="Counts the changes of its state; also the ETag.")
    effects: EffectsView

    @classmethod
    def of(cls, kept: Reorganisation) -> "ReorganisationView":
        """Show a reorganisation."""
        return cls(
            id=kept.id,
            title=kept.title,
            source=kept.source,
            effective_on=kept.effective_on,
            state=kept.state,
            applicable=kept.state is not State.FAILED,
            created_at=kept.created_at,
            applied_at=kept.applied_at,
            version=kept.version,
            effects=EffectsView.model_validate(kept.report),
        )

    @classmethod
    def tried(cls, plan: Plan, judgement: acts.Judgement) -> "ReorganisationView":
        """Show what a plan would do."""
        return cls(
            id=None,
            title=plan.title,
            source=plan.source,
            effective_on=plan.effective_on,
            state=None,
            applicable=judgement.order.applicable,
            created_at=None,
            applied_at=None,
            version=None,
            effects=EffectsView.model_validate(judgement.report),
        )


class ReorganisationEntry(BaseModel):
    """A reorganisation in a list."""

    id: str
    title: str
    source: str
    effective_on: date
    state: State
    created_at: datetime
    applied_at: datetime | None
    counts: dict[str, int] = Field(description="How many agencies are opened, closed, renamed and moved, and so on.")

    @classmethod
    def of(cls, kept: Reorganisation) -> "ReorganisationEntry":
        """Show a reorganisation without its lists."""
        return cls(
            id=kept.id,
            title=kept.title,
            source=kept.source,
            effective_on=kept.effective_on,
            state=kept.state,
            created_at=kept.created_at,
            applied_at=kept.applied_at,
            counts={name: listed["count"] for name, listed in kept.report.items()},
        )


async def plan_of(
    content: Annotated[bytes, Depends(_PLAN)], content_type: Annotated[str, Header(include_in_schema=False)] = JSON
) -> Plan:
    """Dependency that reads the plan, JSON or YAML, on a thread: a long one takes a moment.

    Raises:
        RequestInvalid: it is none; the findings name every fault and its place.
    """
    written = from_yaml if content_type.partition(";")[0].strip().lower() in YAML else from_json
    return await asyncio.to_thread(lambda: read(written(content)))


_EXAMPLE: Final[dict[str, Any]] = {
    "title": "Sáp nhập tỉnh Hòa Bình và tỉnh Vĩnh Phúc vào tỉnh Phú Thọ",
    "source": "202/2025/QH15",
    "effective_on": "2025-07-01",
    "steps": [
        {"action": "merge", "agencies": ["H28", "H62"], "into": "H44"},
        {"action": "close_all", "tier": "district", "within": "H44", "successor": "parent"},
    ],
}

_TEXT: Final[dict[str, Any]] = {"type": "string", "minLength": 1, "maxLength": TEXT_LENGTH_MAX}
_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["title", "source", "effective_on", "steps"],
    "additionalProperties": False,
    "properties": {
        "title": _TEXT,
        "source": _TEXT | {"description": "The act of law, or who ordered it."},
        "effective_on": {"type": "string", "format": "date", "description": "First day of the new order, in Vietnam."},
        "missing": {
            "enum": list(Missing),
            "default": Missing.REFUSE,
            "description": "`skip`: leave out what is not here.",
        },
        "steps": {
            "type": "array",
            "minItems": 1,
            "maxItems": STEPS_MAX,
            "description": "Their order means nothing.",
            "items": {
                "type": "object",
                "required": ["action"],
                "properties": {"action": {"enum": list(ACTIONS)}},
                "description": "Members by action: docs/reorganisations.md.",
            },
        },
    },
}


@router.post(
    "/v1/reorganisations",
    summary="Reorganise agencies by a plan",
    status_code=201,
    response_model=ReorganisationView,
    responses={
        200: {"model": ReorganisationView, "description": "What a dry run found."},
        201: {"headers": header("Location", "ETag", "Idempotent-Replayed")},
        **problems.answers(409, 413, 415, 422),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "The plan; docs/reorganisations.md describes its members.",
            "content": {
                JSON: {"schema": _SCHEMA, "example": _EXAMPLE},
                YAML[0]: {"schema": {"type": "string"}},
            },
        }
    },
)
async def reorganise(
    node: AtNode,
    act: Acting,
    plan: Annotated[Plan, Depends(plan_of)],
    response: Response,
    dry_run: Annotated[bool, Query(description="Only tell what would happen.")] = False,  # noqa: FBT002
) -> ReorganisationView:
    """Apply a plan as a whole, or schedule it where its day is to come; the same plan again is the same one."""
    if dry_run:
        response.status_code = 200
        return ReorganisationView.tried(plan, await acts.judge(node.database, plan, at=act.at))
    done = await acts.propose(node.database, plan, act=act)
    node.desk.doorbell.nudge()
    response.headers["Location"] = f"/v1/reorganisations/{done.value.id}"
    return _shown(done, response)


@router.get(
    "/v1/reorganisations",
    summary="List reorganisations",
    response_model=Page[ReorganisationEntry],
    dependencies=[require(_READERS)],
    responses=problems.answers(422),
)
async def list_reorganisations(
    node: AtNode, window: Paged, state: Annotated[State | None, Query(description="Only in this state.")] = None
) -> Page[ReorganisationEntry]:
    """List plans that were accepted, newest first."""
    found = await acts.page(node.database, state=state, before=window.id_after(), limit=window.fetch)
    return page(found, window, shape=ReorganisationEntry.of, key=lambda kept: (kept.id,))


@router.get(
    "/v1/reorganisations/{reorganisation:uuid}",
    summary="Look at one reorganisation",
    response_model=ReorganisationView,
    dependencies=[require(_READERS)],
    responses={200: {"headers": header("ETag")}, 304: {"headers": header("ETag")}, **problems.answers(404)},
)
async def get_reorganisation(
    node: AtNode, reorganisation: UUID, response: Response, known: KnownVersion = None
) -> ReorganisationView | Response:
    """Return a plan's state and what it does, or did."""
    kept = await acts.get(node.database, str(reorganisation))
    tag = etag(kept.version)
    if if_none_match(known, tag):
        return Response(status_code=304, headers={"ETag": tag})
    response.headers["ETag"] = tag
    return ReorganisationView.of(kept)


@router.get(
    "/v1/reorganisations/{reorganisation:uuid}/plan",
    summary="Read the plan of a reorganisation",
    dependencies=[require(_READERS)],
    responses=problems.answers(404),
)
async def get_plan(node: AtNode, reorganisation: UUID) -> dict[str, Any]:
    """Return the plan as it was sent, as JSON."""
    return dict((await acts.get(node.database, str(reorganisation))).plan)


@router.post(
    "/v1/reorganisations/{reorganisation:uuid}/cancel",
    summary="Take a scheduled reorganisation back",
    response_model=ReorganisationView,
    responses={200: {"headers": header("ETag", "Idempotent-Replayed")}, **problems.answers(404, 409, 412)},
)
async def cancel_reorganisation(
    node: AtNode,
    act: Acting,
    reorganisation: UUID,
    expected: ExpectedVersion,
    response: Response,
) -> ReorganisationView:
    """Cancel a plan whose day has not come."""
    done = await acts.cancel(node.database, str(reorganisation), if_match=expected, act=act)
    node.desk.doorbell.nudge()
    return _shown(done, response)


def _shown(done: Done[Reorganisation], response: Response) -> ReorganisationView:
    mark(response, version=done.value.version, replayed=done.replayed)
    return ReorganisationView.of(done.value)
