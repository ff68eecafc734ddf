"""What processes that share one check of the log ask of each other: is a part of it sound, and what does it hold?

Whoever looks names no divergence. A part that is not sound, or that nobody can tell of, is read again by the one that
writes the report, as if there were no others: so what is found, and in which order, does not depend on how many look.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

EVENTS_AT_ONCE: Final = 4_096
"""Events of one part of the ledger."""

EVENTS_OF_DOCUMENTS_AT_ONCE: Final = 5_000
"""Events of the documents of one part."""

_WORTH_IT: Final = 40_000
"""Events that take one process about as long as it takes others to start."""


@dataclass(frozen=True, slots=True)
class Receipts:
    """How another process opens receipts of this node.

    Attributes:
        keys: folder of the node's keys, of which only the public halves are read.
        typ: of the receipts' header.
    """

    keys: Path
    typ: str


@dataclass(frozen=True, slots=True)
class Split:
    """How a check is divided.

    Attributes:
        jobs: processes that look; 1: only the one that writes the report.
        url: of the database, which each of them opens for itself.
        receipts: how they open receipts; None where receipts are not checked.
        worth_it: events from which on others are started.
        events: of one part of the ledger.
        events_of_documents: of the documents of one part.
    """

    jobs: int = 1
    url: str = ""
    receipts: Receipts | None = None
    worth_it: int = _WORTH_IT
    events: int = EVENTS_AT_ONCE
    events_of_documents: int = EVENTS_OF_DOCUMENTS_AT_ONCE


class EventsAsked(NamedTuple):
    """Asks for the events behind an index up to another one, which must be all from `first` on.

    Attributes:
        counted: whether what they count is wanted.
        touched: whether the documents they speak of are.
    """

    after: int
    first: int
    until: int
    counted: bool
    touched: bool


class SoundEvents(NamedTuple):
    """Events without a divergence.

    Attributes:
        octets: of their bodies.
        touched: documents they speak of.
        counted: `Recount.lines` over them alone.
        leaves: their leaf hashes, one behind the other.
    """

    octets: int
    touched: Sequence[str]
    counted: Sequence[Sequence[Any]]
    leaves: bytes


class DocumentsAsked(NamedTuple):
    """Asks for all about the documents behind an id up to another one; None: from the beginning, to the end."""

    after: str | None
    until: str | None


class SoundDocuments(NamedTuple):
    """Documents without a divergence in anything about them: how many rows there were."""

    documents: int
    deliveries: int
    reports: int
    receipts: int


class Lookers(Protocol):
    """Others that look at parts of the same moment of the same database.

    Raises, from each method:
        Unavailable: one of them ended, or does not answer.
    """

    @property
    def ahead(self) -> int:
        """How many parts to ask for before the first answer is needed."""

    async def events(self, asked: EventsAsked) -> SoundEvents | None:
        """Look at events; None where they are not sound."""

    async def documents(self, asked: DocumentsAsked) -> SoundDocuments | None:
        """Look at documents; None where they are not sound."""
