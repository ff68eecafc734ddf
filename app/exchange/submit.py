"""The use case of a document: receive, verify, route, commit, answer.

Decides first; then the body is made durable; then one transaction holds document, deliveries and events, and its
commit is the moment of acceptance. A refusal is an event of its own, committed before it is answered.
"""

import asyncio
from collections.abc import AsyncIterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from app.edxml.model import DocumentMessage, Message
from app.errors import AgencyNotGranted, DataFault, DocumentIdTaken, DocumentRefused
from app.exchange import links, orders, parties
from app.exchange.commit import put
from app.exchange.concerned import concerned
from app.exchange.decide import Decision, Routed, decide
from app.exchange.desk import Clock, Desk
from app.exchange.receive import Body
from app.exchange.refuse import Declared, Submission, received, refusals_recorded
from app.exchange.route import route
from app.exchange.scan import scanned
from app.exchange.signature_facts import cited_by
from app.exchange.verify import Verified, verify
from app.findings import Finding, Severity, Verdict
from app.ledger.events import EventKind
from app.registry.mistakes import Origin
from app.registry.model import Agency, Client
from app.registry.once import Once
from app.regulations.calendar import day_of
from app.store import deliveries, documents
from app.store.database import Transaction
from app.store.versions import Part, currents

_ROW_OCTETS: Final = 1_024
"""What a row of a delivery, or an event, takes while it waits to be written; roughly."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """An accepted document, as it is answered.

    Attributes:
        document: its row.
        deliveries: (id, recipient) of each delivery.
        replayed: whether it had been accepted before, and this is the first answer again.
    """

    document: Mapping[str, Any]
    deliveries: tuple[tuple[str, str], ...]
    replayed: bool


async def submit(
    desk: Desk,
    stream: AsyncIterable[bytes],
    *,
    declared: Declared,
    client: Client,
    idempotency_key: str | None,
    now: Clock,
) -> Accepted:
    """Accept a document from one of the client's agencies.

    Args:
        now: asked once all of the body has arrived; that moment is the time of receipt.

    Returns:
        Only when document, deliveries and events are durable.

    Raises:
        SubmissionRejected: any of its kinds; recorded.
        AgencyNotGranted: the client does not act for the sender; recorded.
        DocumentIdTaken: the sender used this DocumentId for other bytes; recorded.
        IdempotencyKeyReused: the key belongs to another request.
        Unavailable: the disk or the database does not answer, or more waits than the node holds; nothing was
            accepted.
    """
    desk.gatherer.require_room()
    async with refusals_recorded(
        desk, EventKind.DOCUMENT_REFUSED, stream, declared=declared, client=client, now=now
    ) as submission:
        body, at = submission.body, submission.received_at
        once = once_for(desk, client, idempotency_key, body, path="/v1/documents", at=at)
        if once is not None and (accepted := await _accepted_by_key(desk, once)) is not None:
            return accepted
        verified = await verify(desk, body, at=at, believing=True)
        return await settle(desk, submission, verified, client=client, once=once)


async def settle(
    desk: Desk, submission: Submission, verified: Verified, *, client: Client, once: Once | None
) -> Accepted:
    """Accept a document that was received and verified, in the block that records refusals.

    Raises:
        SubmissionRejected: any of its kinds.
        AgencyNotGranted: the client does not act for the sender.
        DocumentIdTaken: the sender used this DocumentId for other bytes.
        IdempotencyKeyReused: the key belongs to another request.
        Unavailable: the disk or the database does not answer; nothing was accepted.
    """
    body, at = submission.body, submission.received_at
    known = await _known(desk, verified)
    if verified.trusted_at - {known.trust}:
        # Somebody changed what is trusted since this was last known: it is judged by what is true now.
        verified = await verify(desk, body, at=at)
    message, directory = parties.readable(verified), known.directory
    code = message.sender.organ_id.text
    submission.standing = parties.standing_of(directory.get(code), client)
    parties.refuse_secret(verified)
    sender = parties.authorised(code, directory.get(code), client)
    earlier = known.earlier if code == sender.organ_id.text else await _accepted_before(desk, sender, message)
    if earlier is not None and earlier.document["sha256"] == body.sha256:
        return earlier
    routed = await _routed(desk, message, sender, directory, verified, at=at)
    if earlier is not None:
        raise _taken(message, sender)
    routed = await _scanned(desk, routed, body)
    cited = [each for signature in verified.signatures for each in cited_by(signature)]
    kept = await desk.shelf.keep(desk.database, cited, at=at)
    decision = decide(desk, routed, verified, body, client=client, once=once, kept=kept, at=at)
    await asyncio.to_thread(body.keep, desk.blobs)
    # The body is durable and unreferenced: a crash now leaves an orphan that no row names.
    if not await desk.gatherer.commit(put, decision, octets=_octets(body, decision)):
        # Another request with the same DocumentId, or the same key, committed between the look and the insert.
        return await _raced(desk, sender, message, body, once)
    # Durable: from here on the document exists, whether or not the answer arrives.
    desk.mistakes.accepted(Origin(client.client_id), routed.verdict.findings, at=at)
    return Accepted(
        decision.document, tuple((row["id"], row["recipient"]) for row in decision.deliveries), replayed=False
    )


async def validate(
    desk: Desk, stream: AsyncIterable[bytes], *, declared: Declared, client: Client, now: Clock
) -> Verified:
    """Do everything `submit` does before its transaction, keep nothing, and return the verdict instead of refusing.

    Raises:
        MalformedMarkup, DocumentTooLarge, UnsupportedMediaType, DigestMismatch: there is nothing to give a verdict on.
        Unavailable: the registry does not answer.
    """
    async with received(desk, stream, declared=declared) as body:
        at = now()
        try:
            verified = await verify(desk, body, at=at)
        except DocumentRefused as error:
            return Verified(None, Verdict.of(error.findings), None, ())
        if verified.secret is not None:
            return Verified(None, Verdict.of([verified.secret]), None, ())
        if verified.message is None:
            return verified
        directory = await parties.look_up(desk, _codes(verified.message))
        code = verified.message.sender.organ_id.text
        try:
            sender = parties.authorised(code, directory.get(code), client)
            verdict = (await _routed(desk, verified.message, sender, directory, verified, at=at)).verdict
        except DocumentRefused as error:
            verdict = Verdict.of(error.findings)
        except AgencyNotGranted as error:
            unknown = parties.weighed(verified, None, policy=desk.policy, at=at)
            verdict = Verdict.of([*unknown.verdict.findings, *error.findings])
        return Verified(verified.message, verdict, verified.certificate, verified.attachments)


def once_for(desk: Desk, client: Client, key: str | None, body: Body, *, path: str, at: datetime) -> Once | None:
    """Return the Idempotency-Key of a message, bound to the client and to exactly this body."""
    if key is None:
        return None
    expires_at = at + timedelta(days=desk.policy.idempotency_days)
    return Once.of_body(client.client_id, key, path=path, body_sha256=body.sha256, expires_at=expires_at)


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a message before it is judged, all of it at one moment.

    Attributes:
        directory: the agencies it names, by every code.
        trust: version of what is trusted.
        earlier: the document that has its DocumentId, of a sender that writes its own code.
    """

    directory: Mapping[str, Agency]
    trust: int
    earlier: Accepted | None


async def _known(desk: Desk, verified: Verified) -> _Known:
    message = parties.readable(verified)
    async with desk.database.read() as tx:
        # The versions are read in the same snapshot as all else, so what is remembered of them is true in it.
        agencies, trust = await currents(tx, (Part.AGENCIES, Part.TRUST))
        directory = await parties.remembered(tx, desk.directory, _codes(message), version=agencies)
        return _Known(directory, trust, await _earlier(tx, message.sender.organ_id.text, message))


def _codes(message: Message) -> set[str]:
    codes = {message.sender.organ_id.text}
    if isinstance(message, DocumentMessage):
        codes |= {recipient.organ_id.text for recipient in message.recipients}
        codes |= {answer.organ_id.text for answer in message.response_for if answer.organ_id}
        codes |= orders.codes_in(message)
    return codes


async def _routed(
    desk: Desk, message: Message, sender: Agency, directory: Mapping[str, Agency], verified: Verified, *, at: datetime
) -> Routed:
    weighed = parties.weighed(verified, sender, policy=desk.policy, at=at)
    findings = [*weighed.verdict.findings, *parties.signer_findings(sender, verified, at=at)]
    if not isinstance(message, DocumentMessage):
        findings.append(_not_a_document())
        raise DocumentRefused("this is a status message", findings=findings)
    findings += links.unusable(message)
    routing = route([recipient.organ_id.text for recipient in message.recipients], directory, on=day_of(at))
    findings += routing.findings
    about = await concerned(desk, message, sender, directory, at=at)
    given, unreachable = orders.orders(
        message,
        about.links,
        about.originals,
        routes=routing.routes,
        directory=directory,
        rule=desk.policy.regulations.change_effects_on(day_of(at)),
        on=day_of(at),
    )
    findings += [*unreachable, *orders.not_sent(about.links)]
    for order in given:
        findings += orders.remarks(order, about.held[order.original.id])
    verdict = Verdict.of(findings)
    if not verdict.acceptable:
        refusing = [finding for finding in findings if finding.refuses]
        raise DocumentRefused(
            f"{len(refusing)} finding(s) refuse the document; first: {refusing[0].message}", findings=findings
        )
    return Routed(message, sender, routing.routes, about.links, given, verdict)


async def _scanned(desk: Desk, routed: Routed, body: Body) -> Routed:
    """Have the attachments of what would be accepted scanned.

    Raises:
        DocumentRefused: something was found in one of them.
        Unavailable: the scanner does not answer, and nothing is accepted without it.
    """
    if desk.scanning is None:
        return routed
    policy = desk.policy
    found = await scanned(
        desk.scanning, routed.message, body, bytes_max=policy.body_bytes_max, allowed=policy.attachments
    )
    verdict = Verdict.of([*routed.verdict.findings, *found])
    if not verdict.acceptable:
        refusing = [finding for finding in found if finding.refuses]
        raise DocumentRefused(f"the scanner refuses the document: {refusing[0].message}", findings=verdict.findings)
    return replace(routed, verdict=verdict)


async def _accepted_before(desk: Desk, sender: Agency, message: Message) -> Accepted | None:
    async with desk.database.read() as tx:
        return await _earlier(tx, sender.organ_id.text, message)


async def _earlier(tx: Transaction, sender: str, message: Message) -> Accepted | None:
    if not isinstance(message, DocumentMessage):
        return None
    row = await documents.by_sender_id(tx, sender, message.document_id)
    return None if row is None else _again(row, await deliveries.of_documents(tx, [row.id]))


async def _accepted_by_key(desk: Desk, once: Once) -> Accepted | None:
    async with desk.database.read() as tx:
        answer = await once.earlier(tx)
        if answer is None:
            return None
        row = await documents.by_id(tx, answer["document"])
        if row is None:
            raise DataFault(f"an Idempotency-Key names document {answer['document']}, which is not there")
        legs = await deliveries.of_documents(tx, [row.id])
    return _again(row, legs)


def _again(row: Any, legs: Sequence[Any]) -> Accepted:
    """Give the first answer again: without the recipients a later update added."""
    first = tuple((leg.id, leg.recipient) for leg in legs if leg.added_by is None)
    return Accepted(dict(row._mapping), first, replayed=True)


def _octets(body: Body, decision: Decision) -> int:
    return len(body.octets or b"") + _ROW_OCTETS * (len(decision.deliveries) + len(decision.events))


async def _raced(
    desk: Desk, sender: Agency, message: DocumentMessage | Message, body: Body, once: Once | None
) -> Accepted:
    if once is not None and (accepted := await _accepted_by_key(desk, once)) is not None:
        return accepted
    earlier = await _accepted_before(desk, sender, message)
    if earlier is None:
        raise DataFault("a DocumentId was taken and is not there")
    if earlier.document["sha256"] != body.sha256:
        raise _taken(message, sender)
    return earlier


def _taken(message: Message, sender: Agency) -> DocumentIdTaken:
    document_id = message.document_id if isinstance(message, DocumentMessage) else ""
    text = f"{sender.organ_id.text!r} has already sent other content under DocumentId {document_id[:100]!r}"
    finding = Finding(
        "ours.exchange.document-id-taken",
        Severity.ERROR,
        text,
        "Give the new content its own DocumentId; to change what was sent, send an update (BussinessDocType 2).",
        "QCVN 102:2016/BTTTT 1.14; ours, decision 0006",
        "/edXML/edXMLEnvelope/edXMLHeader/MessageHeader/DocumentId",
    )
    return DocumentIdTaken(text, findings=[finding])


def _not_a_document() -> Finding:
    return Finding(
        "ours.exchange.status-as-document",
        Severity.ERROR,
        "the message has a StatusCode, so it is a status message",
        "Post it to /v1/statuses.",
        "QCVN 102:2016/BTTTT, status message; api contract",
        "/edXML/edXMLEnvelope/edXMLHeader/MessageHeader/StatusCode",
    )
