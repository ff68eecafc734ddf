"""Registering many agencies at once: all of them or none, each with its event, every fault with its place.

`agency_csv` says what a file looks like.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from app.errors import RequestInvalid
from app.findings import Finding
from app.registry import placement
from app.registry.acts import Act, Done
from app.registry.agencies import insert, named_codes, tiers_around
from app.registry.agency_csv import FINDINGS_MAX, Line, Sheet, fault, read_csv
from app.registry.model import Tier
from app.store import agencies as rows
from app.store.database import Database, Transaction
from app.store.versions import Part, move


class Existing(StrEnum):
    """What to do with rows of which the directory has a code already, an own one or an alias."""

    REFUSE = "refuse"
    """They are faults."""
    SKIP = "skip"
    """They are left out, whatever else they say; other rows may name them by any of their codes."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, or would do.

    Attributes:
        rows: agencies in the file.
        registered: how many of them were registered, or would be.
        skipped: how many were left out because they exist.
        dry_run: whether nothing was written.
        findings: faults, by line; only a dry run reports them here. Nothing is registered where there is one.
    """

    rows: int
    registered: int
    skipped: int
    dry_run: bool
    findings: tuple[Finding, ...] = ()


class Stage(StrEnum):
    """What an import is doing."""

    READING = "reading"
    """It reads the file."""
    CHECKING = "checking"
    """It compares the rows with the directory and with each other."""
    REGISTERING = "registering"
    """It writes the agencies and an event each; nothing is visible before the last one."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is.

    Attributes:
        done: rows this stage is through with.
        of: rows it has to go through, as far as that is known.
    """

    stage: Stage
    done: int
    of: int


Tell = Callable[[Progress], None]
"""Hears how far long work is."""


async def import_csv(
    database: Database,
    content: bytes,
    *,
    dry_run: bool = False,
    existing: Existing = Existing.REFUSE,
    act: Act,
    tell: Tell = lambda _progress: None,
) -> Done[ImportReport]:
    """Register the agencies of a file in one transaction, with one event each.

    Raises:
        RequestInvalid: the file has faults and this is no dry run; each finding's location is `line:column`.
        IdempotencyKeyReused: the key belongs to another request.
        Unavailable: the database does not answer; nothing was kept.
    """
    # A big file takes seconds to read; other requests must not wait for it.
    tell(Progress(Stage.READING, 0, content.count(b"\n")))
    sheet = await asyncio.to_thread(read_csv, content)
    return await register_all(database, sheet, dry_run=dry_run, existing=existing, act=act, tell=tell)


async def register_all(
    database: Database,
    sheet: Sheet,
    *,
    dry_run: bool = False,
    existing: Existing,
    act: Act,
    tell: Tell = lambda _progress: None,
) -> Done[ImportReport]:
    """Register agencies that were read, all or none.

    Raises:
        RequestInvalid: there are faults and this is no dry run.
        IdempotencyKeyReused: the key belongs to another request.
        Unavailable: the database does not answer; nothing was kept.
    """
    tell(Progress(Stage.CHECKING, 0, len(sheet.lines)))
    if dry_run or sheet.faults:
        # A file with faults is compared with the directory all the same, so that all of them are told at once.
        async with database.read() as tx:
            report, _ = await _judged(tx, sheet, existing)
        if dry_run:
            return Done(replace(report, dry_run=True))
        _refuse(report.findings)
    async with database.write() as tx:
        if earlier := await act.before(tx, ImportReport):
            return earlier
        await move(tx, Part.AGENCIES)
        report, fresh = await _judged(tx, sheet, existing)
        _refuse(report.findings)
        fresh_agencies = [line.agency for line in fresh]
        tell(Progress(Stage.REGISTERING, 0, len(fresh)))
        await insert(tx, fresh_agencies, act=act, tell=lambda done: tell(Progress(Stage.REGISTERING, done, len(fresh))))
        # Leaving the block commits every agency of the file with its event, or none.
        return await act.done(tx, report)


async def _judged(tx: Transaction, sheet: Sheet, existing: Existing) -> tuple[ImportReport, list[Line]]:
    """Check the agencies against the directory and each other; returns those to be registered."""
    lines = sheet.lines
    taken = await rows.taken(tx, [code.text for line in lines for code in line.agency.codes])
    present = {} if existing is Existing.REFUSE else _present(lines, taken)
    fresh = await _named_by_own_code(tx, [line for line in lines if line.agency.organ_id.text not in present], present)
    tiers = await tiers_around(tx, [line.agency for line in fresh])
    checked = [_without_unread(line, sheet.unread) for line in fresh] if sheet.unread else fresh
    findings = [*sheet.faults, *await asyncio.to_thread(_check_against, checked, taken, tiers)]
    findings.sort(key=_by_place)
    report = ImportReport(
        rows=len(lines),
        registered=0 if findings else len(fresh),
        skipped=len(lines) - len(fresh),
        dry_run=False,
        findings=tuple(findings[:FINDINGS_MAX]),
    )
    return report, fresh


def _present(lines: Sequence[Line], taken: Mapping[str, str]) -> dict[str, str]:
    """Return every code of the rows that are in the directory, each with the own code of that agency there."""
    present: dict[str, str] = {}
    for line in lines:
        codes = [code.text for code in line.agency.codes]
        owner = next((taken[code] for code in codes if code in taken), None)
        if owner is not None:
            present |= dict.fromkeys(codes, owner)
    return present


async def _named_by_own_code(tx: Transaction, lines: Sequence[Line], present: Mapping[str, str]) -> list[Line]:
    agencies = [line.agency for line in lines]
    owners = {**present, **await rows.taken(tx, named_codes(agencies))}
    owners |= {code.text: agency.organ_id.text for agency in agencies for code in agency.codes}
    named = ((line, placement.named_by_own_code(line.agency, owners)) for line in lines)
    return [line if agency is line.agency else replace(line, agency=agency) for line, agency in named]


def _check_against(fresh: Sequence[Line], taken: Mapping[str, str], tiers: Mapping[str, Tier]) -> list[Finding]:
    tiers = {**tiers, **{line.agency.organ_id.text: line.agency.tier for line in fresh}}
    circling = _in_circles({line.agency.organ_id.text: line.agency.parent.text for line in fresh if line.agency.parent})
    seen: dict[str, int] = {}
    findings: list[Finding] = []
    for line in fresh:
        wrong = [*placement.check_codes(line.agency, taken), *placement.check_place(line.agency, tiers)]
        wrong += _repeats(line, seen)
        if line.agency.parent != line.agency.organ_id and line.agency.organ_id.text in circling:
            wrong.append(placement.below_itself(line.agency))
        findings += line.located(wrong)
    return findings


def _repeats(line: Line, seen: dict[str, int]) -> list[Finding]:
    wrong = []
    for code in line.agency.codes:
        first = seen.setdefault(code.text, line.number)
        if first != line.number:
            field = "organ_id" if code == line.agency.organ_id else "aliases"
            wrong.append(fault("repeated", field, f"The code {code} occurs in line {first} already.", "Keep one."))
    return wrong


def _in_circles(parents: Mapping[str, str]) -> set[str]:
    """Return the codes that are above themselves. Agencies of the directory never have a new one above them."""
    cleared: set[str] = set()
    circling: set[str] = set()
    for start in parents:
        path: dict[str, None] = {}
        above: str | None = start
        while above is not None and above not in path and above not in cleared:
            path[above] = None
            above = parents.get(above)
        if above is not None and above in path:
            passed = list(path)
            circling.update(passed[passed.index(above) :])
        cleared.update(path)
    return circling


def _without_unread(line: Line, unread: Collection[str]) -> Line:
    """Leave out parent and successor where they stand in rows that could not be read: those rows are the fault."""
    agency = line.agency
    parent = None if agency.parent and agency.parent.text in unread else agency.parent
    successor = None if agency.successor and agency.successor.text in unread else agency.successor
    return replace(line, agency=replace(agency, parent=parent, successor=successor))


def _refuse(findings: Sequence[Finding]) -> None:
    if findings:
        kept = findings[:FINDINGS_MAX]
        more = "" if len(kept) == len(findings) and len(kept) < FINDINGS_MAX else " or more"
        raise RequestInvalid(
            f"the file has {len(kept)}{more} fault(s); nothing was registered. First, at {kept[0].location}: "
            f"{kept[0].message}",
            findings=kept,
        )


def _by_place(finding: Finding) -> tuple[int, int]:
    line, _, column = (finding.location or "0:0").partition(":")
    return int(line), int(column)
