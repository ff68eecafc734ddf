"""What a look at one thing found, for commands that look at many."""

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """How a check ended."""

    OK = "ok"
    """Nothing to do."""
    WARNING = "warning"
    """The node works; somebody should look at it."""
    FAILURE = "failure"
    """The node does not work, or not as it should."""


@dataclass(frozen=True, slots=True)
class Check:
    """What was found about one thing, and what to do about it."""

    name: str
    grade: Grade
    detail: str
    fix: str = ""
