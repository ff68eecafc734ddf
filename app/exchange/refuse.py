"""Receiving so that every refusal leaves its event, and nothing else."""

from collections.abc import AsyncIterable, AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from app.errors import (
    AgencyNotGranted,
    Conflict,
    DigestMismatch,
    IdempotencyKeyReused,
    NotFound,
    SubmissionRejected,
    TrucError,
    UnsupportedMediaType,
)
from app.exchange.desk import Clock, Desk
from app.exchange.receive import Body, receive, too_large
from app.findings import Finding, Severity
from app.ids import new_id
from app.ledger.canonical import JsonValue
from app.ledger.events import Event, EventKind, Outcome, Standing, record
from app.registry.model import Client

XML_MEDIA_TYPES = frozenset({"application/xml", "text/xml"})
"""What a message may be declared as (RFC 7303); the API documents the first."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What the request says of its body.

    Attributes:
        media_type: of Content-Type, lower case, without parameters; None where the header is missing.
        encoded: whether a Content-Encoding other than identity is declared.
        size: of Content-Length; None where it is not told beforehand.
        sha256: hex digest from Content-Digest (RFC 9530); None where it gives none that is known here.
    """

    media_type: str | None
    encoded: bool = False
    size: int | None = None
    sha256: str | None = None


@dataclass(slots=True)
class Submission:
    """A message under judgement.

    Attributes:
        body: as received.
        received_at: when all of it had arrived.
        kind: the event a refusal is, as far as it is known what was sent.
        standing: the agency a refusal is counted for; set once it is known to be the client's.
    """

    body: Body
    received_at: datetime
    kind: EventKind
    standing: Standing | None = None


@asynccontextmanager
async def received(
    desk: Desk,
    stream: AsyncIterable[bytes],
    *,
    declared: Declared,
    media_types: Collection[str] = XML_MEDIA_TYPES,
) -> AsyncIterator[Body]:
    """Receive a body that is what it was declared to be.

    Args:
        media_types: what it may be declared as.

    Raises:
        UnsupportedMediaType: it is not declared as one of these, or as encoded.
        DocumentTooLarge: it is longer than the node takes; where its length is declared, before any of it was read.
        DigestMismatch: it differs from its Content-Digest.
        Unavailable: the disk takes no more.
    """
    policy = desk.policy
    _refuse_declared(declared, media_types, bytes_max=policy.body_bytes_max)
    async with receive(
        stream, blobs=desk.blobs, bytes_max=policy.body_bytes_max, spool_bytes=policy.spool_bytes
    ) as body:
        if declared.sha256 is not None and declared.sha256 != body.sha256:
            raise _by_header(
                DigestMismatch,
                "Content-Digest",
                code="rfc9530.2.digest-mismatch",
                message=f"Content-Digest says sha-256 {declared.sha256}, the body has {body.sha256}",
                fix="Send the body again; compute the digest over exactly its bytes.",
                source="RFC 9530 §2",
            )
        yield body


@asynccontextmanager
async def refusals_recorded(
    desk: Desk, kind: EventKind, stream: AsyncIterable[bytes], *, declared: Declared, client: Client, now: Clock
) -> AsyncIterator[Submission]:
    """Receive a body and judge it in the block; a refusal of either is committed as an event before it goes on upwards.

    Raises:
        SubmissionRejected, AgencyNotGranted, Conflict, NotFound: from receiving or from the block; recorded.
        Unavailable: the disk or the database does not answer; nothing is recorded, for nothing was decided.
    """
    submission: Submission | None = None
    async with AsyncExitStack() as stack:
        try:
            body = await stack.enter_async_context(received(desk, stream, declared=declared))
            submission = Submission(body, now(), kind)
            yield submission
        except IdempotencyKeyReused:
            # Not about the message: the client mixed up its keys, and the message was not looked at.
            raise
        except (SubmissionRejected, AgencyNotGranted, Conflict, NotFound) as error:
            await _record(desk, kind, error, submission, client=client, at=now())
            raise


async def _record(
    desk: Desk, kind: EventKind, error: TrucError, submission: Submission | None, *, client: Client, at: datetime
) -> None:
    codes = sorted({finding.code for finding in error.findings if finding.refuses})
    detail: dict[str, JsonValue] = {"problem": error.code, "codes": codes}
    if submission is not None:
        detail |= {"sha256": submission.body.sha256, "size": submission.body.size}
    event = Event(
        id=new_id(),
        kind=submission.kind if submission else kind,
        at=at,
        actor=client.client_id,
        outcome=Outcome.REFUSED,
        standing=submission.standing if submission else None,
        detail=detail,
    )
    async with desk.database.write() as tx:
        await record(tx, [event])
    # Only the refusal is on record; the body goes when the block that received it ends.
    desk.doorbell.nudge()


def _refuse_declared(declared: Declared, media_types: Collection[str], *, bytes_max: int) -> None:
    if declared.encoded:
        raise _by_header(
            UnsupportedMediaType,
            "Content-Encoding",
            code="rfc9110.8.4.content-encoding",
            message="the body is declared as encoded; what was signed are the bytes as they are",
            fix="Send the body without Content-Encoding.",
            source="RFC 9110 §8.4; api contract",
        )
    if declared.media_type not in media_types:
        raise _by_header(
            UnsupportedMediaType,
            "Content-Type",
            code="rfc9110.8.3.media-type",
            message=f"Content-Type is {'missing' if declared.media_type is None else repr(declared.media_type[:60])}",
            fix="Send one edXML message as application/xml.",
            source="RFC 9110 §8.3; api contract",
        )
    if declared.size is not None and declared.size > bytes_max:
        raise too_large(bytes_max, location="header parameter Content-Length")


def _by_header(
    kind: type[SubmissionRejected], header: str, *, code: str, message: str, fix: str, source: str
) -> SubmissionRejected:
    finding = Finding(code, Severity.ERROR, message, fix, source, f"header parameter {header}")
    return kind(message, findings=[finding])
