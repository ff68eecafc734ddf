"""Judging again what was accepted while it was unknown whether a certificate was revoked (decision 0014).

(1) candidates  documents whose newest verification is INDETERMINATE, oldest first
(2) asked       whether anything is known now about the certificate at the time of receipt; if not, nothing is read
(3) verified    the kept bytes, as of the time of receipt; what was revoked later was signed in time
(4) decided     only revocation can have become known: whatever else differs leaves the document as it is
(5) written     a further report, the new indication, the event and a notice to both sides, in one transaction

Nothing disappears: a document that turns out to be signed with a revoked certificate stays readable and provable, and
says what it is. Any number of processes may do this at the same time.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Protocol, Self

import structlog
from cryptography import x509

from app.errors import DataFault, SubmissionRejected
from app.exchange.desk import Clock, Desk
from app.exchange.notices import NoticeKind, notice
from app.exchange.receive import Body
from app.exchange.signature_facts import cited_by
from app.exchange.steps import Step
from app.exchange.verification_report import XML, Examined, Report, report_of
from app.exchange.verify import Verified, verification_record, verify
from app.findings import Finding, Indication, Severity, Verdict
from app.ids import new_id
from app.ledger.events import NODE_ACTOR, Event, EventKind, instant_text, record
from app.ledger.verified import MEMBER, digest_of
from app.markup import FileSource
from app.registry import directory
from app.registry.known import stored
from app.registry.trust import TrustCache, decide
from app.regulations.calendar import day_of
from app.signing.path import UnknownRevocation
from app.store import certificates as certificate_rows
from app.store import deliveries, documents, verification_reports
from app.store.database import Transaction
from app.store.versions import Part, current

_PAGE: Final = 1_000
REVOKED: Final = frozenset({"rfc5280.6.3.revoked"})
"""What may be found that was not known before; anything else that refuses is not new knowledge about revocation."""
_log = structlog.get_logger("truc.rejudge")


class OpenRows(Protocol):
    """What gives the rows of which something is unknown: `id`, `sha256`, `size`, `accepted_at` and more."""

    async def __call__(self, tx: Transaction, /, *, after: str | None, limit: int) -> Sequence[Any]:
        """Return those behind an id, in the order of ids."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What a pass did: documents that are proven now, and documents that are proven to be signed too late."""

    passed: int = 0
    failed: int = 0

    @classmethod
    def by(cls, verdict: Verdict) -> Self:
        """Count one that a verdict was written of."""
        return cls(passed=1) if verdict.indication is Indication.TOTAL_PASSED else cls(failed=1)

    def __add__(self, other: "Judged") -> "Judged":
        """Count both."""
        return Judged(self.passed + other.passed, self.failed + other.failed)


def verdict_now(earlier: Sequence[Finding], trust: Sequence[Finding]) -> Verdict | None:
    """Decide what is to be said of a document, given what is known about its certificates now.

    Args:
        earlier: what was found when it was accepted, apart from trust.
        trust: what is found now about its certificates at the time of receipt.

    Returns:
        a verdict that is final; None where it is still open, or where something other than revocation speaks against
        it, which nobody could have known, such as an anchor that was removed since.
    """
    refusing = {finding.code for finding in trust if finding.refuses}
    if refusing - REVOKED:
        return None
    # Who is revoked is revoked, whatever is not known of the others.
    decided = [each for each in trust if not (refusing and each.severity is Severity.UNKNOWN)]
    verdict = Verdict.of([*earlier, *decided])
    return None if verdict.indication is Indication.INDETERMINATE else verdict


async def trust_version(desk: Desk) -> int:
    """Return the number that moves whenever something about trust becomes known; while it stands, nothing is to do.

    Raises:
        Unavailable: the database does not answer.
    """
    async with desk.database.read() as tx:
        return await current(tx, Part.TRUST)


async def rejudge(desk: Desk, *, now: Clock) -> Judged:
    """Judge again every document about which enough is known now.

    Raises:
        Unavailable: the database does not answer; what was committed before stays done.
    """
    return await each_known(
        desk,
        documents.indeterminate,
        lambda past, row: _one(past, row, now=now),
        certificate=lambda row: row.certificate,
    )


async def each_known(
    desk: Desk,
    open_rows: OpenRows,
    judge: Callable[[Desk, Any], Awaitable[Judged]],
    *,
    certificate: Callable[[Any], str | None],
) -> Judged:
    """Judge each row that is still open and about whose certificate something is known now; one pass over all of them.

    Args:
        open_rows: gives them in the order of their ids, a page at a time.
        judge: takes steps (3) to (5) of one, with a desk of the past.
        certificate: of a row; None where it says none.

    Raises:
        Unavailable: the database does not answer; what was committed before stays done.
    """
    past = _as_of_then(desk)
    total, after = Judged(), None
    unknown: set[str] = set()
    while True:
        async with desk.database.read() as tx:
            page = await open_rows(tx, after=after, limit=_PAGE)  # (1)
        for row in page:
            signer = certificate(row)
            # Where nothing is known as of an earlier moment, nothing is as of a later one. A day's mail of an authority
            # that is silent is passed over at the price of one look.
            if signer is None or signer in unknown:
                continue
            try:
                if await _known_now(past, signer, at=row.accepted_at):
                    total += await judge(past, row)
                else:
                    unknown.add(signer)
            except (SubmissionRejected, DataFault) as error:
                # Its bytes are damaged or a rule has changed since: it stays as it is, and holds up no other.
                _log.warning("rejudge.unreadable", sha256=row.sha256, id=row.id, problem=str(error)[:300])
        if len(page) < _PAGE:
            break
        after = page[-1].id
    if total != Judged():
        desk.doorbell.nudge()
    return total


async def verified_then(desk: Desk, row: Any) -> Verified:
    """Take step (3): verify the kept bytes of a document or status report as of the time of receipt.

    Raises:
        SubmissionRejected: by the rules of today they are refused before that.
        DataFault: they cannot be read or their signature does not hold any more.
    """
    with FileSource(desk.blobs.path_of(row.sha256)) as source:
        verified = await verify(desk, Body(row.sha256, row.size, source), at=row.accepted_at)
    steps = (Step.SIGNATURE, Step.INTEGRITY)
    if any(finding.refuses for step in steps for finding in verified.steps.get(step, ())):
        raise DataFault("the kept bytes do not verify any more")
    return verified


@dataclass(frozen=True, slots=True)
class _Registered:
    """A certificate as `trust.decide` takes it."""

    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()


async def _one(desk: Desk, row: Any, *, now: Clock) -> Judged:
    verified = await verified_then(desk, row)
    async with desk.database.read() as tx:
        newest = await verification_reports.newest(tx, row.id)
    if newest is None:
        raise DataFault("a document of which something is unknown has no report")
    earlier = [finding_of(each) for each in newest.report["findings"] if each["step"] != Step.TRUST.value]
    verdict = verdict_now(earlier, verified.steps.get(Step.TRUST, ()))  # (4)
    if verdict is None:
        return Judged()
    cited = [each for signature in verified.signatures for each in cited_by(signature)]
    at = now()
    kept = await desk.shelf.keep(desk.database, cited, at=at)
    report = _report(row, verified, verdict, kept=kept, at=at)
    written = await _written(desk, row, verdict, verification_record(verdict, verified), report, at=at)
    return Judged.by(verdict) if written else Judged()


def _as_of_then(desk: Desk) -> Desk:
    """Return a desk to judge times past at: what is unknown is left open whatever the policy is today."""
    # With a memory of its own, for what is remembered of today is no answer for then.
    return replace(desk, trust=TrustCache(), policy=replace(desk.policy, unknown_revocation=UnknownRevocation.ACCEPT))


async def _known_now(desk: Desk, certificate: str, *, at: datetime) -> bool:
    """Take step (2): a look at the certificate alone costs microseconds, the bytes may be a hundred megabytes."""
    async with desk.database.read() as tx:
        registered = await certificate_rows.find(tx, certificate)
    if registered is None:
        return False
    decision = await decide(
        desk.database,
        desk.trust,
        _Registered(stored(registered.der)),
        at=at,
        unknown_revocation=UnknownRevocation.ACCEPT,
    )
    unknown = any(finding.severity is Severity.UNKNOWN for finding in decision.findings)
    return not unknown or any(finding.code in REVOKED for finding in decision.findings)


def finding_of(kept: Mapping[str, Any]) -> Finding:
    """Read a finding as it is kept."""
    return Finding(
        kept["code"],
        Severity(kept["severity"]),
        kept["message"],
        kept["fix"],
        kept["source"],
        kept["location"],
    )


def _report(row: Any, verified: Verified, verdict: Verdict, *, kept: frozenset[str], at: datetime) -> Report:
    examined = Examined(XML, row.sha256, row.size)
    report = report_of(examined, verified, verdict, at=row.accepted_at, taken=(Step.SIGNER, Step.ROUTE), kept=kept)
    return {**report, "times": {**report["times"], "judged_at": instant_text(at)}}


async def _written(
    desk: Desk, row: Any, verdict: Verdict, verification: Mapping[str, Any], report: Report, *, at: datetime
) -> bool:
    """Take step (5); False where another process was faster."""
    indication = verdict.indication.value
    async with desk.database.write() as tx:
        if not await documents.judge(tx, row.id, indication=indication, verification=verification):
            return False
        newest = await verification_reports.newest(tx, row.id)
        revision = newest.revision + 1 if newest is not None else 0
        made = {
            "document": row.id,
            "revision": revision,
            "indication": indication,
            "sub_indication": report["signature"]["sub_indication"],
            "report": report,
            "made_at": at,
        }
        await verification_reports.add(tx, [made])
        recipients = [leg.recipient for leg in await deliveries.of_documents(tx, [row.id])]
        agencies = await directory.resolve(tx, {row.sender, *recipients}, on=day_of(at))
        codes = sorted({each.code for each in verdict.findings if each.code in REVOKED})
        event = Event(
            id=new_id(),
            kind=EventKind.DOCUMENT_JUDGED,
            at=at,
            actor=NODE_ACTOR,
            standing=agencies[row.sender].standing,
            document_type=row.document_type,
            document=row.id,
            detail={"indication": indication, "revision": revision, "codes": [*codes], MEMBER: digest_of(report)},
        )
        told = [
            notice(
                NoticeKind.JUDGED,
                to=agencies[code],
                document=row.id,
                document_type=row.document_type,
                concerns=None,
                at=at,
                actor=NODE_ACTOR,
                peer_tier=row.sender_tier,
                detail={"indication": indication},
            )
            for code in dict.fromkeys((row.sender, *recipients))
        ]
        await deliveries.insert(tx, [laid for laid, _ in told])
        await record(tx, [event, *(happened for _, happened in told)])
    # Durable together: what the document is, why, and who is told. Before this line, it is still open.
    return True
