"""What somebody in the country writes down about the year: each thing that happened, once, with its moment.

Kept from what was sent and what was answered with success; the passing of time is reckoned here and not asked of the
node. `comparison` adds it up.
"""

import heapq
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from app.edxml.model import DocumentMessage
from app.simulation.year import calendar
from app.simulation.year.country import heir
from app.simulation.year.names import CODES
from app.simulation.year.script import Planned

NOT_FETCHED_AFTER: Final = timedelta(hours=24)
"""Then its sender is told."""
GONE_AFTER: Final = timedelta(days=90)
"""Then it leaves the inbox."""

_RANKS: Final = {"01": 2, "03": 3, "04": 4, "05": 5, "06": 6}
_TAKEN_OVER: Final = 1
_FIGURE_OF_RANK: Final = {2: "arrived", 3: "accepted", 6: "completed"}
_SPAN_OF_RANK: Final = {2: "to_arrival", 3: "to_acceptance", 6: "to_completion"}


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an agency stands on a day."""

    tier: str
    branch: str


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that counts.

    Attributes:
        agency: own code; empty where the node cannot know it.
        peer_tier: tier of the document's sender, on what happens to a delivery.
        seconds: of a span of time; None for a count.
    """

    at: datetime
    agency: str
    standing: Standing
    document_type: str
    peer_tier: str
    name: str
    seconds: int | None = None

    @property
    def unit(self) -> str:
        """The ministry or province at the top of its code."""
        return self.agency.partition(".")[0]


@dataclass(slots=True)
class Leg:
    """A delivery of a document to one recipient.

    Attributes:
        written: code it was addressed to, in its own form; another one where that agency had ended.
        rank: how far it came: 0 lies there, 1 taken over, then 01 and onwards.
        asked: whether a withdrawal or an update waits for 15 or 16: `withdrawal`, `update` or nothing.
        replaced: whether another document holds instead, a replacement or an update that was agreed to; nobody has to
            complete it then.
        over: why nothing moves it any more; empty while it lives.
    """

    id: str
    document: "Sent"
    recipient: str
    written: str
    since: datetime
    rank: int = 0
    asked: str = ""
    over: str = ""
    in_inbox: bool = True
    replaced: bool = False

    @property
    def waits(self) -> bool:
        """Whether it lies in the inbox and nobody did anything about it."""
        return self.in_inbox and not self.rank and not self.over


@dataclass(slots=True)
class Sent:
    """A document that was accepted.

    Attributes:
        sender_tier: when it was sent.
        legs: by the code that was written, in its own form.
    """

    planned: Planned
    message: DocumentMessage
    id: str
    sha256: str
    sender_tier: str
    at: datetime
    legs: dict[str, Leg] = field(default_factory=dict)

    @property
    def type_code(self) -> str:
        """What the figures call its type."""
        return CODES[self.planned.type_name]


Mail = tuple[str, ...]
"""What lies in an inbox: `("document", delivery)`, `("status", report)` or `("notice", kind, delivery or "")`."""


@dataclass(slots=True)
class Books:
    """Everything that was written down.

    Attributes:
        standings: of every agency, as of today.
        inboxes: what must lie in each agency's inbox, each thing as often as it does.
    """

    standings: dict[str, Standing]
    lines: list[Line] = field(default_factory=list)
    documents: dict[int, Sent] = field(default_factory=dict)
    inboxes: dict[str, Counter[Mail]] = field(default_factory=lambda: defaultdict(Counter))
    statuses: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    """What was refused, by the reason that was meant."""
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _alarms: list[tuple[datetime, int, Leg, Callable[[Leg, datetime], None]]] = field(default_factory=list)

    def lying(self, agency: str, on: date) -> Counter[Mail]:
        """What must lie in the inbox an agency sees: its own, and what waits for those it answers for."""
        seen: Counter[Mail] = Counter()
        for code, mail in self.inboxes.items():
            if heir(code, on) == agency:
                seen += mail
        return seen

    def read(self, agency: str, mail: Mail, on: date) -> None:
        """Write down that something told was taken over."""
        for code, lying in self.inboxes.items():
            if lying[mail] and heir(code, on) == agency:
                lying[mail] -= 1
                return

    def write(
        self, at: datetime, agency: str, name: str, *, of: Sent | None = None, seconds: int | None = None, sends: bool
    ) -> None:
        """Write a line.

        Args:
            of: the document it is about.
            sends: whether it is about the sending of the document and not about one delivery.
        """
        standing = self.standings[agency] if agency else Standing("", "")
        peer_tier = "" if sends or of is None else of.sender_tier
        self.lines.append(Line(at, agency, standing, of.type_code if of else "", peer_tier, name, seconds))

    def sent(self, sent: Sent) -> None:
        """Write down a document that was accepted, with its deliveries."""
        planned = sent.planned
        self.documents[planned.number] = sent
        words = ["sent", "signed", "with_paper" if planned.paper else "electronic_only"]
        words.append("on_time" if calendar.sent_in_time(planned.signed_on, sent.at) else "late")
        if planned.kind.value:
            words.append(("revocations", "updates", "replacements")[planned.kind.value - 1])
        for word in words:
            self.write(sent.at, planned.sender, word, of=sent, sends=True)
        for leg in sent.legs.values():
            self._laid(leg)

    def revoked(self, original: Sent, recipients: Iterable[str]) -> None:
        """Write down that recipients were asked for a document back, by another document."""
        for leg in (original.legs[recipient] for recipient in recipients):
            if not leg.over:
                leg.asked = "withdrawal"

    def updated(self, original: Sent, recipients: Iterable[str], dropped: Iterable[str], added: Iterable[Leg]) -> None:
        """Write down that a document was updated, for whom, and which recipients it lost and got by that."""
        for leg in (original.legs[recipient] for recipient in recipients):
            if not leg.over and leg.asked != "withdrawal":
                leg.asked = "update"
        for leg in (original.legs[recipient] for recipient in dropped):
            if not leg.over:
                leg.asked = "withdrawal"
                self._tell(leg.recipient, "dropped", leg)
        for leg in added:
            original.legs[leg.written] = leg
            self._laid(leg)

    def replaced(self, original: Sent, receiving: Container[str]) -> None:
        """Write down that another document holds instead, which only some of the recipients receive."""
        for leg in original.legs.values():
            if not leg.over:
                leg.replaced = True
                if leg.written not in receiving:
                    self._tell(leg.recipient, "superseded", leg)

    def taken_over(self, leg: Leg, at: datetime) -> None:
        """Write down that a delivery was acknowledged."""
        self._leaves(leg)
        # Whoever takes it over for a closed agency, on record it is that agency's.
        self.write(at, leg.recipient, "acknowledged", of=leg.document, sends=False)
        self._span(leg, "to_fetch", at, agency=leg.recipient)
        leg.rank = max(leg.rank, _TAKEN_OVER)

    def reported(self, leg: Leg, code: str, report: str, at: datetime) -> None:
        """Write down a status report that was accepted."""
        self.statuses[code] += 1
        asked, told = leg.recipient, leg.document.planned.sender
        if code == "13":
            asked, told = told, asked
        reporter = heir(asked, calendar.day_of(at))
        self.inboxes[told]["status", report] += 1
        self.write(at, reporter, "statuses", of=leg.document, sends=False)
        match code:
            case "02":
                if leg.over != "returned":
                    self.write(at, reporter, "returned", of=leg.document, sends=False)
                self._ends(leg, "returned")
            case "13":
                if leg.asked != "withdrawal":
                    self.write(at, reporter, "withdrawal_requests", of=leg.document, sends=False)
                leg.asked = "withdrawal"
            case "15":
                self._agreed(leg, reporter, at)
            case "16":
                if leg.asked:
                    self.write(at, reporter, "changes_refused", of=leg.document, sends=False)
                leg.asked = ""
            case _:
                self._came_to(leg, _RANKS[code], reporter, at)

    def refused(self, agency: str, at: datetime, why: str) -> None:
        """Write down that something was refused, as it had to be."""
        self.answers[why] += 1
        self.write(at, agency, "refused", sends=True)

    @property
    def next_due(self) -> datetime | None:
        """When, by the passing of time, something may happen next."""
        return self._alarms[0][0] if self._alarms else None

    def passed(self, at: datetime) -> None:
        """Reckon what the passing of time up to a stop of the clock brings about."""
        while self._alarms and self._alarms[0][0] <= at:
            _, _, leg, rings = heapq.heappop(self._alarms)
            rings(leg, at)

    def _due(self, leg: Leg) -> datetime | None:
        """When a delivery becomes overdue; what was over before it came is nobody's to keep."""
        day = leg.document.planned.due
        over = None if day is None else calendar.over_at(day)
        return over if over is not None and over > leg.since else None

    def _laid(self, leg: Leg) -> None:
        self.write(leg.since, leg.recipient, "received", of=leg.document, sends=False)
        self.inboxes[leg.recipient]["document", leg.id] += 1
        if leg.recipient != leg.written:
            self.write(leg.since, leg.recipient, "redirected", of=leg.document, sends=False)
            self._tell(leg.document.planned.sender, "redirected", leg)
        self._alarm(leg.since + NOT_FETCHED_AFTER, leg, self._unfetched)
        self._alarm(leg.since + GONE_AFTER, leg, self._forgotten)
        if (due := self._due(leg)) is not None:
            self._alarm(due, leg, self._overdue)

    def _agreed(self, leg: Leg, reporter: str, at: datetime) -> None:
        if leg.asked:
            self.write(at, reporter, "changes_accepted", of=leg.document, sends=False)
        if leg.asked == "withdrawal":
            self.write(at, leg.document.planned.sender, "withdrawn", of=leg.document, sends=False)
            self._ends(leg, "withdrawn")
        elif leg.asked == "update":
            leg.replaced = True
        leg.asked = ""

    def _came_to(self, leg: Leg, rank: int, reporter: str, at: datetime) -> None:
        for passed in range(leg.rank + 1, rank + 1):
            if passed in _FIGURE_OF_RANK:
                self.write(at, reporter, _FIGURE_OF_RANK[passed], of=leg.document, sends=False)
                self._span(leg, _SPAN_OF_RANK[passed], at, agency=reporter)
        due = self._due(leg)
        if leg.rank < rank == _RANKS["06"] and due is not None:
            word = "completed_on_time" if at < due else "completed_late"
            self.write(at, reporter, word, of=leg.document, sends=False)
        leg.rank = max(leg.rank, rank)

    def _alarm(self, when: datetime, leg: Leg, rings: Callable[[Leg, datetime], None]) -> None:
        heapq.heappush(self._alarms, (when, next(self._numbers), leg, rings))

    def _unfetched(self, leg: Leg, at: datetime) -> None:
        if leg.waits:
            self.write(at, leg.recipient, "undelivered", of=leg.document, sends=False)
            self._tell(leg.document.planned.sender, "undelivered", leg)

    def _forgotten(self, leg: Leg, at: datetime) -> None:
        if leg.waits:
            self.write(at, leg.recipient, "expired", of=leg.document, sends=False)
            self._ends(leg, "expired")
            self._tell(leg.document.planned.sender, "expired", leg)

    def _overdue(self, leg: Leg, at: datetime) -> None:
        if not leg.over and not leg.replaced and leg.rank < _RANKS["06"]:
            self.write(at, leg.recipient, "overdue", of=leg.document, sends=False)
            for told in (leg.document.planned.sender, leg.recipient):
                self._tell(told, "overdue", leg)

    def _tell(self, agency: str, notice: str, leg: Leg) -> None:
        self.inboxes[agency]["notice", notice, leg.id] += 1

    def _span(self, leg: Leg, name: str, at: datetime, *, agency: str) -> None:
        seconds = int((at - leg.since).total_seconds())
        self.write(at, agency, name, of=leg.document, sends=False, seconds=seconds)

    def _ends(self, leg: Leg, why: str) -> None:
        leg.over = why
        if leg.in_inbox:
            self._leaves(leg)

    def _leaves(self, leg: Leg) -> None:
        leg.in_inbox = False
        self.inboxes[leg.recipient] -= Counter({("document", leg.id): 1})
