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

from app.edxml.model import StatusCode, StatusMessage
from app.errors import DataFault, IdempotencyKeyReused, TransitionNotAllowed
from app.exchange import parties, receipts, subject
from app.exchange.desk import Clock, Desk
from app.exchange.moved import Moved
from app.exchange.receive import Body
from app.exchange.refuse import Declared, Submission, refusals_recorded
from app.exchange.states import DeliveryState, Progress, allowed_codes, source_of, step
from app.exchange.subject import Subject, state_of
from app.exchange.submit import once_for
from app.exchange.verify import Verified, verification_record, verify
from app.findings import Finding, Severity
from app.ids import new_id
from app.ledger.events import EventKind, record
from app.registry.mistakes import Origin
from app.registry.model import Agency, Client
from app.registry.once import Once
from app.store import deliveries as delivery_rows
from app.store import documents


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
        return await settle(desk, submission, await verify(desk, body, at=at), client=client, once=once)


async def settle(
    desk: Desk, submission: Submission, verified: Verified, *, client: Client, once: Once | None
) -> Reported:
    """Accept a status report that was received and verified, in the block that records refusals.

    Raises:
        SubmissionRejected: any of its kinds.
        AgencyNotGranted: the client does not act for the reporter.
        TransitionNotAllowed: the delivery cannot make this move; names what it can make.
        IdempotencyKeyReused: the key belongs to another request.
        Unavailable: the disk or the database does not answer; nothing was accepted.
    """
    body, at = submission.body, submission.received_at
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
    about = await subject.find(desk, verified, reporter, directory, at=at)
    if step(about.state, about.message.status) is None:
        # Judged again under lock; asked here so that no body is kept for a move that is not allowed.
        raise _not_allowed(about, about.state)
    decided = _decided(desk, about, verified, body, client=client, at=at)
    await asyncio.to_thread(body.keep, desk.blobs)
    # The body is durable and unreferenced: a crash now leaves an orphan that no row names.
    match await _commit(desk, about, decided, once):
        case DeliveryState() as state:
            raise _not_allowed(about, state)
        case None:
            raced = await _reported_before(desk, reporter, body, once)
            if raced is None:
                raise DataFault("a status report was taken and is not there")
            return raced
        case row:
            # Durable: the report, the delivery's new state and the events, or none of them.
            desk.doorbell.nudge()
            desk.mistakes.accepted(Origin(client.client_id), about.verdict.findings, at=at)
            return Reported(row, about.recipient, replayed=False)


async def _commit(
    desk: Desk, about: Subject, decided: Mapping[str, Any], once: Once | None
) -> Mapping[str, Any] | DeliveryState | None:
    """Write the report and move the delivery.

    Returns:
        The report's row; the delivery's state where that forbids the move; None where the same report is there already.

    Raises:
        IdempotencyKeyReused: another request took the key meanwhile; nothing was written.
    """
    async with desk.database.write() as tx:
        # The row is locked, so the state the move is judged by is the state it changes.
        delivery = await delivery_rows.by_id(tx, about.delivery, lock=True)
        before = state_of(delivery)
        after = step(before, about.message.status)
        if after is None:
            return before
        row = {**decided, "state": after.shown}
        if not await documents.insert_report(tx, row):
            return None
        if once is not None and not await once.remember(tx, {"report": row["id"]}):
            # Undoes the transaction: the report was another request's than the one that has the key by now.
            raise IdempotencyKeyReused("the Idempotency-Key was used for another request meanwhile; choose a new one")
        moved = Moved.of(about, row, delivery, before, after)
        await delivery_rows.change(tx, [moved.values])
        notice = _notice(about, row)
        await delivery_rows.insert(tx, [notice])
        relation = await documents.relation(tx, moved.superseded_by, about.document) if moved.superseded_by else None
        await record(tx, moved.events(notice["id"], relation=relation))
    return row


def _decided(
    desk: Desk, about: Subject, verified: Verified, body: Body, *, client: Client, at: datetime
) -> dict[str, Any]:
    certificate = verified.certificate.sha256 if verified.certificate else None
    assert certificate or verified.legacy, "a verdict that passed names its certificate"
    report_id = new_id()
    claims = receipts.status_claims(
        issuer=desk.policy.issuer,
        report=report_id,
        document=about.document,
        reporter=about.reporter.organ_id.text,
        recipient=about.recipient,
        status_code=about.message.status.value,
        sha256=body.sha256,
        signature=verified.signature,
        certificate=certificate,
        accepted_at=at,
    )
    return {
        "id": report_id,
        "document": about.document,
        "delivery": about.delivery,
        "reporter": about.reporter.organ_id.text,
        "status_code": about.message.status.value,
        "description": about.message.description,
        "reported_at": about.message.reported_at,
        "accepted_at": at,
        "sha256": body.sha256,
        "size": body.size,
        "client_id": client.client_id,
        "verification": verification_record(about.verdict, verified),
        "indication": about.verdict.indication.value,
        "receipt": desk.key.sign_jws(claims, typ=receipts.RECEIPT_TYPE),
    }


def _notice(about: Subject, row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": new_id(),
        "document": about.document,
        "kind": "status",
        "status_report": row["id"],
        "recipient": about.informed.organ_id.text,
        "addressed_to": about.informed.organ_id.text,
        "progress": Progress.AVAILABLE.value,
        "change": None,
        "priority": 0,
        "available_at": row["accepted_at"],
        "in_inbox": True,
    }


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


def _not_allowed(about: Subject, state: DeliveryState) -> TransitionNotAllowed:
    code = about.message.status
    allowed = ", ".join(each.value for each in allowed_codes(state, about.party)) or "none"
    unasked = code in (StatusCode.CHANGE_ACCEPTED, StatusCode.CHANGE_REFUSED) and not state.awaits_answer
    return TransitionNotAllowed(
        f"status {code.value} is not allowed while the delivery to "
        f"{about.recipient!r} is {state.shown!r}; allowed now: {allowed}",
        findings=[
            Finding(
                "ours.status.transition",
                Severity.ERROR,
                f"{code.value} does not follow {state.shown!r}"
                + ("; the sender asks for no withdrawal and no update" if unasked else ""),
                f"Report one of: {allowed}.",
                source_of(code),
                "/edXML/edXMLEnvelope/edXMLHeader/MessageHeader/StatusCode",
            )
        ],
    )
