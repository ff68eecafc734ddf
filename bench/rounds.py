"""What several rounds say together: each puts a service beside bare verification that ran just before it."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

COLUMNS = (
    "service",
    "connections",
    "docs/s",
    "of bare: median (best)",
    "CPU µs/doc",
    "bare µs/doc",
    "bare CPU of all CPU: median (best)",
    "p50 / p99 ms",
    "sealed after s",
)


WARM = 64
"""Documents a service is sent before it is measured."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured.

    Attributes:
        rounds: of the node on each engine.
        aside: how many of them also measure the twin and the mix.
        levels: numbers of connections, and how many documents are there for each.
        mixed: documents of the mix in a round.
        bare_seconds: how long bare verification runs before each.
        seconds: how long documents are sent at each level at most.
    """

    rounds: int
    aside: int
    levels: tuple[tuple[int, int], ...]
    mixed: int
    bare_seconds: float = 1.0
    seconds: float = 2.0

    @property
    def documents(self) -> int:
        """How many small documents there must be."""
        return WARM + sum(count for _, count in self.levels)


FULL = Plan(rounds=3, aside=1, levels=((1, 600), (8, 2_500), (32, 4_500), (128, 4_500)), mixed=1_000)
QUICK = Plan(rounds=1, aside=1, levels=((32, 3_000),), mixed=0)


@dataclass(frozen=True, slots=True)
class Pair:
    """One round.

    Attributes:
        bare_a_second: documents a second of bare verification.
        bare_processor: seconds of the processor it takes for a document.
        a_second: documents a second the service accepted.
        processor: seconds of the processor it took for a document, with its database, sealed.
        p50: milliseconds within which half of the answers came.
        p99: milliseconds within which ninety-nine of a hundred came.
        sealed_after: seconds from the last answer until everything was sealed.
    """

    bare_a_second: float
    bare_processor: float
    a_second: float
    processor: float
    p50: float
    p99: float
    sealed_after: float

    @property
    def of_bare(self) -> float:
        """How much of the machine's own limit the service reaches."""
        return self.a_second / self.bare_a_second

    @property
    def cpu_ratio(self) -> float:
        """What verification alone costs of all that the service costs."""
        return self.bare_processor / self.processor


@dataclass(frozen=True, slots=True)
class Rounds:
    """All rounds of one service at one number of connections."""

    service: str
    connections: int
    pairs: tuple[Pair, ...]

    def median(self, of: Callable[[Pair], float]) -> float:
        """Give the median over the rounds."""
        return statistics.median(map(of, self.pairs))

    def best(self, of: Callable[[Pair], float]) -> float:
        """Give the greatest over the rounds."""
        return max(map(of, self.pairs))

    def row(self) -> tuple[str, ...]:
        """Write it as a line of a table, see COLUMNS."""
        of_bare, cpu = attrgetter("of_bare"), attrgetter("cpu_ratio")
        return (
            self.service,
            str(self.connections),
            f"{self.median(lambda pair: pair.a_second):,.0f}",
            f"{self.median(of_bare):.2f} ({self.best(of_bare):.2f})",
            f"{self.median(lambda pair: 1e6 * pair.processor):,.0f}",
            f"{self.median(lambda pair: 1e6 * pair.bare_processor):,.0f}",
            f"{self.median(cpu):.2f} ({self.best(cpu):.2f})",
            f"{self.median(lambda pair: pair.p50):.0f} / {self.median(lambda pair: pair.p99):.0f}",
            f"{self.median(lambda pair: pair.sealed_after):.1f}",
        )

    def numbers(self) -> dict[str, Any]:
        """Give what a picture is drawn from."""
        return {
            "service": self.service,
            "connections": self.connections,
            "of_bare": round(self.median(lambda pair: pair.of_bare), 4),
            "of_bare_best": round(self.best(lambda pair: pair.of_bare), 4),
            "cpu_ratio": round(self.median(lambda pair: pair.cpu_ratio), 4),
            "a_second": round(self.median(lambda pair: pair.a_second), 1),
            "processor_us": round(self.median(lambda pair: 1e6 * pair.processor), 1),
            "bare_us": round(self.median(lambda pair: 1e6 * pair.bare_processor), 1),
            "rounds": len(self.pairs),
        }


def over(node: Rounds, twin: Rounds) -> float:
    """How many times as much one service reaches as another, each measured by the bare limit of its own rounds."""
    return node.median(lambda pair: pair.of_bare) / twin.median(lambda pair: pair.of_bare)


def gathered(found: Sequence[tuple[str, int, Pair]]) -> list[Rounds]:
    """Put the pairs of one service and number of connections together, in the order they first came."""
    together: dict[tuple[str, int], list[Pair]] = {}
    for service, connections, pair in found:
        together.setdefault((service, connections), []).append(pair)
    return [Rounds(service, connections, tuple(pairs)) for (service, connections), pairs in together.items()]
