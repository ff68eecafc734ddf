"""What a status message is about: which delivery, and who the two parties are.

Real clients fill ResponseFor wrongly, and agencies answer for those they succeeded; as long as that leaves exactly one
delivery of the reporter, it is found (ours, decision 0005).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from app.edxml import vocabulary as v
from app.edxml.model import StatusMessage
from app.errors import DataFault, DocumentRefused
from app.exchange import parties
from app.exchange.desk import Desk
from app.exchange.states import REPORTERS, Change, DeliveryState, Party, Progress, source_of, step
from app.exchange.verify import Verified
from app.findings import Finding, Severity, Verdict
from app.registry import succession
from app.registry.model import Agency
from app.store import deliveries, documents
from app.store.database import Transaction

_RESPONSE_FOR = f"{v.MESSAGE_PATH}/{v.RESPONSE_FOR}"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a report is about, once the parties are known.

    Attributes:
        party: as which of the two the reporter speaks.
        informed: whom the report is meant for: the other party.
        recipient: code of the agency the delivery is for; of a closed one, its successor may report.
        state: where the delivery stood when it was looked up.
        sender_tier: tier of the document's sender when it was accepted.
    """

    message: StatusMessage
    reporter: Agency
    party: Party
    informed: Agency
    document: str
    document_type: str
    delivery: str
    recipient: str
    state: DeliveryState
    available_at: datetime
    due_date: date | None
    sender_tier: str | None
    verdict: Verdict


async def find(
    desk: Desk, verified: Verified, reporter: Agency, directory: Mapping[str, Agency], *, at: datetime
) -> Subject:
    """Find the delivery a report speaks of, and whom it is meant for.

    Raises:
        DocumentRefused: a finding refuses the message, or there is no such delivery for this reporter.
    """
    message = verified.message
    weighed = parties.weighed(verified, reporter, policy=desk.policy, at=at)
    findings = [*weighed.verdict.findings, *parties.signer_findings(reporter, verified, at=at)]
    if not isinstance(message, StatusMessage):
        raise DocumentRefused("this is not a status message", findings=[*findings, _not_a_status()])
    party = REPORTERS[message.status]
    named = message.response_for.organ_id
    other = directory.get(named.text) if named else None
    async with desk.database.read() as tx:
        found = await _delivery(tx, message, party, reporter, other)
        if found is None:
            findings.append(await _not_found(tx, message, party, reporter))
    verdict = Verdict.of(findings)
    if found is None or not verdict.acceptable:
        refusing = [finding for finding in findings if finding.refuses]
        raise DocumentRefused(
            f"{len(refusing)} finding(s) refuse the report; first: {refusing[0].message}", findings=findings
        )
    counterpart = found.recipient if party is Party.SENDER else found.sender
    informed = directory.get(counterpart) or (await parties.look_up(desk, {counterpart})).get(counterpart)
    if informed is None:
        raise DataFault(f"agency {counterpart!r} of delivery {found.delivery} is not in the directory")
    return Subject(
        message=message,
        reporter=reporter,
        party=party,
        informed=informed,
        document=found.document,
        document_type=found.document_type,
        delivery=found.delivery,
        recipient=found.recipient,
        state=state_of(found),
        available_at=found.available_at,
        due_date=found.due_date,
        sender_tier=found.sender_tier,
        verdict=verdict,
    )


def state_of(row: Any) -> DeliveryState:
    """Return where a delivery stands, from its row."""
    return DeliveryState(Progress(row.progress), Change(row.change) if row.change else None)


async def _delivery(
    tx: Transaction, message: StatusMessage, party: Party, reporter: Agency, other: Agency | None
) -> Any | None:
    own: Sequence[str] = (reporter.organ_id.text,)
    others: Sequence[str] | None = (other.organ_id.text,) if other else None
    found = await _between(tx, message, party, own, others) or await _between(tx, message, party, own, None)
    if found is not None and (party is Party.SENDER or _moves(found, message)):
        return found
    # Who took over from others reports, and is asked, on what they sent and received, too.
    own = await succession.represented(tx, reporter)
    others = await succession.represented(tx, other) if other else None
    if len(own) == 1 and (others is None or len(others) == 1):
        return found
    if party is Party.RECIPIENT:
        return await _first_to_move(tx, message, own, others) or found
    return await _between(tx, message, party, own, others) or await _between(tx, message, party, own, None)


async def _first_to_move(
    tx: Transaction, message: StatusMessage, own: Sequence[str], others: Sequence[str] | None
) -> Any | None:
    """Return which of the deliveries a successor answers for it reports on, for no message names that.

    A circular went to it and to several agencies that it took over from: the first report moves its own delivery, the
    same word again that of the next (decision 0010).
    """
    document_id = message.response_for.document_id or ""
    for senders in (others, None):
        found = await deliveries.all_reported_on(tx, document_id=document_id, senders=senders, recipients=own)
        legs = sorted((leg for leg in found if leg.recipient in own), key=lambda leg: own.index(leg.recipient))
        if legs and len({leg.document for leg in legs}) == 1:
            return next((leg for leg in legs if _moves(leg, message)), legs[0])
    return None


def _moves(delivery: Any, message: StatusMessage) -> bool:
    before = state_of(delivery)
    return step(before, message.status) not in (None, before)


async def _between(
    tx: Transaction, message: StatusMessage, party: Party, own: Sequence[str], others: Sequence[str] | None
) -> Any | None:
    senders, recipients = (own, others) if party is Party.SENDER else (others, own)
    document_id = message.response_for.document_id or ""
    return await deliveries.reported_on(tx, document_id=document_id, senders=senders, recipients=recipients)


async def _not_found(tx: Transaction, message: StatusMessage, party: Party, reporter: Agency) -> Finding:
    """Say why there is no such delivery, as far as it is the reporter's business."""
    document_id = message.response_for.document_id or ""
    own = await succession.represented(tx, reporter)
    if party is Party.RECIPIENT:
        if any(row.sender in own for row in await documents.by_document_ids(tx, {document_id})):
            return _wrong_party(
                message,
                f"{message.status.value} is reported by a recipient; the reporter sent {document_id[:100]!r} itself",
                "Report only on documents you received; the sender reports nothing but 13.",
            )
        text = f"the reporter is not a recipient of a document {document_id[:100]!r}, or not of the agency named"
        fix = "Name the document as it was received: its sender in OrganId, its DocumentId unchanged."
    else:
        if await deliveries.reported_on(tx, document_id=document_id, senders=None, recipients=own) is not None:
            return _wrong_party(
                message,
                f"13 is reported by the sender, and the reporter received {document_id[:100]!r}",
                "To send a document back, report 02 before you accept it (03).",
            )
        text = f"the reporter sent no document {document_id[:100]!r} to the agency in ResponseFor/OrganId"
        fix = "For 13, name the recipient that is asked in ResponseFor/OrganId and your own document in DocumentId."
    return Finding(
        "ours.status.no-such-delivery",
        Severity.ERROR,
        text,
        fix,
        "QĐ 28/2018/QĐ-TTg Đ8, Đ9; ours, decision 0005",
        _RESPONSE_FOR,
    )


def _wrong_party(message: StatusMessage, text: str, fix: str) -> Finding:
    return Finding(
        "ours.status.wrong-party",
        Severity.ERROR,
        text,
        fix,
        source_of(message.status),
        f"{v.MESSAGE_PATH}/{v.STATUS_CODE}",
    )


def _not_a_status() -> Finding:
    return Finding(
        "ours.exchange.document-as-status",
        Severity.ERROR,
        "the message has no StatusCode, so it is a document",
        "Post it to /v1/documents.",
        "QCVN 102:2016/BTTTT, status message; api contract",
        v.MESSAGE_PATH,
    )
