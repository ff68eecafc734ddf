"""Telling from the events what documents, deliveries and reports must look like, and comparing it with their rows.

Steps (3), (4), (5) and (8) of the check, document by document: each part of the database is read as a whole, rows and
events alike, so what has no event is found as well as what only has one. Nothing here asks the rooms that wrote the
rows: where a delivery stands is derived from its events a second time, so that a fault of theirs does not hide itself.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.errors import NotAuthenticated
from app.ledger import inspected, verified
from app.ledger.divergence import CheckReport, Likely
from app.ledger.events import EventKind
from app.store import census
from app.store.census import Part
from app.store.database import Transaction

CHUNK = 1_000
"""Rows compared at once."""

EVENTS_AT_ONCE = 5_000
"""Events of documents compared at once."""
_DOCUMENTS_AT_ONCE = 500

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
    overdue_at: str | None = None

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
            case EventKind.DELIVERY_OVERDUE.value:
                self.overdue_at = event.whole.get("at")
            case _:
                pass

    def _go_on(self, reported: str) -> None:
        if reported in _ORDER and self.progress in _ORDER and _ORDER.index(reported) > _ORDER.index(self.progress):
            self.progress = reported


DOCUMENTS, DELIVERIES, REPORTS, RECEIPTS = "(3) documents", "(4) deliveries", "(5) reports", "(8) receipts"


@dataclass(frozen=True, slots=True)
class _Told:
    """What the events of a part say, sorted by what they say it of."""

    accepted: dict[str, list[Said]] = field(default_factory=lambda: defaultdict(list))
    judged: dict[str, list[Said]] = field(default_factory=lambda: defaultdict(list))
    inspected: dict[str, list[Said]] = field(default_factory=lambda: defaultdict(list))
    reported: dict[str, list[Said]] = field(default_factory=lambda: defaultdict(list))
    rejudged: dict[str, list[Said]] = field(default_factory=lambda: defaultdict(list))
    priorities: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    trails: dict[str, list[tuple[Any, Said]]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, events: Sequence[Any]) -> "_Told":
        """Read the bodies, each once."""
        told = cls()
        for event in events:
            said = said_by(event)
            document, delivery = str(said.whole.get("document")), said.whole.get("delivery")
            match event.kind:
                case EventKind.DOCUMENT_ACCEPTED.value:
                    told.accepted[document].append(said)
                case EventKind.DOCUMENT_JUDGED.value:
                    told.judged[document].append(said)
                case EventKind.DOCUMENT_INSPECTED.value:
                    told.inspected[document].append(said)
                case EventKind.STATUS_ACCEPTED.value:
                    told.reported[str(said.detail.get("report"))].append(said)
                case EventKind.STATUS_JUDGED.value:
                    told.rejudged[str(said.detail.get("report"))].append(said)
                case EventKind.DELIVERY_AVAILABLE.value:
                    told.priorities[document].add(str(said.detail.get("priority")))
                case _:
                    pass
            if delivery is not None:
                told.trails[str(delivery)].append((event, said))
        return told


@dataclass(frozen=True, slots=True)
class Retelling:
    """One check of the rows, in one transaction."""

    tx: Transaction
    report: CheckReport
    progress: Progress
    open_receipt: OpenReceipt | None

    async def all(
        self, *, after: str | None = None, passed: Callable[[str | None], None] = lambda _until: None
    ) -> None:
        """Compare everything about documents behind an id.

        Args:
            passed: told after each part up to where it went; None at the end.
        """
        total = await census.count_documents(self.tx)
        while True:
            until = await census.end_of_part(self.tx, after, events_at_once=EVENTS_AT_ONCE)
            self._part(await census.part(self.tx, after=after, until=until))
            self.progress("documents", self.report.documents, total)
            passed(until)
            if until is None:
                return
            after = until

    async def of(self, documents: Collection[str]) -> None:
        """Compare everything about some documents."""
        wanted = sorted(documents)
        for first in range(0, len(wanted), _DOCUMENTS_AT_ONCE):
            self._part(await census.part_of(self.tx, wanted[first : first + _DOCUMENTS_AT_ONCE]))
            self.progress("documents", self.report.documents, len(wanted))

    def _part(self, part: Part) -> None:
        told = _Told.of(part.events)
        self._documents(part, told)
        self._deliveries(part, told)
        self._reports(part, told)

    def _documents(self, part: Part, told: _Told) -> None:
        report = self.report
        links: dict[str, list[dict[str, str]]] = defaultdict(list)
        for link in part.links:
            told_here = links[link.document]
            if link.ordinal != len(told_here):
                message = f"ordinal of a link is {link.ordinal}, it is number {len(told_here)} of its document"
                report.add(DOCUMENTS, link.document, message)
            told_here.append({"relation": link.relation, "document_id": link.concerned_document_id})
        # Neither reports nor recipients that were added later.
        sent = Counter(row.document for row in part.deliveries if row.kind == "document" and row.added_by is None)
        for row in part.documents:
            event = self._told_once(DOCUMENTS, row.id, told.accepted.get(row.id, []))
            if event is None:
                continue
            kept = {
                **{name: getattr(row, name) for name in ("sha256", "size", "kind", "document_id", "document_type")},
                "sender": row.sender,
                "client_id": row.client_id,
                "accepted_at": row.accepted_at,
                "with_paper": row.with_paper,
                "on_time": row.on_time,
                "signature": row.signature,
                "indication": row.indication,
                "certificate": _member(row.verification, "certificate"),
                "recipients": sent[row.id],
                "links": links[row.id],
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
                "indication": _indication(event, told.judged.get(row.id, [])),
            }
            if row.sender_tier is not None:
                kept["sender_tier"], said["sender_tier"] = row.sender_tier, event.whole.get("tier")
            if row.certificate is not None:
                kept["named certificate"], said["named certificate"] = row.certificate, event.detail.get("certificate")
            laid = told.priorities.get(row.id)
            if laid is not None and str(row.priority) not in laid:
                kept["priority"], said["priority"] = str(row.priority), min(laid)
            report.compare(DOCUMENTS, row.id, kept=kept, said=said)
            self._receipt(row, said | {"document": row.id})
        self._missing(DOCUMENTS, "document", told.accepted, {row.id for row in part.documents})
        inspected.compare(
            report, part.inspections, {of: [each.detail for each in all_] for of, all_ in told.inspected.items()}
        )
        verified.compare(report, part.verification_reports, told.accepted, told.judged)
        report.documents += len(part.documents)

    def _deliveries(self, part: Part, told: _Told) -> None:
        for row in part.deliveries:
            self._delivery(row, told.trails.get(row.id, []))
        rows = {row.id for row in part.deliveries}
        for delivery, trail in told.trails.items():
            if delivery not in rows and any(event.kind in _MADE_AVAILABLE for event, _ in trail):
                place = f"{delivery}"
                message = f"event {trail[0][0].position} says that it was made available; there is no such delivery"
                self.report.add(DELIVERIES, place, message, Likely.DELETED)
        self.report.deliveries += len(part.deliveries)

    def _delivery(self, row: Any, trail: Sequence[tuple[Any, Said]]) -> None:
        kind = _MAKES_AVAILABLE.get(row.kind)
        made = [(event, said) for event, said in trail if event.kind in _MADE_AVAILABLE]
        if len(made) != 1 or made[0][0].position != row.position or made[0][0].kind != kind:
            there = [(event.kind, event.position) for event, _ in made]
            message = f"index is {row.position}, events that made it available: {there}"
            self.report.add(DELIVERIES, row.id, message, Likely.CHANGED if made else Likely.INSERTED)
            return
        first = made[0][1]
        kept: dict[str, object] = {
            "recipient": row.recipient,
            "document": row.document,
            "status_report": row.status_report,
            "notice": row.notice,
            "concerns": row.concerns,
            "available_at": row.available_at,
        }
        said = {
            "recipient": first.whole.get("agency"),
            "document": first.whole.get("document"),
            # A notice may name a report it is about; it does not carry it.
            "status_report": first.detail.get("report") if row.kind == "status" else None,
            "notice": first.detail.get("notice"),
            "concerns": first.detail.get("concerns"),
            "available_at": first.whole.get("at"),
        }
        if row.kind == "document":
            kept |= {"addressed_to": row.addressed_to, "priority": row.priority}
            kept["added_by"] = row.added_by
            said |= {name: first.detail.get(name) for name in ("addressed_to", "priority", "added_by")}
        if all(event.position is not None for event, _ in trail):
            # While an event of it waits for its index, its place among the others is not known.
            standing = _Standing()
            for _, each in trail:
                standing.follow(each)
            kept |= {"progress": row.progress, "change": row.change}
            kept |= {"change_by": row.change_by, "superseded_by": row.superseded_by}
            kept |= {"in_inbox": row.in_inbox, "acknowledged_at": row.acknowledged_at}
            said |= {"progress": standing.progress, "change": standing.change}
            said |= {"change_by": standing.change_by, "superseded_by": standing.superseded_by}
            said |= {"in_inbox": standing.in_inbox, "acknowledged_at": standing.acknowledged_at}
            kept["overdue_at"], said["overdue_at"] = row.overdue_at, standing.overdue_at
        self.report.compare(DELIVERIES, row.id, kept=kept, said=said)

    def _reports(self, part: Part, told: _Told) -> None:
        for row in part.reports:
            event = self._told_once(REPORTS, row.id, told.reported.get(row.id, []))
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
                "accepted_at": row.accepted_at,
                "certificate": _member(row.verification, "certificate"),
                "indication": row.indication,
            }
            newest = told.rejudged.get(row.id, [event])[-1]
            said = {
                # Events from before some were left open do not say it.
                "indication": newest.detail.get("indication", "TOTAL-PASSED"),
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
            self.report.compare(REPORTS, row.id, kept=kept, said=said)
            self._receipt(row, said | {"report": row.id, "recipient": event.detail.get("recipient")})
        self._missing(REPORTS, "status report", told.reported, {row.id for row in part.reports})
        self.report.reports += len(part.reports)

    def _receipt(self, row: Any, said: Mapping[str, object]) -> None:
        """Take step (8) for one row: what claims and event both speak of, they must say alike."""
        if self.open_receipt is None:
            return
        self.report.receipts += 1
        try:
            claims = self.open_receipt(row.receipt)
        except NotAuthenticated as error:
            self.report.add(RECEIPTS, row.id, error.detail)
            return
        if claims.get("jti") != row.id:
            self.report.add(RECEIPTS, row.id, f"it is the receipt of {claims.get('jti')!r}")
        kept = {name: claims[name] for name in said if name in claims}
        self.report.compare(RECEIPTS, row.id, kept=kept, said=dict(said))

    def _told_once(self, step: str, place: str, events: Sequence[Said]) -> Said | None:
        if len(events) == 1:
            return events[0]
        likely = Likely.CHANGED if events else Likely.INSERTED
        self.report.add(step, place, f"{len(events)} events say that it was accepted", likely)
        return None

    def _missing(self, step: str, what: str, told: Mapping[str, list[Said]], rows: Collection[str]) -> None:
        for place in told.keys() - rows:
            message = (
                f"its event of {told[place][0].whole.get('at')} says that it was accepted; there is no such {what}"
            )
            self.report.add(step, place, message, Likely.DELETED)


def _indication(accepted: Said, judged: Sequence[Said]) -> object:
    """Return what a document was last said to be; events from before some were left open do not say it."""
    newest = max(judged, key=_revision, default=accepted)
    return newest.detail.get("indication", "TOTAL-PASSED")


def _revision(judged: Said) -> int:
    revision = judged.detail.get("revision")
    return revision if isinstance(revision, int) else -1


def _member(text: object, name: str) -> object:
    """Return a member of a column of JSON; None where it is none, or no object."""
    try:
        value = json.loads(text) if isinstance(text, str | bytes) else None
    except (ValueError, RecursionError):
        return None
    return value.get(name) if isinstance(value, dict) else None
