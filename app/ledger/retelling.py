"""Telling from the events what documents, deliveries and reports must look like, and comparing it with their rows.

Steps (3), (4), (5) and (8) of the check. Nothing here asks the rooms that wrote the rows: where a delivery stands is
derived from its events a second time, so that a fault of theirs does not hide itself.
"""

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.errors import NotAuthenticated
from app.ledger import inspected, verified
from app.ledger.divergence import CheckReport
from app.ledger.events import EventKind, instant_text
from app.store import census, inspections, verification_reports
from app.store.database import Transaction

CHUNK = 1_000
"""Rows compared at once."""

Progress = Callable[[str, int, int], None]
"""Told of (step, done, total)."""

OpenReceipt = Callable[[str], Mapping[str, object]]
"""Gives the claims of a receipt this node signed; raises NotAuthenticated for any other."""

FORWARD = {"01": "arrived", "03": "received", "04": "assigned", "05": "in_progress", "06": "completed"}
"""How far each status code says a delivery came (QĐ 28/2018/QĐ-TTg Đ10.2.h)."""

_ORDER = ("available", "delivered", *FORWARD.values())
_ENDS = ("refused", "withdrawn", "expired")
_MAKES_AVAILABLE = {
    "document": EventKind.DELIVERY_AVAILABLE.value,
    "status": EventKind.STATUS_AVAILABLE.value,
    "notice": EventKind.NOTICE_AVAILABLE.value,
}
_MADE_AVAILABLE = tuple(_MAKES_AVAILABLE.values())


@dataclass(frozen=True, slots=True)
class Said:
    """What the body of an event says; empty where it cannot be read, which step (2) reports."""

    whole: dict[str, Any]
    detail: dict[str, Any]


def said_by(row: Any) -> Said:
    """Read the body of an event, whatever became of it."""
    try:
        whole = json.loads(row.body)
    except (ValueError, RecursionError):
        whole = {}
    if not isinstance(whole, dict):
        whole = {}
    detail = whole.get("detail")
    return Said(whole, detail if isinstance(detail, dict) else {})


@dataclass(slots=True)
class _Standing:
    """Where the events seen so far leave a delivery."""

    progress: str = ""
    change: str | None = None
    change_by: str | None = None
    superseded_by: str | None = None
    in_inbox: bool = True
    acknowledged_at: str | None = None

    def follow(self, event: Said) -> None:
        """Take one more event."""
        detail = event.detail
        shown = detail.get("state", "")
        if shown in _ORDER or shown in _ENDS:
            self.progress, self.change = shown, None
        elif shown:
            # A change the sender asked for covers how far the delivery came, which goes on below it.
            self.change = shown
            self._go_on(FORWARD.get(detail.get("status", ""), ""))
        self.in_inbox = self.in_inbox and detail.get("in_inbox", True)
        if detail.get("acknowledged", False):
            self._go_on("delivered")
            self.acknowledged_at = event.whole.get("at")
        match event.whole.get("kind"):
            case EventKind.STATUS_ACCEPTED.value if detail.get("change") == "requested":
                self.change_by = detail.get("report")
            case EventKind.DELIVERY_CHANGE_REQUESTED.value | EventKind.DELIVERY_WITHDRAWN.value:
                self.change_by = detail.get("by")
            case EventKind.DELIVERY_SUPERSEDED.value:
                self.superseded_by = detail.get("by")
            case _:
                pass

    def _go_on(self, reported: str) -> None:
        if reported in _ORDER and self.progress in _ORDER and _ORDER.index(reported) > _ORDER.index(self.progress):
            self.progress = reported


@dataclass(frozen=True, slots=True)
class Retelling:
    """One check of the rows, in one transaction."""

    tx: Transaction
    report: CheckReport
    progress: Progress
    open_receipt: OpenReceipt | None

    async def documents(self) -> None:
        """Take step (3)."""
        step, report = "(3) documents", self.report
        total = await census.count_documents(self.tx)
        async for chunk in _chunks(census.documents_after, self.tx):
            ids = [row.id for row in chunk]
            told = _by(await census.events_of_documents(self.tx, ids, EventKind.DOCUMENT_ACCEPTED.value), _document)
            judged = _by(await census.events_of_documents(self.tx, ids, EventKind.DOCUMENT_JUDGED.value), _document)
            links = await census.links_of_documents(self.tx, ids)
            legs = await census.recipients_of_documents(self.tx, ids)
            for row in chunk:
                event = self._told_once(step, row.id, told)
                if event is None:
                    continue
                kept = {
                    **{name: getattr(row, name) for name in ("sha256", "size", "kind", "document_id", "document_type")},
                    "sender": row.sender,
                    "client_id": row.client_id,
                    "accepted_at": instant_text(row.accepted_at),
                    "with_paper": row.with_paper,
                    "on_time": row.on_time,
                    "signature": row.signature,
                    "indication": row.indication,
                    "certificate": row.verification.get("certificate"),
                    "recipients": legs.get(row.id, 0),
                    "links": links.get(row.id, []),
                }
                said = {
                    **{name: event.detail.get(name) for name in kept},
                    "document_type": event.whole.get("document_type"),
                    "sender": event.whole.get("agency"),
                    "client_id": event.whole.get("actor"),
                    "accepted_at": event.whole.get("at"),
                    "with_paper": event.detail.get("paper"),
                    # Events from before other signatures were let in do not say it.
                    "signature": event.detail.get("signature", "valid"),
                    "indication": _indication(event, judged.get(row.id, [])),
                }
                report.compare(step, row.id, kept=kept, said=said)
                self._receipt(row, said | {"document": row.id})
            found = _by(await census.events_of_documents(self.tx, ids, EventKind.DOCUMENT_INSPECTED.value), _document)
            details = {str(document): [event.detail for event in events] for document, events in found.items()}
            inspected.compare(report, await inspections.of_documents(self.tx, ids), details)
            judgements = {
                str(place): [said.detail for said in (*accepted, *judged.get(place, []))]
                for place, accepted in told.items()
            }
            verified.compare(report, await verification_reports.of_documents(self.tx, ids), judgements)
            report.documents += len(chunk)
            self.progress("documents", report.documents, total)
        accepted = await census.count_events(self.tx, EventKind.DOCUMENT_ACCEPTED.value)
        if accepted != report.documents:
            report.add(step, "all", f"{accepted} were accepted by the log, {report.documents} are there")

    async def deliveries(self) -> None:
        """Take step (4)."""
        step, report = "(4) deliveries", self.report
        total = await census.count_deliveries(self.tx)
        async for chunk in _chunks(census.deliveries_after, self.tx):
            trails: dict[str, list[Any]] = defaultdict(list)
            for event in await census.events_of_deliveries(self.tx, [row.id for row in chunk]):
                trails[event.delivery].append(event)
            for row in chunk:
                self._delivery(step, row, trails[row.id])
            report.deliveries += len(chunk)
            self.progress("deliveries", report.deliveries, total)
        made = await census.count_events(self.tx, *_MADE_AVAILABLE)
        if made != report.deliveries:
            report.add(step, "all", f"{made} were made available by the log, {report.deliveries} are there")

    def _delivery(self, step: str, row: Any, trail: Sequence[Any]) -> None:
        kind = _MAKES_AVAILABLE.get(row.kind)
        made = [event for event in trail if event.kind in _MADE_AVAILABLE]
        if len(made) != 1 or made[0].position != row.position or made[0].kind != kind:
            there = [(event.kind, event.position) for event in made]
            self.report.add(step, row.id, f"index is {row.position}, events that made it available: {there}")
            return
        first = said_by(made[0])
        kept: dict[str, object] = {
            "recipient": row.recipient,
            "document": row.document,
            "status_report": row.status_report,
            "notice": row.notice,
            "concerns": row.concerns,
            "available_at": instant_text(row.available_at),
        }
        said = {
            "recipient": first.whole.get("agency"),
            "document": first.whole.get("document"),
            "status_report": first.detail.get("report"),
            "notice": first.detail.get("notice"),
            "concerns": first.detail.get("concerns"),
            "available_at": first.whole.get("at"),
        }
        if row.kind == "document":
            kept |= {"addressed_to": row.addressed_to, "priority": row.priority}
            kept["added_by"] = row.added_by
            said |= {name: first.detail.get(name) for name in ("addressed_to", "priority", "added_by")}
        if all(event.position is not None for event in trail):
            # While an event of it waits for its index, its place among the others is not known.
            standing = _Standing()
            for event in trail:
                standing.follow(said_by(event))
            acknowledged = instant_text(row.acknowledged_at) if row.acknowledged_at else None
            kept |= {"progress": row.progress, "change": row.change}
            kept |= {"change_by": row.change_by, "superseded_by": row.superseded_by}
            kept |= {"in_inbox": row.in_inbox, "acknowledged_at": acknowledged}
            said |= {"progress": standing.progress, "change": standing.change}
            said |= {"change_by": standing.change_by, "superseded_by": standing.superseded_by}
            said |= {"in_inbox": standing.in_inbox, "acknowledged_at": standing.acknowledged_at}
        self.report.compare(step, row.id, kept=kept, said=said)

    async def reports(self) -> None:
        """Take step (5)."""
        step, report = "(5) reports", self.report
        total = await census.count_reports(self.tx)
        async for chunk in _chunks(census.reports_after, self.tx):
            events = await census.events_of_reports(self.tx, sorted({row.document for row in chunk}))
            told = _by(events, _report)
            for row in chunk:
                event = self._told_once(step, row.id, told)
                if event is None:
                    continue
                kept = {
                    "sha256": row.sha256,
                    "status_code": row.status_code,
                    "state": row.state,
                    "reporter": row.reporter,
                    "document": row.document,
                    "delivery": row.delivery,
                    "client_id": row.client_id,
                    "accepted_at": instant_text(row.accepted_at),
                    "certificate": row.verification.get("certificate"),
                }
                said = {
                    "sha256": event.detail.get("sha256"),
                    "status_code": event.detail.get("status"),
                    "state": event.detail.get("state"),
                    "reporter": event.whole.get("agency"),
                    "document": event.whole.get("document"),
                    "delivery": event.whole.get("delivery"),
                    "client_id": event.whole.get("actor"),
                    "accepted_at": event.whole.get("at"),
                    "certificate": event.detail.get("certificate"),
                }
                report.compare(step, row.id, kept=kept, said=said)
                self._receipt(row, said | {"report": row.id, "recipient": event.detail.get("recipient")})
            report.reports += len(chunk)
            self.progress("reports", report.reports, total)
        accepted = await census.count_events(self.tx, EventKind.STATUS_ACCEPTED.value)
        if accepted != report.reports:
            report.add(step, "all", f"{accepted} were accepted by the log, {report.reports} are there")

    def _receipt(self, row: Any, said: Mapping[str, object]) -> None:
        """Take step (8) for one row: what claims and event both speak of, they must say alike."""
        if self.open_receipt is None:
            return
        step = "(8) receipts"
        self.report.receipts += 1
        try:
            claims = self.open_receipt(row.receipt)
        except NotAuthenticated as error:
            self.report.add(step, row.id, error.detail)
            return
        if claims.get("jti") != row.id:
            self.report.add(step, row.id, f"it is the receipt of {claims.get('jti')!r}")
        kept = {name: claims[name] for name in said if name in claims}
        self.report.compare(step, row.id, kept=kept, said=dict(said))

    def _told_once(self, step: str, place: str, told: Mapping[object, list[Said]]) -> Said | None:
        events = told.get(place, [])
        if len(events) == 1:
            return events[0]
        self.report.add(step, place, f"{len(events)} events say that it was accepted")
        return None


def _indication(accepted: Said, judged: Sequence[Said]) -> object:
    """Return what a document was last said to be; events from before some were left open do not say it."""
    newest = max(judged, key=_revision, default=accepted)
    return newest.detail.get("indication", "TOTAL-PASSED")


def _revision(judged: Said) -> int:
    revision = judged.detail.get("revision")
    return revision if isinstance(revision, int) else -1


def _document(event: Any, _said: Said) -> object:
    return event.document


def _report(_event: Any, said: Said) -> object:
    return said.detail.get("report")


def _by(events: Sequence[Any], key: Callable[[Any, Said], object]) -> dict[object, list[Said]]:
    told: dict[object, list[Said]] = defaultdict(list)
    for event in events:
        said = said_by(event)
        told[key(event, said)].append(said)
    return told


async def _chunks(rows_after: Any, tx: Transaction) -> AsyncIterator[Sequence[Any]]:
    after = ""
    while rows := await rows_after(tx, after, CHUNK):
        yield rows
        after = rows[-1].id
