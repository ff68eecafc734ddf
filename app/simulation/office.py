"""A clerk's office (văn thư) at work: it sends, and it deals with what comes in, through its system's client.

It polls as real systems do: wait for mail, fetch, check, take over, report. Which statuses it reports on a document
follows from the seed, the document and the agency alone, so a run does not depend on who was faster.
"""

import asyncio
import hashlib
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from app.client import Answer, NodeClient
from app.edxml.model import DocumentMessage, ResponseFor, StatusCode, StatusMessage
from app.edxml.write import write
from app.signing import xmldsig
from app.signing.algorithms import Canonicalization
from app.simulation.checking import Checker
from app.simulation.country import SimulatedAgency
from app.simulation.papers import Draft, Habits, compose, report, respell, response_for
from app.simulation.pki import Credential
from app.simulation.tally import Pending, SimulationFailed, Tally

NUMBERS_PLANNED: Final = 100_000
"""Numbers up to here are for documents that are planned; others are numbered as they come."""
POLL_SECONDS: Final = 8
"""How long a poll waits for mail; also how long it takes an office to close."""
GATHER_SECONDS: Final = 1.0
"""Rest between two polls, so that mail which comes together is dealt with together."""
PAGE: Final = 100

COURSES: Final = (
    # what becomes of a delivery, how often
    ((), 18),
    (("01",), 24),
    (("03",), 16),
    (("01", "03"), 18),
    (("01", "03", "06"), 9),
    (("03", "05", "06"), 6),
    (("01", "03", "04", "05", "06"), 4),
    (("01", "02"), 5),
)
_REPLY_SHARE: Final = 0.3
_TOLD_BY_THE_LIST: Final = frozenset({"01", "03", "04", "05"})
"""Statuses of which the inbox's list says all that matters to the sender; the others are fetched and checked."""
_REASONS: Final = {
    StatusCode.REFUSED: "Văn bản không thuộc thẩm quyền giải quyết của đơn vị",
    StatusCode.WITHDRAWAL_REQUESTED: "Văn bản phát hành nhầm, đề nghị lấy lại",
    StatusCode.CHANGE_ACCEPTED: "Đồng ý cho lấy lại văn bản",
    StatusCode.CHANGE_REFUSED: "Văn bản đã được xử lý, không đồng ý cho lấy lại",
}


@dataclass(slots=True)
class Stage:
    """What all offices share.

    Attributes:
        now: the present moment, UTC.
        names: codes of each agency, by its own code in the directory.
        agencies: by their own code.
        courses: statuses to be reported on certain deliveries, by (DocumentId, agency); seeded for the others.
        answers: what is answered to a request for a document back, likewise.
        closing: whether offices are to go home when they next look up.
    """

    seed: int
    checker: Checker
    tally: Tally
    pending: Pending
    now: Callable[[], datetime]
    names: Mapping[str, frozenset[str]]
    agencies: Mapping[str, SimulatedAgency]
    courses: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    answers: dict[tuple[str, str], StatusCode] = field(default_factory=dict)
    closing: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """A document as it left the house."""

    office: "Office"
    message: DocumentMessage
    octets: bytes
    answer: Answer

    @property
    def recipients(self) -> tuple[str, ...]:
        """Own codes of the agencies it was delivered to."""
        return tuple(str(each["recipient"]) for each in self.answer.document["deliveries"])


@dataclass(slots=True)
class Office:
    """The clerk's office of one agency.

    Attributes:
        client: of the system that acts for it.
        seal: what it signs with.
        person: somebody whose certificate is registered for the agency too; signs some of the documents.
    """

    agency: SimulatedAgency
    client: NodeClient
    habits: Habits
    seal: Credential
    person: Credential | None
    stage: Stage
    _next_number: int = NUMBERS_PLANNED

    @property
    def code(self) -> str:
        """The agency's own code in the directory."""
        return self.agency.code

    def compose(self, draft: Draft, rng: random.Random) -> DocumentMessage:
        """Give a draft its number, the next one unless the draft says which."""
        number = draft.number
        if number is None:
            self._next_number += 1
            number = self._next_number
        return compose(draft, self.habits, number=number, at=self.stage.now(), rng=rng)

    def sign(self, message: DocumentMessage | StatusMessage, credential: Credential | None = None) -> bytes:
        """Write and sign a message in this system's way; with the seal unless another credential is given."""
        chosen = credential or self.seal
        return xmldsig.sign(
            respell(write(message), self.habits.spelling),
            key=chosen.key,
            certificate=chosen.certificate,
            chain=chosen.chain,
            canonicalization=Canonicalization.INCLUSIVE if self.habits.zips else Canonicalization.EXCLUSIVE,
        )

    async def send(self, draft: Draft, rng: random.Random) -> Sent:
        """Send a document that is to be accepted.

        Raises:
            SimulationFailed: the node refused it, or its receipt does not hold.
        """
        message = self.compose(draft, rng)
        credential = self.person if self.person is not None and rng.random() < 0.3 else self.seal
        octets = self.sign(message, credential)
        answer = await self.client.send(octets)
        if answer.status != 201:
            raise SimulationFailed(
                f"{self.code} sent {message.document_id}: {answer.explanation} {' '.join(answer.codes)}"
            )
        sent = Sent(self, message, octets, answer)
        self.stage.checker.receipt(answer.document["receipt"], sha256=answer.document["sha256"])
        tally = self.stage.tally
        tally.count(self.code, "sent")
        tally.kinds[answer.document["kind"]] += 1
        tally.bytes_sent += len(octets)
        for recipient in sent.recipients:
            tally.count(recipient, "received")
        self.stage.pending.add(len(sent.recipients))
        return sent

    async def attend(self) -> None:
        """Deal with mail as it comes, until the stage closes.

        Raises:
            SimulationFailed: the node delivered what it should not, or refused what it should take.
        """
        while not self.stage.closing:
            page = await self.client.inbox(wait_seconds=POLL_SECONDS, agency=self.code, limit=PAGE)
            if not page.ok:
                raise SimulationFailed(f"the inbox of {self.code} was refused: {page.explanation}")
            if page.document["items"]:
                await self._deal_with(page.document["items"])
            await asyncio.sleep(GATHER_SECONDS)

    async def request_back(self, sent: Sent, recipient: SimulatedAgency) -> None:
        """Ask one recipient to give a document back (13)."""
        about = response_for(sent.message, recipient.code)
        await self._report(StatusCode.WITHDRAWAL_REQUESTED, about, random.Random(sent.message.document_id))

    async def _deal_with(self, mail: list[dict[str, Any]]) -> None:
        read = [(each, await self._fetch(each)) for each in mail if not _told(each)]
        answer = await self.client.acknowledge(each["delivery_id"] for each in mail)
        outcomes = [each["outcome"] for each in answer.document["items"]] if answer.ok else [answer.explanation]
        if set(outcomes) != {"acknowledged"}:
            raise SimulationFailed(f"{self.code} took {len(mail)} deliveries over: {outcomes}")
        for each, message in read:
            if isinstance(message, DocumentMessage):
                self.stage.tally.count(self.code, "acknowledged")
                await self._process(each["document"]["sender"], message)
            else:
                await self._heed(message)
        # Only now: until then something may still come of it. Nobody waits for what the node tells by itself.
        self.stage.pending.done(sum(each["kind"] != "notice" for each in mail))

    async def _fetch(self, entry: dict[str, Any]) -> DocumentMessage | StatusMessage:
        status = entry["status"]
        about = entry["document"] if status is None else status
        place = f"/v1/documents/{about['id']}" if status is None else f"/v1/statuses/{about['id']}"
        answer = await self.client.get(f"{place}/content")
        if not answer.ok:
            raise SimulationFailed(f"{self.code} fetched {place}: {answer.explanation}")
        author = about["sender"] if status is None else about["reporter"]
        message = self.stage.checker.message(
            answer.body, sha256=about["sha256"], sender_codes=self.stage.names[author], at=self.stage.now()
        )
        self.stage.tally.verified += 1
        return message

    async def _process(self, sender: str, message: DocumentMessage) -> None:
        course, rng = self._course(sender, message)
        about = response_for(message)
        for code in course:
            await self._report(StatusCode(code), about, rng)
        # A reply is not replied to, so the traffic ends.
        if course and course[-1] == "06" and not message.response_for and rng.random() < _REPLY_SHARE:
            written = message.sender.organ_id.text
            addressee = self.stage.agencies[sender]
            await self.send(Draft(self.agency, ((addressee, written),), answers=about), rng)

    def _course(self, sender: str, message: DocumentMessage) -> tuple[tuple[str, ...], random.Random]:
        # Replies get their numbers as they come, so what becomes of one is decided by what it answers.
        key = message.response_for[0].code if message.response_for else message.code.text
        rng = random.Random(f"{self.stage.seed}/{sender}/{key}/{self.code}")
        course = self.stage.courses.get((message.document_id, self.code))
        if course is None:
            course = rng.choices([course for course, _ in COURSES], weights=[weight for _, weight in COURSES])[0]
        return course, rng

    async def _heed(self, message: StatusMessage) -> None:
        if message.status is not StatusCode.WITHDRAWAL_REQUESTED:
            return
        document_id = message.response_for.document_id or ""
        answer = self.stage.answers[document_id, self.code]
        # The request names this office as the one that is asked; the answer names the owner of the document.
        about = replace(message.response_for, organ_id=message.sender.organ_id)
        await self._report(answer, about, random.Random(document_id))
        if answer is StatusCode.CHANGE_ACCEPTED:
            owner = next(own for own, codes in self.stage.names.items() if message.sender.organ_id.text in codes)
            self.stage.tally.count(owner, "withdrawn")

    async def _report(self, status: StatusCode, about: ResponseFor, rng: random.Random) -> None:
        message = report(
            self.agency,
            self.habits.code_of(self.agency),
            about,
            status,
            at=self.stage.now(),
            rng=rng,
            reason=_REASONS.get(status),
        )
        octets = self.sign(message)
        # The other party's notice is expected before it can arrive, so that nobody thinks that all is done.
        self.stage.pending.add()
        answer = await self.client.report(octets)
        if answer.status != 201:
            raise SimulationFailed(f"{self.code} reported {status.value} on {about.document_id}: {answer.explanation}")
        self.stage.checker.receipt(answer.document["receipt"], sha256=hashlib.sha256(octets).hexdigest())
        self.stage.tally.count(self.code, "statuses")
        self.stage.tally.statuses[status.value] += 1


def _told(entry: dict[str, Any]) -> bool:
    if entry["kind"] == "notice":
        return True
    return entry["status"] is not None and entry["status"]["status_code"] in _TOLD_BY_THE_LIST
