"""Checking closed months and sums of figures: what was frozen against the figures that are kept.

The figures themselves are what a recount from event 0 gives (step 6). So a version of a month is right if it, and the
few events that counted in the month afterwards, give the figures of now; nothing older need be read. Versions, their
events and their bodies must say the same, and each must be there.
"""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from app.errors import DataFault, Unavailable
from app.ledger.closing import read_frozen
from app.ledger.divergence import CheckReport, Likely
from app.ledger.events import EventKind
from app.ledger.frozen_month import FrozenMonth
from app.statistics.fold import FigureKey, fold
from app.statistics.measures import MEASURE_NAMES
from app.statistics.periods import Month
from app.store import closed_months, figures
from app.store.blobs import BlobStore
from app.store.database import Transaction

MONTHS: Final = "(13) months"
SUMS: Final = "(6) figures"
_EVENTS_AT_ONCE: Final = 5_000
_NAMED: Final = ("month", "version", "ledger_size", "root", "digest")
_NO_ENDS: Final[Mapping[str, int]] = MappingProxyType({})

_Counts = dict[FigureKey, Counter[str]]
_Spreads = dict[tuple[FigureKey, str], Counter[int]]


async def check_sums(tx: Transaction, report: CheckReport) -> None:
    """Compare the sums most reports are made of with the rows of figures they are sums of."""
    width = -len(MEASURE_NAMES)
    kept = {tuple(row[:width]): row for row in await figures.every_rolled(tx)}
    for row in await figures.rolled_anew(tx):
        key = tuple(row[:width])
        found = kept.pop(key, None)
        if found is None:
            report.add(SUMS, key, "the row of sums is missing", Likely.DELETED)
        elif tuple(found) != tuple(row):
            wrong = [name for name in MEASURE_NAMES if getattr(found, name) != getattr(row, name)]
            report.add(SUMS, key, f"the sums of {', '.join(wrong)} are not those of the figures")
    for key in kept:
        report.add(SUMS, key, "there is a row of sums, the figures give none", Likely.INSERTED)


async def check_counted_months(tx: Transaction, report: CheckReport, ends: Mapping[str, int] = _NO_ENDS) -> None:
    """Look at what is noted of months: each with figures has its note, and the event named there is its last.

    Args:
        ends: by month, one past the index of the last event that counts in it, from a recount; of months that are not
            among them it is only looked whether the event that is noted counts in them.
    """
    counted = await figures.counted(tx)
    with_figures = await figures.months(tx)
    for month in sorted(with_figures - counted.keys()):
        report.add(SUMS, month, "it is not noted which event was the last to count in this month", Likely.DELETED)
    for month, size in counted.items():
        if month not in with_figures:
            report.add(SUMS, month, "an event is noted as the last of a month without figures", Likely.INSERTED)
            continue
        if month in ends:
            if size != ends[month]:
                report.add(SUMS, month, f"ledger_size is {size}, the last event that counts is {ends[month] - 1}")
            continue
        rows = await figures.events_between(tx, size - 1, size, limit=1)
        if month not in fold(rows).months:
            report.add(SUMS, month, f"event {size - 1} is noted as the last to count in this month, but does not")


async def check_closed_months(tx: Transaction, report: CheckReport, blobs: BlobStore | None = None) -> None:
    """Compare every version of every closed month with its event, its body and the figures of now.

    Args:
        blobs: where the reports are; None leaves what they say unchecked.
    """
    said = await _said(tx)
    counted = await figures.counted(tx)
    rows: dict[str, list[Any]] = defaultdict(list)
    for row in await closed_months.everything(tx):
        rows[row.month].append(row)
        told = said.pop((row.month, row.version), None)
        kept = {name: getattr(row, name) for name in _NAMED}
        if told is None:
            report.add(MONTHS, _place(row), "no event says that it was closed", Likely.INSERTED)
        elif told != kept:
            report.add(MONTHS, _place(row), f"it is {kept}, its event says {told}")
    for month, version in said:
        report.add(MONTHS, f"{month} version {version}", "an event says it was closed", Likely.DELETED)
    if blobs is None:
        return
    for month, versions in rows.items():
        await _versions(tx, report, blobs, month, versions, end=counted.get(month, 0))


async def _versions(
    tx: Transaction, report: CheckReport, blobs: BlobStore, month: str, versions: list[Any], *, end: int
) -> None:
    counts, spreads = await _now(tx, month)
    behind = end
    for row in reversed(versions):
        # What counted since is taken from the figures of now, version by version, until they are those of then.
        await _take_back(tx, month, row.ledger_size, behind, counts, spreads)
        behind = min(behind, row.ledger_size)
        try:
            frozen, _ = await asyncio.to_thread(read_frozen, blobs, row.digest)
        except (DataFault, Unavailable) as error:
            report.add(MONTHS, _place(row), error.detail)
            continue
        _compare(report, row, frozen, counts, spreads)


async def _now(tx: Transaction, month: str) -> tuple[_Counts, _Spreads]:
    counts = {
        FigureKey.of(row): Counter({name: getattr(row, name) for name in MEASURE_NAMES})
        for row in await figures.of_month(tx, month)
    }
    spreads: _Spreads = {}
    for row in await figures.spreads_of_month(tx, month):
        try:
            spreads[FigureKey.of(row), row.measure] = Counter(figures.buckets_of(row.counts))
        except DataFault:
            # Step (6) tells of a row that cannot be read.
            continue
    return counts, spreads


async def _take_back(tx: Transaction, month: str, first: int, end: int, counts: _Counts, spreads: _Spreads) -> None:
    while rows := await figures.events_between(tx, first, end, limit=_EVENTS_AT_ONCE):
        added = fold(row for row in rows if str(Month.of(row.at)) == month)
        for key, several in added.counts.items():
            counts.setdefault(key, Counter()).subtract(several)
        for (key, span, bucket), count in added.spreads.items():
            spreads.setdefault((key, span), Counter()).subtract({bucket: count})
        first = rows[-1].position + 1


def _compare(report: CheckReport, row: Any, frozen: FrozenMonth, counts: _Counts, spreads: _Spreads) -> None:
    place = _place(row)
    heading = {name: getattr(frozen, name) for name in _NAMED if name != "digest"}
    kept = {name: getattr(row, name) for name in heading}
    if heading != kept:
        report.add(MONTHS, place, f"it is {kept}, its report says {heading}")
    if _plain(frozen.counts) != _plain(counts) or _plain(frozen.spreads) != _plain(spreads):
        report.add(MONTHS, place, "its report has other figures than a recount of the events it covers")


def _plain(sums: Mapping[Any, Mapping[Any, int]]) -> dict[Any, dict[Any, int]]:
    nonzero = {key: {name: count for name, count in several.items() if count} for key, several in sums.items()}
    return {key: several for key, several in nonzero.items() if several}


async def _said(tx: Transaction) -> dict[tuple[str, int], dict[str, Any]]:
    said = {}
    for body in await closed_months.told(tx, EventKind.MONTH_CLOSED.value):
        try:
            detail = json.loads(body)["detail"]
            said[detail["month"], detail["version"]] = {name: detail[name] for name in _NAMED}
        except (ValueError, KeyError, TypeError):
            # Step (2) tells of a body that cannot be read.
            continue
    return said


def _place(row: Any) -> str:
    return f"{row.month} version {row.version}"
