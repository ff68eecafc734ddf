"""The frozen report of a month: all its figures by everything they are told apart by, as canonical JSON.

It says which version it is, how much of the ledger it covers and that ledger's root, so that whoever holds the file and
the log can count it again; and it holds the counts of all spans of time, so that every report of the month, by
whatever it is broken down, can be made from it as it was then.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.errors import DataFault
from app.ledger.canonical import JsonValue, canonical_json
from app.statistics import reports
from app.statistics.fold import ALL, GRAINS, FigureKey
from app.statistics.reports import Asked, Report, Row

FORMAT: Final = "truc-closed-month"
VERSION: Final = 1

Counts = Mapping[FigureKey, Mapping[str, int]]
"""By key, by measure; measures that are zero are left out."""

Spreads = Mapping[tuple[FigureKey, str], Mapping[int, int]]
"""By key and span, how many fell into each bucket; keys have `*` for what they do not tell apart."""

_PLACE: Final = tuple(name for name in FigureKey._fields if name != "month")
_UNIT: Final = {"province": "unit"}


@dataclass(frozen=True, slots=True)
class FrozenMonth:
    """The figures of a month as they were when the ledger had a size.

    Attributes:
        version: from 1; the next one where figures of the month changed afterwards.
        origin: name of the log.
        ledger_size: how many events it covers.
        root: of the ledger at that size, hex.
    """

    month: str
    version: int
    origin: str
    ledger_size: int
    root: str
    counts: Counts
    spreads: Spreads

    def body(self) -> bytes:
        """Return the canonical JSON whose digest the event `month.closed` carries."""
        figures: list[JsonValue] = [
            {**_place(key), "counts": {name: count for name, count in counts.items() if count}}
            for key, counts in sorted(self.counts.items(), key=lambda each: _order(each[0]))
        ]
        spans: list[JsonValue] = [
            {**_place(key), "span": span, "buckets": [number for each in sorted(buckets.items()) for number in each]}
            for (key, span), buckets in sorted(self.spreads.items(), key=lambda each: (_order(each[0][0]), each[0][1]))
        ]
        return canonical_json(
            {
                "format": FORMAT,
                "v": VERSION,
                "month": self.month,
                "version": self.version,
                "origin": self.origin,
                "ledger_size": self.ledger_size,
                "root": self.root,
                "figures": figures,
                "spans": spans,
            }
        )

    @classmethod
    def read(cls, body: bytes) -> "FrozenMonth":
        """Read such a file back.

        Raises:
            DataFault: it is none.
        """
        try:
            said = json.loads(body)
            _check_form(said)
            month = said["month"]
            counts = {_key(month, row): dict(row["counts"]) for row in said["figures"]}
            spreads = {
                (_key(month, row), row["span"]): dict(zip(row["buckets"][::2], row["buckets"][1::2], strict=True))
                for row in said["spans"]
            }
            return cls(month, said["version"], said["origin"], said["ledger_size"], said["root"], counts, spreads)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise DataFault("the report of a closed month cannot be read") from error

    def report(self, asked: Asked) -> Report:
        """Return the rows a report of this month had, had it been asked for when the month was closed.

        Args:
            asked: its months, limit and cursor hold, too; the view is always that of then.
        """
        sums: dict[tuple[str, ...], dict[str, int]] = defaultdict(lambda: dict.fromkeys(asked.measures, 0))
        for key, counts in self.counts.items():
            if _passes(key, asked):
                row = sums[_shown(key, asked)]
                for name in asked.measures:
                    row[name] += counts.get(name, 0)
        spreads = self._spreads(asked)
        keys = sorted(key for key, row in sums.items() if asked.side is None or any(row.values()))
        rows = [Row(dict(zip(asked.key, key, strict=True)), sums[key], spreads.get(key, {})) for key in keys]
        if asked.after is not None:
            rows = [row for row in rows if tuple(row.key.values()) > asked.after]
        return Report(self.ledger_size, rows[: asked.limit])

    def _spreads(self, asked: Asked) -> Mapping[tuple[str, ...], Mapping[str, Mapping[int, int]]]:
        grain = reports.grain_of({_UNIT.get(name, name) for name in (*asked.key, *asked.equal)} - {"month"})
        if grain is None:
            return {}
        told: dict[tuple[str, ...], dict[str, dict[int, int]]] = defaultdict(lambda: defaultdict(dict))
        for (key, span), buckets in self.spreads.items():
            of_grain = all((getattr(key, name) != ALL) == (name in GRAINS[grain]) for name in _PLACE)
            if of_grain and _passes(key, asked):
                counts = told[_shown(key, asked)][span]
                for bucket, count in buckets.items():
                    counts[bucket] = counts.get(bucket, 0) + count
        return told


@dataclass(frozen=True, slots=True)
class Change:
    """A figure that is another in a later version.

    Attributes:
        figure: measure, or a span of time, of which it is said how many ended.
    """

    key: FigureKey
    figure: str
    before: int
    after: int


def changes(before: FrozenMonth, after: FrozenMonth) -> Iterator[Change]:
    """Yield what changed between two versions of a month, in the order of keys."""
    for key in sorted({*before.counts, *after.counts}, key=_order):
        was, now = before.counts.get(key, {}), after.counts.get(key, {})
        yield from _changed(key, was, now)
    ended = [_ended(version) for version in (before, after)]
    for key in sorted({*ended[0], *ended[1]}, key=_order):
        yield from _changed(key, *(each.get(key, {}) for each in ended))


def _changed(key: FigureKey, was: Mapping[str, int], now: Mapping[str, int]) -> Iterator[Change]:
    for name in sorted({*was, *now}):
        if was.get(name, 0) != now.get(name, 0):
            yield Change(key, name, was.get(name, 0), now.get(name, 0))


def _ended(frozen: FrozenMonth) -> dict[FigureKey, dict[str, int]]:
    """Return how many spans ended, of each agency: the grain that repeats nothing another one says."""
    ended: dict[FigureKey, dict[str, int]] = defaultdict(dict)
    for (key, span), buckets in frozen.spreads.items():
        if key.agency != ALL:
            ended[key][span] = sum(buckets.values())
    return ended


def _place(key: FigureKey) -> dict[str, JsonValue]:
    place = key._asdict()
    del place["month"]
    return place


def _key(month: str, row: Mapping[str, Any]) -> FigureKey:
    return FigureKey(month, *(row[name] for name in ("agency", "tier", "branch", "document_type", "unit", "peer_tier")))


def _order(key: FigureKey) -> tuple[str, ...]:
    return tuple(getattr(key, name) for name in _PLACE)


def _passes(key: FigureKey, asked: Asked) -> bool:
    within = str(asked.first) <= key.month <= str(asked.last)
    return within and all(getattr(key, _UNIT.get(name, name)) == value for name, value in asked.equal.items())


def _shown(key: FigureKey, asked: Asked) -> tuple[str, ...]:
    return tuple(getattr(key, _UNIT.get(name, name)) for name in asked.key)


def _check_form(said: Mapping[str, Any]) -> None:
    if (said["format"], said["v"]) != (FORMAT, VERSION):
        raise ValueError(said["format"])
