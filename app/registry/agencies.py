"""Changing the directory, one agency at a time: register, change, suspend, reinstate.

Changes come one after another (`versions.move` holds them apart), so what was checked is still true at the commit. An
agency is never removed and its own code never changes; merging and closing are reorganisations.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, TypedDict

from app.edxml.folding import fold_words
from app.edxml.organ_id import OrganId
from app.errors import AlreadyExists, Conflict, PreconditionFailed, RequestInvalid
from app.findings import Finding
from app.ledger.events import EventKind, record
from app.registry import directory, history, placement
from app.registry.acts import Act, Done
from app.registry.model import Agency, AgencyStatus, Alias, Branch, LeniencyPeriod, SuspensionReason, Tier, oldest_first
from app.regulations.calendar import day_of
from app.store import agencies as rows
from app.store.database import Database, Transaction
from app.store.versions import Part, move

_EVENTS_PER_STATEMENT = 1_000
_KEPT_IN_HISTORY = frozenset({"name", "tier", "branch", "parent", "successor"})


class AgencyChanges(TypedDict, total=False):
    """The fields a change gives; what is absent stays. Own code, status and version are not changed this way."""

    name: str
    tier: Tier
    branch: Branch
    aliases: tuple[Alias, ...]
    parent: OrganId | None
    valid_from: date | None
    valid_to: date | None
    successor: OrganId | None
    contact: Mapping[str, str]
    policies: tuple[LeniencyPeriod, ...]


async def register(database: Database, agency: Agency, *, act: Act) -> Done[Agency]:
    """Enter an agency into the directory.

    Raises:
        AlreadyExists: one of its codes is in use.
        RequestInvalid: the record is wrong in itself, or parent or successor do not fit; the findings name the fields.
        IdempotencyKeyReused: the key belongs to another request.
        Unavailable: the database does not answer; nothing was kept.
    """
    agency = replace(agency, aliases=_ordered(agency.aliases), policies=oldest_first(agency.policies), version=1)
    _refuse(placement.check_alone(agency))
    async with database.write() as tx:
        if earlier := await act.before(tx, Agency):
            return earlier
        await move(tx, Part.AGENCIES)
        agency = await _named_by_own_code(tx, agency)
        await _refuse_taken(tx, agency)
        _refuse(placement.check_place(agency, await tiers_around(tx, [agency])))
        await insert(tx, [agency], act=act)
        # Leaving the block commits agency, aliases, event and the memory of the request, or none of them.
        return await act.done(tx, agency)


async def change(
    database: Database, code: OrganId, changes: AgencyChanges, *, if_match: int | None = None, act: Act
) -> Done[Agency]:
    """Change some fields of an agency; a change that changes nothing leaves no trace.

    Args:
        code: own code or alias.
        if_match: the version the change was made for; None: whatever it is now.

    Raises:
        NotFound: nobody has the code.
        PreconditionFailed: the record has another version by now.
        AlreadyExists: an alias is in use by another agency.
        RequestInvalid: the record would be wrong; the findings name the fields.
        IdempotencyKeyReused: the key belongs to another request.
        Unavailable: the database does not answer; nothing was kept.
    """
    async with database.write() as tx:
        if earlier := await act.before(tx, Agency):
            return earlier
        await move(tx, Part.AGENCIES)
        agency = await _current(tx, code, if_match)
        changed = replace(agency, **changes)
        changed = replace(changed, aliases=_ordered(changed.aliases), policies=oldest_first(changed.policies))
        changed = await _named_by_own_code(tx, changed)
        fields = sorted(field for field in changes if getattr(changed, field) != getattr(agency, field))
        if not fields:
            return await act.done(tx, agency)
        changed = replace(changed, version=agency.version + 1)
        await _check_change(tx, agency, changed)
        if not _KEPT_IN_HISTORY.isdisjoint(fields):
            await history.end_chapters(tx, [history.Record.of(agency)], on=day_of(act.at))
        await rows.update(tx, agency.organ_id.text, _columns(changed, act))
        if "aliases" in fields:
            await rows.replace_aliases(tx, agency.organ_id.text, alias_rows(changed))
        event = act.event(EventKind.AGENCY_CHANGED, changed.standing, fields=fields, version=changed.version)
        await record(tx, [event])
        # Leaving the block commits the new record and its event, or neither.
        return await act.done(tx, changed)


async def suspend(
    database: Database, code: OrganId, reason: SuspensionReason, *, if_match: int | None = None, act: Act
) -> Done[Agency]:
    """Stop an agency from sending and receiving until it is reinstated.

    Raises:
        NotFound: nobody has the code.
        Conflict: it is suspended already, or closed.
        PreconditionFailed: the record has another version by now.
        IdempotencyKeyReused: the key belongs to another request.
        Unavailable: the database does not answer; nothing was kept.
    """
    return await _switch(
        database,
        code,
        before=AgencyStatus.ACTIVE,
        after=AgencyStatus.SUSPENDED,
        kind=EventKind.AGENCY_SUSPENDED,
        reason=reason,
        if_match=if_match,
        act=act,
    )


async def reinstate(database: Database, code: OrganId, *, if_match: int | None = None, act: Act) -> Done[Agency]:
    """Let a suspended agency exchange again.

    Raises:
        NotFound: nobody has the code.
        Conflict: it is not suspended.
        PreconditionFailed: the record has another version by now.
        IdempotencyKeyReused: the key belongs to another request.
        Unavailable: the database does not answer; nothing was kept.
    """
    return await _switch(
        database,
        code,
        before=AgencyStatus.SUSPENDED,
        after=AgencyStatus.ACTIVE,
        kind=EventKind.AGENCY_REINSTATED,
        reason=None,
        if_match=if_match,
        act=act,
    )


async def insert(
    tx: Transaction,
    agencies: Sequence[Agency],
    *,
    act: Act,
    reorganisation: str | None = None,
    tell: Callable[[int], None] = lambda _done: None,
) -> None:
    """Write agencies that were checked, with an event each.

    Args:
        reorganisation: id of the plan that opens them.
        tell: called now and then with how many are done.
    """
    created = [{**_columns(agency, act), "created_at": act.at} for agency in agencies]
    await rows.insert(tx, created, [row for agency in agencies for row in alias_rows(agency)])
    for start in range(0, len(agencies), _EVENTS_PER_STATEMENT):
        some = agencies[start : start + _EVENTS_PER_STATEMENT]
        # In portions, so that a long import lets other requests run in between.
        registered = EventKind.AGENCY_REGISTERED
        detail = {"reorganisation": reorganisation}
        await record(tx, [act.event(registered, each.standing, **_place(each), **detail) for each in some])
        tell(start + len(some))


async def tiers_around(tx: Transaction, agencies: Sequence[Agency]) -> dict[str, Tier]:
    """Return the tiers of the parents and successors that are in the directory, by own code."""
    return {code: Tier(tier) for code, tier in (await rows.tiers(tx, named_codes(agencies))).items()}


def named_codes(agencies: Sequence[Agency]) -> set[str]:
    """Return the codes by which agencies name their parents and successors."""
    return {code.text for agency in agencies for code in (agency.parent, agency.successor) if code is not None}


def alias_rows(agency: Agency) -> list[dict[str, Any]]:
    """Make the rows of an agency's aliases."""
    own = agency.organ_id.text
    return [
        {"code": each.code.text, "organ_id": own, "valid_from": each.valid_from, "valid_to": each.valid_to}
        for each in agency.aliases
    ]


async def _switch(
    database: Database,
    code: OrganId,
    *,
    before: AgencyStatus,
    after: AgencyStatus,
    kind: EventKind,
    reason: SuspensionReason | None,
    if_match: int | None,
    act: Act,
) -> Done[Agency]:
    async with database.write() as tx:
        if earlier := await act.before(tx, Agency):
            return earlier
        await move(tx, Part.AGENCIES)
        agency = await _current(tx, code, if_match)
        if agency.status is not before:
            raise Conflict(f"the agency {agency.organ_id} is {agency.status}, not {before}")
        switched = replace(agency, status=after, version=agency.version + 1)
        await history.end_chapters(tx, [history.Record.of(agency)], on=day_of(act.at))
        await rows.update(tx, agency.organ_id.text, _columns(switched, act))
        await record(tx, [act.event(kind, switched.standing, reason=reason, version=switched.version)])
        # Leaving the block commits the new status and its event, or neither.
        return await act.done(tx, switched)


async def _current(tx: Transaction, code: OrganId, if_match: int | None) -> Agency:
    agency = await directory.get(tx, code)
    if if_match is not None and if_match != agency.version:
        raise PreconditionFailed(f"the agency {agency.organ_id} is at version {agency.version}, not {if_match}")
    return agency


async def _named_by_own_code(tx: Transaction, agency: Agency) -> Agency:
    return placement.named_by_own_code(agency, await rows.taken(tx, named_codes([agency])))


async def _check_change(tx: Transaction, agency: Agency, changed: Agency) -> None:
    findings = [*placement.check_alone(changed), *placement.check_place(changed, await tiers_around(tx, [changed]))]
    if changed.parent is not None and changed.parent != agency.parent:
        above = await rows.ancestors(tx, changed.parent.text)
        if agency.organ_id.text in above:
            findings.append(placement.below_itself(changed))
    if changed.tier.depth > agency.tier.depth:
        children = [Tier(tier) for tier in await rows.child_tiers(tx, agency.organ_id.text)]
        findings += [placement.above_children(changed, tier) for tier in children if tier.depth < changed.tier.depth]
    _refuse(findings)
    taken = await rows.taken(tx, [alias.code.text for alias in changed.aliases])
    _refuse_conflicts(placement.check_codes(changed, taken))


async def _refuse_taken(tx: Transaction, agency: Agency) -> None:
    taken = await rows.taken(tx, [code.text for code in agency.codes])
    _refuse_conflicts(placement.check_codes(agency, taken))


def _refuse(findings: list[Finding]) -> None:
    if findings:
        raise RequestInvalid(findings[0].message, findings=findings)


def _refuse_conflicts(findings: list[Finding]) -> None:
    if findings:
        raise AlreadyExists(findings[0].message, findings=findings)


def _ordered(aliases: Sequence[Alias]) -> tuple[Alias, ...]:
    return tuple(sorted(aliases, key=lambda alias: alias.code.text))


def _place(agency: Agency) -> dict[str, str | None]:
    return {
        "status": agency.status.value,
        "parent": agency.parent.text if agency.parent else None,
        "successor": agency.successor.text if agency.successor else None,
    }


def _columns(agency: Agency, act: Act) -> dict[str, Any]:
    return {
        "organ_id": agency.organ_id.text,
        "name": agency.name,
        "name_fold": fold_words(agency.name),
        "tier": agency.tier.value,
        "branch": agency.branch.value,
        "parent": agency.parent.text if agency.parent else None,
        "status": agency.status.value,
        "valid_from": agency.valid_from,
        "valid_to": agency.valid_to,
        "successor": agency.successor.text if agency.successor else None,
        "contact": dict(agency.contact),
        "policies": [
            {
                "mode": each.mode.value,
                "valid_from": each.valid_from.isoformat() if each.valid_from else None,
                "valid_to": each.valid_to.isoformat() if each.valid_to else None,
            }
            for each in agency.policies
        ],
        "version": agency.version,
        "updated_at": act.at,
    }
