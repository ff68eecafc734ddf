"""Step (6) of the check: figures and spans of time counted anew from the events, against what is kept.

Events that count alike are counted together: those of one month, agency and type in the same figures, whose spans of
time fall into the same buckets. One of each kind then goes through the fold that the sealer uses, as often as there
were.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from sys import intern
from typing import Any, Final, NamedTuple

from app.ledger.divergence import CheckReport, Likely
from app.statistics.fold import Added, FigureKey, SpreadKey, fold
from app.statistics.measures import MEASURE_NAMES, spans_in
from app.statistics.periods import Month
from app.statistics.spread import bucket_of
from app.store import figures
from app.store.census import LeafRow
from app.store.database import Transaction

STEP: Final = "(6) figures"
_HOUR_LENGTH: Final = len("2026-11-22T17")
_HOURS_MAX: Final = 100_000
_ROWS: Final = 5_000

_Kind = tuple[str, str | None, str | None, str | None, str | None, str | None, str | None, tuple[tuple[str, int], ...]]


class _One(NamedTuple):
    """One event for all that count like it."""

    at: datetime
    agency: str | None
    tier: str | None
    branch: str | None
    document_type: str | None
    peer_tier: str | None
    measures: str | None
    durations: str | None


class Recount:
    """What the events so far count."""

    def __init__(self) -> None:
        self._kinds: Counter[_Kind] = Counter()
        self._ones: dict[_Kind, tuple[str, str | None]] = {}
        self._ends: dict[_Kind, int] = {}
        self._months: dict[str, str] = {}

    def take(self, row: LeafRow) -> None:
        """Count one event; one whose moment cannot be read, which step (2) tells of, counts nowhere."""
        (index, _, at, _, _, _, agency, tier, branch, document_type, peer_tier, _, _, measures, durations, *_) = row
        if not measures and not durations:
            return
        hour = at[:_HOUR_LENGTH]
        month = self._months.get(hour) or self._month(hour, at)
        buckets = tuple((name, bucket_of(seconds)) for name, seconds in spans_in(durations)) if durations else ()
        kind = (month, agency, tier, branch, document_type, peer_tier, measures, buckets)
        if kind not in self._ones:
            kind = _sharing(kind)
            self._ones[kind] = (at, durations)
        self._kinds[kind] += 1
        self._ends[kind] = index + 1

    def _month(self, hour: str, at: str) -> str:
        # A zone is never off by parts of an hour here, so all moments of an hour are in one month.
        try:
            month = str(Month.of(datetime.fromisoformat(at)))
        except (ValueError, OverflowError):
            month = ""
        if len(self._months) > _HOURS_MAX:
            self._months.clear()
        self._months[hour] = month
        return month

    def added(self) -> Added:
        """Return the figures and spans of time that all of it gives."""
        counted = [kind for kind in self._kinds if kind[0]]
        return fold(map(self._one, counted), map(self._kinds.__getitem__, counted))

    def ends(self) -> dict[str, int]:
        """Return the months in which events count, each with one past the index of the last that does.

        Without those where that is not known: an older release, which did not note it, counted some of their events.
        """
        unknown = {kind[0] for kind in self._kinds if kind not in self._ends}
        ends: dict[str, int] = {}
        for kind, end in self._ends.items():
            if kind[0] and kind[0] not in unknown:
                ends[kind[0]] = max(end, ends.get(kind[0], 0))
        return ends

    def _one(self, kind: _Kind) -> _One:
        at, durations = self._ones[kind]
        _, agency, tier, branch, document_type, peer_tier, measures, _ = kind
        moment = datetime.fromisoformat(at).astimezone(UTC)
        return _One(moment, agency, tier, branch, document_type, peer_tier, measures, durations)

    def lines(self) -> Iterator[list[Any]]:
        """Give what was counted as JSON, to go on from another time."""
        for kind, times in self._kinds.items():
            at, durations = self._ones[kind]
            yield [*kind[:7], [list(each) for each in kind[7]], times, at, durations, self._ends.get(kind)]

    def take_lines(self, lines: Sequence[Sequence[Any]]) -> None:
        """Count what `lines` gave of events behind all that were counted so far.

        Raises:
            ValueError, TypeError: these are none.
        """
        for line in lines:
            # Those of older releases end before the last one's place.
            month, agency, tier, branch, document_type, peer_tier, measures, buckets, times, at, durations, *end = line
            spans = tuple([(str(name), int(bucket)) for name, bucket in buckets])
            kind = (str(month), agency, tier, branch, document_type, peer_tier, measures, spans)
            if kind not in self._ones:
                kind = _sharing(kind)
                self._ones[kind] = (str(at), durations)
            self._kinds[kind] += int(times)
            if end and end[0] is not None:
                self._ends[kind] = int(end[0])

    @classmethod
    def of_lines(cls, lines: Sequence[Sequence[Any]]) -> "Recount":
        """Go on from what `lines` gave.

        Raises:
            ValueError, TypeError: these are none.
        """
        recount = cls()
        recount.take_lines(lines)
        return recount


def _sharing(kind: _Kind) -> _Kind:
    """Return it with each code held in memory once, whatever many kinds name it: there are millions of kinds."""
    month, agency, tier, branch, document_type, peer_tier, measures, spans = kind
    codes = (agency, tier, branch, document_type, peer_tier, measures)
    agency, tier, branch, document_type, peer_tier, measures = [each and intern(each) for each in codes]
    return intern(month), agency, tier, branch, document_type, peer_tier, measures, spans


async def compare(tx: Transaction, report: CheckReport, recount: Recount) -> None:
    """Take the step."""
    added = recount.added()
    await _figures(tx, report, dict(added.counts))
    await _spreads(tx, report, dict(added.spreads))


async def _figures(tx: Transaction, report: CheckReport, counts: dict[FigureKey, Mapping[str, int]]) -> None:
    for row in await figures.everything(tx):
        key = FigureKey.of(row)
        if key not in counts:
            report.add(STEP, f"{key}", "there is a row, a recount gives none", Likely.INSERTED)
        counted = counts.pop(key, {})
        sums = tuple(row[-len(MEASURE_NAMES) :])
        for measure, kept in zip(MEASURE_NAMES, sums, strict=True) if sums != _sums(counted) else ():
            several = counted.get(measure, 0)
            if kept != several:
                report.add(STEP, f"{key}", f"{measure} is {kept}, a recount gives {several}")
        report.figures += 1
    for key in counts:
        report.add(STEP, f"{key}", "the row is missing", Likely.DELETED)


async def _spreads(tx: Transaction, report: CheckReport, counts: dict[SpreadKey, int]) -> None:
    async for rows in figures.every_spread(tx, chunk=_ROWS):
        for row in rows:
            key = SpreadKey(FigureKey.of(row), row.measure, row.bucket)
            counted = counts.pop(key, 0)
            if row.spans != counted:
                likely = Likely.CHANGED if counted else Likely.INSERTED
                message = f"there are {row.spans} of {row.measure}, a recount gives {counted}"
                report.add(STEP, f"{key}", message, likely)
            report.figures += 1
    for key, counted in counts.items():
        report.add(STEP, f"{key}", f"{counted} of {key.span} are missing", Likely.DELETED)


def _sums(counted: Mapping[str, int]) -> tuple[int, ...]:
    return tuple([counted.get(measure, 0) for measure in MEASURE_NAMES])
