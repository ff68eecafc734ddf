"""Ratios: what our way costs, divided by the least that the same work can cost, both measured in turn in one run.

A machine is faster today and slower tomorrow; a ratio is not. Rounds alternate between both sides, time is that of the
processor where nothing else is said, and the median ratio counts.
"""

import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

LATEST = Path(__file__).parent / "latest.json"

_VERIFYING = "the file is read twice, and looking over its base64 (bytes.translate) costs as much as hashing it"
_SUBMITTING = "see the table by room"
_POLLING = (
    "Plain ASGI is the server's own work alone. On top of it an empty poll has the log's line, the figures, the "
    "headers every answer has, the layers around it, and the rounds of the worker in the same process. A page of mail "
    "is two statements through SQLAlchemy and forty objects of pydantic, about half of its time each."
)

KNOWN: dict[str, str] = {
    "empty poll: *": _POLLING,
    "page of *": _POLLING,
    "verify * MB from a file: *": _VERIFYING,
    "documents/s over *": _SUBMITTING,
    "CPU of a document, *": _SUBMITTING,
    "p99 at half of the greatest rate *": _SUBMITTING,
}
"""Gates that are known to be missed, by patterns of names, and where the time goes; none of them fails a run."""


def known(measure: str) -> str:
    """Say why a gate is missed, where that is known; else nothing."""
    return next((why for pattern, why in KNOWN.items() if fnmatchcase(measure, pattern)), "")


@dataclass(frozen=True, slots=True)
class Ratio:
    """One measured ratio and what is asked of it.

    Attributes:
        measure: what was measured.
        value: ours divided by the floor, or what the unit says.
        gate: at most this is asked for; with `at_least`, at least this.
        stretch: this would be better.
        holds: whether the gate is kept.
        at_least: whether more is better.
        unit: of the value, where it is no ratio.
    """

    measure: str
    value: float
    gate: float
    stretch: float
    holds: bool
    at_least: bool = False
    unit: str = ""

    @property
    def missed_by(self) -> float:
        """How far the value is from the gate, as a share of the gate; 0 where it holds."""
        return 0.0 if self.holds else abs(self.value - self.gate) / self.gate

    @property
    def verdict(self) -> str:
        """The gate in words."""
        if not self.holds:
            return f"MISSED BY {100 * self.missed_by:.0f} %{' (known)' if known(self.measure) else ''}"
        better = self.value >= self.stretch if self.at_least else self.value <= self.stretch
        return "holds, stretch too" if better else "holds"


@dataclass(frozen=True, slots=True)
class Table:
    """Figures behind ratios, without a gate: kept in the file and shown on the page.

    Attributes:
        title: what the rows are.
        columns: their names, the first of what is measured.
        rows: as they are shown.
        numbers: the same for a program: what a picture is drawn from.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: list[dict[str, Any]] = field(default_factory=list)


def at_least(measure: str, value: float, *, gate: float, stretch: float, unit: str = "") -> Ratio:
    """Ask for no less than the gate."""
    return Ratio(measure, round(value, 3), gate, stretch, value >= gate, at_least=True, unit=unit)


def at_most(measure: str, value: float, *, gate: float, stretch: float, unit: str = "") -> Ratio:
    """Ask for no more than the gate."""
    return Ratio(measure, round(value, 3), gate, stretch, value <= gate, unit=unit)


def ratio(
    measure: str,
    ours: Callable[[], object],
    floor: Callable[[], object],
    *,
    gate: float,
    stretch: float,
    rounds: int,
    repeats: int = 1,
) -> Ratio:
    """Measure both sides in turn.

    Args:
        rounds: pairs that are measured; the median of their ratios counts.
        repeats: how often each side runs in a round, so that a round is long against the clock's step.
    """
    for side in (ours, floor):
        side()
    found = [_processor_seconds(ours, repeats) / _processor_seconds(floor, repeats) for _ in range(rounds)]
    return at_most(measure, round(statistics.median(found), 2), gate=gate, stretch=stretch)


def show(measured: Sequence[Ratio | Table]) -> None:
    """Print tables, then what gates ask for and what was found."""
    for table in measured:
        if isinstance(table, Table):
            print(f"\n{table.title}")
            _print((table.columns, *table.rows))
    print()
    ratios = [each for each in measured if isinstance(each, Ratio)]
    rows = [(each.measure, *(amount(each, of) for of in ("value", "gate", "stretch")), each.verdict) for each in ratios]
    _print((("measure", "value", "gate", "stretch", ""), *rows))


def keep(measured: Sequence[Ratio | Table], **about: Any) -> dict[str, Any]:
    """Write everything to `bench/latest.json`, and give what was written.

    Args:
        about: what else is to be known of the run.
    """
    kept = {
        **about,
        "ratios": [
            asdict(each) | {"verdict": each.verdict, "why": "" if each.holds else known(each.measure)}
            for each in measured
            if isinstance(each, Ratio)
        ],
        "tables": [asdict(each) for each in measured if isinstance(each, Table)],
    }
    LATEST.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return kept


def amount(each: Ratio, of: str) -> str:
    """Write the value, gate or stretch of a ratio with its bound and unit."""
    bound = "" if of == "value" else ("≥ " if each.at_least else "≤ ")
    return f"{bound}{getattr(each, of):.2f}{' ' if each.unit else ''}{each.unit}"


def _print(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        first, *others = (each.ljust(width) if not at else each.rjust(width) for at, (each, width) in enumerate(
            zip(row, widths, strict=True)
        ))  # fmt: skip
        print("  ".join((first, *others)).rstrip())


def _processor_seconds(work: Callable[[], object], repeats: int) -> float:
    begun = time.process_time()
    for _ in range(repeats):
        work()
    return time.process_time() - begun
