"""What became of a document: its record, its bytes, its trail; for those who sent it, received it or audit it.

Who is neither gets the same answer as for a document that does not exist. Auditors see what happened, never what it
says.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.errors import DataFault, NotFound, RequestInvalid
from app.exchange import retention
from app.exchange.desk import Desk
from app.exchange.states import DeliveryState, Progress
from app.ids import new_id
from app.ledger.events import Event, EventKind, record
from app.registry import directory, succession
from app.registry.model import Client, Scope
from app.statistics.periods import ZONE
from app.store import deadlines, deliveries, documents, inspections, journal
from app.store import refusals as refusal_rows
from app.store.database import Transaction


@dataclass(frozen=True, slots=True)
class LinkedDocument:
    """What one document says about another, as far as the client may know of the other.

    Attributes:
        relation: `revokes`, `updates`, `replaces` or `answers`.
        outgoing: whether the document looked at says it, else the other one says it of this.
        document_id: DocumentId of the other as this one wrote it; None where the other says it.
        document: the node's id of the other; None where it is not here, or none of the client's business.
    """

    relation: str
    outgoing: bool
    document_id: str | None
    document: str | None


@dataclass(frozen=True, slots=True)
class Dossier:
    """A document with everything around it.

    Attributes:
        document: its row.
        deliveries: rows, one per recipient.
        reports: rows of the status reports, oldest first.
        links: what it says about others, and what others that the client may see say about it.
        is_party: whether the asking client acts for its sender or a recipient; else it audits.
        may_read_content: whether the asking client may have the bytes.
        own: ids of the deliveries in which the asking client is a party, and so may read what was reported in words.
    """

    document: Any
    deliveries: Sequence[Any]
    reports: Sequence[Any]
    links: Sequence[LinkedDocument]
    inspection: Any | None
    is_party: bool
    may_read_content: bool
    own: frozenset[str]


async def dossier(desk: Desk, document: str, *, client: Client, scopes: frozenset[Scope], at: datetime) -> Dossier:
    """Return a document as the client may see it.

    Raises:
        NotFound: there is none, or it is none of the client's business.
    """
    async with desk.database.read() as tx:
        return await dossier_in(tx, document, client=client, scopes=scopes, at=at)


async def dossier_in(
    tx: Transaction, document: str, *, client: Client, scopes: frozenset[Scope], at: datetime
) -> Dossier:
    """Return the same, of one snapshot with what else is read in the transaction.

    Raises:
        NotFound: there is none, or it is none of the client's business.
    """
    row = await documents.by_id(tx, document)
    if row is None:
        raise NotFound("no such document")
    legs = await deliveries.of_documents(tx, [document])
    acts_for = await _acts_for(tx, {row.sender, *(leg.recipient for leg in legs)}, client, scopes, at)
    is_sender = row.sender in acts_for
    own = frozenset(leg.id for leg in legs if is_sender or leg.recipient in acts_for)
    if not is_sender and not own and Scope.AUDIT not in scopes:
        raise NotFound("no such document")
    # A recipient the document was withdrawn from keeps the trail and loses the content (QĐ 28/2018/QĐ-TTg Đ9).
    readable = {leg.id for leg in legs if leg.progress != Progress.WITHDRAWN.value}
    return Dossier(
        document=row,
        deliveries=legs,
        reports=await documents.reports_of(tx, document),
        links=await _links(tx, document, client=client, scopes=scopes, at=at),
        inspection=await inspections.of_document(tx, document),
        is_party=is_sender or bool(own),
        may_read_content=is_sender or bool(own & readable),
        own=own,
    )


async def content(desk: Desk, document: str, *, client: Client, scopes: frozenset[Scope], at: datetime) -> Any:
    """Return the row of a document whose bytes the client may have; the bytes are in the blob store under its digest.

    Raises:
        NotFound: there is none, or the client may not have it: a stranger, an auditor, or a recipient it was withdrawn
        from.
        ContentPurged: the rules of retention let it go.
    """
    found = await dossier(desk, document, client=client, scopes=scopes, at=at)
    if not found.may_read_content:
        raise NotFound("there is no content to read")
    await _kept(desk, found.document, found.document.id)
    return found.document


async def inspection_of(desk: Desk, document: str) -> Any | None:
    """Return the row about what was found in a document's attachments; None where none of them is looked into."""
    async with desk.database.read() as tx:
        return await inspections.of_document(tx, document)


async def report_content(desk: Desk, report: str, *, client: Client, scopes: frozenset[Scope], at: datetime) -> Any:
    """Return the row of a status report whose bytes the client may have: its reporter and the other party.

    Raises:
        NotFound: there is none, or it is none of the client's business.
        ContentPurged: the rules of retention let it go.
    """
    async with desk.database.read() as tx:
        row = await documents.report_by_id(tx, report)
        if row is None:
            raise NotFound("no such status report")
        delivery = await deliveries.by_id(tx, row.delivery)
        document = await documents.by_id(tx, row.document)
        if document is None:
            raise DataFault(f"status report {report} speaks of a document that is not there")
        acts_for = await _acts_for(tx, {delivery.recipient, document.sender}, client, scopes, at)
    if not acts_for:
        raise NotFound("no such status report")
    await _kept(desk, row, row.document)
    return row


async def history(
    desk: Desk, document: str, *, client: Client, scopes: frozenset[Scope], at: datetime
) -> Sequence[Any]:
    """Return every event of a document, in ledger order; an auditor's reading is an event itself.

    Raises:
        NotFound: there is none, or it is none of the client's business.
    """
    async with desk.database.read() as tx:
        found = await dossier_in(tx, document, client=client, scopes=scopes, at=at)
        rows = await journal.of_document(tx, document)
    if not found.is_party:
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
    desk: Desk, senders: Sequence[str], *, state: str | None, overdue: bool = False, after: str | None, limit: int
) -> Sequence[tuple[Any, Sequence[Any]]]:
    """Return what these agencies sent, newest first, each with its deliveries; a few queries whatever the page.

    Args:
        state: only with a delivery in this state.
        overdue: only with a delivery that is overdue; instead of a state.

    Raises:
        RequestInvalid: both are asked for.
    """
    if overdue and state is not None:
        raise RequestInvalid("overdue: ask for what is overdue or for a state, not for both")
    async with desk.database.read() as tx:
        if overdue:
            rows = await deadlines.sent_overdue(tx, senders, after=after, limit=limit)
        else:
            rows = await documents.sent(tx, senders, state=state, after=after, limit=limit)
        legs = await deliveries.of_documents(tx, [row.id for row in rows])
    grouped: dict[str, list[Any]] = {row.id: [] for row in rows}
    for leg in legs:
        grouped[leg.document].append(leg)
    return [(row, grouped[row.id]) for row in rows]


async def overdue(
    desk: Desk, recipients: Sequence[str], *, after: tuple[datetime, str] | None, limit: int
) -> Sequence[Any]:
    """Return what these agencies have not completed although it was due, longest overdue first.

    Args:
        after: (overdue_at, delivery) of the last row of the page before.
    """
    async with desk.database.read() as tx:
        return await deadlines.overdue_of(tx, recipients, after=after, limit=limit)


async def refusals(
    desk: Desk, agencies: Sequence[str], *, client: Client, before: int | None, limit: int
) -> Sequence[Any]:
    """Return the events of refused messages of these agencies, newest first.

    With them go those of messages by this client that did not come as far as their sender.
    """
    async with desk.database.read() as tx:
        return await refusal_rows.refused(tx, agencies, client=client.client_id, before=before, limit=limit)


async def _kept(desk: Desk, row: Any, document: str) -> None:
    """Insist that the body of a document or report is still there.

    Raises:
        ContentPurged: it is not.
    """
    if row.purged_at is not None:
        async with desk.database.read() as tx:
            raise await retention.gone(tx, document, sha256=row.sha256, purged_at=row.purged_at)


def is_overdue(delivery: Any) -> bool:
    """Whether a delivery was due and is not completed."""
    state = DeliveryState(Progress(delivery.progress))
    done = state.ended or state.progress is Progress.COMPLETED
    return delivery.overdue_at is not None and delivery.superseded_by is None and not done


async def _links(
    tx: Transaction, document: str, *, client: Client, scopes: frozenset[Scope], at: datetime
) -> list[LinkedDocument]:
    rows = await documents.links_of(tx, document)
    others = {row.concerned if row.document == document else row.document for row in rows} - {None}
    # Anybody can name any document; that must not tell whether it exists, or who wrote about it.
    known = others if Scope.AUDIT in scopes else await _seen_among(tx, others, client, scopes, at)
    links = []
    for row in rows:
        if row.document == document:
            shown = row.concerned if row.concerned in known else None
            links.append(
                LinkedDocument(row.relation, outgoing=True, document_id=row.concerned_document_id, document=shown)
            )
        elif row.document in known:
            links.append(LinkedDocument(row.relation, outgoing=False, document_id=None, document=row.document))
    return links


async def _seen_among(
    tx: Transaction, others: Collection[str], client: Client, scopes: frozenset[Scope], at: datetime
) -> set[str]:
    """Return which of these documents the client is a party of."""
    parties = [(row.id, row.sender) for row in await documents.senders_of(tx, others)]
    parties += [(leg.document, leg.recipient) for leg in await deliveries.of_documents(tx, others)]
    acts_for = await _acts_for(tx, {agency for _, agency in parties}, client, scopes, at)
    return {document for document, agency in parties if agency in acts_for}


async def _acts_for(
    tx: Transaction, codes: Collection[str], client: Client, scopes: frozenset[Scope], at: datetime
) -> set[str]:
    """Return for which of these agencies the client exchanges, as itself or as the successor of closed ones."""
    if Scope.EXCHANGE not in scopes:
        return set()
    agencies = await directory.resolve(tx, codes, on=_day(at))
    return set(await succession.within_reach(tx, agencies, client=client, on=_day(at)))


def _day(at: datetime) -> Any:
    return at.astimezone(ZONE).date()
