"""Asking OCSP responders about the certificates that are in force here, and keeping what they answer.

A responder is asked about a certificate when it is registered, and again before each answer ends, unless a list of the
issuer is fresh: one list says of all certificates what a responder says of one at a time.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography import x509

from app.errors import RequestInvalid
from app.ledger.events import NODE_ACTOR, Event, record
from app.registry.known import known_about, name_digest, stored
from app.registry.revocation_news import news
from app.remote.fetch import Answer, Fetch
from app.signing.certificates import issuer_of, serial_of, subject_of
from app.signing.crl import Revocation
from app.signing.ocsp import (
    ANSWER_OCTETS_MAX,
    OcspAnswer,
    OcspStatus,
    delegated_responder,
    parse_answer,
    request_for,
)
from app.store import certificates as certificate_rows
from app.store import evidence, ocsp_answers
from app.store import revocation_sources as rows
from app.store.database import Database, Transaction
from app.store.versions import Part, move

ASKED_MAX: Final = 50
"""Certificates that one turn asks a responder about; the others wait for the next turn, which then comes at once."""
_HEADERS: Final = {"Content-Type": "application/ocsp-request", "Accept": "application/ocsp-response"}


@dataclass(frozen=True, slots=True)
class Asked:
    """How a turn with a responder went.

    Attributes:
        fresh_until: until when all its answers hold; None where there was nothing to ask.
        problem: what was wrong with an answer, or why none came; None where nothing was.
        answered: how many answers hold.
        more: whether further certificates wait to be asked about.
    """

    fresh_until: datetime | None
    problem: str | None
    answered: int
    more: bool

    @property
    def failed(self) -> bool:
        """Whether the responder did not do its part at all."""
        return self.problem is not None and not self.answered


async def ask(
    database: Database, fetch: Fetch, source: Any, *, list_fresh: bool, interval: timedelta, at: datetime
) -> Asked:
    """Ask a responder about what is due; safe beside other processes, whose answers count as well.

    Args:
        source: its row.
        list_fresh: whether a list of the issuer is; then only those are asked about that have no answer at all.
        interval: longest rest between two answers about a certificate.

    Raises:
        Unavailable: the database does not answer.
    """
    subjects, issuers = await _due(database, source, list_fresh=list_fresh, interval=interval, at=at)
    more, subjects = len(subjects) > ASKED_MAX, subjects[:ASKED_MAX]
    problem: str | None = None
    answers: list[tuple[OcspAnswer, bytes]] = []
    for subject in subjects:
        issuer = next((each for each in issuers if subject_of(each) == issuer_of(subject)), None)
        if issuer is None:
            return Asked(None, "no certificate of the issuer is known here", 0, more=False)
        request = request_for(subject, issuer)
        answered = await fetch.post(source.address, request, _HEADERS, bytes_max=ANSWER_OCTETS_MAX)
        if not isinstance(answered, Answer) or answered.status != 200:
            problem = f"HTTP status {answered.status}" if isinstance(answered, Answer) else answered.value
            # A server that does not answer at all is not asked fifty times over.
            break
        try:
            parsed = await asyncio.to_thread(
                parse_answer,
                answered.body,
                certificate=subject,
                issuers=issuers,
                at=at,
                responder_revoked=await _responder_revoked(database, answered.body, at=at),
            )
        except RequestInvalid as error:
            problem = error.detail
            continue
        if parsed.status is OcspStatus.UNKNOWN:
            problem = f"it does not know the certificate with the serial number {serial_of(subject)}"
            continue
        answers.append((parsed, answered.body))
    if answers:
        await _keep(database, answers, at=at)
    fresh_until = min((answer.fresh_until for answer, _ in answers), default=None)
    return Asked(fresh_until, problem, len(answers), more and bool(answers))


async def _responder_revoked(database: Database, octets: bytes, *, at: datetime) -> bool:
    """Tell whether a responder that may be revoked is, as far as this node knows."""
    responder = await asyncio.to_thread(delegated_responder, octets)
    if responder is None:
        return False
    async with database.read() as tx:
        known = await known_about(tx, responder, intermediates=())
    revocation = known.revocations.standing(responder, at=at).known
    return isinstance(revocation, Revocation) and revocation.at <= at


async def _due(
    database: Database, source: Any, *, list_fresh: bool, interval: timedelta, at: datetime
) -> tuple[list[x509.Certificate], list[x509.Certificate]]:
    life = source.fresh_until - source.fetched_at if source.fresh_until and source.fetched_at else timedelta(0)
    fetched_before, due_before = None if list_fresh else at - interval, at + max(life, timedelta(0)) / 2
    async with database.read() as tx:
        authorities = [stored(der) for der in await certificate_rows.authority_ders(tx)]
        issuers = [*(stored(der) for der in await certificate_rows.anchor_ders(tx)), *authorities]
        found = await rows.in_force(
            tx,
            source.issuer,
            source.issuer_sha256,
            at=at,
            fetched_before=fetched_before,
            due_before=due_before,
            limit=ASKED_MAX + 1,
        )
        below = [each for each in authorities if issuer_of(each) == source.issuer]
        there = {
            (row.issuer_sha256, row.serial): row
            for row in await ocsp_answers.find_many(tx, {(source.issuer_sha256, serial_of(each)) for each in below})
        }

    def wanted(certificate: x509.Certificate) -> bool:
        row = there.get((source.issuer_sha256, serial_of(certificate)))
        if row is None or fetched_before is None:
            return row is None
        return row.fetched_at < fetched_before or (row.next_update is not None and row.next_update <= due_before)

    subjects = [each for each in below if wanted(each)]
    subjects += map(stored, found)
    return subjects, [each for each in issuers if subject_of(each) == source.issuer]


async def _keep(database: Database, answers: Sequence[tuple[OcspAnswer, bytes]], *, at: datetime) -> None:
    async with database.write() as tx:
        # Moved first, so that changes of trust come one after another and none is learned twice.
        await move(tx, Part.TRUST)
        for answer, octets in answers:
            if answer.revoked_at is not None:
                await record(tx, await _learned(tx, answer, at=at))
            kept = {"sha256": answer.sha256, "kind": "ocsp", "der": octets, "kept_at": at}
            await evidence.keep(tx, [kept])
            await ocsp_answers.write(tx, _columns(answer, at=at))
        # Leaving the block commits answers, evidence and events with the moved version that makes caches look again.


async def _learned(tx: Transaction, answer: OcspAnswer, *, at: datetime) -> list[Event]:
    assert answer.revoked_at is not None, "asked only where the answer says so"
    revoked = {answer.serial: Revocation(answer.revoked_at, answer.reason or "unspecified")}
    digest = name_digest(answer.issuer)
    return await news(tx, answer.issuer, digest, revoked, material=answer.sha256, actor=NODE_ACTOR, at=at)


def _columns(answer: OcspAnswer, *, at: datetime) -> dict[str, Any]:
    return {
        "issuer_sha256": name_digest(answer.issuer),
        "serial": f"{answer.serial:x}",
        "status": answer.status.value,
        "revoked_at": answer.revoked_at,
        "reason": answer.reason,
        "this_update": answer.this_update,
        "next_update": answer.next_update,
        "material": answer.sha256,
        "fetched_at": at,
    }
