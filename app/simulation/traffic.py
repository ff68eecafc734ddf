"""Who writes to whom: planned from a seed, along the lines of administration, with some of everything.

A plan is made before anything is sent; what happens on the way does not change it.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.edxml.model import DocumentKind
from app.simulation.country import AGENCIES, SimulatedAgency
from app.simulation.papers import KIB, Draft, Habits

_FOLLOW_UP_SHARE: Final = 0.12
_FOLLOW_UPS: Final = (DocumentKind.UPDATE, DocumentKind.REPLACEMENT, DocumentKind.REVOCATION)
_RECIPIENTS: Final = ((1, 50), (2, 20), (3, 14), (5, 10), (8, 6))
_SIZES: Final = (
    # from, to, how often
    (18 * KIB, 60 * KIB, 74),
    (80 * KIB, 300 * KIB, 20),
    (500 * KIB, 1_000 * KIB, 4),
    (2_000 * KIB, 3_000 * KIB, 2),
)


@dataclass(frozen=True, slots=True)
class Planned:
    """A document to be sent.

    Attributes:
        index: of the plan, from 0; numbers the document.
        follow_up: what is sent about it afterwards: an update, a replacement or a revocation.
    """

    index: int
    draft: Draft
    follow_up: DocumentKind | None


def plan(count: int, *, seed: int, habits: dict[str, Habits]) -> tuple[Planned, ...]:
    """Plan documents.

    Args:
        count: how many, follow-ups included.
        habits: by name of the sender's system.
    """
    rng = random.Random(f"{seed}/plan")
    follow_ups = round(count * _FOLLOW_UP_SHARE)
    firsts = max(count - follow_ups, 1)
    planned = []
    for index in range(firsts):
        # Everybody writes once before anybody writes at random, so that all tiers and branches take part.
        sender = AGENCIES[index] if index < len(AGENCIES) <= firsts else rng.choice(AGENCIES)
        follow_up = _FOLLOW_UPS[index % len(_FOLLOW_UPS)] if index < follow_ups else None
        planned.append(Planned(index, _draft(sender, index, habits[sender.system], rng), follow_up))
    rng.shuffle(planned)
    return tuple(planned)


def neighbours(sender: SimulatedAgency) -> tuple[SimulatedAgency, ...]:
    """Return whom an agency mostly writes to: above it, below it, beside it, and its own branch."""

    def near(other: SimulatedAgency) -> bool:
        return (
            other.code == sender.parent
            or other.parent == sender.code
            or (other.parent == sender.parent and other.system == sender.system)
            or (other.branch == sender.branch and {"central", "province"} >= {other.tier, sender.tier})
        )

    return tuple(other for other in AGENCIES if other != sender and near(other))


def _draft(sender: SimulatedAgency, index: int, habits: Habits, rng: random.Random) -> Draft:
    wished = _weighted(_RECIPIENTS, rng)
    near = neighbours(sender)
    chosen: dict[str, SimulatedAgency] = {}
    while len(chosen) < wished:
        pool: Sequence[SimulatedAgency] = near if near and rng.random() < 0.8 else AGENCIES
        other = rng.choice(pool)
        if other != sender:
            chosen[other.code] = other
        if len(chosen) == len(near) and pool is near:
            break
    addressees = tuple((other, habits.code_of(other)) for other in chosen.values())
    sizes = tuple(_size(rng) for _ in range(rng.choices((1, 2, 3), weights=(75, 18, 7))[0]))
    return Draft(sender, addressees, sizes=sizes, number=index + 1)


def _size(rng: random.Random) -> int:
    low, high, _ = rng.choices(_SIZES, weights=[weight for *_, weight in _SIZES])[0]
    return rng.randint(low, high)


def _weighted(choices: Sequence[tuple[int, int]], rng: random.Random) -> int:
    return rng.choices([value for value, _ in choices], weights=[weight for _, weight in choices])[0]
