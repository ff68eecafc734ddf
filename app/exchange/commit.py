"""Writing decided documents: any number of them in one transaction (ours, decision 0028).

What several processes may want at the same time is taken in one order by all of them: documents by sender and
DocumentId, then keys, then what the documents act on. So two batches never wait for each other.
"""

from collections.abc import Sequence

from app.exchange.concerned import act, hold
from app.exchange.decide import Decision
from app.exchange.inspection import awaited
from app.ledger.events import record
from app.registry.once import Once, remember_all
from app.store import deliveries, documents, inspections, verification_reports
from app.store.database import Transaction


async def put(tx: Transaction, decisions: Sequence[Decision]) -> list[bool]:
    """Write decided documents; returns of each whether it went in.

    A document whose DocumentId or Idempotency-Key was taken meanwhile is left out, with its deliveries and events, and
    harms no neighbour.
    """
    inserted = await _inserted(tx, decisions)
    # In the order they were decided in, which is that of their events' ids.
    kept = sorted(
        (decision for decision in decisions if decision.document["id"] in inserted),
        key=lambda decision: str(decision.document["id"]),
    )
    acting = [decision for decision in kept if decision.orders]
    rows = [row for decision in kept if not decision.orders for row in (*decision.deliveries, *decision.notices)]
    events = [event for decision in kept for event in decision.events]
    if len(acting) > 1:
        await hold(tx, {order.original.id for decision in acting for order in decision.orders})
    for number, decision in enumerate(acting, start=1):
        # What it does to others is as durable as itself: all of it, or none.
        done = await act(tx, decision.orders, cause=decision.cause)
        rows += [*decision.deliveries, *decision.notices, *done.rows]
        events += done.events
        if number < len(acting):
            # The next may be about the same documents, and has to see what this one laid there.
            await deliveries.insert(tx, rows)
            rows = []
    await deliveries.insert(tx, rows)
    await documents.insert_links(tx, [row for decision in kept for row in decision.links])
    await inspections.insert(tx, [row for decision in kept for row in awaited(decision.document)])
    await verification_reports.add(tx, [decision.report for decision in kept])
    await record(tx, events)
    return [decision.document["id"] in inserted for decision in decisions]


async def _inserted(tx: Transaction, decisions: Sequence[Decision]) -> set[str]:
    inserted: set[str] = set()
    pending = sorted(decisions, key=lambda decision: (decision.document["sender"], decision.document["document_id"]))
    while pending:
        fresh = await documents.insert(tx, [decision.document for decision in pending])
        late = await _late(tx, [decision for decision in pending if decision.document["id"] in fresh])
        inserted |= fresh - late
        if not late:
            break
        await documents.take_back(tx, late)
        # Who was left out because of a DocumentId that is free again may have it.
        pending = [decision for decision in pending if decision.document["id"] not in fresh]
    return inserted


async def _late(tx: Transaction, decisions: Sequence[Decision]) -> set[str]:
    """Remember the keys of documents; returns the ids of those whose key was taken meanwhile."""
    asked: dict[tuple[str, str], tuple[Once, dict[str, str]]] = {}
    keyed: dict[str, tuple[str, str]] = {}
    late: set[str] = set()
    for decision in decisions:
        if decision.once is None:
            continue
        document, name = str(decision.document["id"]), (decision.once.client_id, decision.once.key)
        if name in asked:
            late.add(document)
            continue
        asked[name] = (decision.once, {"document": document})
        keyed[document] = name
    remembered = await remember_all(tx, list(asked.values()))
    return late | {document for document, name in keyed.items() if name not in remembered}
