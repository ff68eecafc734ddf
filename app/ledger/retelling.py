"""Telling from the events what documents, deliveries and reports must look like, and comparing it with their rows.

Steps (3), (4), (5) and (8) of the check, document by document: each part of the database is read as a whole, rows and
events alike, so what has no event is found as well as what only has one. Nothing here asks the rooms that wrote the
rows: where a delivery stands is derived from its events a second time, so that a fault of theirs does not hide itself.
"""

import asyncio
import json
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from app.errors import NotAuthenticated
from app.ledger import inspected, verified
from app.ledger.check_parts import EVENTS_OF_DOCUMENTS_AT_ONCE, DocumentsAsked, Lookers, SoundDocuments
from app.ledger.delivery_standing import DeliveryStanding
from app.ledger.divergence import CheckReport, Likely
from app.ledger.events import EventKind
from app.ledger.said import Said, read_body
from app.store import census
from app.store.census import Part
from app.store.database import Transaction

_DOCUMENTS_AT_ONCE = 500

Progress = Callable[[str, int, int], None]
"""Told of (step, done, total)."""


def _tell_nobody(_step: str, _done: int, _total: int) -> None:
    """Take what progress is told."""


OpenReceipt = Callable[[str], Mapping[str, object]]
"""Gives the claims of a receipt this node signed; raises NotAuthenticated for any other."""

_MAKES_AVAILABLE = {
    "document": EventKind.DELIVERY_AVAILABLE.value,
    "status": EventKind.STATUS_AVAILABLE.value,
    "notice": EventKind.NOTICE_AVAILABLE.value,
}
_MADE_AVAILABLE = frozenset(_MAKES_AVAILABLE.values())
# Members of an enum are looked up anew each time they are named, and each event is compared with several.
_ACCEPTED: Final = EventKind.DOCUMENT_ACCEPTED.value
_JUDGED: Final = EventKind.DOCUMENT_JUDGED.value
_INSPECTED: Final = EventKind.DOCUMENT_INSPECTED.value
_REPORTED: Final = EventKind.STATUS_ACCEPTED.value
_REJUDGED: Final = EventKind.STATUS_JUDGED.value
_AVAILABLE: Final = EventKind.DELIVERY_AVAILABLE.value


class _Step(NamedTuple):
    """One event of a delivery."""

    position: int | None
    kind: str
    said: Said


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
    trails: dict[str, list[_Step]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, events: Sequence[Any]) -> "_Told":
        """Read the bodies, each once."""
        told = cls()
        of_document = {_ACCEPTED: told.accepted, _JUDGED: told.judged, _INSPECTED: told.inspected}
        of_report = {_REPORTED: told.reported, _REJUDGED: told.rejudged}
        trails, priorities = told.trails, told.priorities
        for position, kind, body in events:
            said = read_body(body)
            whole, detail = said
            if kind == _AVAILABLE:
                priorities[str(whole.get("document"))].add(str(detail.get("priority")))
            elif kind in of_document:
                of_document[kind][str(whole.get("document"))].append(said)
            elif kind in of_report:
                of_report[kind][str(detail.get("report"))].append(said)
            delivery = whole.get("delivery")
            if delivery is not None:
                trails[str(delivery)].append(_Step(position, kind, said))
        return told


@dataclass(frozen=True, slots=True)
class Retelling:
    """One check of the rows, in one transaction."""

    tx: Transaction
    report: CheckReport
    open_receipt: OpenReceipt | None
    progress: Progress = _tell_nobody
    at_once: int = EVENTS_OF_DOCUMENTS_AT_ONCE
    lookers: Lookers | None = None

    async def all(
        self, *, after: str | None = None, passed: Callable[[str | None], None] = lambda _until: None
    ) -> None:
        """Compare everything about documents behind an id.

        Args:
            passed: told after each part up to where it went; None at the end.
        """
        total = await census.count_documents(self.tx)
        async for asked, told in self._told(after):
            sound = await told if told is not None else None
            if sound is None:
                self.part(await census.part(self.tx, after=asked.after, until=asked.until))
            else:
                self._take(sound)
            self.progress("documents", self.report.documents, total)
            passed(asked.until)

    async def _told(
        self, after: str | None
    ) -> "AsyncIterator[tuple[DocumentsAsked, asyncio.Task[SoundDocuments | None] | None]]":
        """Yield the parts in their order, each with what another one is about to tell of it; some are asked ahead."""
        asked: deque[tuple[DocumentsAsked, asyncio.Task[SoundDocuments | None] | None]] = deque()
        ahead, more = self.lookers.ahead if self.lookers is not None else 1, True
        while more or asked:
            while more and len(asked) < ahead:
                until = await census.end_of_part(self.tx, after, events_at_once=self.at_once)
                part = DocumentsAsked(after, until)
                looking = asyncio.create_task(_looking(self.lookers, part)) if self.lookers is not None else None
                asked.append((part, looking))
                after, more = until, until is not None
            yield asked.popleft()

    def _take(self, sound: SoundDocuments) -> None:
        self.report.documents += sound.documents
        self.report.deliveries += sound.deliveries
        self.report.reports += sound.reports
        self.report.receipts += sound.receipts

    async def of(self, documents: Collection[str]) -> None:
        """Compare everything about some documents."""
        wanted = sorted(documents)
        for first in range(0, len(wanted), _DOCUMENTS_AT_ONCE):
            self.part(await census.part_of(self.tx, wanted[first : first + _DOCUMENTS_AT_ONCE]))
            self.progress("documents", self.report.documents, len(wanted))

    def part(self, part: Part) -> None:
        """Compare everything about the documents of a part."""
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
            event = self._told_once(DOCUMENTS, row.id, told.accepted.get(row.id, ()))
            if event is None:
                continue
            whole, detail = event
            certificate = detail.get("certificate")
            kept: dict[str, object] = {
                "sha256": row.sha256,
                "size": row.size,
                "kind": row.kind,
                "document_id": row.document_id,
                "document_type": row.document_type,
                "sender": row.sender,
                "client_id": row.client_id,
                "accepted_at": row.accepted_at,
                "with_paper": row.with_paper,
                "on_time": row.on_time,
                "signature": row.signature,
                "indication": row.indication,
                "certificate": _member(row.verification, "certificate"),
                "recipients": sent[row.id],
                "links": links.get(row.id, []),
            }
            said = {
                "sha256": detail.get("sha256"),
                "size": detail.get("size"),
                "kind": detail.get("kind"),
                "document_id": detail.get("document_id"),
                "document_type": whole.get("document_type"),
                "sender": whole.get("agency"),
                "client_id": whole.get("actor"),
                "accepted_at": whole.get("at"),
                "with_paper": detail.get("paper"),
                "on_time": detail.get("on_time"),
                # Events from before other signatures were let in do not say it.
                "signature": detail.get("signature", "valid"),
                "indication": _indication(event, told.judged.get(row.id, ())),
                "certificate": certificate,
                "recipients": detail.get("recipients"),
                "links": detail.get("links"),
            }
            if row.sender_tier is not None:
                kept["sender_tier"], said["sender_tier"] = row.sender_tier, whole.get("tier")
            if row.certificate is not None:
                kept["named certificate"], said["named certificate"] = row.certificate, certificate
            laid = told.priorities.get(row.id)
            if laid is not None and str(row.priority) not in laid:
                kept["priority"], said["priority"] = str(row.priority), min(laid)
            report.compare(DOCUMENTS, row.id, kept=kept, said=said)
            self._receipt(row, said, {"document": row.id})
        self._missing(DOCUMENTS, "document", told.accepted, {row.id for row in part.documents})
        inspected.compare(
            report, part.inspections, {of: [each.detail for each in all_] for of, all_ in told.inspected.items()}
        )
        verified.compare(report, part.verification_reports, told.accepted, told.judged)
        report.documents += len(part.documents)

    def _deliveries(self, part: Part, told: _Told) -> None:
        for row in part.deliveries:
            self._delivery(row, told.trails.get(row.id, ()))
        rows = {row.id for row in part.deliveries}
        for delivery, trail in told.trails.items():
            if delivery not in rows and any(step.kind in _MADE_AVAILABLE for step in trail):
                place = f"{delivery}"
                message = f"event {trail[0].position} says that it was made available; there is no such delivery"
                self.report.add(DELIVERIES, place, message, Likely.DELETED)
        self.report.deliveries += len(part.deliveries)

    def _delivery(self, row: Any, trail: Sequence[_Step]) -> None:
        form = row.kind
        made = [step for step in trail if step.kind in _MADE_AVAILABLE]
        if len(made) != 1 or made[0].position != row.position or made[0].kind != _MAKES_AVAILABLE.get(form):
            there = [(step.kind, step.position) for step in made]
            message = f"index is {row.position}, events that made it available: {there}"
            self.report.add(DELIVERIES, row.id, message, Likely.CHANGED if made else Likely.INSERTED)
            return
        whole, detail = made[0].said
        kept: dict[str, object] = {
            "recipient": row.recipient,
            "document": row.document,
            "status_report": row.status_report,
            "notice": row.notice,
            "concerns": row.concerns,
            "available_at": row.available_at,
        }
        said = {
            "recipient": whole.get("agency"),
            "document": whole.get("document"),
            # A notice may name a report it is about; it does not carry it.
            "status_report": detail.get("report") if form == "status" else None,
            "notice": detail.get("notice"),
            "concerns": detail.get("concerns"),
            "available_at": whole.get("at"),
        }
        if form == "document":
            kept["addressed_to"], said["addressed_to"] = row.addressed_to, detail.get("addressed_to")
            kept["priority"], said["priority"] = row.priority, detail.get("priority")
            kept["added_by"], said["added_by"] = row.added_by, detail.get("added_by")
        if None not in [step.position for step in trail]:
            # While an event of it waits for its index, its place among the others is not known.
            standing = DeliveryStanding()
            for step in trail:
                standing.follow(step.said)
            kept["progress"], said["progress"] = row.progress, standing.progress
            kept["change"], said["change"] = row.change, standing.change
            kept["change_by"], said["change_by"] = row.change_by, standing.change_by
            kept["superseded_by"], said["superseded_by"] = row.superseded_by, standing.superseded_by
            kept["in_inbox"], said["in_inbox"] = row.in_inbox, standing.in_inbox
            kept["acknowledged_at"], said["acknowledged_at"] = row.acknowledged_at, standing.acknowledged_at
            kept["overdue_at"], said["overdue_at"] = row.overdue_at, standing.overdue_at
        self.report.compare(DELIVERIES, row.id, kept=kept, said=said)

    def _reports(self, part: Part, told: _Told) -> None:
        for row in part.reports:
            event = self._told_once(REPORTS, row.id, told.reported.get(row.id, ()))
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
            self._receipt(row, said, {"report": row.id, "recipient": event.detail.get("recipient")})
        self._missing(REPORTS, "status report", told.reported, {row.id for row in part.reports})
        self.report.reports += len(part.reports)

    def _receipt(self, row: Any, said: dict[str, Any], further: dict[str, Any]) -> None:
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
        said = said | further
        kept = {name: claims[name] for name in said if name in claims}
        self.report.compare(RECEIPTS, row.id, kept=kept, said=said)

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


async def _looking(lookers: Lookers, asked: DocumentsAsked) -> SoundDocuments | None:
    return await lookers.documents(asked)
