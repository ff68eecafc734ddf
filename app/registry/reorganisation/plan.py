"""The values a plan is made of. Codes are text as written, own code or alias; every code was read as one.

A plan is a set: the order of its steps means nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from types import MappingProxyType

from app.registry.model import Agency, Branch, Tier


class Missing(StrEnum):
    """What to do where a step names an agency that the directory does not have, or asks for what is so already."""

    REFUSE = "refuse"
    """It is an error."""
    SKIP = "skip"
    """That part of the step is left out, with a finding; for plans that are the same for every directory."""


class Heir(StrEnum):
    """Who takes over from agencies that are closed together, where no code is named."""

    PARENT = "parent"
    """The agency each is part of, or who takes over from that one."""
    NONE = "none"
    """Nobody; what is sent to them is refused."""


@dataclass(frozen=True, slots=True)
class Open:
    """A new agency; its first day is that of the plan."""

    agency: Agency
    place: str


@dataclass(frozen=True, slots=True)
class Close:
    """The end of one agency.

    Attributes:
        successor: who takes over; None: nobody.
        children: whom its parts belong to then; None: the successor; `Heir.NONE`: nobody.
    """

    agency: str
    place: str
    successor: str | None = None
    children: str | Heir | None = None


@dataclass(frozen=True, slots=True)
class Merge:
    """The end of several agencies, taken over by one.

    Attributes:
        into: who takes over; may be opened by the same plan.
        name: its new name; None: it keeps its own.
        aliases: further codes of it from then on.
        children: whom the parts of the merged belong to then; None: `into`.
    """

    agencies: tuple[str, ...]
    into: str
    place: str
    name: str | None = None
    aliases: tuple[str, ...] = ()
    children: str | Heir | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """The end of one agency, whose duties go to several.

    Attributes:
        into: who has them then; may be opened by the same plan.
        successor: which of them takes its mail.
        children: whom its parts belong to then; None: the successor. Single ones are moved by steps of their own.
    """

    agency: str
    into: tuple[str, ...]
    successor: str
    place: str
    children: str | Heir | None = None


@dataclass(frozen=True, slots=True)
class Rename:
    """Another name, and other codes beside the present ones."""

    agency: str
    name: str
    place: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Move:
    """Another place in the directory.

    Attributes:
        parent: what it is part of then; None: of nothing; where `keeps_parent`, this says nothing.
        tier: its tier then; None: as it is.
    """

    agency: str
    place: str
    parent: str | None = None
    keeps_parent: bool = False
    tier: Tier | None = None


@dataclass(frozen=True, slots=True)
class CloseAll:
    """The end of all agencies of a kind that no other step of the plan names.

    Attributes:
        tier: only those of this tier; None: of any.
        within: only those below this agency, at whatever depth; None: everywhere.
        branches: only those of these branches; empty: of any.
        successor: who takes over from each.
        children: whom the parts of each belong to then; None: its successor.
    """

    place: str
    successor: str | Heir
    tier: Tier | None = None
    within: str | None = None
    branches: tuple[Branch, ...] = ()
    children: str | Heir | None = None


Step = Open | Close | Merge | Split | Rename | Move | CloseAll


@dataclass(frozen=True, slots=True)
class Plan:
    """What changes on one day.

    Attributes:
        source: the act of law, or who ordered it.
        effective_on: first day of the new order, in Vietnam.
        written: the plan as JSON, in the form it is stored and compared; reading it gives an equal plan.
        lines: where in a written file each place of it is, as `line:column`; empty where it came as JSON.
    """

    title: str
    source: str
    effective_on: date
    missing: Missing
    steps: tuple[Step, ...]
    written: Mapping[str, object] = field(compare=False)
    lines: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), compare=False)

    def at(self, place: str) -> str:
        """Return a place of the plan as findings name it: `steps[3].into`, behind line and column where known."""
        return located(place, self.lines)


def located(place: str, lines: Mapping[str, str]) -> str:
    """Put line and column before a place; of a place that is not written, those of the nearest around it."""
    nearest = place
    while nearest and nearest not in lines:
        nearest = nearest[: max(nearest.rfind("."), nearest.rfind("["), 0)]
    return f"{lines[nearest]} {place}".rstrip() if nearest in lines else place
