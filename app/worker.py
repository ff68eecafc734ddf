"""What runs beside the requests: sealing what was committed, waking those who wait for it, deadlines, plans, webhooks.

Every process of a node runs this. Sealing is safe from any number of them; each tails the ledger by itself to ring its
own bells, so nothing depends on processes telling each other anything.
"""

import asyncio
import os
import socket
import time
from contextlib import suppress
from dataclasses import asdict
from datetime import date, datetime, timedelta

import structlog

from app.errors import DataFault, Unavailable
from app.exchange import checkpoint_stamping, deadlines, finding, inspection, rejudge, retention, stamping
from app.exchange.rejudge_reports import rejudge_reports
from app.ledger import closing
from app.ledger.publish import doubt
from app.ledger.seal import BATCH_MAX, IN_INBOX
from app.ledger.sealer import Sealer
from app.node import Node
from app.registry import expiring, revocation_rounds, revocation_sources
from app.registry.expiry import forget_expired
from app.registry.reorganisation import acts as reorganisations
from app.regulations.calendar import day_of
from app.routers import clock
from app.signing.pdf_found import PdfLimits
from app.store import journal
from app.webhooks import rounds as webhooks

PURGE_SECONDS = 3600.0
"""How often it is looked for bodies without a row, and whether it is another day, on which others need not be kept."""
PURGE_FIRST_SECONDS = 60.0
"""When it is done first, so that a node that starts is not busy with it."""

SWEEP_FOLDERS = 11
"""Of the 256 that bodies are spread over: so many each time that each is looked into once a day."""

SWEEP_SECONDS = 3600.0
"""How often leavings are swept: bodies that never became documents, keys and assertions that expired."""

INCOMING_SECONDS_MAX = 6 * 3600
"""Age after which an arriving body is taken for abandoned; longer than the slowest upload that is worth waiting for."""

CHECKPOINT_SECONDS = 0.5
"""Least time between two checkpoints: with the sealer's rest, what is committed is signed within a second."""

MISSED_SECONDS = 2.0
"""How often it is looked whether something is to be signed or made findable that nobody told of: what failed before."""

DOUBT_SECONDS = 30.0
"""How often it is looked whether the ledger continues what was signed, also where there is nothing to publish."""

GIVE_BACK_SECONDS_MAX = 1.0
"""Longest that the end of a process waits for giving back the lease; it ends by itself, too."""

CLOCK_SKEW_MAX = timedelta(minutes=5)
"""How far clocks of clients may be off: their assertions are remembered that much longer."""

REORGANISATION_SECONDS = 10.0
"""How often it is looked whether the day of a plan has come, which is soon after midnight in Vietnam."""

STAMP_REST_SECONDS_MIN, STAMP_REST_SECONDS_MAX = 0.2, 15.0
"""How often it is looked whether receipts wait for their time stamp: a quarter of the interval, within these."""

INSPECTION_SECONDS = 5.0
"""Rest of a process that found no attachment to look into; nobody waits for what it finds."""

JUDGE_SECONDS = 5.0
"""How often it is looked whether something became known about revocations: one query for one number."""

REVOCATION_SECONDS = 15.0
"""How often it is looked whether a source of revocations is to be asked."""

FINDING_SECONDS = 1.0
"""How often it is looked whether the ledger has grown by what it is searched by."""

CLOSING_SECONDS = 600.0
"""How often it is looked for months to be closed: days after they ended, so minutes do not matter."""
CLOSING_FIRST_SECONDS = 90.0
"""When it is looked first, so that a node that starts is not busy with it."""

EXPIRING_SECONDS = 3600.0
"""How often it is looked for certificates that end soon; thresholds are weeks apart."""
EXPIRING_FIRST_SECONDS = 60.0
"""When it is looked first, so that a node that starts is not busy with it."""

_RETRY_SECONDS = 1.0

_log = structlog.get_logger("truc.worker")


async def run(node: Node) -> None:
    """Work until cancelled.

    A database that does not answer is waited for; anything else ends the worker, and `/readyz` says so.
    """
    sealer = Sealer(node.publisher, machine=f"{socket.gethostname()}:{os.getpid()}")
    try:
        await _work(node, sealer)
    finally:
        with suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(GIVE_BACK_SECONDS_MAX):
                await sealer.give_back()


class Longer:
    """Wakes who has to do with what is sealed when the ledger got longer, whoever of the processes sealed it."""

    def __init__(self) -> None:
        self.unsigned = asyncio.Event()
        self.unfound = asyncio.Event()

    def tell(self) -> None:
        """Wake them."""
        self.unsigned.set()
        self.unfound.set()


async def _awaited(told: asyncio.Event) -> None:
    """Wait until the ledger got longer, or for as long as somebody may have missed that."""
    with suppress(TimeoutError):
        await asyncio.wait_for(told.wait(), timeout=MISSED_SECONDS)
    told.clear()


async def _work(node: Node, sealer: Sealer) -> None:
    longer = Longer()
    async with asyncio.TaskGroup() as group:
        group.create_task(_seal_and_ring(node, sealer, longer))
        group.create_task(_publish(sealer, longer))
        group.create_task(_watch_ledger(node))
        group.create_task(_sweep(node))
        group.create_task(_purge(node))
        group.create_task(_watch_deadlines(node))
        group.create_task(_inspect(node))
        group.create_task(_reorganise(node))
        group.create_task(_warn_of_ends(node))
        group.create_task(_judge_again(node))
        if node.settings.revocation_fetch:
            group.create_task(_fetch_revocations(node))
        if node.settings.close_months:
            group.create_task(_close_months(node))
        group.create_task(_make_findable(node, longer))
        group.create_task(_stamp(node))
        group.create_task(webhooks.run(node.hooks, now=clock.now))
        group.create_task(webhooks.count(node.hooks))


async def _seal_and_ring(node: Node, sealer: Sealer, longer: Longer) -> None:
    bell = node.desk.doorbell
    seen: int | None = None
    while True:
        bell.nudged.clear()
        try:
            if seen is None:
                async with node.database.read() as tx:
                    seen = await journal.size(tx) - 1
            sealed = await sealer.seal(now=clock.now())
            before, seen = seen, await _ring(node, seen)
            if seen != before:
                longer.tell()
        except Unavailable:
            _log.warning("worker.database_unavailable")
            await asyncio.sleep(_RETRY_SECONDS)
            continue
        if sealed < BATCH_MAX:
            with suppress(TimeoutError):
                await asyncio.wait_for(bell.nudged.wait(), timeout=node.settings.seal_interval_seconds)


async def _publish(sealer: Sealer, longer: Longer) -> None:
    while True:
        try:
            await sealer.publish(now=clock.now())
        except Unavailable:
            _log.warning("worker.publishing_postponed")
        except DataFault:
            # Sealing goes on, and mail with it; `_watch_ledger` and /readyz say why nothing is signed any more.
            _log.debug("worker.publishing_refused")
        await asyncio.sleep(CHECKPOINT_SECONDS)
        await _awaited(longer.unsigned)


async def _watch_ledger(node: Node) -> None:
    told: str | None = None
    while True:
        try:
            reason = await doubt(node.publisher)
        except DataFault as error:
            reason = error.detail
        except Unavailable:
            reason = told
        if reason != told:
            told = reason
            if reason is None:
                _log.info("worker.ledger_continues")
            else:
                _log.error("worker.ledger_not_continued", reason=reason)
        await asyncio.sleep(DOUBT_SECONDS)


async def _ring(node: Node, seen: int) -> int:
    while True:
        async with node.database.read() as tx:
            rows = await journal.newly_sealed(tx, after=seen, limit=BATCH_MAX)
        if not rows:
            return seen
        node.desk.doorbell.ring({row.agency for row in rows if row.kind in IN_INBOX and row.agency is not None})
        node.hooks.nudged.set()
        seen = rows[-1].position


async def _watch_deadlines(node: Node) -> None:
    while True:
        try:
            passed = await deadlines.settle(node.desk, at=clock.now())
        except Unavailable:
            _log.warning("worker.deadlines_postponed")
        else:
            if passed != deadlines.Passed():
                _log.info("worker.deadlines_passed", **asdict(passed))
        await asyncio.sleep(node.settings.deadline_interval_seconds)


async def _inspect(node: Node) -> None:
    if node.settings.pdf_processes == 0:
        return
    limits = PdfLimits(octets_max=node.settings.pdf_bytes_max)
    while True:
        try:
            taken = await inspection.inspect_due(node.desk, node.readers, limits=limits, now=clock.now)
        except Unavailable:
            _log.warning("worker.inspections_postponed")
            taken = 0
        if not taken:
            await asyncio.sleep(INSPECTION_SECONDS)


async def _reorganise(node: Node) -> None:
    while True:
        try:
            done = await reorganisations.apply_due(node.database, at=clock.now())
        except Unavailable:
            _log.warning("worker.reorganisations_postponed")
        else:
            for reorganisation, state in done:
                _log.info("worker.reorganised", reorganisation=reorganisation, state=state.value)
            if done:
                node.desk.doorbell.nudge()
        await asyncio.sleep(REORGANISATION_SECONDS)


async def _close_months(node: Node) -> None:
    await asyncio.sleep(CLOSING_FIRST_SECONDS)
    while True:
        try:
            closed = await closing.close_due(node.closing, now=clock.now())
        except Unavailable:
            _log.warning("worker.closing_postponed")
        except DataFault as error:
            _log.error("worker.closing_refused", reason=error.detail)
        else:
            for each in closed:
                _log.info("worker.month_closed", month=each.month, version=each.version, ledger_size=each.ledger_size)
            if closed:
                node.desk.doorbell.nudge()
        await asyncio.sleep(CLOSING_SECONDS)


async def _stamp(node: Node) -> None:
    if node.stamping is None:
        return
    rest = min(max(node.stamping.interval.total_seconds() / 4, STAMP_REST_SECONDS_MIN), STAMP_REST_SECONDS_MAX)
    while True:
        try:
            stamped = await stamping.stamp(node.stamping, now=clock.now)
            await checkpoint_stamping.stamp_checkpoint(node.stamping, now=clock.now)
        except Unavailable:
            _log.warning("worker.stamping_postponed")
        else:
            if stamped:
                _log.info("worker.stamped", receipts=stamped)
        await asyncio.sleep(rest)


async def _make_findable(node: Node, longer: Longer) -> None:
    while True:
        try:
            done = await finding.enter_words(node.database) + await finding.sum_up_blocks(node.database)
        except Unavailable:
            _log.warning("worker.finding_postponed")
            done = 0
        if not done:
            await asyncio.sleep(FINDING_SECONDS)
            await _awaited(longer.unfound)


async def _fetch_revocations(node: Node) -> None:
    learned = False
    interval = timedelta(seconds=node.settings.revocation_interval_seconds)
    while True:
        try:
            if not learned:
                await revocation_sources.learn_all(node.database, at=clock.now())
                learned = True
            done = await revocation_rounds.refresh(node.database, node.fetch, interval=interval, now=clock.now)
        except Unavailable:
            _log.warning("worker.revocations_postponed")
        else:
            if done != revocation_rounds.Refreshed():
                _log.info("worker.revocations_fetched", **asdict(done))
                node.desk.doorbell.nudge()
        await asyncio.sleep(min(REVOCATION_SECONDS, interval.total_seconds() / 4))


async def _judge_again(node: Node) -> None:
    seen: int | None = None
    while True:
        try:
            # Read before the pass: what is learned during it is for the next one.
            version = await rejudge.trust_version(node.desk)
            if version != seen:
                done = await rejudge.rejudge(node.desk, now=clock.now)
                done += await rejudge_reports(node.desk, now=clock.now)
                seen = version
                if done != rejudge.Judged():
                    _log.info("worker.judged_again", **asdict(done))
        except Unavailable:
            _log.warning("worker.judging_postponed")
        await asyncio.sleep(JUDGE_SECONDS)


async def _warn_of_ends(node: Node) -> None:
    await asyncio.sleep(EXPIRING_FIRST_SECONDS)
    while True:
        try:
            warned = await expiring.warn(node.database, at=clock.now())
        except Unavailable:
            _log.warning("worker.expiry_warnings_postponed")
        else:
            if warned:
                _log.warning("worker.certificates_expiring", certificates=warned)
                node.desk.doorbell.nudge()
        await asyncio.sleep(EXPIRING_SECONDS)


async def _purge(node: Node) -> None:
    await asyncio.sleep(PURGE_FIRST_SECONDS)
    seen: date | None = None
    while True:
        at = clock.now()
        try:
            # Rules count in days, and a look at all that is old is not free.
            if await throw_away(node, at=at, by_rules=day_of(at) != seen):
                seen = day_of(at)
        except Unavailable:
            _log.warning("worker.purging_postponed")
        await asyncio.sleep(PURGE_SECONDS)


async def throw_away(node: Node, *, at: datetime, by_rules: bool) -> bool:
    """Throw away what nobody refers to in the next folders, and before that, if so asked, what the rules let go.

    False, and nothing is thrown away, where the database does not continue what this node has signed.

    Raises:
        Unavailable: database or disk do not answer; what was done stays done.
    """
    try:
        await retention.insist_on_continuity(node.publisher)
    except DataFault as error:
        _log.warning("worker.purging_refused", reason=error.detail)
        return False
    done = retention.Purged()
    if by_rules:
        done = await retention.purge(node.database, node.blobs, retention.policy_of(node.desk, at=at), at=at)
    folder = int(at.timestamp() // PURGE_SECONDS) * SWEEP_FOLDERS
    orphans = await retention.sweep(
        node.database,
        node.blobs,
        prefixes=[f"{number % 256:02x}" for number in range(folder, folder + SWEEP_FOLDERS)],
        older_than=at.timestamp() - retention.SWEEP_SECONDS_MIN,
    )
    if orphans or done != retention.Purged():
        _log.info("worker.purged", orphans=orphans, **asdict(done))
        node.desk.doorbell.nudge()
    return True


async def _sweep(node: Node) -> None:
    while True:
        try:
            abandoned = await asyncio.to_thread(
                node.blobs.sweep_incoming, older_than=time.time() - INCOMING_SECONDS_MAX
            )
            forgotten = await forget_expired(node.database, at=clock.now() - CLOCK_SKEW_MAX)
            told = await webhooks.sweep(node.hooks, at=clock.now())
        except Unavailable:
            _log.warning("worker.sweep_postponed")
        else:
            _log.info("worker.swept", abandoned_bodies=abandoned, expired_keys=forgotten, told_webhooks=told)
        await asyncio.sleep(SWEEP_SECONDS)
