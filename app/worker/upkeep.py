"""The rounds of upkeep: deadlines, plans, inspections, revocations, judging again, stamps, months, sweeping."""

import asyncio
import time
from dataclasses import asdict
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final

import structlog

from app.errors import DataFault, Unavailable
from app.exchange import checkpoint_stamping, deadlines, inspection, rejudge, retention, stamping
from app.exchange.rejudge_reports import rejudge_reports
from app.exchange.stamping import Stamping
from app.ledger import closing
from app.node import Node
from app.registry import expiring, mistakes, revocation_rounds, revocation_sources
from app.registry.expiry import forget_expired
from app.registry.reorganisation import acts as reorganisations
from app.regulations.calendar import day_of
from app.routers import clock
from app.signing.pdf_found import PdfLimits
from app.webhooks import rounds as webhooks
from app.worker.rounds import Round

PURGE_SECONDS: Final = 3600.0
"""How often it is looked for bodies without a row, and whether it is another day, on which others need not be kept."""

SWEEP_FOLDERS: Final = 11
"""Of the 256 that bodies are spread over: so many each time that each is looked into once a day."""

SWEEP_SECONDS: Final = 3600.0
"""How often leavings are swept: bodies that never became documents, keys and assertions that expired."""

INCOMING_SECONDS_MAX: Final = 6 * 3600
"""Age after which an arriving body is taken for abandoned; longer than the slowest upload that is worth waiting for."""

CLOCK_SKEW_MAX: Final = timedelta(minutes=5)
"""How far clocks of clients may be off: their assertions are remembered that much longer."""

REORGANISATION_SECONDS: Final = 10.0
"""How often it is looked whether the day of a plan has come, which is soon after midnight in Vietnam."""

STAMP_SECONDS_MIN, STAMP_SECONDS_MAX = 0.2, 15.0
"""How often it is looked whether receipts wait for their time stamp: a quarter of the interval, within these."""

INSPECTION_SECONDS: Final = 5.0
"""Rest of a process that found no attachment to look into; nobody waits for what it finds."""

JUDGE_SECONDS: Final = 5.0
"""How often it is looked whether something became known about revocations: one query for one number."""

REVOCATION_SECONDS: Final = 15.0
"""How often it is looked whether a source of revocations is to be asked."""

CLOSING_SECONDS: Final = 600.0
"""How often it is looked for months to be closed: days after they ended, so minutes do not matter."""

EXPIRING_SECONDS: Final = 3600.0
"""How often it is looked for certificates that end soon; thresholds are weeks apart."""

MISTAKES_SECONDS: Final = 10.0
"""How often it is written what systems sent wrongly, so that those who look wait no longer than that."""

UNHURRIED_SECONDS: Final = 60.0
"""When what is long and waits for nobody is done first, so that a node that starts is not busy with it."""

_log = structlog.get_logger("truc.worker")


def rounds_of(node: Node) -> list[Round]:
    """Say what is done again and again beside the requests of this node, by its settings."""
    settings = node.settings
    rounds = [
        Round("deadlines", partial(_settle_deadlines, node), rest=settings.deadline_interval_seconds),
        Round("reorganisations", partial(_reorganise, node), rest=REORGANISATION_SECONDS),
        Round("judging", _JudgingAgain(node).turn, rest=JUDGE_SECONDS),
        Round("sweep", partial(_sweep, node), rest=SWEEP_SECONDS),
        Round("mistakes", partial(write_mistakes, node), rest=MISTAKES_SECONDS),
        Round("expiry_warnings", partial(_warn_of_ends, node), rest=EXPIRING_SECONDS, first=UNHURRIED_SECONDS),
        Round("purging", _Purging(node).turn, rest=PURGE_SECONDS, first=UNHURRIED_SECONDS),
    ]
    if settings.pdf_processes:
        limits = PdfLimits(octets_max=settings.pdf_bytes_max)
        rounds.append(Round("inspections", partial(_inspect, node, limits), rest=INSPECTION_SECONDS))
    if settings.revocation_fetch:
        interval = timedelta(seconds=settings.revocation_interval_seconds)
        rest = min(REVOCATION_SECONDS, interval.total_seconds() / 4)
        rounds.append(Round("revocations", _Fetching(node, interval).turn, rest=rest))
    if settings.close_months:
        rounds.append(Round("closing", partial(_close_months, node), rest=CLOSING_SECONDS, first=UNHURRIED_SECONDS))
    if node.stamping is not None:
        rest = min(max(node.stamping.interval.total_seconds() / 4, STAMP_SECONDS_MIN), STAMP_SECONDS_MAX)
        rounds.append(Round("stamping", partial(_stamp, node.stamping), rest=rest))
    return rounds


async def _settle_deadlines(node: Node) -> bool:
    passed = await deadlines.settle(node.desk, at=clock.now())
    if passed != deadlines.Passed():
        _log.info("worker.deadlines_passed", **asdict(passed))
    return False


async def _inspect(node: Node, limits: PdfLimits) -> bool:
    return bool(await inspection.inspect_due(node.desk, node.readers, limits=limits, now=clock.now))


async def _reorganise(node: Node) -> bool:
    done = await reorganisations.apply_due(node.database, at=clock.now())
    for reorganisation, state in done:
        _log.info("worker.reorganised", reorganisation=reorganisation, state=state.value)
    if done:
        node.desk.doorbell.nudge()
    return False


async def _close_months(node: Node) -> bool:
    try:
        closed = await closing.close_due(node.closing, now=clock.now())
    except DataFault as error:
        _log.error("worker.closing_refused", reason=error.detail)
        return False
    for each in closed:
        _log.info("worker.month_closed", month=each.month, version=each.version, ledger_size=each.ledger_size)
    if closed:
        node.desk.doorbell.nudge()
    return False


async def _stamp(kit: Stamping) -> bool:
    stamped = await stamping.stamp(kit, now=clock.now)
    await checkpoint_stamping.stamp_checkpoint(kit, now=clock.now)
    if stamped:
        _log.info("worker.stamped", receipts=stamped)
    return False


class _Fetching:
    """Asks sources of revocations that are due, and before the first time learns which there are."""

    def __init__(self, node: Node, interval: timedelta) -> None:
        self._node, self._interval = node, interval
        self._learned = False

    async def turn(self) -> bool:
        node = self._node
        if not self._learned:
            await revocation_sources.learn_all(node.database, at=clock.now())
            self._learned = True
        done = await revocation_rounds.refresh(node.database, node.fetch, interval=self._interval, now=clock.now)
        if done != revocation_rounds.Refreshed():
            _log.info("worker.revocations_fetched", **asdict(done))
            node.desk.doorbell.nudge()
        return False


class _JudgingAgain:
    """Judges what was left open when more became known than at the last look."""

    def __init__(self, node: Node) -> None:
        self._desk = node.desk
        self._seen: int | None = None

    async def turn(self) -> bool:
        # Read before the pass: what is learned during it is for the next one.
        version = await rejudge.trust_version(self._desk)
        if version == self._seen:
            return False
        done = await rejudge.rejudge(self._desk, now=clock.now)
        done += await rejudge_reports(self._desk, now=clock.now)
        self._seen = version
        if done != rejudge.Judged():
            _log.info("worker.judged_again", **asdict(done))
        return False


async def write_mistakes(node: Node) -> bool:
    """Write what waits of what systems sent wrongly.

    Raises:
        Unavailable: the database does not answer; it goes on waiting.
    """
    try:
        await node.mistakes.flush(node.database)
    except Unavailable:
        raise
    except Exception:  # noqa: BLE001 -- an aid: whatever is wrong with it, nothing else of the node may stop for it
        _log.exception("worker.mistakes_given_up", counts=len(node.mistakes))
        node.mistakes.forget()
    return False


async def _warn_of_ends(node: Node) -> bool:
    warned = await expiring.warn(node.database, at=clock.now())
    if warned:
        _log.warning("worker.certificates_expiring", certificates=warned)
        node.desk.doorbell.nudge()
    return False


class _Purging:
    """Throws away bodies; by the rules once a day, for they count in days, and to look at all that is old costs."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._seen: date | None = None

    async def turn(self) -> bool:
        at = clock.now()
        if await throw_away(self._node, at=at, by_rules=day_of(at) != self._seen):
            self._seen = day_of(at)
        return False


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


async def _sweep(node: Node) -> bool:
    older_than = time.time() - INCOMING_SECONDS_MAX
    abandoned = await asyncio.to_thread(node.blobs.sweep_incoming, older_than=older_than)
    forgotten = await forget_expired(node.database, at=clock.now() - CLOCK_SKEW_MAX)
    told = await webhooks.sweep(node.hooks, at=clock.now())
    old = await mistakes.forget_old(node.database, at=clock.now())
    _log.info("worker.swept", abandoned_bodies=abandoned, expired_keys=forgotten, told_webhooks=told, old_mistakes=old)
    return False
