"""Throwing bodies away when the rules of retention let them go, and nothing else of a document (decision 0023).

(1) rules      the policy of the day (`app/regulations`); by default it lets nothing go
(2) candidates bodies whose time is over and that nothing holds back, in small batches
(3) marked     under a lock and looked at once more: the mark and its event, one transaction
(4) deleted    the file, unless another row needs the same octets
(5) swept      files that no row refers to: left by a crash between (3) and (4), or of submissions that never were

Record, receipt, history, verification and evidence stay and go on verifying: they speak of the digest.
"""

import asyncio
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from app.errors import Conflict, ContentPurged, NotFound
from app.exchange.desk import Desk
from app.findings import Finding, Severity
from app.ids import new_id
from app.ledger.events import NODE_ACTOR, Event, EventKind, instant_text, record
from app.ledger.publish import NotContinued, Publisher, doubt
from app.registry import directory
from app.regulations.calendar import day_of
from app.regulations.provisions import Kept, Retention, RetentionRule
from app.store import documents
from app.store import retention as rows
from app.store.blobs import BlobStore
from app.store.database import Database, Transaction
from app.store.retention import Due, Hindrance

BATCH_MAX: Final = 100
"""Bodies of one transaction: short enough not to hold up those who send."""
SWEEP_SECONDS_MIN: Final = 6 * 3600
"""Age from which a body without a row is nobody's: longer than any submission takes from keeping it to its commit."""
STRANGERS_SHARE: Final = 10
"""Bodies without any row are deleted as long as they are at most a tenth of their folder: crashes leave a few."""
_LOOKED_UP_MAX: Final = 500

_log = structlog.get_logger("truc.retention")

Told = Callable[[str, int, int], None]
"""Told of (rule, done, total)."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What a rule would do now.

    Attributes:
        bodies: so many may go.
        octets: of these.
        held_back: how many more are old enough, by what keeps them.
    """

    rule: RetentionRule
    bodies: int
    octets: int
    held_back: dict[Hindrance, int]


@dataclass(frozen=True, slots=True)
class Purged:
    """What was thrown away."""

    documents: int = 0
    statuses: int = 0
    octets: int = 0

    def __add__(self, other: "Purged") -> "Purged":
        """Count both."""
        return Purged(self.documents + other.documents, self.statuses + other.statuses, self.octets + other.octets)


async def insist_on_continuity(publisher: Publisher) -> None:
    """Insist that the database continues what was signed; to be called before anything is thrown away.

    One that was restored from an older copy has not heard of the newest bodies, nor of the newest orders to hold some.

    Raises:
        NotContinued: it does not.
        DataFault: nobody knows what was signed.
        Unavailable: the database does not answer.
    """
    reason = await doubt(publisher)
    if reason is not None:
        raise NotContinued(f"{reason}; nothing is thrown away until it does, or the rollback is accepted")


async def plan(database: Database, policy: Retention, *, at: datetime) -> list[Planned]:
    """Say what each rule would do now; changes nothing.

    Raises:
        Unavailable: the database does not answer.
    """
    planned = []
    async with database.read() as tx:
        for rule, due in dues(policy, at=at):
            counted = await rows.counted(tx, due)
            bodies, octets = counted.pop(None, (0, 0))
            back = {hindrance: count for hindrance, (count, _) in counted.items() if hindrance is not None}
            planned.append(Planned(rule, bodies, octets, back))
    return planned


async def purge(
    database: Database,
    blobs: BlobStore,
    policy: Retention,
    *,
    at: datetime,
    actor: str = NODE_ACTOR,
    told: Told = lambda _rule, _done, _total: None,
    totals: Sequence[Planned] = (),
) -> Purged:
    """Throw away every body that may go now; safe from any number of processes at the same time.

    Args:
        told: told after each batch.
        totals: what was planned, for `told`.

    Raises:
        Unavailable: database or disk do not answer; what was committed stays done, files left over are swept later.
    """
    total = Purged()
    expected = {each.rule.name: each.bodies for each in totals}
    for rule, due in dues(policy, at=at):
        after, done = "", 0
        while True:
            async with database.read() as tx:
                ids = await rows.candidates(tx, due, after=after, limit=BATCH_MAX)
            if not ids:
                break
            after = ids[-1]
            gone = await _marked(database, rule, due, ids, at=at, actor=actor)
            # If we die here they are gone by the record, and their files are nobody's until the sweep finds them.
            await _delete(database, blobs, {row.sha256 for row in gone}, at=at)
            octets = sum(row.size for row in gone)
            total += Purged(statuses=len(gone), octets=octets) if due.statuses else Purged(len(gone), octets=octets)
            done += len(gone)
            told(rule.name, done, max(done, expected.get(rule.name, done)))
    return total


async def sweep(database: Database, blobs: BlobStore, *, prefixes: Iterable[str], older_than: float) -> int:
    """Delete bodies that no row refers to; returns how many.

    Where too many bodies are strangers to the database, it is the database that is wrong, or an older one: then only
    those go of which it says that they were purged.

    Args:
        prefixes: first two digits of the digests that are looked at.
        older_than: POSIX time; what was kept since then may be about to be referred to.

    Raises:
        Unavailable: database or disk do not answer; what is left is swept the next time.
    """
    await _resume(database, blobs, older_than=older_than)
    swept = 0
    for prefix in prefixes:
        found = await asyncio.to_thread(blobs.kept_under, prefix, older_than=older_than)
        purged, strangers = await _nobodys(database, found)
        if len(strangers) * STRANGERS_SHARE > len(found):
            _log.warning("retention.strangers_left", folder=prefix, bodies=len(found), strangers=len(strangers))
            strangers = []
        going = [*purged, *strangers]
        for start in range(0, len(going), _LOOKED_UP_MAX):
            # Asked once more, right before: somebody may refer to one by now.
            swept += await _part_with(database, blobs, going[start : start + _LOOKED_UP_MAX])
    return swept


async def hold(database: Database, document: str, *, at: datetime, actor: str, held: bool = True) -> None:
    """Keep the bodies of a document and of what was reported on it from being purged, or no longer.

    After NĐ 30/2020/NĐ-CP Phụ lục VI, Phần I, IV.1.g: what whoever is competent asks for is locked against deletion.

    Raises:
        NotFound: there is no such document.
        Conflict: it is held already, or not held; or there is nothing left to hold.
    """
    async with database.write() as tx:
        row = await documents.by_id(tx, document)
        if row is None:
            raise NotFound("no such document")
        if held and row.purged_at is not None:
            raise Conflict(f"its content was purged at {instant_text(row.purged_at)}")
        if not await rows.hold(tx, document, at=at if held else None):
            raise Conflict("the document is held already" if held else "the document is not held")
        sender = (await directory.resolve(tx, {row.sender}))[row.sender]
        event = Event(
            id=new_id(),
            kind=EventKind.CONTENT_HELD if held else EventKind.CONTENT_RELEASED,
            at=at,
            actor=actor,
            standing=sender.standing,
            document_type=row.document_type,
            document=document,
        )
        await record(tx, [event])


async def gone(tx: Transaction, document: str, *, sha256: str, purged_at: datetime) -> ContentPurged:
    """Return the answer about a body that was purged: when, and by which rule."""
    rule = "unknown"
    for purge_row in await rows.purges_of(tx, [document]):
        detail = json.loads(purge_row.body)["detail"]
        if detail.get("sha256") == sha256:
            rule = str(detail.get("rule"))
    text = f"the content was purged at {instant_text(purged_at)} by rule {rule!r} of retention"
    finding = Finding(
        "ours.retention.purged",
        Severity.ERROR,
        text,
        "Use your own copy: record, receipt, history and verification are still here and prove what it was.",
        "dated regulations of this node, table retention; ours, decision 0023",
    )
    return ContentPurged(text, findings=[finding])


def dues(policy: Retention, *, at: datetime) -> list[tuple[RetentionRule, Due]]:
    """Return what each rule of a policy lets go at a moment, those that keep longest first."""
    found: list[tuple[RetentionRule, Due]] = []
    for kept in Kept:
        longer: list[Due] = []
        for rule in sorted(
            (rule for rule in policy.rules if rule.kept is kept), key=lambda rule: (-rule.keep_days, rule.name)
        ):
            due = Due(
                statuses=kept is Kept.STATUS,
                accepted_until=at - timedelta(days=rule.keep_days),
                kinds=rule.kinds,
                document_types=rule.document_types,
                longer=tuple(longer),
            )
            found.append((rule, due))
            longer.append(due)
    return found


def policy_of(desk: Desk, *, at: datetime) -> Retention:
    """Return the policy of the day."""
    return desk.policy.regulations.retention_on(day_of(at))


async def _marked(
    database: Database, rule: RetentionRule, due: Due, ids: Sequence[str], *, at: datetime, actor: str
) -> Sequence[Any]:
    """Take step (3); returns the rows of what is gone now."""
    async with database.write() as tx:
        claimed = await rows.claim(tx, due, ids)
        if not claimed:
            return ()
        agencies = await directory.resolve(tx, {row.agency for row in claimed})
        await rows.mark(tx, [row.id for row in claimed], statuses=due.statuses, at=at)
        if not due.statuses:
            await rows.forget_words(tx, [row.id for row in claimed], subjects=rule.forget_subject)
            await rows.end_inspections(tx, [row.id for row in claimed], at=at)
        events = [
            Event(
                id=new_id(),
                kind=EventKind.CONTENT_PURGED,
                at=at,
                actor=actor,
                standing=agencies[row.agency].standing,
                document_type=row.document_type,
                document=row.document,
                detail={
                    "sha256": row.sha256,
                    "rule": rule.name,
                    "keep_days": rule.keep_days,
                    "subject": "forgotten" if rule.forget_subject else "kept",
                    **({"report": row.id} if due.statuses else {}),
                },
            )
            for row in claimed
        ]
        await record(tx, events)
    # Durable together: that it is gone, why, and since when. Before this line the body is there for everybody.
    return claimed


async def _delete(database: Database, blobs: BlobStore, digests: Iterable[str], *, at: datetime) -> None:
    """Take step (4); what somebody kept a moment ago is left to the sweep."""
    found = []
    for sha256 in sorted(digests):
        touched = await asyncio.to_thread(blobs.touched, sha256)
        if touched is not None and touched < (at.timestamp() - SWEEP_SECONDS_MIN) * 1e9:
            found.append((sha256, touched))
    await _part_with(database, blobs, found)


async def _nobodys(
    database: Database, found: Sequence[tuple[str, int]]
) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """Return which of these bodies were purged by the record, and which no row has ever heard of."""
    purged: list[tuple[str, int]] = []
    strangers: list[tuple[str, int]] = []
    for start in range(0, len(found), _LOOKED_UP_MAX):
        some = found[start : start + _LOOKED_UP_MAX]
        digests = [sha256 for sha256, _ in some]
        async with database.read() as tx:
            needed, gone = await rows.referenced(tx, digests), await rows.purged_among(tx, digests)
        left = [each for each in some if each[0] not in needed]
        purged += [each for each in left if each[0] in gone]
        strangers += [each for each in left if each[0] not in gone]
    return purged, strangers


async def _part_with(database: Database, blobs: BlobStore, found: Sequence[tuple[str, int]]) -> int:
    async with database.read() as tx:
        needed = await rows.referenced(tx, [sha256 for sha256, _ in found])
    gone = 0
    for sha256, touched in found:
        if sha256 not in needed:
            gone += await asyncio.to_thread(blobs.part_with, sha256, touched=touched)
    return gone


async def _resume(database: Database, blobs: BlobStore, *, older_than: float) -> None:
    """Decide anew about bodies that lost their name in a process that died then, or is at it right now.

    One that was kept again meanwhile has been touched, and may be about to be referred to.
    """
    left = await asyncio.to_thread(blobs.partings)
    async with database.read() as tx:
        needed = await rows.referenced(tx, [each.sha256 for each in left])
    for each in left:
        stays = each.sha256 in needed or each.touched >= older_than * 1e9
        await asyncio.to_thread(blobs.take_back if stays else blobs.forget, each)
