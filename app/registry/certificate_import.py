"""Registering many certificates at once: all of them or none, each with its event, every fault with its place.

`certificate_sheet` says what a list looks like. Each certificate is judged as one that is registered alone.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from cryptography import x509

from app.errors import Conflict, RequestInvalid
from app.findings import Finding
from app.ledger.events import Event, record
from app.registry import directory, revocation_sources
from app.registry.acts import Act, Done
from app.registry.agency_csv import FINDINGS_MAX, fault
from app.registry.agency_import import Existing, ImportReport, Progress, Stage, Tell
from app.registry.certificate_sheet import CertificateSheet, Entry, read_list
from app.registry.certificates import authority_row, described, judged, registered, row_of
from app.registry.known import Known, known_about, stored
from app.registry.model import Agency, AgencyStatus
from app.regulations.calendar import day_of
from app.signing.certificates import fingerprint
from app.signing.path import PathVerdict
from app.store import certificates as rows
from app.store.database import Database, Transaction
from app.store.versions import Part, move

CHUNK: Final = 200
"""Certificates that are judged between two looks at the database, and written in one statement."""


@dataclass(frozen=True, slots=True)
class _Fresh:
    """A certificate that will be registered: its row, its event and the path it was judged by."""

    row: dict[str, Any]
    event: Event
    path: tuple[x509.Certificate, ...]


async def import_list(
    database: Database,
    content: bytes,
    *,
    dry_run: bool = False,
    existing: Existing = Existing.REFUSE,
    act: Act,
    tell: Tell = lambda _progress: None,
) -> Done[ImportReport]:
    """Register the certificates of a list in one transaction, with one event each.

    Args:
        existing: what to do with certificates that their agency has already; another agency's are always faults.

    Raises:
        RequestInvalid: the list has faults and this is no dry run; each finding's location is `line:column`.
        Conflict: one of them was registered by somebody else meanwhile; nothing was kept.
        IdempotencyKeyReused: the key belongs to another request.
        Unavailable: the database does not answer; nothing was kept.
    """
    tell(Progress(Stage.READING, 0, content.count(b"\n")))
    async with database.read() as tx:
        if not dry_run and (earlier := await act.told(tx, ImportReport)):
            return earlier
    sheet = await asyncio.to_thread(read_list, content)
    fresh, findings, skipped = await _checked(database, sheet, existing, act=act, tell=tell)
    findings = sorted([*sheet.faults, *findings], key=_by_place)
    report = ImportReport(
        rows=len(sheet.entries),
        registered=0 if findings else len(fresh),
        skipped=skipped,
        dry_run=dry_run,
        findings=tuple(findings[:FINDINGS_MAX]),
    )
    if dry_run:
        return Done(report)
    if findings:
        kept = report.findings
        first = f"First, at {kept[0].location}: {kept[0].message}"
        raise RequestInvalid(f"the list has {len(kept)} fault(s); nothing was registered. {first}", findings=kept)
    async with database.write() as tx:
        if earlier := await act.before(tx, ImportReport):
            return earlier
        await move(tx, Part.TRUST)
        await _write(tx, fresh, at=act.at, tell=tell)
        # Leaving the block commits every certificate of the list with its event, or none.
        return await act.done(tx, report)


async def _checked(
    database: Database, sheet: CertificateSheet, existing: Existing, *, act: Act, tell: Tell
) -> tuple[list[_Fresh], list[Finding], int]:
    entries = sheet.entries
    async with database.read() as tx:
        agencies = await _agencies(tx, entries, at=act.at)
        owners = await rows.owners(tx, [entry.sha256 for entry in entries])
        enrolled = [stored(der) for der in await rows.authority_ders(tx)]
    findings: list[Finding] = []
    wanted: list[tuple[Entry, Agency]] = []
    seen: dict[str, int] = {}
    for entry in entries:
        agency = agencies.get(entry.code.text)
        wrong, skipped = _misplaced(entry, agency, owners.get(entry.sha256), existing)
        first = seen.setdefault(entry.sha256, entry.number)
        if wrong is None and first != entry.number:
            wrong = fault(
                "repeated", entry.place("certificate"), f"The certificate occurs in line {first} already.", "Keep one."
            )
        if wrong is not None:
            findings.append(wrong)
        elif not skipped and agency is not None:
            wanted.append((entry, agency))
    # Whatever came with one row stands above others, too: lists often have an authority once.
    above = {fingerprint(each): each for each in (*sheet.authorities, *enrolled)}
    above |= {fingerprint(each): each for entry in entries for each in entry.above}
    passing = len(entries) - len(findings) - len(wanted)
    fresh: list[_Fresh] = []
    for start in range(0, len(wanted), CHUNK):
        tell(Progress(Stage.CHECKING, start, len(wanted)))
        if len(findings) >= FINDINGS_MAX:
            break
        some = wanted[start : start + CHUNK]
        async with database.read() as tx:
            known = await _known(tx, [entry for entry, _ in some], list(above.values()))
        good, bad = await asyncio.to_thread(_judged, some, known, act)
        fresh += good
        findings += bad
    return fresh, findings, passing


async def _agencies(tx: Transaction, entries: Sequence[Entry], *, at: datetime) -> dict[str, Agency]:
    codes = sorted({entry.code.text for entry in entries})
    found: dict[str, Agency] = {}
    for start in range(0, len(codes), CHUNK):
        found |= await directory.resolve(tx, codes[start : start + CHUNK], on=day_of(at))
    return found


def _misplaced(
    entry: Entry, agency: Agency | None, owner: str | None, existing: Existing
) -> tuple[Finding | None, bool]:
    """Return what forbids to register a certificate for an agency, and whether it is to be left out."""
    if agency is None:
        place = entry.place("organ_id")
        return fault("unknown-agency", place, f"Nobody has the code {entry.code}.", "Register the agency first."), False
    if agency.status is AgencyStatus.CLOSED:
        message = f"The agency {agency.organ_id} is closed."
        return fault("closed-agency", entry.place("organ_id"), message, "Leave the row out."), False
    if owner is None:
        return None, False
    place = entry.place("certificate")
    if owner != agency.organ_id.text:
        return fault("taken", place, "The certificate is registered for another agency.", "Correct the code."), False
    if existing is Existing.REFUSE:
        return fault("registered", place, "The certificate is registered already.", "Leave out what exists."), False
    return None, True


async def _known(tx: Transaction, some: Sequence[Entry], authorities: Sequence[x509.Certificate]) -> Known:
    """Read what is known about all of these at once."""
    leaves = {entry.sha256: entry.leaf for entry in some}
    first, *others = leaves.values()
    known = await known_about(tx, first, intermediates=[*others, *authorities])
    # Asked about together, but none of them stands above another.
    between = tuple(each for each in known.intermediates if fingerprint(each) not in leaves)
    return replace(known, intermediates=between)


def _judged(some: Sequence[tuple[Entry, Agency]], known: Known, act: Act) -> tuple[list[_Fresh], list[Finding]]:
    fresh, findings = [], []
    for entry, agency in some:
        try:
            verdict = judged(entry.leaf, known, at=act.at)
        except RequestInvalid as error:
            refusing = [finding for finding in error.findings if finding.refuses]
            findings += [replace(finding, location=entry.place("certificate")) for finding in refusing]
            continue
        fresh.append(_fresh(entry, agency, verdict, act))
    return fresh, findings


def _fresh(entry: Entry, agency: Agency, verdict: PathVerdict, act: Act) -> _Fresh:
    certificate = described(entry.leaf, agency, entry.kind)
    row = row_of(certificate, entry.leaf, verdict, at=act.at)
    return _Fresh(row, registered(certificate, agency, act), tuple(verdict.path[:-1]))


async def _write(tx: Transaction, fresh: Sequence[_Fresh], *, at: datetime, tell: Tell) -> None:
    above: dict[str, Mapping[str, Any]] = {}
    for start in range(0, len(fresh), CHUNK):
        tell(Progress(Stage.REGISTERING, start, len(fresh)))
        some = fresh[start : start + CHUNK]
        if await rows.insert_many(tx, [each.row for each in some]) < len(some):
            raise Conflict("one of the certificates was registered meanwhile; import the list again")
        await revocation_sources.learn(tx, [each for one in some for each in one.path], at=at)
        await record(tx, [each.event for each in some])
        above |= {row["sha256"]: row for one in some for row in map(authority_row, one.path[1:])}
    await rows.add_authorities(tx, list(above.values()))


def _by_place(finding: Finding) -> tuple[int, int]:
    line, _, column = (finding.location or "0:0").partition(":")
    return int(line), int(column)
