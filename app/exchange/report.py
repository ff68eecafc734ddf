"""The use case of a status message: who reports what about which delivery, and what follows.

The report is kept whole and laid into the inbox of the agency it is meant for: the sender of the document, or, for a
withdrawal (13), the recipient that is asked. Late and repeated reports are kept too; only what the state machine
forbids is refused.
"""

import asyncio
from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.edxml.model import StatusMessage
from app.errors import DataFault, DocumentRefused, IdempotencyKeyReused, TransitionNotAllowed
from app.exchange import parties, receipts
from app.exchange.desk import Clock, Desk
from app.exchange.receive import Body
from app.exchange.refuse import Declared, refusals_recorded
from app.exchange.states import MOVES, Change, DeliveryState, Party, Progress, allowed_codes, step
from app.exchange.submit import once_for
from app.exchange.verify import Verified, verification_record, verify
from app.findings import Finding, Severity, Verdict
from app.ids import new_id
from app.ledger.canonical import JsonValue
from app.ledger.events import Event, EventKind, record
from app.registry.model import Agency, Client
from app.registry.once import Once
from app.store import deliveries as delivery_rows
from app.store import documents

_RESPONSE_FOR = "/edXML/edXMLEnvelope/edXMLHeader/MessageHeader/ResponseFor"


@dataclass(frozen=True, slots=True)
class Reported:
    """An accepted status report, as it is answered.

    Attributes:
        report: its row.
        recipient: whose delivery of the document it speaks of.
        replayed: whether it had been accepted before, and this is the first answer again.
    """

    report: Mapping[str, Any]
    recipient: str
    replayed: bool


@dataclass(frozen=True, slots=True)
class _Subject:
    """What a report is about, once the parties are known."""

    message: StatusMessage
    reporter: Agency
    party: Party
    document: str
    document_type: str
    delivery: str
    state: DeliveryState
    sender: Agency
    recipient: Agency
    verdict: Verdict

    @property
    def informed(self) -> Agency:
        """Whom the report is meant for: the other party."""
        return self.sender if self.party is Party.RECIPIENT else self.recipient


async def report(
    desk: Desk,
    stream: AsyncIterable[bytes],
    *,
    declared: Declared,
    client: Client,
    idempotency_key: str | None,
    now: Clock,
) -> Reported:
    """Accept a status report from one of the client's agencies.

    Args:
        now: asked once all of the body has arrived; that moment is the time of receipt.

    Returns:
        Only when report, delivery and events are durable.

    Raises:
        SubmissionRejected: any of its kinds; recorded.
        AgencyNotGranted: the client does not act for the reporter; recorded.
        TransitionNotAllowed: the delivery cannot make this move; names what it can make; recorded.
        IdempotencyKeyReused: the key belongs to another request.
        Unavailable: the disk or the database does not answer; nothing was accepted.
    """
    async with refusals_recorded(
        desk, EventKind.STATUS_REFUSED, stream, declared=declared, client=client, now=now
    ) as submission:
        body, at = submission.body, submission.received_at
        once = once_for(desk, client, idempotency_key, body, path="/v1/statuses", at=at)
        verified = await verify(desk, body, at=at)
        message = parties.readable(verified)
        codes = {message.sender.organ_id.text}
        if isinstance(message, StatusMessage) and message.response_for.organ_id:
            codes.add(message.response_for.organ_id.text)
        directory = await parties.look_up(desk, codes)
        code = message.sender.organ_id.text
        submission.standing = parties.standing_of(directory.get(code), client)
        parties.refuse_secret(verified)
        reporter = parties.authorised(code, directory.get(code), client)
        if (earlier := await _reported_before(desk, reporter, body, once)) is not None:
            return earlier
        subject = await _subject(desk, verified, reporter, directory, at=at)
        if step(subject.state, subject.message.status) is None:
            # Judged again under lock; asked here so that no body is kept for a move that is not allowed.
            raise _not_allowed(subject, subject.state)
        decided = _decided(desk, subject, verified, body, client=client, at=at)
        await asyncio.to_thread(body.keep, desk.blobs)
        # The body is durable and unreferenced: a crash now leaves an orphan that no row names.
        match await _commit(desk, subject, decided, once):
            case DeliveryState() as state:
                raise _not_allowed(subject, state)
            case None:
                raced = await _reported_before(desk, reporter, body, once)
                if raced is None:
                    raise DataFault("a status report was taken and is not there")
                return raced
            case row:
                # Durable: the report, the delivery's new state and the events, or none of them.
                desk.doorbell.nudge()
                return Reported(row, subject.recipient.organ_id.text, replayed=False)


async def _commit(
    desk: Desk, subject: _Subject, decided: Mapping[str, Any], once: Once | None
) -> Mapping[str, Any] | DeliveryState | None:
    """Write the report and move the delivery.

    Returns:
        The report's row; the delivery's state where that forbids the move; None where the same report is there already.

    Raises:
        IdempotencyKeyReused: another request took the key meanwhile; nothing was written.
    """
    async with desk.database.write() as tx:
        # The row is locked, so the state the move is judged by is the state it changes.
        delivery = await delivery_rows.by_id(tx, subject.delivery, lock=True)
        before = _state(delivery)
        after = step(before, subject.message.status)
        if after is None:
            return before
        row = {**decided, "state": after.shown}
        if not await documents.insert_report(tx, row):
            return None
        if once is not None and not await once.remember(tx, {"report": row["id"]}):
            # Undoes the transaction: the report was another request's than the one that has the key by now.
            raise IdempotencyKeyReused("the Idempotency-Key was used for another request meanwhile; choose a new one")
        await delivery_rows.move(
            tx,
            subject.delivery,
            progress=after.progress.value,
            change=after.change.value if after.change else None,
            leaves_inbox=after.ended,
        )
        notice = _notice(subject, row)
        await delivery_rows.insert(tx, [notice])
        await record(tx, _events(subject, row, before, after, notice["id"]))
    return row


async def _subject(
    desk: Desk, verified: Verified, reporter: Agency, directory: Mapping[str, Agency], *, at: datetime
) -> _Subject:
    """Find the delivery a report speaks of, and whom it is meant for.

    Raises:
        DocumentRefused: a finding refuses the message, or there is no such delivery for this reporter.
    """
    message = verified.message
    weighed = parties.weighed(verified, reporter, policy=desk.policy, at=at)
    findings = [*weighed.verdict.findings, *parties.signer_findings(reporter, verified, at=at)]
    if not isinstance(message, StatusMessage):
        raise DocumentRefused("this is not a status message", findings=[*findings, _not_a_status()])
    party = MOVES[message.status].reporter
    named = message.response_for.organ_id
    other = directory.get(named.text) if named else None
    own, others = reporter.organ_id.text, other.organ_id.text if other else None
    sides = (own, others) if party is Party.SENDER else (others, own)
    found = None
    async with desk.database.read() as tx:
        # Real clients fill ResponseFor/OrganId wrongly; then the reporter's own side and the DocumentId must be enough.
        for sender, recipient in (sides, (own, None) if party is Party.SENDER else (None, own)):
            found = found or await delivery_rows.reported_on(
                tx, document_id=message.response_for.document_id or "", sender=sender, recipient=recipient
            )
    if found is None:
        findings.append(_no_such_delivery(message, party))
    verdict = Verdict.of(findings)
    if found is None or not verdict.passed:
        refusing = [finding for finding in findings if finding.refuses]
        raise DocumentRefused(
            f"{len(refusing)} finding(s) refuse the report; first: {refusing[0].message}", findings=findings
        )
    counterpart = found.recipient if party is Party.SENDER else found.sender
    known = dict(directory) | await parties.look_up(desk, {counterpart})
    informed = known.get(counterpart)
    if informed is None:
        raise DataFault(f"agency {counterpart!r} of delivery {found.delivery} is not in the directory")
    return _Subject(
        message=message,
        reporter=reporter,
        party=party,
        document=found.document,
        document_type=found.document_type,
        delivery=found.delivery,
        state=_state(found),
        sender=informed if party is Party.RECIPIENT else reporter,
        recipient=reporter if party is Party.RECIPIENT else informed,
        verdict=verdict,
    )


def _decided(
    desk: Desk, subject: _Subject, verified: Verified, body: Body, *, client: Client, at: datetime
) -> dict[str, Any]:
    certificate = verified.certificate
    assert certificate is not None, "a verdict that passed names its certificate"
    report_id = new_id()
    claims = receipts.status_claims(
        issuer=desk.policy.issuer,
        report=report_id,
        document=subject.document,
        reporter=subject.reporter.organ_id.text,
        recipient=subject.recipient.organ_id.text,
        status_code=subject.message.status.value,
        sha256=body.sha256,
        certificate=certificate.sha256,
        accepted_at=at,
    )
    return {
        "id": report_id,
        "document": subject.document,
        "delivery": subject.delivery,
        "reporter": subject.reporter.organ_id.text,
        "status_code": subject.message.status.value,
        "description": subject.message.description,
        "reported_at": subject.message.reported_at,
        "accepted_at": at,
        "sha256": body.sha256,
        "size": body.size,
        "client_id": client.client_id,
        "verification": verification_record(subject.verdict, certificate.sha256, ()),
        "receipt": desk.key.sign_jws(claims, typ=receipts.RECEIPT_TYPE),
    }


def _notice(subject: _Subject, row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": new_id(),
        "document": subject.document,
        "kind": "status",
        "status_report": row["id"],
        "recipient": subject.informed.organ_id.text,
        "addressed_to": subject.informed.organ_id.text,
        "progress": Progress.AVAILABLE.value,
        "change": None,
        "priority": 0,
        "available_at": row["accepted_at"],
        "in_inbox": True,
    }


def _events(
    subject: _Subject, row: Mapping[str, Any], before: DeliveryState, after: DeliveryState, notice: str
) -> list[Event]:
    def event(kind: EventKind, agency: Agency, delivery: str, **detail: JsonValue) -> Event:
        return Event(
            id=new_id(),
            kind=kind,
            at=row["accepted_at"],
            actor=row["client_id"],
            standing=agency.standing,
            document_type=subject.document_type,
            document=subject.document,
            delivery=delivery,
            detail={"report": row["id"], "status": row["status_code"], **detail},
        )

    accepted = event(
        EventKind.STATUS_ACCEPTED,
        subject.reporter,
        subject.delivery,
        sha256=row["sha256"],
        certificate=row["verification"]["certificate"],
        recipient=subject.recipient.organ_id.text,
        before=before.shown,
        state=after.shown,
        in_inbox=not after.ended,
    )
    events = [accepted, event(EventKind.STATUS_AVAILABLE, subject.informed, notice, state=Progress.AVAILABLE.value)]
    if after.progress is Progress.WITHDRAWN and before.progress is not Progress.WITHDRAWN:
        events.append(
            event(
                EventKind.DELIVERY_WITHDRAWN,
                subject.sender,
                subject.delivery,
                recipient=subject.recipient.organ_id.text,
                state=after.shown,
            )
        )
    return events


async def _reported_before(desk: Desk, reporter: Agency, body: Body, once: Once | None) -> Reported | None:
    async with desk.database.read() as tx:
        answer = await once.earlier(tx) if once is not None else None
        if answer is not None:
            row = await documents.report_by_id(tx, answer["report"])
        else:
            row = await documents.report_of(tx, reporter.organ_id.text, body.sha256)
        if row is None:
            return None
        delivery = await delivery_rows.by_id(tx, row.delivery)
    return Reported(dict(row._mapping), delivery.recipient, replayed=True)


def _state(row: Any) -> DeliveryState:
    return DeliveryState(Progress(row.progress), Change(row.change) if row.change else None)


def _not_allowed(subject: _Subject, state: DeliveryState) -> TransitionNotAllowed:
    allowed = ", ".join(code.value for code in allowed_codes(state, subject.party)) or "none"
    return TransitionNotAllowed(
        f"status {subject.message.status.value} is not allowed while the delivery to "
        f"{subject.recipient.organ_id.text!r} is {state.shown!r}; allowed now: {allowed}",
        findings=[
            Finding(
                "ours.status.transition",
                Severity.ERROR,
                f"{subject.message.status.value} does not follow {state.shown!r}",
                f"Report one of: {allowed}.",
                MOVES[subject.message.status].source,
                "/edXML/edXMLEnvelope/edXMLHeader/MessageHeader/StatusCode",
            )
        ],
    )


def _not_a_status() -> Finding:
    return Finding(
        "ours.exchange.document-as-status",
        Severity.ERROR,
        "the message has no StatusCode, so it is a document",
        "Post it to /v1/documents.",
        "QCVN 102:2016/BTTTT, status message; api contract",
        "/edXML/edXMLEnvelope/edXMLHeader/MessageHeader",
    )


def _no_such_delivery(message: StatusMessage, party: Party) -> Finding:
    document_id = (message.response_for.document_id or "")[:100]
    if party is Party.SENDER:
        text = f"the reporter sent no document {document_id!r} to the agency in ResponseFor/OrganId"
        fix = "For 13, name the recipient that is asked in ResponseFor/OrganId and your own document in DocumentId."
    else:
        text = f"the reporter is not a recipient of a document {document_id!r} from the agency in ResponseFor/OrganId"
        fix = "Name the document as it was received: its sender in OrganId, its DocumentId unchanged."
    return Finding(
        "ours.status.no-such-delivery",
        Severity.ERROR,
        text,
        fix,
        "QĐ 28/2018/QĐ-TTg Đ8, Đ9; ours, decision 0005",
        _RESPONSE_FOR,
    )
