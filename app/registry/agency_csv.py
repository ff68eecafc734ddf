"""Reading agencies from a CSV file, every fault with its line and column. Pure: bytes in, agencies and findings out.

The file is UTF-8 with or without a byte order mark, separated by commas or semicolons (as the first line is), quoted as
RFC 4180 says. Columns, in any order:

    organ_id     own code                                                   required
    name         full name                                                  required
    tier         central, province, district, commune                       required
    branch       party, state, assembly, court, procuracy, front, mass_organisation, other    required
    parent       code of the agency above, in the directory or in this file
    aliases      other codes, separated by blanks; behind a code @FIRST/LAST says when it is in force
    policies     strict or lenient, likewise with their days: lenient@../2026-06-30 strict@2026-07-01/..
                 unsigned, sha1, foreign-namespace let in what proves nothing, and need a last day
    status       active (if empty), suspended, closed
    valid_from   first day, YYYY-MM-DD
    valid_to     last day, YYYY-MM-DD
    successor    code of the agency that took over, in the directory or in this file
    email, telephone, address, website

FIRST and LAST are days, YYYY-MM-DD, both included; `..` leaves one open (ISO 8601-2).
"""

import csv
import io
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Final, TypeVar

from app.edxml.organ_id import OrganId
from app.errors import RequestInvalid
from app.findings import Finding, Severity
from app.registry import placement
from app.registry.model import (
    Agency,
    AgencyStatus,
    Alias,
    Branch,
    LegacyForm,
    Leniency,
    LeniencyPeriod,
    Tier,
    oldest_first,
)

BYTES_MAX: Final = 32 * 1024 * 1024
ROWS_MAX: Final = 100_000
FINDINGS_MAX: Final = 200
"""A file with more faults than this is the wrong file; the first ones tell why."""

COLUMNS_REQUIRED: Final = ("organ_id", "name", "tier", "branch")
COLUMNS: Final = (
    *COLUMNS_REQUIRED,
    "parent",
    "aliases",
    "policies",
    "status",
    "valid_from",
    "valid_to",
    "successor",
    *placement.CONTACT_FIELDS,
)

_SHOWN = 60

E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Line:
    """One agency and the place in the file it comes from.

    Attributes:
        number: of the line it begins at, from 1.
        columns: where each field stands, from 1.
    """

    number: int
    agency: Agency
    columns: Mapping[str, int]

    def located(self, findings: Sequence[Finding]) -> list[Finding]:
        """Turn field names into `line:column`."""
        return [replace(each, location=_place(self.number, self.columns, each.location)) for each in findings]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file, as far as it could be read.

    Attributes:
        lines: the agencies that could be read, in the order of the file.
        faults: everything that is wrong so far.
        unread: what stands for a code in rows that could not be read, so that nobody calls those agencies unknown.
    """

    lines: tuple[Line, ...]
    faults: tuple[Finding, ...] = ()
    unread: frozenset[str] = frozenset()


def read_csv(content: bytes) -> Sheet:
    """Read a file as far as it can be read without the directory. Pure."""
    try:
        return _read(content)
    except Unreadable as error:
        return Sheet((), (error.finding,))


class Unreadable(Exception):
    """Nothing more of a file can be read; the finding says from where on and why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


def _read(content: bytes) -> Sheet:
    text = decoded(content)
    first_line = text.partition("\n")[0]
    separator = ";" if first_line.count(";") > first_line.count(",") else ","
    rows = records(text, separator)
    _, header = next(rows, (1, []))
    columns = _columns(header)
    lines: list[Line] = []
    faults: list[Finding] = []
    unread: set[str] = set()
    for number, cells in rows:
        if len(lines) >= ROWS_MAX:
            raise Unreadable(
                fault("rows-too-many", f"{number}:1", f"The file has more than {ROWS_MAX} rows.", "Split it.")
            )
        if len(faults) >= FINDINGS_MAX:
            break
        if len(cells) != len(columns):
            faults.append(
                fault(
                    "cells",
                    f"{number}:{min(len(cells), len(columns)) + 1}",
                    f"The row has {len(cells)} cells, the header {len(columns)}.",
                    f"Give every row {len(columns)} cells, quoted where they hold the separator {separator!r}.",
                )
            )
            unread |= {cell.strip() for cell in cells}
            continue
        given = {name: unicodedata.normalize("NFC", cell.strip()) for name, cell in zip(columns, cells, strict=True)}
        agency, wrong = _agency(given)
        if agency is None:
            unread.add(given["organ_id"])
        else:
            lines.append(Line(number, agency, columns))
            wrong += placement.check_alone(agency)
        faults += [replace(each, location=_place(number, columns, each.location)) for each in wrong]
    if not lines and not faults:
        faults.append(fault("empty", "1:1", "The file has no row below its header.", "Give one row per agency."))
    return Sheet(tuple(lines), tuple(faults), frozenset(unread))


def decoded(content: bytes) -> str:
    """Read the text of a file.

    Raises:
        Unreadable: it is too long, or no UTF-8.
    """
    if len(content) > BYTES_MAX:
        raise Unreadable(fault("too-long", "1:1", f"The file has {len(content)} bytes.", f"Send at most {BYTES_MAX}."))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise Unreadable(
            fault("encoding", f"{number}:1", f"Line {number} is not UTF-8.", "Save the file as “CSV UTF-8”.")
        ) from error


def records(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Read the rows that have something in them, each with the number of the line it begins at.

    Raises:
        Unreadable: a row is not quoted as RFC 4180 says.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    start = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield start, cells
            start = reader.line_num + 1
    except csv.Error as error:
        raise Unreadable(
            fault("quoting", f"{start}:1", f"The row cannot be read: {error}.", "Quote cells as RFC 4180 says.")
        ) from error


def _columns(header: Sequence[str]) -> dict[str, int]:
    names = [cell.strip().lower() for cell in header]
    for position, name in enumerate(names, start=1):
        if name not in COLUMNS or name in names[: position - 1]:
            raise Unreadable(
                fault(
                    "column",
                    f"1:{position}",
                    f"The column {name[:_SHOWN]!r} is unknown or occurs twice.",
                    f"Use these columns, each once: {', '.join(COLUMNS)}.",
                )
            )
    missing = [name for name in COLUMNS_REQUIRED if name not in names]
    if missing:
        raise Unreadable(
            fault("column", "1:1", f"The columns {', '.join(missing)} are missing.", "Add them to the first line.")
        )
    return {name: position for position, name in enumerate(names, start=1)}


def _agency(given: Mapping[str, str]) -> tuple[Agency | None, list[Finding]]:
    faults: list[Finding] = []
    organ_id = _code(given["organ_id"], "organ_id", faults)
    tier = _member(Tier, given["tier"], "tier", faults)
    branch = _member(Branch, given["branch"], "branch", faults)
    status = _member(AgencyStatus, given.get("status") or AgencyStatus.ACTIVE, "status", faults)
    parent = _code(given["parent"], "parent", faults) if given.get("parent") else None
    successor = _code(given["successor"], "successor", faults) if given.get("successor") else None
    aliases = [_alias(text, faults) for text in sorted(given.get("aliases", "").split())]
    policies = [_policy(text, faults) for text in given.get("policies", "").split()]
    valid_from = _day(given.get("valid_from"), "valid_from", faults)
    valid_to = _day(given.get("valid_to"), "valid_to", faults)
    if organ_id is None or tier is None or branch is None or status is None:
        return None, faults
    agency = Agency(
        organ_id=organ_id,
        name=given["name"],
        tier=tier,
        branch=branch,
        aliases=tuple(alias for alias in aliases if alias is not None),
        policies=oldest_first(policy for policy in policies if policy is not None),
        parent=parent,
        status=status,
        valid_from=valid_from,
        valid_to=valid_to,
        successor=successor,
        contact={field: given[field] for field in placement.CONTACT_FIELDS if given.get(field)},
    )
    return agency, faults


def _code(text: str, field: str, faults: list[Finding]) -> OrganId | None:
    try:
        return OrganId.parse(text)
    except RequestInvalid as error:
        faults += [replace(finding, location=field) for finding in error.findings]
        return None


def _alias(text: str, faults: list[Finding]) -> Alias | None:
    written, first, last = _dated(text, "aliases", faults)
    code = _code(written, "aliases", faults)
    return None if code is None else Alias(code, first, last)


def _policy(text: str, faults: list[Finding]) -> LeniencyPeriod | None:
    written, first, last = _dated(text, "policies", faults)
    if written in tuple(LegacyForm):
        return LeniencyPeriod(LegacyForm(written), first, last)
    mode = _member(Leniency, written, "policies", faults)
    return None if mode is None else LeniencyPeriod(mode, first, last)


def _dated(text: str, field: str, faults: list[Finding]) -> tuple[str, date | None, date | None]:
    """Split `WHAT@FIRST/LAST`."""
    what, dated, period = text.partition("@")
    if not dated:
        return what, None, None
    days = [_day(None if day == ".." else day or "?", field, faults) for day in period.partition("/")[::2]]
    return what, days[0], days[1]


def _member(kind: type[E], text: str, field: str, faults: list[Finding]) -> E | None:
    try:
        return kind(text)
    except ValueError:
        allowed = ", ".join(kind)
        faults.append(fault("value", field, f"{text[:_SHOWN]!r} is no {field}.", f"Use one of: {allowed}."))
        return None


def _day(text: str | None, field: str, faults: list[Finding]) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        faults.append(fault("value", field, f"{text[:_SHOWN]!r} is no date.", "Write dates as YYYY-MM-DD."))
        return None


def _place(number: int, columns: Mapping[str, int], field: str | None) -> str:
    column = columns.get(field or "", 0) or min(columns.get(name, 1) for name in placement.CONTACT_FIELDS)
    return f"{number}:{column}"


def fault(defect: str, field: str, message: str, fix: str) -> Finding:
    """Make a finding about a file; `field` is a field of the row, or already `line:column`."""
    return Finding(f"ours.import.{defect}", Severity.ERROR, message, fix, "ours; RFC 4180", field)
