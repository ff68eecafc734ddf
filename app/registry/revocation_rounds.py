"""The worker's round over the sources of revocations: fetch what is due, verify it, keep it, tell when it gets stale.

(1) claim    what is due is taken for a while, so that other processes leave it alone
(2) fetch    a list, or answers about single certificates, bounded in time and size; no transaction is open meanwhile
(3) verify   as if an administrator had brought it: nobody is believed for where he was found
(4) settle   how it went, when it is tried again, and the alarm or its end, once, in one transaction

Whatever fails here changes nothing about what was known before, and nobody who sends or receives waits for it.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from app.errors import Conflict, RequestInvalid
from app.ids import new_id
from app.ledger.canonical import JsonValue
from app.ledger.events import NODE_ACTOR, Event, EventKind, instant_text, record
from app.registry import revocation_answers
from app.registry.acts import Act
from app.registry.known import name_digest
from app.registry.revocation_lists import import_crl
from app.registry.revocation_schedule import after_answer, after_failure, is_alarming
from app.registry.revocation_sources import SourceKind
from app.remote.fetch import Answer, Fetch
from app.signing.certificates import UNREADABLE
from app.store import revocation_sources as rows
from app.store.database import Database, Transaction

CLAIMED_MAX: Final = 16
AT_ONCE_MAX: Final = 4
"""Sources that are asked side by side: a list may be long, and all that come at once are in memory together."""
LEASE: Final = timedelta(minutes=15)
"""How long a source is left to the process that took it; a process that dies meanwhile delays it by so much."""
PROBLEM_LENGTH_MAX: Final = 300

_log = structlog.get_logger("truc.revocations")
_dice: Final = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a round did: sources that answered with what holds, and those that did not."""

    answered: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class _Result:
    """How one source did.

    Attributes:
        fresh_until: until when what it said holds.
        problem: why it failed; None where it did not.
        remark: what was wrong though it answered.
        again: whether there is more to ask at once.
    """

    fresh_until: datetime | None
    problem: str | None
    remark: str | None = None
    again: bool = False


async def refresh(
    database: Database,
    fetch: Fetch,
    *,
    interval: timedelta,
    now: Callable[[], datetime],
    dice: Callable[[], float] = _dice.random,
) -> Refreshed:
    """Ask every source that is due; any number of processes may do so at the same time.

    Args:
        interval: longest rest of a source that answers.
        now: asked when a source has answered, for that may take a while.
        dice: chance, at least 0 and below 1.

    Raises:
        Unavailable: the database does not answer; what was taken is tried again later.
    """
    total = Refreshed()
    side_by_side = asyncio.Semaphore(AT_ONCE_MAX)

    async def one(row: Any) -> bool:
        async with side_by_side:
            result = await _ask(database, fetch, row, interval=interval, now=now)
        at = now()
        async with database.write() as tx:
            await _settle(tx, row, result, interval=interval, at=at, dice=dice())
        if result.problem is not None:
            _log.warning("revocations.not_fetched", source=row.sha256, kind=row.kind, problem=result.problem)
        return result.problem is None

    while True:
        at = now()
        async with database.read() as tx:
            if not await rows.any_due(tx, at=at):
                return total
        async with database.write() as tx:
            claimed = await rows.claim(tx, at=at, until=at + LEASE, limit=CLAIMED_MAX)  # (1)
        done = await asyncio.gather(*map(one, claimed))
        total = Refreshed(total.answered + sum(done), total.failed + len(done) - sum(done))
        if len(claimed) < CLAIMED_MAX:
            return total


async def _ask(
    database: Database, fetch: Fetch, row: Any, *, interval: timedelta, now: Callable[[], datetime]
) -> _Result:
    match SourceKind(row.kind):
        case SourceKind.CRL:
            return await _list(database, fetch, row, now=now)
        case SourceKind.OCSP:
            async with database.read() as tx:
                until = await rows.lists_until(tx, [row.issuer_sha256])
            fresh = row.issuer_sha256 in until and (until[row.issuer_sha256] or now()) >= now()
            asked = await revocation_answers.ask(database, fetch, row, list_fresh=fresh, interval=interval, at=now())
            if asked.failed:
                return _Result(None, asked.problem)
            return _Result(asked.fresh_until, None, remark=asked.problem, again=asked.more)


async def _list(database: Database, fetch: Fetch, row: Any, *, now: Callable[[], datetime]) -> _Result:
    answered = await fetch.get(row.address)  # (2)
    if not isinstance(answered, Answer):
        return _Result(None, answered.value)
    if answered.status != 200:
        return _Result(None, f"HTTP status {answered.status}")
    try:
        der, issuer, until = await asyncio.to_thread(_described, answered.body)
    except UNREADABLE:
        return _Result(None, "what it answers is no revocation list")
    if name_digest(issuer) != row.issuer_sha256:
        return _Result(None, f"the list is of another issuer: {issuer}")
    async with database.read() as tx:
        there = await rows.has_list(tx, sha256(der).hexdigest())
    if not there:
        # The same list again would change nothing, but make every cache look again.
        try:
            await import_crl(database, der, act=Act(NODE_ACTOR, now()))  # (3)
        except (RequestInvalid, Conflict) as error:
            return _Result(None, error.detail)
    if until is not None and until < now():
        return _Result(None, f"the list it serves counted until {instant_text(until)}")
    return _Result(until, None)


def _described(octets: bytes) -> tuple[bytes, str, datetime | None]:
    """Return a list in DER, whose it says it is, and when the next one is due; `import_crl` checks its signature."""
    loaded = (
        x509.load_pem_x509_crl(octets) if octets.lstrip().startswith(b"-----BEGIN") else x509.load_der_x509_crl(octets)
    )
    return loaded.public_bytes(Encoding.DER), loaded.issuer.rfc4514_string(), loaded.next_update_utc


async def _settle(
    tx: Transaction, row: Any, result: _Result, *, interval: timedelta, at: datetime, dice: float
) -> None:
    if result.problem is None:
        again = after_answer(at, fresh_until=result.fresh_until, interval=interval, dice=dice)
        settled = {
            "fetched_at": at,
            "fresh_until": result.fresh_until,
            "failures": 0,
            "problem": _shortened(result.remark),
            "next_try_at": at if result.again else again,
        }
        await rows.update(tx, row.sha256, settled)
        if await rows.end_alarm(tx, row.sha256):
            await record(tx, [_event(EventKind.REVOCATIONS_FRESH, row, at=at, fresh_until=result.fresh_until)])
        return
    failures = row.failures + 1
    fresh_until = await _known_until(tx, row, at=at)
    failed = {
        "failures": failures,
        "problem": _shortened(result.problem),
        "fresh_until": fresh_until,
        "next_try_at": after_failure(at, failures=failures, fresh_until=fresh_until, interval=interval, dice=dice),
    }
    await rows.update(tx, row.sha256, failed)
    alarming = is_alarming(at, failures=failures, fresh_until=fresh_until)
    if alarming and await rows.raise_alarm(tx, row.sha256, at=at):
        event = _event(EventKind.REVOCATIONS_STALE, row, at=at, fresh_until=fresh_until, failures=failures)
        await record(tx, [event])
    # Leaving the caller's block commits state and event together.


async def _known_until(tx: Transaction, row: Any, *, at: datetime) -> datetime | None:
    """Return until when what is known holds: what another source or an administrator brought counts as well."""
    until: datetime | None = row.fresh_until
    if row.kind != SourceKind.CRL or (until is not None and until >= at):
        return until
    known = (await rows.lists_until(tx, [row.issuer_sha256])).get(row.issuer_sha256)
    return known if known is not None and (until is None or known > until) else until


def _event(
    kind: EventKind, row: Any, *, at: datetime, fresh_until: datetime | None, failures: int | None = None
) -> Event:
    detail: dict[str, JsonValue] = {
        "source": row.sha256,
        "source_kind": row.kind,
        "issuer_sha256": row.issuer_sha256,
    }
    if fresh_until is not None:
        detail["fresh_until"] = instant_text(fresh_until)
    if failures is not None:
        detail["failures"] = failures
    return Event(id=new_id(), kind=kind, at=at, actor=NODE_ACTOR, detail=detail)


def _shortened(problem: str | None) -> str | None:
    return None if problem is None else problem[:PROBLEM_LENGTH_MAX]
