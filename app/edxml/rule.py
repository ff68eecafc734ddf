"""What a rule is: one clause of a regulation, or one of ours, and the function that looks for breaches of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Generic, TypeVar

from app.findings import Finding, Severity

Message_contra = TypeVar("Message_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class Breach:
    """One place where a rule is not kept.

    Attributes:
        message: English; what is there, shortened, and what is wrong with it.
        fix: English; what the sender changes.
        location: element path in the annex spelling.
    """

    message: str
    fix: str
    location: str


@dataclass(frozen=True, slots=True)
class Rule(Generic[Message_contra]):
    """One row of the table.

    Attributes:
        code: regulation, clause, defect; for ever.
        severity: what a breach weighs.
        source: the article, for people.
        breaches: finds the places; gets the message and the time of checking.
        strict: what a breach weighs in strict mode; None for no difference.
        in_force_from: first day, in Vietnam; None since ever.
        in_force_until: last day, in Vietnam; None until further notice.
    """

    code: str
    severity: Severity
    source: str
    breaches: Callable[[Message_contra, datetime], Iterator[Breach]]
    strict: Severity | None = None
    in_force_from: date | None = None
    in_force_until: date | None = None

    def in_force(self, day: date) -> bool:
        """Tell whether the rule holds on a day."""
        return (self.in_force_from is None or self.in_force_from <= day) and (
            self.in_force_until is None or day <= self.in_force_until
        )

    def apply(self, message: Message_contra, *, at: datetime) -> Iterator[Finding]:
        """Turn each breach into a finding, as it weighs where its sender is taken leniently."""
        for breach in self.breaches(message, at):
            yield Finding(self.code, self.severity, breach.message, breach.fix, self.source, breach.location)


def numbered(path: str, index: int, count: int) -> str:
    """Number an element from 1 where it stands more than once."""
    return f"{path}[{index + 1}]" if count > 1 else path


def missing(name: str, location: str, fix: str = "") -> Breach:
    """Say that an element is not there."""
    return Breach(f"{name} is missing or empty.", fix or f"Fill in {name}.", location)
