"""The numbered steps of checking a bundle, and what each of them ends in. The same numbers in code, docs and output."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from types import MappingProxyType
from typing import Any

from app.errors import TrucError


class Outcome(StrEnum):
    """What became of something that was to be proven."""

    PROVEN = "proven"
    """It follows from the bundle, the keys and the anchors that were given, and nothing else."""
    NOT_PROVEN = "not-proven"
    """Nothing contradicts it, and nothing here proves it."""
    CONTRADICTED = "contradicted"
    """Something in the bundle says otherwise: it was changed, or put together wrongly."""


class Weight(StrEnum):
    """What it means that something is not proven."""

    NEEDED = "needed"
    """A bundle holds only where this is proven."""
    PART = "part"
    """The step is not proven without it; the bundle holds all the same, and proves so much less."""
    ASIDE = "aside"
    """Worth knowing beside what the step proves."""


class Step(Enum):
    """Steps in their order."""

    CONTAINER = 1
    """The container, its files and their digests, and the node's signature over all of them."""
    CHECKPOINT = 2
    """The signature of the log under the size and the root of its tree, those of witnesses, and its time stamp."""
    EVENTS = 3
    """Each event is an entry of that tree, in order, and about this document."""
    RECEIPT = 4
    """The node's receipt says what the log says."""
    OCTETS = 5
    """The document is the one they speak of."""
    SIGNATURE = 6
    """Its signature, verified once more, and whether the signer's certificate is to be trusted."""
    REPORTS = 7
    """What the node found when it verified it."""
    TIME = 8
    """From when on at the latest the receipt existed."""
    DELIVERIES = 9
    """What became of each delivery."""
    LIMITS = 10
    """What no bundle can prove."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that was found.

    Attributes:
        code: stable; `words` says it in two languages.
        weight: what it means where it is not proven; what is contradicted spoils the bundle in any case.
        values: fill the places in the words.
    """

    step: Step
    code: str
    outcome: Outcome
    weight: Weight = Weight.NEEDED
    values: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def spoils(self) -> bool:
        """Whether the bundle does not hold because of this."""
        return self.outcome is Outcome.CONTRADICTED or (
            self.outcome is Outcome.NOT_PROVEN and self.weight is Weight.NEEDED
        )


@dataclass(slots=True)
class Tally:
    """What one step found so far."""

    step: Step
    statements: list[Statement] = field(default_factory=list)

    def proven(self, code: str, **values: object) -> None:
        """Note that something is proven."""
        self._add(code, Outcome.PROVEN, values)

    def missing(self, code: str, **values: object) -> None:
        """Note that something is not proven, and has to be."""
        self._add(code, Outcome.NOT_PROVEN, values)

    def open(self, code: str, **values: object) -> None:
        """Note that a part of the step is not proven, which is no fault of the bundle."""
        self._add(code, Outcome.NOT_PROVEN, values, Weight.PART)

    def aside(self, code: str, **values: object) -> None:
        """Note something beside what the step proves."""
        self._add(code, Outcome.NOT_PROVEN, values, Weight.ASIDE)

    def contradicted(self, code: str, **values: object) -> None:
        """Note that something is false."""
        self._add(code, Outcome.CONTRADICTED, values)

    def agrees(self, code: str, place: str, pairs: Mapping[str, tuple[object, object]]) -> bool:
        """Compare what two places say, and note each difference; whether there was none."""
        different = [name for name, (one, other) in pairs.items() if one != other or type(one) is not type(other)]
        for name in different:
            one, other = pairs[name]
            self.contradicted(code, place=place, name=name, one=one, other=other)
        return not different

    def _add(self, code: str, outcome: Outcome, values: Mapping[str, object], weight: Weight = Weight.NEEDED) -> None:
        shown = {name: printable(value) for name, value in values.items()}
        self.statements.append(Statement(self.step, code, outcome, weight, shown))


@dataclass(frozen=True, slots=True)
class StepResult:
    """How a step ended."""

    step: Step
    statements: tuple[Statement, ...]

    @property
    def outcome(self) -> Outcome:
        """The worst of what was found, what is told beside it left out; not proven where nothing was found."""
        found = {each.outcome for each in self.statements if each.weight is not Weight.ASIDE}
        if Outcome.CONTRADICTED in found:
            return Outcome.CONTRADICTED
        return Outcome.PROVEN if found == {Outcome.PROVEN} else Outcome.NOT_PROVEN


@dataclass(frozen=True, slots=True)
class Result:
    """What checking a bundle gave.

    Attributes:
        steps: in their order.
        subject: what the bundle is about, as far as it is proven: ids, digests, sizes, times; JSON values.
        deliveries: what became of each delivery, as the events tell it; JSON values.
    """

    steps: tuple[StepResult, ...]
    subject: Mapping[str, Any]
    deliveries: tuple[Mapping[str, Any], ...]

    @property
    def holds(self) -> bool:
        """Whether all that has to be proven is."""
        return not any(each.spoils for each in self.statements)

    @property
    def contradicted(self) -> bool:
        """Whether something is false."""
        return any(each.outcome is Outcome.CONTRADICTED for each in self.statements)

    @property
    def statements(self) -> Iterable[Statement]:
        """Everything that was found, in order."""
        return [each for step in self.steps for each in step.statements]


def printable(value: object, length: int = 300) -> str:
    """Write a value of a stranger so that it fits a line and cannot steer a terminal."""
    text = value.detail if isinstance(value, TrucError) else str(value)
    shown = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text[: length + 1])
    return shown if len(shown) <= length else f"{shown[:length]}…"
