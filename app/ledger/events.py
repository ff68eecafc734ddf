"""What an event is: one change of state, as ids, digests and codes.

An event never holds content, subjects, names or addresses of people: it is published to auditors and, sealed, can
never be taken back. Each event belongs to one agency (whose figures it may change) and carries that agency's tier and
branch as they were at that moment, so that figures of the past do not move when an agency does.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum

from app.ids import id_after
from app.ledger.canonical import JsonValue, canonical_json, leaf_hash
from app.statistics.measures import VERSION, durations_column, measures_column
from app.store import journal
from app.store.database import Transaction

BODY_OCTETS_MAX = 65_535
"""Longest body: bundles of entries write the length in two octets (C2SP tlog-tiles)."""


class EventKind(StrEnum):
    """Every kind of event, named thing.happened."""

    DOCUMENT_ACCEPTED = "document.accepted"
    """A document was accepted from its sender; agency is the sender."""
    DOCUMENT_JUDGED = "document.judged"
    """A document accepted while something was unknown was verified again; agency is the sender."""
    DOCUMENT_INSPECTED = "document.inspected"
    """The signatures in its attachments were looked at; agency is the sender."""
    DOCUMENT_REFUSED = "document.refused"
    """A document was refused; only its digest, its sender where known and the codes of the rules are kept."""
    DELIVERY_AVAILABLE = "delivery.available"
    """A document lies in a recipient's inbox; agency is the recipient."""
    DELIVERY_ACKNOWLEDGED = "delivery.acknowledged"
    """The recipient took the document over; agency is the recipient."""
    STATUS_ACCEPTED = "status.accepted"
    """A business status was reported; agency is the reporter."""
    STATUS_JUDGED = "status.judged"
    """A status report accepted while something was unknown was verified again; agency is the reporter."""
    STATUS_REFUSED = "status.refused"
    """A status message was refused."""
    STATUS_AVAILABLE = "status.available"
    """A status report lies in the inbox of the agency it is meant for; agency is that agency."""
    STATUS_ACKNOWLEDGED = "status.acknowledged"
    """The status report was taken over; agency is the one it was meant for."""
    DELIVERY_WITHDRAWN = "delivery.withdrawn"
    """The recipient agreed to a withdrawal, which took effect; agency is the sender."""
    DELIVERY_CHANGE_REQUESTED = "delivery.change_requested"
    """A later document asks for a withdrawal or an update of a delivery; agency is the recipient."""
    DELIVERY_SUPERSEDED = "delivery.superseded"
    """A later document holds instead, for this recipient; agency is the recipient."""
    DELIVERY_REDIRECTED = "delivery.redirected"
    """It was addressed to a closed code and went to its successor; agency is the successor."""
    DELIVERY_UNDELIVERED = "delivery.undelivered"
    """Nobody fetched it in time, it still waits; agency is the recipient."""
    DELIVERY_EXPIRED = "delivery.expired"
    """Nobody fetched it and it left the inbox; agency is the recipient."""
    DELIVERY_OVERDUE = "delivery.overdue"
    """Its due date passed and it is not completed; agency is the recipient."""
    NOTICE_AVAILABLE = "notice.available"
    """The node tells an agency something about a document, in its inbox; agency is the one that is told."""
    NOTICE_ACKNOWLEDGED = "notice.acknowledged"
    """The notice was taken over; agency is the one that was told."""
    AGENCY_REGISTERED = "agency.registered"
    """An agency entered the directory."""
    AGENCY_CHANGED = "agency.changed"
    """An agency's record changed; detail names the fields."""
    AGENCY_SUSPENDED = "agency.suspended"
    """An agency may not exchange until reinstated."""
    AGENCY_REINSTATED = "agency.reinstated"
    """A suspended agency may exchange again."""
    AGENCY_CLOSED = "agency.closed"
    """An agency ended; detail names its successor."""
    REORGANISATION_SCHEDULED = "reorganisation.scheduled"
    """A plan was accepted for a later day."""
    REORGANISATION_APPLIED = "reorganisation.applied"
    """A plan took effect, all of it; each agency it changed has its own event."""
    REORGANISATION_CANCELLED = "reorganisation.cancelled"
    """A plan that was scheduled will not take effect."""
    REORGANISATION_FAILED = "reorganisation.failed"
    """A plan did not fit the directory any more on its day; nothing of it took effect."""
    WEBHOOK_CREATED = "webhook.created"
    """A client subscribed to events."""
    WEBHOOK_CHANGED = "webhook.changed"
    """A subscription changed, was disabled, enabled or removed; detail says which."""
    CERTIFICATE_REGISTERED = "certificate.registered"
    """A certificate was registered for an agency."""
    CERTIFICATE_REVOKED = "certificate.revoked"
    """A certificate was revoked at this node."""
    CERTIFICATE_SUSPENDED = "certificate.suspended"
    """A certificate does not count at this node for the time being."""
    CERTIFICATE_REINSTATED = "certificate.reinstated"
    """A suspended certificate counts again."""
    CERTIFICATE_EXPIRING = "certificate.expiring"
    """A certificate ends soon; detail says in how many days."""
    ANCHOR_ADDED = "anchor.added"
    """A trust anchor was added."""
    CRL_IMPORTED = "crl.imported"
    """A certificate revocation list was imported."""
    REVOCATION_SOURCE_ADDED = "revocation_source.added"
    """An administrator named a place where revocations are fetched from."""
    REVOCATION_SOURCE_REMOVED = "revocation_source.removed"
    """Revocations are not fetched from a place any more."""
    REVOCATION_LEARNED = "revocation.learned"
    """An authority answered that a registered certificate is revoked; agency is its holder."""
    REVOCATIONS_STALE = "revocations.stale"
    """What is known of an authority's revocations is out of date; its address does not answer."""
    REVOCATIONS_FRESH = "revocations.fresh"
    """It answers again, and what is known is up to date."""
    TIMESTAMPS_LATE = "timestamps.late"
    """The time-stamping authority does not answer; receipts wait for their timestamps."""
    RECEIPTS_TIMESTAMPED = "receipts.timestamped"
    """A batch of receipts has its timestamp."""
    NODE_KEY_ROTATED = "node_key.rotated"
    """Another key of the node signs from now on; those before go on verifying."""
    LEDGER_KEY_ROTATED = "ledger_key.rotated"
    """Another key signs checkpoints from now on; those before go on verifying."""
    LEDGER_ROLLBACK_ACCEPTED = "ledger.rollback_accepted"
    """An operator has the ledger go on although it does not continue a tree that was signed; detail names that tree."""
    MONTH_CLOSED = "month.closed"
    """The figures of a month were frozen, or frozen again because they had changed; detail says the version."""
    CONTENT_PURGED = "content.purged"
    """The body of a document or status report was thrown away by the rules of retention; all else of it stays."""
    CONTENT_HELD = "content.held"
    """An order keeps the bodies of a document and its status reports from being purged."""
    CONTENT_RELEASED = "content.released"
    """The rules of retention apply to a document again that was held."""
    CLIENT_CREATED = "client.created"
    """A client was created."""
    CLIENT_CHANGED = "client.changed"
    """A client's grants, status or secret changed; detail names the fields."""
    SYSTEM_KEY_ISSUED = "system_key.issued"
    """A system of a client got a secret to sign its requests with; agency is the one it stands for."""
    SYSTEM_KEY_ENDING = "system_key.ending"
    """A secret got a moment at which it ends, because another one follows it."""
    SYSTEM_KEY_REVOKED = "system_key.revoked"
    """A secret of a system does not count any more."""
    SEALING_KEY_ROTATED = "sealing_key.rotated"
    """Another key seals the secrets in the database, which were sealed with it again."""
    TOKEN_ISSUED = "token.issued"  # noqa: S105
    """A client signed in."""
    TOKEN_REFUSED = "token.refused"  # noqa: S105
    """A sign-in failed."""
    TRAIL_READ = "trail.read"
    """An auditor read the trail of a document, events by a query, or entries of the ledger."""


class Outcome(StrEnum):
    """How it ended."""

    ACCEPTED = "accepted"
    """It took effect."""
    REFUSED = "refused"
    """It was refused; nothing but this event remains."""


NODE_ACTOR = "node"
"""Actor of what the node does by itself."""

OPERATOR_ACTOR = "operator"
"""Actor of what is done on the node's own command line."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an agency stands at the moment of an event: what its figures are counted under."""

    agency: str
    tier: str
    branch: str


@dataclass(frozen=True, slots=True)
class Event:
    """One event before it has an index.

    Attributes:
        id: UUIDv7, made at the edge; `record` may give it a later one.
        at: when, UTC.
        actor: client id, or `node`, or `operator`.
        standing: the agency it belongs to; None where it belongs to none (a trust anchor, an unknown sender).
        document_type: code of the document type, for what is counted by it.
        peer_tier: tier of the agency that sent the document, on what happens to its deliveries.
        document: id of the document it speaks of.
        delivery: id of the delivery it speaks of.
        detail: further ids, digests and codes; ASCII keys; never text written by people.
    """

    id: str
    kind: EventKind
    at: datetime
    actor: str
    outcome: Outcome = Outcome.ACCEPTED
    standing: Standing | None = None
    document_type: str | None = None
    peer_tier: str | None = None
    document: str | None = None
    delivery: str | None = None
    detail: Mapping[str, JsonValue] = field(default_factory=dict)

    def body(self) -> bytes:
        """Return the canonical JSON of the event, the bytes its leaf is hashed from."""
        standing = self.standing
        members: dict[str, JsonValue] = {
            "v": VERSION,
            "id": self.id,
            "kind": self.kind.value,
            "at": instant_text(self.at),
            "actor": self.actor,
            "outcome": self.outcome.value,
            "agency": standing.agency if standing else None,
            "tier": standing.tier if standing else None,
            "branch": standing.branch if standing else None,
            "document_type": self.document_type,
            "peer_tier": self.peer_tier,
            "document": self.document,
            "delivery": self.delivery,
            "detail": dict(self.detail),
        }
        return canonical_json({name: value for name, value in members.items() if value is not None})


def instant_text(moment: datetime) -> str:
    """Write a moment as RFC 3339 UTC with microseconds and `Z`, the one form events use."""
    # Not strftime: its %Y has fewer than four digits before the year 1000.
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


async def record(tx: Transaction, happened: Sequence[Event]) -> None:
    """Write events in the transaction of the state change they report.

    They have no index yet: the sealer gives it after the commit, in the order of ids, so an event must not have a
    smaller id than those already committed and still waiting. Where it has one, because the clock of another node is
    ahead or because this transaction was decided long before it began, it gets a new id here.

    Raises:
        ValueError: an event is longer than an entry of a log may be; whoever makes it has to bound its lists.
    """
    if happened:
        waiting = await journal.newest_unsealed(tx)
        await journal.append(tx, [_row(event) for event in _behind(waiting, happened)])


def _behind(waiting: str | None, happened: Sequence[Event]) -> Iterator[Event]:
    newest = waiting or ""
    for event in happened:
        if event.id <= newest:
            event = replace(event, id=id_after(newest))
        newest = event.id
        yield event


def _row(event: Event) -> dict[str, object]:
    body = event.body()
    if len(body) > BODY_OCTETS_MAX:
        raise ValueError(f"the event {event.kind.value} has {len(body)} octets; at most {BODY_OCTETS_MAX} fit an entry")
    standing = event.standing
    return {
        "id": event.id,
        "at": event.at,
        "kind": event.kind.value,
        "outcome": event.outcome.value,
        "actor": event.actor,
        "agency": standing.agency if standing else None,
        "tier": standing.tier if standing else None,
        "branch": standing.branch if standing else None,
        "document_type": event.document_type,
        "peer_tier": event.peer_tier,
        "document": event.document,
        "delivery": event.delivery,
        "measures": measures_column(event.kind.value, event.detail),
        "durations": durations_column(event.kind.value, event.detail),
        "body": body.decode("utf-8"),
        "leaf_hash": leaf_hash(body),
    }
