"""What a check of the log found: where the database contradicts it."""

from dataclasses import dataclass, field
from enum import StrEnum

DIVERGENCES_MAX = 100
"""Divergences that are listed; the first one is what matters, the rest show the extent."""


class Likely(StrEnum):
    """What was most likely done to a row, as far as the rest of the database tells."""

    CHANGED = "changed"
    """It says something else than it did."""
    DELETED = "deleted"
    """It was there and is not any more."""
    INSERTED = "inserted"
    """It is there and never was."""
    REORDERED = "reordered"
    """It stands where another one stood."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """One place where the database contradicts the log.

    Attributes:
        step: which check found it, such as `(4) deliveries`.
        place: index or id of the row.
        message: what was expected and what is there.
        likely: what was most likely done.
    """

    step: str
    place: str
    message: str
    likely: Likely = Likely.CHANGED


@dataclass(slots=True)
class CheckReport:
    """What was checked and what was found.

    Attributes:
        size: sealed events, all of them checked.
        since: the first of them that was read; those before it were verified another time.
        octets: of the bodies of events that were hashed.
        unsealed: committed events that have no index yet.
        tiles: tiles of the tree that were compared.
        checkpoints: signed checkpoints that were compared with the tree, of outside ones too.
        receipts: receipts whose signature was checked.
        stamps: batches of receipts that have a time stamp.
        registry: agencies, certificates, clients and the like that were compared with their events.
        passed_over: steps that could not be taken, each with the reason.
        divergences: in the order they were found, the first DIVERGENCES_MAX of them.
        found: how many there are in all.
    """

    size: int = 0
    since: int = 0
    octets: int = 0
    unsealed: int = 0
    tiles: int = 0
    checkpoints: int = 0
    documents: int = 0
    deliveries: int = 0
    reports: int = 0
    figures: int = 0
    bodies: int = 0
    receipts: int = 0
    stamps: int = 0
    registry: int = 0
    passed_over: list[str] = field(default_factory=list)
    found: int = 0
    divergences: list[Divergence] = field(default_factory=list)

    @property
    def consistent(self) -> bool:
        """Whether nothing contradicts the log."""
        return self.found == 0

    def add(self, step: str, place: object, message: str, likely: Likely = Likely.CHANGED) -> None:
        """Note a divergence."""
        self.found += 1
        if len(self.divergences) < DIVERGENCES_MAX:
            self.divergences.append(Divergence(step, str(place), message, likely))

    def compare(self, step: str, place: object, *, kept: dict[str, object], said: dict[str, object]) -> None:
        """Note each member that a row keeps otherwise than its event says it; `said` has at least those of `kept`."""
        if kept == said and [*map(type, kept.values())] == [type(said[name]) for name in kept]:
            return
        for name, value in kept.items():
            # True is 1 to Python, never to a reader of JSON.
            if said[name] != value or type(said[name]) is not type(value):
                self.add(step, place, f"{name} is {value!r}, its event says {said[name]!r}")
