"""Judging status reports again that were accepted while it was unknown whether a certificate was revoked.

The steps are those of `rejudge`, and so is what may change the verdict. A report has no dossier of its own: what is
known of it now replaces what was kept with it, and the log holds both. What the report moved stays moved, because the
exchange went on from there; whoever relied on it is told.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.exchange.desk import Clock, Desk
from app.exchange.notices import NoticeKind, notice
from app.exchange.rejudge import REVOKED, Judged, each_known, finding_of, verdict_now, verified_then
from app.exchange.steps import Step
from app.exchange.verify import verification_record
from app.findings import Severity, Verdict
from app.ids import new_id
from app.ledger.events import NODE_ACTOR, Event, EventKind, record
from app.registry import directory
from app.regulations.calendar import day_of
from app.store import deliveries
from app.store import report_verdicts as rows


async def rejudge_reports(desk: Desk, *, now: Clock) -> Judged:
    """Judge again every status report about which enough is known now.

    Raises:
        Unavailable: the database does not answer; what was committed before stays done.
    """
    return await each_known(
        desk,
        rows.indeterminate,
        lambda past, row: _one(past, row, now=now),
        certificate=lambda row: row.verification.get("certificate"),
    )


async def _one(desk: Desk, row: Any, *, now: Clock) -> Judged:
    verified = await verified_then(desk, row)
    findings = [finding_of(each) for each in row.verification.get("findings", ())]
    verdict = verdict_now(
        # What was unknown is what is asked again; nothing that refuses can be among the rest.
        [each for each in findings if each.severity is not Severity.UNKNOWN],
        verified.steps.get(Step.TRUST, ()),
    )
    if verdict is None:
        return Judged()
    written = await _written(desk, row, verdict, verification_record(verdict, verified), at=now())
    return Judged.by(verdict) if written else Judged()


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
