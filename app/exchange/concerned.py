"""Reading what a document is about: the documents it links to and their deliveries; and acting on them under lock.

What is read before the transaction tells the sender what to expect; what is read in it, under lock, decides.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from app.edxml.links import Link, links_in
from app.edxml.model import DocumentMessage
from app.exchange.desk import Desk
from app.exchange.effects import Cause, Consequences, Held, Order, consequences
from app.exchange.lay import Original
from app.exchange.links import resolved
from app.exchange.subject import state_of
from app.registry import directory, succession
from app.registry.model import Agency
from app.regulations.calendar import day_of
from app.store import deliveries, documents
from app.store.database import Transaction


@dataclass(frozen=True, slots=True)
class Concerned:
    """What a document is about.

    Attributes:
        links: what it says about others, each with the id of the other one where it is here and may be meant.
        originals: the documents it acts on, by id.
        held: their deliveries, by document.
    """

    links: tuple[tuple[Link, str | None], ...] = ()
    originals: Mapping[str, Original] = field(default_factory=dict)
    held: Mapping[str, Sequence[Held]] = field(default_factory=dict)


async def concerned(
    desk: Desk, message: DocumentMessage, sender: Agency, agencies: Mapping[str, Agency], *, at: datetime
) -> Concerned:
    """Read what a message is about; no query for a message that is about nothing.

    Who took over from a closed agency may act on what that one sent.

    Args:
        agencies: by every code the message names.

    Raises:
        Unavailable: the database does not answer.
    """
    said = links_in(message)
    if not said:
        return Concerned()
    owners = {code: agency.organ_id.text for code, agency in agencies.items()}
    async with desk.database.read() as tx:
        acts = any(link.acts for link in said)
        senders = await succession.represented(tx, sender) if acts else (sender.organ_id.text,)
        links = await resolved(tx, said, senders=senders, owners=owners)
        ids = {document for link, document in links if link.acts and document is not None}
        if not ids:
            return Concerned(links)
        originals, held = await _read(tx, ids, on=day_of(at))
    return Concerned(links, originals, held)


async def act(tx: Transaction, orders: Sequence[Order], *, cause: Cause) -> Consequences:
    """Carry out what a document orders, on the deliveries as they are now; its new rows and events are still to write.

    Two documents that act on the same one wait for each other here, and so does whoever moves one of its deliveries.
    """
    _, held = await _read(tx, {order.original.id for order in orders}, on=day_of(cause.at), lock=True)
    done = Consequences()
    for order in orders:
        each = consequences(order, held.get(order.original.id, ()), cause=cause)
        done.changes.extend(each.changes)
        done.rows.extend(each.rows)
        done.events.extend(each.events)
    await deliveries.change(tx, done.changes)
    return done


async def hold(tx: Transaction, ids: Collection[str]) -> None:
    """Lock documents and their deliveries, for several acts that follow in the transaction.

    All at once and in the order of their ids: one after the other, two transactions could wait for each other.
    """
    await documents.originals(tx, ids, lock=True)
    await deliveries.of_documents(tx, ids, lock=True)


async def _read(
    tx: Transaction, ids: Collection[str], *, on: date, lock: bool = False
) -> tuple[dict[str, Original], dict[str, list[Held]]]:
    rows = await documents.originals(tx, ids, lock=lock)
    legs = await deliveries.of_documents(tx, ids, lock=lock)
    agencies = await directory.resolve(tx, {row.sender for row in rows} | {leg.recipient for leg in legs})
    answering = await succession.acting(tx, list(agencies.values()), on=on)
    originals = {
        row.id: Original(
            row.id,
            row.document_id,
            agencies[row.sender],
            row.sender_tier,
            row.document_type,
            row.priority,
            row.due_date,
        )
        for row in rows
    }
    held: dict[str, list[Held]] = {document: [] for document in originals}
    for leg in legs:
        held[leg.document].append(
            Held(
                leg.id,
                leg.document,
                agencies[leg.recipient],
                answering[leg.recipient].organ_id.text,
                leg.addressed_to,
                state_of(leg),
            )
        )
    return originals, held
