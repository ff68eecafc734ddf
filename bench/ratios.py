"""Ratios: what our way costs, divided by the least that the same work can cost, both measured in turn in one run.

A machine is faster today and slower tomorrow; a ratio is not. Rounds alternate between both sides, time is that of the
processor, and the median ratio counts.
"""

import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

LATEST = Path(__file__).parent / "latest.json"


@dataclass(frozen=True, slots=True)
class Ratio:
    """One measured ratio and what is asked of it.

    Attributes:
        measure: what was measured.
        value: ours divided by the floor.
        gate: at most this is asked for.
        stretch: at most this would be better.
        holds: whether the gate is kept.
    """

    measure: str
    value: float
    gate: float
    stretch: float
    holds: bool


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
    value = round(statistics.median(found), 2)
    return Ratio(measure, value, gate, stretch, value <= gate)


def show(measured: Sequence[Ratio]) -> None:
    """Print the table and keep it in `bench/latest.json`."""
    width = max(len(each.measure) for each in measured)
    print(f"{'measure':<{width}}  value   gate  stretch")
    for each in measured:
        print(
            f"{each.measure:<{width}}  {each.value:5.2f}  {each.gate:5.2f}  {each.stretch:7.2f}"
            f"  {'holds' if each.holds else 'DOES NOT HOLD'}"
        )
    LATEST.write_text(json.dumps([asdict(each) for each in measured], indent=2) + "\n", encoding="utf-8")


def _processor_seconds(work: Callable[[], object], repeats: int) -> float:
    begun = time.process_time()
    for _ in range(repeats):
        work()
    return time.process_time() - begun
