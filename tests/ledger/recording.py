"""Documents, deliveries and events as the exchange writes them, without HTTP: for tests of what comes after."""

import hashlib
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from app.ids import new_id
from app.ledger.events import Event, EventKind, Outcome, Standing, record
from app.store import deliveries, documents
from app.store.database import Database, Transaction
from app.store.schema import FIGURE_KEY, ledger_state
from app.store.schema import deliveries as delivery_table
from app.store.schema import events as event_table
from app.store.schema import figures as figure_table

AT = datetime(2026, 11, 22, 3, 4, 5, 678900, tzinfo=UTC)

STANDINGS = (
    Standing("000.00.00.G22", "central", "state"),
    Standing("000.00.00.A01", "central", "party"),
    Standing("000.00.00.H41", "province", "state"),
    Standing("000.00.20.H41", "district", "state"),
    Standing("H41.21.05", "commune", "front"),
)

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Sending:
    """One accepted document: what its transaction holds."""

    document: dict[str, Any]
    legs: list[dict[str, Any]]
    events: list[Event]

    async def write(self, tx: Transaction) -> None:
        """Put it into a transaction."""
        assert await documents.insert(tx, [self.document]) == {self.document["id"]}
        await deliveries.insert(tx, self.legs)
        await record(tx, self.events)


def sending(
    sender: Standing = STANDINGS[0],
    recipients: Sequence[Standing] = STANDINGS[2:4],
    *,
    at: datetime = AT,
    document_type: str = "cong-van",
    paper: bool = False,
    document_id: str | None = None,
) -> Sending:
    """Accept a document as `app.exchange` does: its rows and its events."""
    number = next(_numbers)
    sha256 = hashlib.sha256(f"body {number}".encode()).hexdigest()
    client, certificate = new_id(), "c" * 64
    row = {
        "id": new_id(),
        "sender": sender.agency,
        "document_id": document_id or f"{sender.agency},{at:%Y/%m/%d},{number}/CV",
        "sha256": sha256,
        "size": number,
        "kind": "new",
        "code": f"{number}/CV",
        "subject": "",
        "document_type": document_type,
        "type_name": "",
        "priority": number % 4,
        "promulgation_date": None,
        "due_date": None,
        "with_paper": paper,
        "client_id": client,
        "accepted_at": at,
        "verification": {"certificate": certificate},
        "receipt": "",
    }
    legs = [
        {
            "id": new_id(),
            "document": row["id"],
            "status_report": None,
            "recipient": recipient.agency,
            "addressed_to": recipient.agency,
            "progress": "available",
            "change": None,
            "priority": row["priority"],
            "available_at": at,
            "in_inbox": True,
        }
        for recipient in recipients
    ]
    told = {"at": at, "actor": client, "document_type": document_type, "document": row["id"]}
    accepted = Event(
        id=new_id(),
        kind=EventKind.DOCUMENT_ACCEPTED,
        standing=sender,
        detail={
            "document_id": row["document_id"],
            "sha256": sha256,
            "size": number,
            "kind": "new",
            "signed": True,
            "paper": paper,
            "certificate": certificate,
            "recipients": len(legs),
            "links": [],
        },
        **told,
    )
    available = [
        Event(
            id=new_id(),
            kind=EventKind.DELIVERY_AVAILABLE,
            standing=recipient,
            delivery=leg["id"],
            detail={
                "sender": sender.agency,
                "addressed_to": recipient.agency,
                "priority": row["priority"],
                "state": "available",
            },
            **told,
        )
        for recipient, leg in zip(recipients, legs, strict=True)
    ]
    return Sending(row, legs, [accepted, *available])


def refusal(standing: Standing | None = None, *, at: datetime = AT) -> Event:
    """Refuse something."""
    return Event(
        new_id(), EventKind.DOCUMENT_REFUSED, at, "client", Outcome.REFUSED, standing, detail={"problem": "unsigned"}
    )


def sign_in(*, at: datetime = AT) -> Event:
    """Let a client sign in."""
    return Event(new_id(), EventKind.TOKEN_ISSUED, at, "client", detail={"method": "client_secret_basic"})


async def write(database: Database, *sendings: Sending, events: Sequence[Event] = ()) -> None:
    """Commit all of it in one transaction."""
    async with database.write() as tx:
        for each in sendings:
            await each.write(tx)
        await record(tx, events)


@dataclass(frozen=True)
class Log:
    """The log as it lies in the database.

    Attributes:
        sealed: rows of sealed events in their order.
        unsealed: ids of the others, in theirs.
        size: what the ledger says of itself.
        places: index by delivery.
        figures: rows as plain values.
    """

    sealed: list[Any]
    unsealed: list[str]
    size: int
    places: dict[str, int | None]
    figures: dict[tuple[str, ...], tuple[int, ...]]

    @classmethod
    async def of(cls, database: Database) -> "Log":
        """Read it with queries of its own, not with those under test."""
        async with database.read() as tx:
            rows = (await tx.execute(sa.select(event_table))).all()
            size = (await tx.execute(sa.select(ledger_state.c.size))).scalar_one()
            legs = (await tx.execute(sa.select(delivery_table.c.id, delivery_table.c.position))).all()
            sums = (await tx.execute(sa.select(figure_table))).all()
        return cls(
            sorted((row for row in rows if row.position is not None), key=lambda row: row.position),
            sorted(row.id for row in rows if row.position is None),
            size,
            {leg.id: leg.position for leg in legs},
            {tuple(row[: len(FIGURE_KEY)]): tuple(row[len(FIGURE_KEY) :]) for row in sums},
        )

    @property
    def positions(self) -> list[int]:
        """Indices in order."""
        return [row.position for row in self.sealed]


def detail_of(row: Any) -> dict[str, Any]:
    """Read the detail of an event's row."""
    detail: dict[str, Any] = json.loads(row.body)["detail"]
    return detail
