"""Reorganising: judge a plan, carry it out at once or on its day, cancel it; all of it or nothing.

A plan is judged before the transaction and again in it wherever the directory moved meanwhile. The same plan twice is
one reorganisation.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from app.edxml.folding import fold_words
from app.errors import Conflict, NotFound, PreconditionFailed, RequestInvalid
from app.findings import Severity
from app.ids import new_id
from app.ledger.events import NODE_ACTOR, Event, EventKind, Standing, record
from app.registry import agencies, history
from app.registry.acts import Act, Done
from app.registry.history import Record
from app.registry.model import AgencyStatus, Branch, Grant, Tier
from app.registry.reorganisation import effects
from app.registry.reorganisation.effects import Touched
from app.registry.reorganisation.intentions import codes_of, gather
from app.registry.reorganisation.order import Change, Order, lay
from app.registry.reorganisation.plan import Plan
from app.registry.reorganisation.reading import FINDINGS_MAX, read
from app.registry.reorganisation.written import Written
from app.regulations.calendar import day_of
from app.store import agencies as agency_rows
from app.store import reorganisations as rows
from app.store.database import Database, Transaction
from app.store.versions import Part, current, move

_EVENTS_PER_STATEMENT = 1_000
_COUNTED = ("opened", "closed", "renamed", "moved")


class State(StrEnum):
    """Where a reorganisation stands."""

    SCHEDULED = "scheduled"
    """Its day has not come."""
    APPLIED = "applied"
    """It took effect."""
    CANCELLED = "cancelled"
    """It was taken back before its day."""
    FAILED = "failed"
    """On its day the directory was another than it was made for; nothing of it took effect."""


@dataclass(frozen=True, slots=True)
class Reorganisation:
    """A plan that was accepted, and what became of it.

    Attributes:
        plan: as JSON.
        report: what it does, or did; see `effects.report_of`.
        version: counts the changes of its state from 1; the ETag.
    """

    id: str
    title: str
    source: str
    effective_on: date
    state: State
    plan: Mapping[str, Any]
    report: Mapping[str, Any]
    actor: str
    created_at: datetime
    applied_at: datetime | None
    version: int


@dataclass(frozen=True, slots=True)
class _Named:
    """What is remembered under an Idempotency-Key."""

    id: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a plan would do to the directory as it is.

    Attributes:
        report: see `effects.report_of`.
        directory: version of the directory it was judged by.
    """

    order: Order
    report: dict[str, Any]
    directory: int


async def judge(database: Database, plan: Plan, *, at: datetime) -> Judgement:
    """Say what a plan would do, and change nothing.

    Raises:
        Unavailable: the database does not answer.
    """
    async with database.read() as tx:
        return await _judged(tx, plan, at=at)


async def propose(database: Database, plan: Plan, *, act: Act) -> Done[Reorganisation]:
    """Carry a plan out, or schedule it where its day is to come (in Vietnam).

    Returns:
        As replayed, the earlier reorganisation where the same plan was applied, or is scheduled, already.

    Raises:
        RequestInvalid: it does not fit the directory; the findings name the places of the plan.
        IdempotencyKeyReused: the key belongs to another request.
        Unavailable: the database does not answer; nothing was kept.
    """
    async with database.read() as tx:
        told = await act.told(tx, _Named)
        known = told.value.id if told is not None else await _the_same(tx, plan)
        if known is not None:
            return Done(await _get(tx, known), replayed=True)
        judgement = await _judged(tx, plan, at=act.at)
    _refuse(judgement.order)
    async with database.write() as tx:
        if earlier := await act.before(tx, _Named):
            return Done(await _get(tx, earlier.value.id), replayed=True)
        version = await move(tx, Part.AGENCIES)
        if version != judgement.directory + 1:
            if (known := await _the_same(tx, plan)) is not None:
                await act.done(tx, _Named(known))
                return Done(await _get(tx, known), replayed=True)
            judgement = await _judged(tx, plan, at=act.at)
            _refuse(judgement.order)
        reorganisation = await _kept(tx, plan, judgement, act)
        await act.done(tx, _Named(reorganisation.id))
        # Leaving the block commits the plan with all it changes and every event, or none of it.
        return Done(reorganisation)


async def apply_due(database: Database, *, at: datetime) -> list[tuple[str, State]]:
    """Carry out the plans whose day has come, in the order of their days; each is judged again.

    Returns:
        Ids of those that were carried out or failed now, in that order.

    Raises:
        Unavailable: the database does not answer; what was not reached is still scheduled.
    """
    async with database.read() as tx:
        ids = await rows.due(tx, on=day_of(at))
    done = []
    for each in ids:
        state = await _applied_now(database, each, act=Act(NODE_ACTOR, at))
        if state is not None:
            done.append((each, state))
    return done


async def cancel(database: Database, plan: str, *, if_match: int | None = None, act: Act) -> Done[Reorganisation]:
    """Take a scheduled plan back.

    Raises:
        NotFound: there is none with this id.
        Conflict: it is not scheduled any more.
        PreconditionFailed: it has another version by now.
        IdempotencyKeyReused: the key belongs to another request.
        Unavailable: the database does not answer; nothing was kept.
    """
    async with database.write() as tx:
        if earlier := await act.before(tx, _Named):
            return Done(await _get(tx, earlier.value.id), replayed=True)
        # Held apart from the worker, which may be about to apply it.
        await move(tx, Part.AGENCIES)
        found = await _get(tx, plan)
        if if_match is not None and if_match != found.version:
            raise PreconditionFailed(f"the reorganisation is at version {found.version}, not {if_match}")
        if found.state is not State.SCHEDULED:
            raise Conflict(f"the reorganisation is {found.state}, not {State.SCHEDULED}")
        await rows.update(tx, plan, {"state": State.CANCELLED.value, "version": found.version + 1})
        await record(tx, [act.event(EventKind.REORGANISATION_CANCELLED, reorganisation=plan)])
        await act.done(tx, _Named(plan))
        return Done(await _get(tx, plan))


async def get(database: Database, plan: str) -> Reorganisation:
    """Return one.

    Raises:
        NotFound: there is none with this id.
        Unavailable: the database does not answer.
    """
    async with database.read() as tx:
        return await _get(tx, plan)


async def page(
    database: Database, *, state: State | None, before: str | None, limit: int
) -> tuple[Reorganisation, ...]:
    """Return reorganisations, newest first, from behind `before`.

    Raises:
        Unavailable: the database does not answer.
    """
    async with database.read() as tx:
        found = await rows.page(tx, state=state.value if state else None, before=before, limit=limit)
    return tuple(_of(row) for row in found)


async def _judged(tx: Transaction, plan: Plan, *, at: datetime) -> Judgement:
    version = await current(tx, Part.AGENCIES)
    owners = await agency_rows.taken(tx, codes_of(plan))
    directory = await rows.directory(tx)
    # Judging a hundred thousand agencies takes a moment that other requests need not wait for.
    order = await asyncio.to_thread(_laid, plan, directory, owners)
    touched = await _touched(tx, order, at=at)
    order = replace(order, findings=(*order.findings, *effects.unanswered(plan, order, touched)))
    return Judgement(order, effects.report_of(order, touched), version)


def _laid(plan: Plan, directory: Sequence[Any], owners: Mapping[str, str]) -> Order:
    records = {row.organ_id: _record(row) for row in directory}
    return lay(plan, gather(plan, records, owners), records)


def _record(row: Any) -> Record:
    return Record(
        organ_id=row.organ_id,
        name=row.name,
        tier=Tier(row.tier),
        branch=Branch(row.branch),
        parent=row.parent,
        status=AgencyStatus(row.status),
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        successor=row.successor,
        version=row.version,
    )


async def _touched(tx: Transaction, order: Order, *, at: datetime) -> Touched:
    closed = [change.after.organ_id for change in order.changes if change.closes]
    if not closed:
        return Touched({}, {}, ())
    codes = {*closed, *(row.code for row in await agency_rows.aliases_of(tx, closed))}
    granted = [
        (client, name, [text for text in grants if Grant.parse(text).code.text in codes])
        for client, name, grants in await rows.grants(tx)
    ]
    return Touched(
        waiting=await rows.waiting(tx, closed),
        certificates=await rows.certificates_in_force(tx, closed, at=at),
        clients=[each for each in granted if each[2]],
    )


async def _the_same(tx: Transaction, plan: Plan) -> str | None:
    """Return the id of the reorganisation that this very plan is already."""
    states = [State.APPLIED.value, State.SCHEDULED.value]
    for row in await rows.alike(tx, effective_on=plan.effective_on, states=states):
        if row.plan == plan.written:
            return str(row.id)
    return None


async def _kept(tx: Transaction, plan: Plan, judgement: Judgement, act: Act) -> Reorganisation:
    """Write a plan that was judged, and carry it out where its day is today or was before."""
    applies = plan.effective_on <= day_of(act.at)
    kept = Reorganisation(
        id=new_id(),
        title=plan.title,
        source=plan.source,
        effective_on=plan.effective_on,
        state=State.APPLIED if applies else State.SCHEDULED,
        plan=dict(plan.written),
        report=judgement.report,
        actor=act.actor,
        created_at=act.at,
        applied_at=act.at if applies else None,
        version=1,
    )
    await rows.insert(tx, _row(kept))
    if applies:
        await _carry_out(tx, kept.id, plan, judgement, act)
    else:
        day = plan.effective_on.isoformat()
        scheduled = act.event(EventKind.REORGANISATION_SCHEDULED, reorganisation=kept.id, effective_on=day)
        await record(tx, [scheduled])
    return kept


async def _applied_now(database: Database, plan_id: str, *, act: Act) -> State | None:
    """Apply one scheduled plan; None where another process did, or it was cancelled."""
    async with database.write() as tx:
        await move(tx, Part.AGENCIES)
        found = await _get(tx, plan_id)
        if found.state is not State.SCHEDULED:
            return None
        try:
            plan = read(Written(found.plan))
        except RequestInvalid as error:
            return await _failed(tx, found, effects.unreadable(error.findings), act)
        judgement = await _judged(tx, plan, at=act.at)
        if not judgement.order.applicable:
            return await _failed(tx, found, judgement.report, act)
        await _carry_out(tx, plan_id, plan, judgement, act)
        applied = {"state": State.APPLIED.value, "report": judgement.report, "applied_at": act.at}
        await rows.update(tx, plan_id, applied | {"version": found.version + 1})
        return State.APPLIED


async def _failed(tx: Transaction, found: Reorganisation, report: dict[str, Any], act: Act) -> State:
    await rows.update(tx, found.id, {"state": State.FAILED.value, "report": report, "version": found.version + 1})
    errors = {each["code"] for each in report["findings"]["items"] if each["severity"] != Severity.INFO.value}
    await record(tx, [act.event(EventKind.REORGANISATION_FAILED, reorganisation=found.id, codes=sorted(errors))])
    return State.FAILED


async def _carry_out(tx: Transaction, plan_id: str, plan: Plan, judgement: Judgement, act: Act) -> None:
    order = judgement.order
    await agencies.insert(tx, order.opened, act=act, reorganisation=plan_id)
    before = [change.before for change in order.changes if change.fields]
    await history.end_chapters(tx, before, on=plan.effective_on, reorganisation=plan_id)
    await rows.change_agencies(tx, [_columns(change.after) for change in order.changes], at=act.at)
    aliases = [
        {"code": alias.code.text, "organ_id": owner, "valid_from": alias.valid_from, "valid_to": None}
        for owner, alias in order.aliases
    ]
    await agency_rows.insert(tx, (), aliases)
    owners = {owner for owner, _ in order.aliases}
    for start in range(0, len(order.changes), _EVENTS_PER_STATEMENT):
        some = order.changes[start : start + _EVENTS_PER_STATEMENT]
        # In portions, so that a long plan lets other requests run in between.
        await record(tx, [_event(change, plan_id, act, aliased=change.after.organ_id in owners) for change in some])
    counts: dict[str, Any] = {name: judgement.report[name]["count"] for name in _COUNTED}
    day = plan.effective_on.isoformat()
    applied = act.event(EventKind.REORGANISATION_APPLIED, reorganisation=plan_id, effective_on=day, **counts)
    await record(tx, [applied])


def _event(change: Change, plan_id: str, act: Act, *, aliased: bool) -> Event:
    after = change.after
    standing = Standing(after.organ_id, after.tier.value, after.branch.value)
    if change.closes:
        return act.event(
            EventKind.AGENCY_CLOSED,
            standing,
            successor=after.successor,
            reorganisation=plan_id,
            version=after.version,
        )
    fields: list[Any] = sorted([*change.fields, *(["aliases"] if aliased else [])])
    return act.event(EventKind.AGENCY_CHANGED, standing, fields=fields, reorganisation=plan_id, version=after.version)


def _columns(after: Record) -> dict[str, Any]:
    return {
        "organ_id": after.organ_id,
        "name": after.name,
        "name_fold": fold_words(after.name),
        "tier": after.tier.value,
        "parent": after.parent,
        "status": after.status.value,
        "valid_to": after.valid_to,
        "successor": after.successor,
        "version": after.version,
    }


def _refuse(order: Order) -> None:
    errors = [finding for finding in order.findings if finding.refuses]
    if errors:
        raise RequestInvalid(
            f"the plan does not fit the directory: {len(errors)} finding(s) forbid it; nothing was changed. First, at "
            f"{errors[0].location}: {errors[0].message}",
            findings=order.findings[:FINDINGS_MAX],
        )


async def _get(tx: Transaction, plan: str) -> Reorganisation:
    row = await rows.by_id(tx, plan)
    if row is None:
        raise NotFound("no such reorganisation")
    return _of(row)


def _of(row: Any) -> Reorganisation:
    return Reorganisation(**{**row._mapping, "state": State(row.state)})


def _row(kept: Reorganisation) -> dict[str, Any]:
    names = Reorganisation.__dataclass_fields__
    return {name: getattr(kept, name) for name in names} | {"state": kept.state.value}
