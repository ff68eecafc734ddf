"""Judging status reports again that were accepted while it was unknown whether a certificate was revoked.

The steps are those of `rejudge`, and so is what may change the verdict. A report has no dossier of its own: what is
known of it now replaces what was kept with it, and the log holds both. What the report moved stays moved, because the
exchange went on from there; whoever relied on it is told.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog

from app.errors import DataFault, SubmissionRejected
from app.exchange.desk import Clock, Desk
from app.exchange.notices import NoticeKind, notice
from app.exchange.receive import Body
from app.exchange.rejudge import PAGE, REVOKED, Judged, as_of_then, finding_of, known_now, verdict_now
from app.exchange.steps import Step
from app.exchange.verify import verification_record, verify
from app.findings import Indication, Severity, Verdict
from app.ids import new_id
from app.ledger.events import NODE_ACTOR, Event, EventKind, record
from app.markup import FileSource
from app.registry import directory
from app.regulations.calendar import day_of
from app.store import deliveries
from app.store import report_verdicts as rows

_log = structlog.get_logger("truc.rejudge")


async def rejudge_reports(desk: Desk, *, now: Clock) -> Judged:
    """Judge again every status report about which enough is known now.

    Raises:
        Unavailable: the database does not answer; what was committed before stays done.
    """
    past = as_of_then(desk)
    total, after = Judged(), None
    unknown: set[str] = set()
    while True:
        async with desk.database.read() as tx:
            page = await rows.indeterminate(tx, after=after, limit=PAGE)
        for row in page:
            certificate = row.verification.get("certificate")
            if certificate is None or certificate in unknown:
                continue
            try:
                if await known_now(past, certificate, at=row.accepted_at):
                    total += await _one(past, row, now=now)
                else:
                    unknown.add(certificate)
            except (SubmissionRejected, DataFault) as error:
                _log.warning("rejudge.unreadable_report", report=row.id, problem=str(error)[:300])
        if len(page) < PAGE:
            break
        after = page[-1].id
    if total != Judged():
        desk.doorbell.nudge()
    return total


async def _one(desk: Desk, row: Any, *, now: Clock) -> Judged:
    with FileSource(desk.blobs.path_of(row.sha256)) as source:
        verified = await verify(desk, Body(row.sha256, row.size, source), at=row.accepted_at)
    steps = (Step.SIGNATURE, Step.INTEGRITY)
    if any(finding.refuses for step in steps for finding in verified.steps.get(step, ())):
        raise DataFault("the kept bytes do not verify any more")
    findings = [finding_of(each) for each in row.verification.get("findings", ())]
    verdict = verdict_now(
        # What was unknown is what is asked again; nothing that refuses can be among the rest.
        [each for each in findings if each.severity is not Severity.UNKNOWN],
        verified.steps.get(Step.TRUST, ()),
    )
    if verdict is None or not await _written(desk, row, verdict, verification_record(verdict, verified), at=now()):
        return Judged()
    return Judged(passed=1) if verdict.indication is Indication.TOTAL_PASSED else Judged(failed=1)


async def _written(desk: Desk, row: Any, verdict: Verdict, verification: Mapping[str, Any], *, at: datetime) -> bool:
    indication = verdict.indication.value
    async with desk.database.write() as tx:
        if not await rows.judge(tx, row.id, indication=indication, verification=verification):
            return False
        codes = dict.fromkeys((row.reporter, *await rows.informed(tx, row.id)))
        agencies = await directory.resolve(tx, set(codes), on=day_of(at))
        event = Event(
            id=new_id(),
            kind=EventKind.STATUS_JUDGED,
            at=at,
            actor=NODE_ACTOR,
            standing=agencies[row.reporter].standing,
            document_type=row.document_type,
            document=row.document,
            delivery=row.delivery,
            detail={
                "report": row.id,
                "indication": indication,
                "codes": sorted({each.code for each in verdict.findings if each.code in REVOKED}),
            },
        )
        told = [
            notice(
                NoticeKind.JUDGED,
                to=agencies[code],
                document=row.document,
                document_type=row.document_type,
                concerns=row.delivery,
                at=at,
                actor=NODE_ACTOR,
                peer_tier=row.sender_tier,
                detail={"indication": indication, "report": row.id},
            )
            for code in codes
        ]
        await deliveries.insert(tx, [laid for laid, _ in told])
        await record(tx, [event, *(happened for _, happened in told)])
    # Durable together: what the report is, why, and who is told. Before this line, it is still open.
    return True
