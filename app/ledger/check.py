"""Checking the log: recompute everything that follows from the events and compare it with what the database says.

(1) order       indices run from 0 without a gap up to the size of the ledger
(2) leaf        each body hashes to its leaf hash, is canonical, and each column says what the body says
(3) documents   each accepted document has its one event, which says the same, and each such event its document;
                what was found in its attachments is what the event of that says
(4) deliveries  each delivery has its one event, and stands where its events left it
(5) reports     each status report has its one event, which says the same, and each such event its report
(6) figures     a recount from event 0 gives the stored sums
(7) bodies      each kept body hashes to its name (on request: it reads every byte); one that is marked as purged has
                its event, and each such event its mark
(8) receipts    each receipt is signed by this node and says what the event says (where the node's key is given)
(9) stamps      each stamped batch is what its event says, its root that of its receipts, and its token there
(10) tree       the tree grown anew over the events has the tiles that are kept
(11) checkpoints  its root of each size is what was signed for that size, here and by those who kept a checkpoint

Reads in chunks, so memory stays bounded but for the figures, whose number does not grow with the traffic of a month.
"""

import asyncio
from collections.abc import Sequence

from app.ledger import recounted
from app.ledger.divergence import CheckReport as CheckReport
from app.ledger.divergence import Divergence as Divergence
from app.ledger.events_check import EventsCheck
from app.ledger.purged import check_purged
from app.ledger.recounted import Recount
from app.ledger.retelling import OpenReceipt, Progress, Retelling
from app.ledger.stamps import check_stamps
from app.ledger.tree_check import LogKeys, Outside, TreeCheck
from app.store import census, checkpoints
from app.store.blobs import BlobStore
from app.store.database import Database, Transaction


async def check(
    database: Database,
    blobs: BlobStore | None = None,
    *,
    open_receipt: OpenReceipt | None = None,
    log_keys: LogKeys | None = None,
    outside: Sequence[Outside] = (),
    progress: Progress = lambda _step, _done, _total: None,
) -> CheckReport:
    """Check the log of a node.

    Runs in one read transaction, so it may run beside a working node and sees one moment of it.

    Args:
        blobs: where the bodies are; None leaves them unchecked.
        open_receipt: gives the claims of a receipt that this node signed, raises NotAuthenticated for any other; None
            leaves receipts unchecked.
        log_keys: gives the keys that sign checkpoints; None leaves their signatures unchecked.
        outside: checkpoints from elsewhere that this ledger must go on from.

    Raises:
        Unavailable: the database does not answer.
        DataFault: a row is damaged so that it cannot be read at all.
    """
    report = CheckReport()
    async with database.read() as tx:
        tree = TreeCheck(tx, report, await checkpoints.origin(tx), log_keys, outside)
        counted = await _events(tx, report, tree, progress)
        await Retelling(tx, report, progress, open_receipt).all()
        await check_stamps(tx, report)
        await recounted.compare(tx, report, counted)
        await check_purged(tx, report)
        if blobs is not None:
            await _bodies(tx, report, blobs, progress)
    return report


async def recount(database: Database, *, progress: Progress = lambda _step, _done, _total: None) -> CheckReport:
    """Check the events and the figures that follow from them, and nothing else: steps (1), (2) and (6).

    Raises:
        Unavailable: the database does not answer.
        DataFault: a row is damaged so that it cannot be read at all.
    """
    report = CheckReport()
    async with database.read() as tx:
        await recounted.compare(tx, report, await _events(tx, report, None, progress))
    return report


async def _events(tx: Transaction, report: CheckReport, tree: TreeCheck | None, progress: Progress) -> Recount:
    events = EventsCheck(tx, report, Recount(), tree)
    await events.size()
    await events.all(progress)
    return events.recount


async def _bodies(tx: Transaction, report: CheckReport, blobs: BlobStore, progress: Progress) -> None:
    async for sha256 in census.bodies(tx):
        computed = await asyncio.to_thread(blobs.digest, sha256)
        if computed != sha256:
            report.add("(7) bodies", sha256, "the body is missing" if computed is None else f"it hashes to {computed}")
        report.bodies += 1
        progress("bodies", report.bodies, report.documents + report.reports)
