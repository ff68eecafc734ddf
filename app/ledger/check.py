"""Checking the log: recompute everything that follows from the events and compare it with what the database says.

(1) order       indices run from 0 without a gap up to the size of the ledger
(2) leaf        each body hashes to its leaf hash, is canonical, and each column says what the body says
(3) documents   each accepted document has its one event, which says the same, and each such event its document;
                what was found in its attachments is what the event of that says
(4) deliveries  each delivery has its one event, and stands where its events left it
(5) reports     each status report has its one event, which says the same, and each such event its report
(6) figures     a recount from event 0 gives the stored sums, and those that reports are made of
(7) bodies      each kept body hashes to its name (on request: it reads every byte); one that is marked as purged has
                its event, and each such event its mark
(8) receipts    each receipt is signed by this node and says what the event says (where the node's key is given)
(9) stamps      each stamped batch is what its event says, its root that of its receipts, and its token there; the token
                of each stamped checkpoint stamps its note, by an authority that is trusted here
(10) tree       the tree grown anew over the events has the tiles that are kept
(11) checkpoints  its root of each size is what was signed for that size, here and by those who kept a checkpoint
(12) registry   agencies, certificates, clients and subscriptions are what their events made of them; evidence hashes to
                its name
(13) months     each version of a closed month has its event and its report, whose figures are those of its size

Reads in chunks, so memory stays bounded but for the figures, whose number does not grow with the traffic of a month.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from app.ledger import recounted
from app.ledger.check_parts import Lookers, Split
from app.ledger.check_readers import readers
from app.ledger.checkpoint_stamps import check_checkpoint_stamps
from app.ledger.closed_check import check_closed_months, check_counted_months, check_sums
from app.ledger.divergence import CheckReport as CheckReport
from app.ledger.divergence import Divergence as Divergence
from app.ledger.divergence import Likely
from app.ledger.events_check import EventsCheck
from app.ledger.purged import check_purged
from app.ledger.recounted import Recount
from app.ledger.registry_check import check_registry
from app.ledger.retelling import OpenReceipt, Progress, Retelling
from app.ledger.stamps import check_stamps
from app.ledger.tree_check import LogKeys, Outside, TreeCheck
from app.ledger.verified_before import VerifiedBefore
from app.store import census, checkpoints
from app.store.blobs import BlobStore
from app.store.database import Database, Transaction


class Keep(Protocol):
    """Told again and again how far a check has come."""

    def __call__(self, made: Callable[[], VerifiedBefore], *, now: bool = False) -> None:
        """Keep it, where that is due, or `now`; what was reached is made only then, for it may be long."""


_BODIES_AT_ONCE = 64
_ALONE = Split()


def _no_progress(_step: str, _done: int, _total: int) -> None:
    """Tell nobody."""


def _keep_nothing(made: Callable[[], VerifiedBefore], *, now: bool = False) -> None:
    """Keep nothing."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a check may use beside the database; what is None or empty leaves something unchecked.

    Attributes:
        blobs: where the bodies are.
        open_receipt: gives the claims of a receipt that this node signed, raises NotAuthenticated for any other.
        log_keys: gives the keys that sign checkpoints.
        outside: checkpoints from elsewhere that this ledger must go on from.
        sealed_until: events from before this moment must have their index; None: any may wait.
        since: what was verified another time; only what came after it is read, and documents that it touched.
        progress: told of each step.
        keep: told how far it has come.
        split: how it is divided among processes.
    """

    blobs: BlobStore | None = None
    open_receipt: OpenReceipt | None = None
    log_keys: LogKeys | None = None
    outside: Sequence[Outside] = ()
    since: VerifiedBefore | None = None
    sealed_until: datetime | None = None
    progress: Progress = _no_progress
    keep: Keep = _keep_nothing
    split: Split = _ALONE


async def check(
    database: Database,
    blobs: BlobStore | None = None,
    *,
    open_receipt: OpenReceipt | None = None,
    log_keys: LogKeys | None = None,
    outside: Sequence[Outside] = (),
    since: VerifiedBefore | None = None,
    sealed_until: datetime | None = None,
    progress: Progress = _no_progress,
    keep: Keep = _keep_nothing,
    split: Split = _ALONE,
) -> CheckReport:
    """Check the log of a node; the arguments are those of `Means`.

    Runs in one read transaction, so it may run beside a working node and sees one moment of it. Processes that share it
    see the same moment on PostgreSQL; on SQLite each sees that of its start, a second later: the same events, for they
    look only at those that are sealed by then, and documents as they stand there, each with its events of that moment.

    Raises:
        Unavailable: the database does not answer, or a process that shares the check ended.
        DataFault: a row is damaged so that it cannot be read at all.
    """
    means = Means(blobs, open_receipt, log_keys, outside, since, sealed_until, progress, keep, split)
    async with database.read() as tx:
        return await check_in(tx, means)


async def check_in(tx: Transaction, means: Means) -> CheckReport:
    """Do the same in a transaction that is open."""
    report = CheckReport()
    tree = TreeCheck(tx, report, await checkpoints.origin(tx), means.log_keys, means.outside)
    since = means.since if means.since is not None and await tree.go_on(means.since.size, means.since.root) else None
    if since is not None:
        _go_on(report, since)
    events = EventsCheck(
        tx, report, _recount_of(since), tree, touched=None if since is None else set(), at_once=means.split.events
    )

    def reached(*, whole: bool = False, after: str | None = None) -> VerifiedBefore:
        counted = list(events.recount.lines()) if events.recount is not None else None
        return VerifiedBefore(tree.grown.size, tree.grown.root(), counted, whole, after, replace(report))

    begun_at = since.after if since is not None and not since.whole else None
    await events.size(sealed_until=means.sealed_until)
    async with _lookers(tx, means.split, report.size - tree.grown.size) as lookers:
        events.lookers = lookers
        await events.all(
            means.progress, since=tree.grown.size, passed=lambda: means.keep(lambda: reached(after=begun_at))
        )
        retelling = Retelling(
            tx, report, means.open_receipt, means.progress, at_once=means.split.events_of_documents, lookers=lookers
        )
        if since is None or not since.whole:
            # Those before where it was begun are compared again only where something has happened to them since.
            await retelling.of([each for each in events.touched or () if begun_at is not None and each <= begun_at])
            await retelling.all(after=begun_at, passed=lambda until: means.keep(lambda: reached(after=until)))
        else:
            await retelling.of(events.touched or ())
    await check_stamps(tx, report)
    await check_checkpoint_stamps(tx, report)
    if events.recount is not None:
        await _figures(tx, report, events.recount, means.blobs)
    await check_registry(tx, report)
    await check_purged(tx, report)
    if means.blobs is not None:
        await _bodies(tx, report, means.blobs, means.progress)
    if report.consistent:
        means.keep(lambda: reached(whole=True), now=True)
    return report


@asynccontextmanager
async def _lookers(tx: Transaction, split: Split, events: int) -> AsyncIterator[Lookers | None]:
    if split.jobs <= 1 or events < split.worth_it:
        yield None
        return
    async with readers(split, snapshot=await census.shared(tx)) as started:
        yield started


def _go_on(report: CheckReport, since: VerifiedBefore) -> None:
    report.since = since.size
    if not since.whole:
        # One check in two runs: what the first found belongs to it.
        for name in ("octets", "tiles", "checkpoints", "documents", "deliveries", "reports", "receipts", "found"):
            setattr(report, name, getattr(since.report, name))
        report.divergences = list(since.report.divergences)
    if since.figures is None:
        report.passed_over.append(f"(6) figures: what the first {since.size} events count is not known")


def _recount_of(since: VerifiedBefore | None) -> Recount | None:
    if since is None:
        return Recount()
    return None if since.figures is None else Recount.of_lines(since.figures)


async def recount(database: Database, *, progress: Progress = _no_progress) -> CheckReport:
    """Check the events and the figures that follow from them, and nothing else: steps (1), (2) and (6).

    Raises:
        Unavailable: the database does not answer.
        DataFault: a row is damaged so that it cannot be read at all.
    """
    report, counted = CheckReport(), Recount()
    async with database.read() as tx:
        events = EventsCheck(tx, report, counted, None)
        await events.size()
        await events.all(progress)
        await _figures(tx, report, counted, None)
    return report


async def _figures(tx: Transaction, report: CheckReport, counted: Recount, blobs: BlobStore | None) -> None:
    found = report.found
    await recounted.compare(tx, report, counted)
    if report.found == found:
        # What follows from wrong figures would only repeat what is wrong with them.
        await check_sums(tx, report)
        await check_counted_months(tx, report, counted.ends())
        await check_closed_months(tx, report, blobs)


async def _bodies(tx: Transaction, report: CheckReport, blobs: BlobStore, progress: Progress) -> None:
    """Hash bodies, several at once: each in a thread of its own, for hashing lets other threads run."""
    async for digests in census.bodies(tx):
        for first in range(0, len(digests), _BODIES_AT_ONCE):
            some = digests[first : first + _BODIES_AT_ONCE]
            found = await asyncio.gather(*(asyncio.to_thread(blobs.digest, sha256) for sha256 in some))
            for sha256, computed in zip(some, found, strict=True):
                if computed is None:
                    report.add("(7) bodies", sha256, "the body is missing", Likely.DELETED)
                elif computed != sha256:
                    report.add("(7) bodies", sha256, f"it hashes to {computed}")
            report.bodies += len(some)
            progress("bodies", report.bodies, report.documents + report.reports)
