"""What must be refused in the year, and under whose name the refusal counts."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from app.edxml.model import DocumentMessage
from app.simulation.tally import UNKNOWN
from app.simulation.year.calendar import day_of
from app.simulation.year.country import AGENCIES, heir

NOBODY: Final = "H44.99"
"""Nobody's code."""


class Wrong(StrEnum):
    """What is wrong with a message."""

    CHANGED = "changed after signing"
    """One word of the text differs from what was signed."""
    STRANGER = "signed under a root nobody trusts"
    """The name in the certificate is right, its issuer is not."""
    SECRET = "marked as a state secret"  # noqa: S105 -- what a document says of itself
    """The subject says TỐI MẬT."""
    NOBODY = "addressed to an unknown agency"
    """No agency has this code."""
    BROKEN = "not well-formed"
    """The last bytes are missing."""


@dataclass(frozen=True, slots=True)
class Expected:
    """How the node has to answer."""

    status: int
    problem: str
    finding: str
    named: bool
    """Whether the node knows whose message it was."""


EXPECTED: Final = {
    Wrong.CHANGED: Expected(422, "document-refused", "xmldsig.3.2.1.digest-mismatch", named=True),
    Wrong.STRANGER: Expected(422, "document-refused", "ours.trust.not-registered", named=True),
    Wrong.SECRET: Expected(422, "secret-document", "qd28.1.2.secret-mark", named=True),
    Wrong.NOBODY: Expected(422, "document-refused", "ours.route.recipient-unknown", named=True),
    Wrong.BROKEN: Expected(400, "malformed-xml", "", named=False),
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """A message that is sent although it must not be taken.

    Attributes:
        number: of the paper, behind those of the script.
    """

    number: int
    at: datetime
    sender: str
    wrong: Wrong

    @property
    def counted_for(self) -> str:
        """Under whose name the refusal counts."""
        return self.sender if EXPECTED[self.wrong].named else UNKNOWN


def attempts(moments: list[datetime], count: int, *, seed: int, first_number: int) -> tuple[Attempt, ...]:
    """Plan so many attempts, of every kind in turn.

    Args:
        moments: when somebody is at work.
    """
    rng = random.Random(f"{seed}/refusals")
    kinds = list(Wrong)
    return tuple(
        Attempt(
            first_number + index, moment, heir(rng.choice(AGENCIES).code, day_of(moment)), kinds[index % len(kinds)]
        )
        for index, moment in enumerate(rng.choices(moments, k=count))
    )


Sign = Callable[[DocumentMessage], bytes]


def spoilt(wrong: Wrong, message: DocumentMessage, *, own: Sign, foreign: Sign) -> bytes:
    """Make the bytes that are sent.

    Args:
        own: signs with the sender's seal.
        foreign: signs with the stranger's.
    """
    match wrong:
        case Wrong.SECRET:
            return own(replace(message, subject=f"{message.subject} (TỐI MẬT)"))
        case Wrong.STRANGER:
            return foreign(message)
        case Wrong.CHANGED:
            return own(message).replace("Như trên".encode(), "Như dưới".encode(), 1)
        case Wrong.BROKEN:
            return own(message)[:-9]
        case Wrong.NOBODY:
            return own(message)
