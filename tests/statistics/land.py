"""A land that was reorganised, with a year of made events of every kind: what a node's figures are asked about."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.ids import new_id
from app.ledger.events import Event, EventKind, Outcome, Standing, record
from app.ledger.seal import seal_all
from app.node import Node
from app.registry import agencies
from app.registry.model import AgencyStatus, Branch, Tier
from app.store.schema import agency_history, certificates
from tests.registry.filling import ACT, agency
from tests.support.agency import AgencySystem
from tests.support.node import RunningNode

REFORM = date(2025, 7, 1)
"""First day of the new order."""

SEVERAL = "H44"
"""The province that has others' figures of before."""

TODAY: dict[str, tuple[str, str, str | None]] = {
    "000.00.00.H44": ("province", "state", None),
    "H28": ("province", "state", "000.00.00.H44"),
    "H62": ("province", "state", "000.00.00.H44"),
    "H28.05": ("district", "state", "H44.105"),
    "H28.05.01": ("commune", "state", "H44.105"),
    "H44.105": ("commune", "state", None),
    "A44": ("province", "party", None),
    "A44.7": ("commune", "party", None),
    "G22": ("central", "state", None),
    "vxp.saas.03": ("commune", "mass_organisation", None),
}
"""The directory after the reform: tier, branch and successor by code."""

BEFORE = {"vxp.saas.03": ("district", "mass_organisation"), "A44.7": ("district", "party")}
"""Where those that were moved stood before."""

_REACHED = ["arrived", "received", "assigned", "in_progress", "completed"]


@dataclass(frozen=True)
class Land:
    """A node with the directory and the events, all sealed."""

    running: RunningNode
    auditor: AgencySystem
    statistician: AgencySystem


def standing_on(code: str, day: date) -> Standing | None:
    """Say where an agency stood on a day; None where it was closed."""
    tier, branch, successor = TODAY[code]
    if day < REFORM:
        return Standing(code, *BEFORE.get(code, (tier, branch)))
    return None if successor else Standing(code, tier, branch)


def events(*, count: int, seed: int) -> Iterator[Event]:
    """Make events of every kind at random moments of 2025."""
    dice = random.Random(seed)
    for _ in range(count):
        at = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=dice.randrange(364 * 86_400))
        day = (at + timedelta(hours=7)).date()
        there = [standing for code in TODAY if (standing := standing_on(code, day))]
        kind, detail = _happening(dice)
        nobody = kind.value.endswith(".refused") and dice.random() < 0.3
        delivered = kind.value.startswith("delivery.") or detail.get("reached") is not None
        yield Event(
            id=new_id(),
            kind=kind,
            at=at,
            actor="client",
            outcome=Outcome.REFUSED if kind.value.endswith(".refused") else Outcome.ACCEPTED,
            standing=None if nobody else dice.choice(there),
            document_type=None if nobody else dice.choice(["cong-van", "quyet-dinh", "khac"]),
            peer_tier=dice.choice(["central", "province", "commune"]) if delivered else None,
            document=new_id(),
            detail=detail,
        )


def _happening(dice: random.Random) -> tuple[EventKind, dict[str, Any]]:
    match dice.randrange(13):
        case 0 | 1 | 2:
            on_time = {} if dice.random() < 0.2 else {"on_time": dice.random() < 0.7}
            kind = dice.choice(["new", "new", "new", "revocation", "update", "replacement"])
            return EventKind.DOCUMENT_ACCEPTED, {
                "kind": kind, "signed": dice.random() < 0.9, "paper": dice.random() < 0.3, **on_time,
                "signature": dice.choice(["valid", "valid", "unsigned", "sha1"]),
                "indication": dice.choice(["TOTAL-PASSED", "TOTAL-PASSED", "INDETERMINATE"]),
            }  # fmt: skip
        case 3:
            return EventKind.DELIVERY_AVAILABLE, {"state": "available"}
        case 4:
            return EventKind.DELIVERY_ACKNOWLEDGED, {"seconds": int(dice.lognormvariate(8, 2))}
        case 5 | 6 | 7:
            start = dice.randrange(5)
            reached = _REACHED[start : start + dice.randint(0, 5)]
            done = {"on_time": dice.random() < 0.6} if "completed" in reached and dice.random() < 0.8 else {}
            seconds = int(dice.lognormvariate(10, 2))
            return EventKind.STATUS_ACCEPTED, {"status": "06", "reached": reached, "seconds": seconds, **done}
        case 8:
            status, change = dice.choice([("13", "requested"), ("15", "accepted"), ("16", "refused"), ("02", None)])
            told = {"change": change, "reached": []} if change else {"reached": ["refused"]}
            return EventKind.STATUS_ACCEPTED, {"status": status, "seconds": 60, **told}
        case 9:
            return dice.choice([EventKind.DOCUMENT_REFUSED, EventKind.STATUS_REFUSED]), {"problem": "x"}
        case 10:
            return dice.choice([EventKind.DELIVERY_WITHDRAWN, EventKind.DELIVERY_REDIRECTED]), {}
        case 11:
            held = dice.randint(0, 3)
            return EventKind.DOCUMENT_INSPECTED, {"pdf": held, "pdf_signed": dice.randint(0, held)}
        case _:
            late = [EventKind.DELIVERY_OVERDUE, EventKind.DELIVERY_UNDELIVERED, EventKind.DELIVERY_EXPIRED]
            return dice.choice(late), {}


async def settle(node: Node) -> None:
    """Register the directory as it is after the reform, with what it was, and record a year."""
    for code, (tier, branch, successor) in sorted(TODAY.items(), key=lambda each: each[1][2] is not None):
        closed = {"status": AgencyStatus.CLOSED, "successor": successor, "valid_to": REFORM - timedelta(days=1)}
        fields = {"tier": Tier(tier), "branch": Branch(branch)} | (closed if successor else {})
        await agencies.register(node.database, agency(code, f"Cơ quan {code}", **fields), act=ACT)
    made = list(events(count=600, seed=5))
    async with node.database.write() as tx:
        await tx.execute(agency_history.insert(), list(_chapters()))
        await tx.execute(certificates.insert(), list(_certificates()))
    for start in range(0, len(made), 300):
        async with node.database.write() as tx:
            await record(tx, made[start : start + 300])
    await seal_all(node.database, now=datetime.now(UTC))


def _chapters() -> Iterator[dict[str, Any]]:
    for code, (tier, branch, successor) in TODAY.items():
        if successor or code in BEFORE:
            was = standing_on(code, REFORM - timedelta(days=1)) or Standing(code, tier, branch)
            yield {
                "organ_id": code, "version": 1, "first_day": None, "last_day": REFORM - timedelta(days=1),
                "name": code, "name_fold": code.lower(), "tier": was.tier, "branch": was.branch, "status": "active",
            }  # fmt: skip


CERTIFICATES = (
    ("000.00.00.H44", "seal", date(2024, 1, 1), date(2027, 1, 1), None),
    ("000.00.00.H44", "person", date(2025, 3, 1), date(2025, 6, 1), None),
    ("000.00.00.H44", "person", date(2025, 3, 1), date(2027, 6, 1), date(2025, 9, 1)),
    ("H28", "seal", date(2024, 1, 1), date(2027, 1, 1), None),
    ("A44", "seal", date(2025, 9, 15), date(2027, 1, 1), None),
    ("A44", "person", date(2025, 9, 15), date(2027, 1, 1), None),
)
"""Whose it is, its kind, from and to when it is valid, when it was revoked."""


def _certificates() -> Iterator[dict[str, Any]]:
    def moment(day: date | None) -> datetime | None:
        return None if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC)

    for number, (code, kind, first, last, revoked) in enumerate(CERTIFICATES):
        yield {
            "sha256": f"{number:064x}", "organ_id": code, "kind": kind, "subject": "CN=x", "issuer": "CN=y",
            "serial": f"{number:x}", "not_before": moment(first), "not_after": moment(last),
            "status": "revoked" if revoked else "active", "revoked_at": moment(revoked), "revocation_reason": None,
            "der": b"", "chain_pem": "", "registered_at": moment(first),
        }  # fmt: skip


async def event_count(node: Node) -> int:
    """Return how many events there are, with a query of its own."""
    async with node.database.read() as tx:
        return int((await tx.execute(sa.text("SELECT count(*) FROM events"))).scalar_one())
