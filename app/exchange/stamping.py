"""Time stamps on receipts: what this node says it accepted, somebody else saw it say so by then.

A receipt is signed by the node alone, and a node could sign one for yesterday. So the receipts of what was accepted are
gathered into batches, a tree is built over their digests (`signing.merkle`), and a time-stamping authority stamps its
root: one request for up to thousands of receipts, and a short proof for each (ours, decision 0016; such authorities are
trust services of Luật Giao dịch điện tử 20/2023/QH15 Đ28).

Nothing waits for this. While the authority does not answer one batch waits, asked for again at growing intervals, and
what is accepted meanwhile goes into the next ones, made when it is back: nothing is left out, and however long it was
away there are only so many requests as there are full batches. Batches follow the ledger's index, so the work is
bounded by what is new. Any number of processes may do this.
"""

import asyncio
import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from app.errors import Unavailable
from app.exchange.desk import Clock
from app.ids import id_after, new_id
from app.ledger.events import NODE_ACTOR, Event, EventKind, instant_text, record
from app.registry import revocation_sources
from app.registry.known import known_about, stored
from app.remote.fetch import Fetch
from app.remote.tsa import ask
from app.signing import merkle
from app.signing.certificates import fingerprint, issuer_of, subject_of
from app.signing.path import UnknownRevocation
from app.signing.timestamps import (
    Timestamp,
    TimestampRefused,
    build_request,
    certificates_of,
    token_of,
    verify_token,
)
from app.store import certificates, evidence, journal
from app.store import timestamps as rows
from app.store.database import Database, Transaction

MEMBERS_MAX: Final = 2_000
"""Receipts of one batch: few enough to be written in a moment, enough for a day's outage in some hundred requests."""
LATE_ATTEMPTS: Final = 3
"""So many attempts in vain, and it is said that stamps are late; the first two may be a restart."""
_RETRY_MAX: Final = timedelta(minutes=10)
_DOUBLED_MAX: Final = 3
"""So often the rest between two attempts is doubled: to eight intervals."""
CLOCKS_APART_MAX: Final = timedelta(minutes=5)
"""How far the authority's clock and ours may be apart: a stamp from before its receipt would prove nonsense."""
LEASE: Final = timedelta(minutes=2)
"""Longer than an attempt; after a crash somebody else tries again."""

_log = structlog.get_logger("truc.timestamps")


class Figures:
    """The figures of one process for Prometheus, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.attempts = Counter(
            "truc_timestamp_attempts_total",
            "Time stamps asked for, by outcome: stamped, failed.",
            ("outcome",),
            registry=self.registry,
        )
        self.waiting = Gauge(
            "truc_timestamp_receipts_waiting",
            "Receipts in batches that wait for their time stamp; as of the last look.",
            registry=self.registry,
        )
        self.late_seconds = Gauge(
            "truc_timestamp_late_seconds",
            "Age of the oldest batch that waits for its time stamp, 0 when none does; as of the last look.",
            registry=self.registry,
        )
        self.checkpoint_late_seconds = Gauge(
            "truc_timestamp_checkpoint_late_seconds",
            "Age of the oldest checkpoint that waits for a time stamp, 0 when none does; as of the last look.",
            registry=self.registry,
        )
        for outcome in ("stamped", "failed"):
            self.attempts.labels(outcome)


@dataclass(frozen=True, slots=True)
class Stamping:
    """The parts of one running node that time stamps need.

    Attributes:
        url: of the authority.
        interval: between two batches, and to the first retry.
        policy: OID that is asked for and demanded; None takes the authority's own.
        seen: digests of authorities' certificates whose sources of revocations are known.
    """

    database: Database
    fetch: Fetch
    url: str
    interval: timedelta
    policy: str | None = None
    figures: Figures = field(default_factory=Figures)
    seen: set[str] = field(default_factory=set)


async def stamp(stamping: Stamping, *, now: Clock) -> int:
    """Do all that can be done now: make batches of what is new, and have those stamped whose time has come.

    Returns:
        how many receipts got their time stamp.

    Raises:
        Unavailable: the database does not answer; what was committed before stays done, the rest is still to do.
    """
    stamped = 0
    while True:
        while (done := await _stamp_one(stamping, now=now)) is not None:
            stamped += done
        # While one waits no other is made: what comes meanwhile makes the next one larger.
        if not await _gather(stamping, at=now()):
            break
    await _count(stamping, at=now())
    return stamped


async def _gather(stamping: Stamping, *, at: datetime) -> int:
    """Make a batch of what was accepted since the last; returns its size."""
    async with stamping.database.read() as tx:
        last = await rows.newest(tx)
        if last is not None and (last.token is None or not _due(last, stamping.interval, at)):
            return 0
        found = await rows.accepted(tx, after=last.through if last else -1, limit=MEMBERS_MAX)
        if not found:
            return 0
        receipts = await rows.receipts(tx, [receipt for _, receipt in found])
    members = [
        (receipt, hashlib.sha256(receipts[receipt].encode("ascii")).digest())
        for _, receipt in found
        if receipt in receipts
    ]
    if len(members) < len(found):
        # `truc log verify` says what is missing; the receipts that are there are stamped all the same.
        _log.error("timestamps.receipts_missing", batch_after=last.through if last else -1)
    if not members:
        return 0
    root = await asyncio.to_thread(merkle.root, [digest for _, digest in members])
    identity = new_id()
    if last is not None and identity <= last.id:
        identity = id_after(last.id)
    batch = {
        "id": identity,
        "root": root.hex(),
        "size": len(members),
        "through": found[-1][0],
        "made_at": at,
        "next_try_at": at,
    }
    async with stamping.database.write() as tx:
        # Whoever holds this row is the only one to make a batch.
        await journal.size(tx, lock=True)
        newest = await rows.newest(tx)
        if (newest.id if newest else None) != (last.id if last else None):
            return 0
        await rows.insert(
            tx,
            batch,
            [
                {"batch": identity, "position": position, "receipt": receipt, "digest": digest.hex()}
                for position, (receipt, digest) in enumerate(members)
            ],
        )
    return len(members)


def _due(last: Any, interval: timedelta, at: datetime) -> bool:
    # A full one has not all that there was.
    return bool(last.size >= MEMBERS_MAX or at >= last.made_at + interval)


async def _stamp_one(stamping: Stamping, *, now: Clock) -> int | None:
    """Ask for the stamp of a batch that is due; returns its size, None where none was stamped."""
    at = now()
    async with stamping.database.read() as tx:
        if not (await rows.waiting(tx))[0]:
            return None
    async with stamping.database.write() as tx:
        batch = await rows.claim(tx, at=at, until=at + LEASE)
    if batch is None:
        return None
    stamp_or_problem = await ask_for(stamping, bytes.fromhex(batch.root), now=now)
    if isinstance(stamp_or_problem, str):
        await _failed(stamping, batch, stamp_or_problem, at=now())
        return None
    return int(batch.size) if await _settled(stamping, batch, stamp_or_problem, at=now()) else 0


async def ask_for(stamping: Stamping, stamped: bytes, *, now: Clock) -> Timestamp | str:
    """Ask for a stamp over octets; returns it verified, or in a word why there is none.

    Raises:
        Unavailable: the database does not answer.
    """
    found = await _asked(stamping, stamped)
    if isinstance(found, Timestamp) and abs(found.gen_time - now()) > CLOCKS_APART_MAX:
        found = "clocks-apart"
    if isinstance(found, Timestamp):
        stamping.figures.attempts.labels("stamped").inc()
        return found
    stamping.figures.attempts.labels("failed").inc()
    return found


def rest_after(stamping: Stamping, attempts: int) -> timedelta:
    """Return how long to wait when an attempt failed, after as many others had."""
    doubled: int = 2 ** min(attempts, _DOUBLED_MAX)
    return min(stamping.interval * doubled, _RETRY_MAX)


async def _asked(stamping: Stamping, stamped: bytes) -> Timestamp | str:
    nonce = secrets.randbits(64)
    answer = await ask(stamping.fetch, stamping.url, build_request(stamped, nonce=nonce, policy=stamping.policy))
    if isinstance(answer, str):
        return answer
    try:
        token = token_of(answer)
        signer, *others = certificates_of(token)
        async with stamping.database.read() as tx:
            known = await known_about(tx, signer, intermediates=others)
        return await asyncio.to_thread(
            verify_token,
            token,
            stamped,
            anchors=known.anchors,
            revocations=known.revocations,
            intermediates=known.intermediates,
            nonce=nonce,
            policy=stamping.policy,
            # A stamp is worth keeping before its authority's revocations are known; who relies on it looks them up.
            unknown_revocation=UnknownRevocation.ACCEPT,
        )
    except TimestampRefused as error:
        _log.warning("timestamps.refused", url=stamping.url, cause=str(error)[:500])
        return next(finding.code for finding in error.findings if finding.refuses)
    except Unavailable:
        raise
    except Exception as error:  # noqa: BLE001 -- no answer of an authority may stop what else the worker does
        _log.error("timestamps.not_judged", url=stamping.url, cause=repr(error)[:500])
        return "not-judged"


async def _settled(stamping: Stamping, batch: Any, stamp: Timestamp, *, at: datetime) -> bool:
    sha256 = hashlib.sha256(stamp.token).hexdigest()
    event = Event(
        id=new_id(),
        kind=EventKind.RECEIPTS_TIMESTAMPED,
        at=at,
        actor=NODE_ACTOR,
        detail={
            "batch": batch.id,
            "receipts": batch.size,
            "root": batch.root,
            "token": sha256,
            "gen_time": instant_text(stamp.gen_time),
        },
    )
    async with stamping.database.write() as tx:
        await evidence.keep(tx, [{"sha256": sha256, "kind": "timestamp", "der": stamp.token, "kept_at": at}])
        if not await rows.settle(tx, batch.id, token=sha256, stamped_at=stamp.gen_time):
            return False
        await record(tx, [event])
        if fingerprint(stamp.tsa) not in stamping.seen:
            await _learn_sources(tx, stamp, at=at)
    stamping.seen.add(fingerprint(stamp.tsa))
    # Durable together: the token, which batch it is of, and the record of it.
    return True


async def _learn_sources(tx: Transaction, stamp: Timestamp, *, at: datetime) -> None:
    """Have the authority's own revocations fetched, as far as they are of somebody whose lists are believed here."""
    ders = [*await certificates.anchor_ders(tx), *await certificates.authority_ders(tx)]
    known = {subject_of(stored(der)) for der in ders}
    await revocation_sources.learn(tx, [each for each in stamp.path[:-1] if issuer_of(each) in known], at=at)


async def _failed(stamping: Stamping, batch: Any, problem: str, *, at: datetime) -> None:
    _log.warning("timestamps.postponed", url=stamping.url, problem=problem, attempts=batch.attempts + 1)
    wait = rest_after(stamping, batch.attempts)
    async with stamping.database.write() as tx:
        attempts = await rows.postpone(tx, batch.id, until=at + wait, problem=problem)
        if attempts == LATE_ATTEMPTS:
            detail = {
                "batch": batch.id,
                "receipts": batch.size,
                "problem": problem,
                "since": instant_text(batch.made_at),
            }
            await record(
                tx, [Event(id=new_id(), kind=EventKind.TIMESTAMPS_LATE, at=at, actor=NODE_ACTOR, detail=detail)]
            )


async def _count(stamping: Stamping, *, at: datetime) -> None:
    async with stamping.database.read() as tx:
        _, receipts, oldest = await rows.waiting(tx)
    stamping.figures.waiting.set(receipts or 0)
    stamping.figures.late_seconds.set(max(0.0, (at - oldest).total_seconds()) if oldest else 0.0)
