"""Playing the script: everybody at their desks, session after session, over the node's public API."""

import hashlib
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Final

from app.client import Answer, NodeClient
from app.edxml.model import (
    Business,
    DocumentKind,
    DocumentMessage,
    DocumentType,
    Receiver,
    ReceiverChange,
    Replacement,
    ResponseFor,
    StatusCode,
    StatusMessage,
    Update,
)
from app.edxml.organ_id import OrganId
from app.edxml.write import write
from app.signing import xmldsig
from app.simulation import papers
from app.simulation.checking import Checker
from app.simulation.country import SimulatedAgency
from app.simulation.papers import Draft, Habits
from app.simulation.pki import Credential
from app.simulation.settlement import at_once, expect
from app.simulation.tally import SimulationFailed
from app.simulation.year import calendar
from app.simulation.year.books import Books, Leg, Mail, Sent
from app.simulation.year.country import HEIRS, heir
from app.simulation.year.refusals import EXPECTED, NOBODY, Attempt, Wrong, spoilt
from app.simulation.year.script import Planned
from app.simulation.year.steering import Steering

FILE_BYTES: Final = 900
"""Files are small: what is counted are documents, not bytes."""
PAGE: Final = 500
_CHECKED_SHARE: Final = 0.1
"""Of the documents taken over, how many are checked to the last signature; the digest is checked of all."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Where one agency works."""

    agency: SimulatedAgency
    client: NodeClient
    habits: Habits
    seal: Credential


_ANNOUNCED: Final = calendar.at(date(calendar.YEAR, 6, 16), 9)
_REASONS: Final = {
    DocumentKind.NEW: None,
    DocumentKind.REVOCATION: "Văn bản ban hành nhầm thẩm quyền, đề nghị thu hồi",
    DocumentKind.UPDATE: "Cập nhật nội dung và nơi nhận",
    DocumentKind.REPLACEMENT: "Thay thế văn bản có sai sót",
}

Act = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class Player:
    """Everybody in the country, with the script in hand.

    Attributes:
        desks: by own code of the agency.
        names: all codes of each agency, by its own.
        stranger: signs what must be refused.
        reorganisation: the plan for 1 July, in YAML.
        told: is called after each stop, with the number of documents sent so far.
    """

    seed: int
    desks: Mapping[str, Desk]
    names: Mapping[str, frozenset[str]]
    books: Books
    checker: Checker
    steering: Steering
    stranger: Credential
    admin: NodeClient
    reorganisation: bytes
    told: Callable[[int], None]
    _acts: dict[datetime, list[Act]] = field(default_factory=lambda: defaultdict(list))
    _fetches: dict[datetime, dict[str, set[tuple[int, str]]]] = field(default_factory=lambda: defaultdict(dict))

    async def play(self, script: tuple[Planned, ...], spoiling: tuple[Attempt, ...]) -> None:
        """Play it to the end of the year.

        Args:
            spoiling: what must be refused on the way.

        Raises:
            SimulationFailed: the node did something else than it has to.
        """
        for planned in script:
            self._enter(planned)
        for attempt in spoiling:
            self._acts[attempt.at].append(partial(self._try, attempt))
        self._acts[_ANNOUNCED].append(self._announce)
        self._acts[calendar.at(calendar.NEW_ORDER, 0)].append(self._see_new_order)
        for month in sorted({calendar.month_of(moment) for moment in self._acts}):
            last = max(moment for moment in self._acts if calendar.month_of(moment) == month)
            self._acts[last + timedelta(minutes=4)].append(self._clear_desks)
        for moment in sorted(self._acts):
            await self._go_to(moment)
            await at_once(act() for act in self._acts[moment])
            await self.steering.quiet()
            self.told(len(self.books.documents))
        await self._go_to(calendar.at(calendar.worked_days()[-1], 23, 59))

    async def _go_to(self, moment: datetime) -> None:
        # In the nights between, only those after which something is due: nothing else happens by itself.
        while (due := self.books.next_due) is not None and (night := calendar.night_from(due)) < moment:
            await self._stop_at(night)
        await self._stop_at(moment)

    async def _stop_at(self, moment: datetime) -> None:
        await self.steering.stop_at(moment)
        self.books.passed(moment)

    def _enter(self, planned: Planned) -> None:
        self._acts[planned.sent_at].append(partial(self._send, planned))
        for recipient, course in planned.courses.items():
            if course.fetched is not None:
                attending = self._fetches[course.fetched]
                reader = heir(recipient, calendar.day_of(course.fetched))
                if reader not in attending:
                    attending[reader] = set()
                    self._acts[course.fetched].append(partial(self._attend, reader, course.fetched))
                attending[reader].add((planned.number, recipient))
            for moment, code in course.reports:
                self._acts[moment].append(partial(self._report, planned.number, recipient, code))
            if course.answer is not None:
                moment, code = course.answer
                self._acts[moment].append(partial(self._report, planned.number, recipient, code))
        for asked in planned.asked_back:
            self._acts[asked.at].append(partial(self._report, planned.number, asked.recipient, "13"))

    # The new order.

    async def _announce(self) -> None:
        """Let the operator schedule the reorganisation of the summer."""
        headers = {"Content-Type": "application/yaml"}
        expect(await self.admin.call("POST", "/v1/reorganisations", content=self.reorganisation, headers=headers))

    async def _see_new_order(self) -> None:
        """At the first moment of its day, all of the plan holds."""
        for code, successor in HEIRS.items():
            record = expect(await self.admin.get(f"/v1/agencies/{code}"))
            if (record["status"], heir(str(record["successor"]), calendar.NEW_ORDER)) != ("closed", successor):
                raise SimulationFailed(f"{code} is {record['status']} on 1 July, and {record['successor']} follows it")

    # Sending.

    async def _send(self, planned: Planned) -> None:
        desk = self.desks[planned.sender]
        message = self._composed(planned)
        octets = _signed(desk, message)
        answer = await desk.client.send(octets)
        if answer.status != 201:
            raise SimulationFailed(f"document {planned.number} of {planned.sender}: {_told(answer)}")
        record, at = answer.document, self.steering.now
        sha256 = hashlib.sha256(octets).hexdigest()
        self.checker.receipt(record["receipt"], sha256=sha256)
        sent = Sent(planned, message, record["id"], sha256, self.books.standings[planned.sender].tier, at)
        for delivery in record["deliveries"]:
            written = next((code for code in planned.to if self._today(code) == delivery["recipient"]), "")
            sent.legs[written] = Leg(delivery["id"], sent, delivery["recipient"], written, at)
        if set(sent.legs) != set(planned.to):
            gone = sorted(each["recipient"] for each in record["deliveries"])
            raise SimulationFailed(f"document {planned.number} went to {gone}, not to {sorted(planned.to)}")
        self.books.sent(sent)
        if planned.about is not None:
            await self._follow(planned, self.books.documents[planned.about])

    async def _follow(self, planned: Planned, original: Sent) -> None:
        """Write down what a document does to another one."""
        match planned.kind:
            case DocumentKind.REVOCATION:
                self.books.revoked(original, planned.to)
            case DocumentKind.REPLACEMENT:
                self.books.replaced(original, planned.to)
            case _:
                record = expect(await self.desks[planned.sender].client.get(f"/v1/documents/{original.id}"))
                legs = {each["recipient"]: each["id"] for each in record["deliveries"]}
                today = [(code, self._today(code)) for code in planned.added]
                added = [Leg(legs[own], original, own, written, self.steering.now) for written, own in today]
                self.books.updated(original, planned.to, planned.dropped, added)

    def _composed(self, planned: Planned) -> DocumentMessage:
        rng = random.Random(f"{self.seed}/paper/{planned.number}")
        desk = self.desks[planned.sender]
        written = tuple((self.desks[code].agency, desk.habits.code_of(self.desks[code].agency)) for code in planned.to)
        draft = Draft(desk.agency, written, sizes=(FILE_BYTES,), number=planned.number)
        noon = calendar.at(planned.signed_on, 12)
        message = papers.compose(draft, desk.habits, number=planned.number, at=noon, rng=rng)
        assert message.business is not None
        return replace(
            message,
            document_type=DocumentType(2, None, planned.type_name),
            due_date=planned.due,
            handling=replace(message.handling, priority=planned.priority),
            response_for=self._answered(planned),
            business=self._business(planned, message.business),
        )

    def _answered(self, planned: Planned) -> tuple[ResponseFor, ...]:
        if planned.answers is None:
            return ()
        return (papers.response_for(self.books.documents[planned.answers].message),)

    def _business(self, planned: Planned, business: Business) -> Business:
        plain = replace(business, kind=planned.kind, paper=planned.paper, reason=_REASONS[planned.kind])
        if planned.about is None:
            return plain
        original = self.books.documents[planned.about]
        concerned = original.message.document_id

        def codes(agencies: Iterable[str]) -> list[OrganId]:
            habits = self.desks[planned.sender].habits
            return [OrganId.parse(habits.code_of(self.desks[code].agency)) for code in agencies]

        match planned.kind:
            case DocumentKind.REVOCATION:
                return replace(plain, document_id=concerned)
            case DocumentKind.REPLACEMENT:
                replaced = Replacement(concerned, tuple(codes(original.planned.to)))
                return replace(plain, replacements=(replaced,))
            case _:
                receivers = [Receiver(code, ReceiverChange.ADDED) for code in codes(planned.added)]
                receivers += [Receiver(code, ReceiverChange.REMOVED) for code in codes(planned.dropped)]
                update = Update(document_changed=True, receivers_changed=bool(receivers), receivers=tuple(receivers))
                return replace(plain, document_id=concerned, update=update)

    async def _try(self, attempt: Attempt) -> None:
        """Send what must be refused."""
        desk = self.desks[attempt.sender]
        other = self.desks["H44" if attempt.sender != "H44" else "G22"].agency
        code = NOBODY if attempt.wrong is Wrong.NOBODY else desk.habits.code_of(other)
        draft = Draft(desk.agency, ((other, code),), sizes=(FILE_BYTES,), number=attempt.number)
        rng = random.Random(f"{self.seed}/spoilt/{attempt.number}")
        message = papers.compose(draft, desk.habits, number=attempt.number, at=self.steering.now, rng=rng)
        octets = spoilt(
            attempt.wrong, message, own=partial(_signed, desk), foreign=partial(_signed, desk, by=self.stranger)
        )
        answer, expected = await desk.client.send(octets), EXPECTED[attempt.wrong]
        said = (answer.status, answer.problem)
        if said != (expected.status, expected.problem) or (expected.finding and expected.finding not in answer.codes):
            raise SimulationFailed(f"a document {attempt.wrong} of {attempt.sender}: {_told(answer)}")
        self.books.refused(attempt.counted_for, self.steering.now, attempt.wrong)

    # Taking over and reporting.

    def _today(self, code: str) -> str:
        """Who answers for an agency today."""
        return heir(code, calendar.day_of(self.steering.now))

    async def _attend(self, recipient: str, moment: datetime) -> None:
        """Look into the inbox, which must hold what the books say, and take over what is to be taken over now."""
        legs = {}
        for number, to in sorted(self._fetches[moment][recipient]):
            leg = self.books.documents[number].legs[to]
            legs[leg.id] = leg
        found = await self._inbox(recipient)
        for delivery, leg in legs.items():
            if delivery not in found:
                raise SimulationFailed(f"{recipient} misses document {leg.document.planned.number} in its inbox")
            await self._fetch(recipient, leg)
        notes = [delivery for delivery, mail in found.items() if mail[0] != "document"]
        await self._take_over(recipient, [*legs, *notes])
        for leg in legs.values():
            self.books.taken_over(leg, self.steering.now)
        for delivery in notes:
            self.books.read(recipient, found[delivery], calendar.day_of(self.steering.now))

    async def _clear_desks(self) -> None:
        """At the end of a month everybody takes over what they were told."""
        today = calendar.day_of(self.steering.now)
        for agency in sorted({heir(code, today) for code in self.books.inboxes}):
            if any(mail[0] != "document" for mail in self.books.lying(agency, today)):
                found = await self._inbox(agency)
                notes = [delivery for delivery, mail in found.items() if mail[0] != "document"]
                await self._take_over(agency, notes)
                for delivery in notes:
                    self.books.read(agency, found[delivery], today)

    async def _inbox(self, agency: str) -> dict[str, Mail]:
        """List an inbox, by delivery; it must hold exactly what the books say."""
        client = self.desks[agency].client
        entries = [each async for each in client.pages("/v1/inbox", agency=agency, limit=PAGE)]
        found = {str(each["delivery_id"]): _mail(each) for each in entries}
        theirs: dict[Mail, int] = defaultdict(int)
        for mail in found.values():
            theirs[mail] += 1
        ours = dict(self.books.lying(agency, calendar.day_of(self.steering.now)))
        if ours != theirs:
            missing = [mail for mail, count in ours.items() if theirs.get(mail, 0) < count]
            surplus = [mail for mail, count in theirs.items() if ours.get(mail, 0) < count]
            raise SimulationFailed(
                f"{self.steering.now:%d/%m/%Y}: the inbox of {agency} lacks {missing[:3]} and has besides {surplus[:3]}"
            )
        return found

    async def _take_over(self, agency: str, deliveries: list[str]) -> None:
        for start in range(0, len(deliveries), PAGE):
            answer = await self.desks[agency].client.acknowledge(deliveries[start : start + PAGE])
            outcomes = {each["outcome"] for each in answer.document["items"]} if answer.ok else {answer.explanation}
            if outcomes != {"acknowledged"}:
                raise SimulationFailed(f"{agency} took {len(deliveries)} deliveries over: {sorted(outcomes)}")

    async def _fetch(self, recipient: str, leg: Leg) -> None:
        answer = await self.desks[recipient].client.get(f"/v1/documents/{leg.document.id}/content")
        if not answer.ok:
            raise SimulationFailed(f"{recipient} fetched document {leg.document.planned.number}: {_told(answer)}")
        if random.Random(f"{self.seed}/checks/{leg.document.planned.number}/{recipient}").random() < _CHECKED_SHARE:
            codes = self.names[leg.document.planned.sender]
            self.checker.message(answer.body, sha256=leg.document.sha256, sender_codes=codes, at=self.steering.now)
        elif hashlib.sha256(answer.body).hexdigest() != leg.document.sha256:
            raise SimulationFailed(f"{recipient} was given other bytes than {leg.document.planned.sender} sent")

    async def _report(self, number: int, recipient: str, code: str) -> None:
        sent = self.books.documents[number]
        leg = sent.legs[recipient]
        asks = code == "13"
        desk = self.desks[self._today(sent.planned.sender if asks else leg.recipient)]
        answer = await self._reported(desk, sent, code, owner=leg.recipient if asks else None)
        if answer.status != 201:
            raise SimulationFailed(f"{desk.agency.code} reported {code} on document {number}: {_told(answer)}")
        self.books.reported(leg, code, answer.document["id"], self.steering.now)

    async def _reported(self, desk: Desk, sent: Sent, code: str, *, owner: str | None) -> Answer:
        status = StatusCode(code)
        message = papers.report(
            desk.agency,
            desk.habits.code_of(desk.agency),
            papers.response_for(sent.message, owner),
            status,
            at=self.steering.now,
            rng=random.Random(f"{self.seed}/report/{sent.planned.number}/{desk.agency.code}/{code}"),
        )
        return await desk.client.report(_signed(desk, message))


def _signed(desk: Desk, message: DocumentMessage | StatusMessage, by: Credential | None = None) -> bytes:
    by = by or desk.seal
    octets = papers.respell(write(message), desk.habits.spelling)
    return xmldsig.sign(octets, key=by.key, certificate=by.certificate, chain=by.chain)


def _mail(entry: Mapping[str, Any]) -> Mail:
    match entry["kind"]:
        case "document":
            return ("document", str(entry["delivery_id"]))
        case "status":
            return ("status", str(entry["status"]["id"]))
        case _:
            notice = entry["notice"]
            return ("notice", str(notice["kind"]), str(notice["delivery"]["id"]) if notice["delivery"] else "")


def _told(answer: Answer) -> str:
    return f"{answer.explanation} {' '.join(answer.codes)}"
