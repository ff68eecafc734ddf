"""What a check of the log found: where the database contradicts it."""

from dataclasses import dataclass, field

DIVERGENCES_MAX = 100
"""Divergences that are listed; the first one is what matters, the rest show the extent."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """One place where the database contradicts the log.

    Attributes:
        step: which check found it, such as `(4) deliveries`.
        place: index or id of the row.
        message: what was expected and what is there.
    """

    step: str
    place: str
    message: str


@dataclass(slots=True)
class CheckReport:
    """What was checked and what was found.

    Attributes:
        size: sealed events, all of them checked.
        unsealed: committed events that have no index yet.
        receipts: receipts whose signature was checked.
        stamps: batches of receipts that have a time stamp.
        divergences: in the order they were found, the first DIVERGENCES_MAX of them.
        found: how many there are in all.
    """

    size: int = 0
    unsealed: int = 0
    documents: int = 0
    deliveries: int = 0
    reports: int = 0
    figures: int = 0
    bodies: int = 0
    receipts: int = 0
    stamps: int = 0
    found: int = 0
    divergences: list[Divergence] = field(default_factory=list)

    @property
    def consistent(self) -> bool:
        """Whether nothing contradicts the log."""
        return self.found == 0

    def add(self, step: str, place: object, message: str) -> None:
        """Note a divergence."""
        self.found += 1
        if len(self.divergences) < DIVERGENCES_MAX:
            self.divergences.append(Divergence(step, str(place), message))

    def compare(self, step: str, place: object, *, kept: dict[str, object], said: dict[str, object]) -> None:
        """Note each member that a row keeps otherwise than its event says it; `said` has at least those of `kept`."""
        for name, value in kept.items():
            # True is 1 to Python, never to a reader of JSON.
            if said[name] != value or type(said[name]) is not type(value):
                self.add(step, place, f"{name} is {value!r}, its event says {said[name]!r}")
