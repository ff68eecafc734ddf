"""What became of a document: its record, its bytes, its trail; for those who sent it, received it or audit it.

Who is neither gets the same answer as for a document that does not exist. Auditors see what happened, never what it
says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.errors import DataFault, NotFound
from app.exchange.desk import Desk
from app.exchange.states import Progress
from app.ids import new_id
from app.ledger.events import Event, EventKind, record
from app.registry import directory
from app.registry.model import Client, Scope
from app.statistics.periods import ZONE
from app.store import deliveries, documents, journal
from app.store.database import Transaction


@dataclass(frozen=True, slots=True)
class Dossier:
    """A document with everything around it.

    Attributes:
        document: its row.
        deliveries: rows, one per recipient.
        reports: rows of the status reports, oldest first.
        links: rows of what it says about others and others say about it.
        may_read_content: whether the asking client may have the bytes.
    """

    document: Any
    deliveries: Sequence[Any]
    reports: Sequence[Any]
    links: Sequence[Any]
    may_read_content: bool


async def dossier(desk: Desk, document: str, *, client: Client, scopes: frozenset[Scope], at: datetime) -> Dossier:
    """Return a document as the client may see it.

    Raises:
        NotFound: there is none, or it is none of the client's business.
    """
    async with desk.database.read() as tx:
        return await _dossier(tx, document, client=client, scopes=scopes, at=at)


async def content(desk: Desk, document: str, *, client: Client, scopes: frozenset[Scope], at: datetime) -> Any:
    """Return the row of a document whose bytes the client may have; the bytes are in the blob store under its digest.

    Raises:
        NotFound: there is none, or the client may not have it: a stranger, an auditor, or a recipient it was withdrawn
        from.
    """
    found = await dossier(desk, document, client=client, scopes=scopes, at=at)
    if not found.may_read_content:
        raise NotFound("there is no content to read")
    return found.document


async def report_content(desk: Desk, report: str, *, client: Client, scopes: frozenset[Scope], at: datetime) -> Any:
    """Return the row of a status report whose bytes the client may have: its reporter and the other party.

    Raises:
        NotFound: there is none, or it is none of the client's business.
    """
    async with desk.database.read() as tx:
        row = await documents.report_by_id(tx, report)
        if row is None:
            raise NotFound("no such status report")
        delivery = await deliveries.by_id(tx, row.delivery)
        document = await documents.by_id(tx, row.document)
        if document is None:
            raise DataFault(f"status report {report} speaks of a document that is not there")
        parties = await directory.resolve(tx, {delivery.recipient, document.sender}, on=_day(at))
    if Scope.EXCHANGE not in scopes or not any(client.may_act_for(party) for party in parties.values()):
        raise NotFound("no such status report")
    return row


async def history(
    desk: Desk, document: str, *, client: Client, scopes: frozenset[Scope], at: datetime
) -> Sequence[Any]:
    """Return every event of a document, in ledger order; an auditor's reading is an event itself.

    Raises:
        NotFound: there is none, or it is none of the client's business.
    """
    async with desk.database.read() as tx:
        found = await _dossier(tx, document, client=client, scopes=scopes, at=at)
        rows = await journal.of_document(tx, document)
    if not found.may_read_content:
        await note_reading(desk, client=client, at=at, document=document)
    return rows


async def note_reading(desk: Desk, *, client: Client, at: datetime, document: str | None, query: str = "") -> None:
    """Record that an auditor read a trail: which document's, or by which query (given as its SHA-256)."""
    async with desk.database.write() as tx:
        await record(
            tx,
            [
                Event(
                    id=new_id(),
                    kind=EventKind.TRAIL_READ,
                    at=at,
                    actor=client.client_id,
                    document=document,
                    detail={"query": query} if query else {},
                )
            ],
        )
    desk.doorbell.nudge()


async def outbox(
    desk: Desk, senders: Sequence[str], *, state: str | None, after: str | None, limit: int
) -> Sequence[tuple[Any, Sequence[Any]]]:
    """Return what these agencies sent, newest first, each with its deliveries; two queries whatever the page."""
    async with desk.database.read() as tx:
        rows = await documents.sent(tx, senders, state=state, after=after, limit=limit)
        legs = await deliveries.of_documents(tx, [row.id for row in rows])
    grouped: dict[str, list[Any]] = {row.id: [] for row in rows}
    for leg in legs:
        grouped[leg.document].append(leg)
    return [(row, grouped[row.id]) for row in rows]


async def _dossier(
    tx: Transaction, document: str, *, client: Client, scopes: frozenset[Scope], at: datetime
) -> Dossier:
    row = await documents.by_id(tx, document)
    if row is None:
        raise NotFound("no such document")
    legs = await deliveries.of_documents(tx, [document])
    agencies = await directory.resolve(tx, {row.sender, *(leg.recipient for leg in legs)}, on=_day(at))
    exchanges = Scope.EXCHANGE in scopes
    is_sender = exchanges and client.may_act_for(agencies[row.sender])
    # A recipient the document was withdrawn from keeps the trail and loses the content (QĐ 28/2018/QĐ-TTg Đ9).
    readable = [leg for leg in legs if leg.progress != Progress.WITHDRAWN.value]
    is_party = is_sender or (exchanges and any(client.may_act_for(agencies[leg.recipient]) for leg in legs))
    may_read = is_sender or (exchanges and any(client.may_act_for(agencies[leg.recipient]) for leg in readable))
    if not is_party and Scope.AUDIT not in scopes:
        raise NotFound("no such document")
    return Dossier(
        row, legs, await documents.reports_of(tx, document), await documents.links_of(tx, document), may_read
    )


def _day(at: datetime) -> Any:
    return at.astimezone(ZONE).date()
