"""The simulation's own count, kept from the answers it got, to be compared with what the node publishes."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

MEASURES: Final = ("sent", "received", "acknowledged", "statuses", "refused", "withdrawn")
"""What is counted here and by the node alike."""
UNKNOWN: Final = ""
"""Whom the node counts a refusal for when it could not know the sender."""


class SimulationFailed(Exception):
    """The node did something else than it should; the text says what."""


@dataclass(slots=True)
class Tally:
    """Counts by agency and measure, agencies by their own code in the directory."""

    figures: Counter[tuple[str, str]] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    replayed: int = 0
    verified: int = 0
    """Messages whose digest, signature and certificate a recipient checked for itself."""
    bytes_sent: int = 0

    def count(self, agency: str, measure: str) -> None:
        """Count one event of an agency."""
        self.figures[agency, measure] += 1

    def total(self, measure: str) -> int:
        """Sum of a measure over all agencies."""
        return sum(count for (_, counted), count in self.figures.items() if counted == measure)

    def differences(self, published: Sequence[Mapping[str, object]]) -> list[str]:
        """Compare with the node's figures by agency, of however many months; returns what differs, for people."""
        theirs: Counter[tuple[str, str]] = Counter()
        for row in published:
            for measure in MEASURES:
                theirs[str(row["agency"]), measure] += int(str(row[measure]))
        return [
            f"{agency or '(unknown)'} {measure}: counted {self.figures[agency, measure]}, "
            f"the node says {theirs[agency, measure]}"
            for agency, measure in sorted(self.figures.keys() | theirs.keys())
            if self.figures[agency, measure] != theirs[agency, measure]
        ]


@dataclass(slots=True)
class Pending:
    """What was brought about and not dealt with yet.

    Negative for a moment where a recipient is faster than the answer to the sender.
    """

    open: int = 0
    moved: Callable[[], None] = lambda: None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, count: int = 1) -> None:
        """Expect this much more."""
        self.open += count
        self._changed.set()

    def done(self, count: int = 1) -> None:
        """Note that this much was dealt with."""
        self.open -= count
        self._changed.set()
        self.moved()

    async def settled(self, *, stall_seconds: float) -> None:
        """Wait until nothing is open.

        Raises:
            SimulationFailed: nothing moved for so long.
        """
        while self.open:
            self._changed.clear()
            try:
                async with asyncio.timeout(stall_seconds):
                    await self._changed.wait()
            except TimeoutError as error:
                raise SimulationFailed(
                    f"{self.open} deliveries were announced and did not arrive within {stall_seconds:.0f} s"
                ) from error
