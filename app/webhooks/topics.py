"""What subscribers may be told of: a closed list of kinds of events, and to whom each is told.

A topic is named as the event of the log it tells of. Who is told: the agency the event belongs to, and for what happens
to a delivery at its recipient also the agency that sent the document. What belongs to no agency and concerns the whole
exchange is told to everybody who asks for it.
"""

from enum import StrEnum
from typing import Final


class Topic(StrEnum):
    """Kinds of events that a webhook may ask for."""

    DOCUMENT_ACCEPTED = "document.accepted"
    """A document was accepted from the agency."""
    DOCUMENT_JUDGED = "document.judged"
    """What could not be proven of the signature on a document of the agency is known now; `indication` says what."""
    DOCUMENT_INSPECTED = "document.inspected"
    """The signatures in the attachments of a document of the agency were looked at."""
    DOCUMENT_REFUSED = "document.refused"
    """A document of the agency was refused; `problem` says as what, the refusal itself has the findings."""
    STATUS_ACCEPTED = "status.accepted"
    """A status report of the agency was accepted."""
    STATUS_JUDGED = "status.judged"
    """What could not be proven of the signature on a status report is known now; `indication` says what."""
    STATUS_REFUSED = "status.refused"
    """A status report of the agency was refused."""
    STATUS_AVAILABLE = "status.available"
    """A status report lies in the agency's inbox: somebody reported on a document it sent, or asks for a withdrawal."""
    STATUS_ACKNOWLEDGED = "status.acknowledged"
    """The agency took a status report over."""
    DELIVERY_AVAILABLE = "delivery.available"
    """A document lies in the agency's inbox."""
    DELIVERY_ACKNOWLEDGED = "delivery.acknowledged"
    """A recipient took a document over."""
    DELIVERY_WITHDRAWN = "delivery.withdrawn"
    """A document was withdrawn from a recipient."""
    DELIVERY_CHANGE_REQUESTED = "delivery.change_requested"
    """A recipient is asked to agree to a withdrawal or an update."""
    DELIVERY_SUPERSEDED = "delivery.superseded"
    """For a recipient another document holds instead."""
    DELIVERY_REDIRECTED = "delivery.redirected"
    """A document to a closed agency went to its successor."""
    DELIVERY_UNDELIVERED = "delivery.undelivered"
    """A recipient has not fetched a document in time; it still waits."""
    DELIVERY_EXPIRED = "delivery.expired"
    """A recipient never fetched a document, and it left the inbox."""
    DELIVERY_OVERDUE = "delivery.overdue"
    """A recipient has not completed a document by its due date."""
    NOTICE_AVAILABLE = "notice.available"
    """A notice of the node lies in the agency's inbox; `notice` says of what."""
    NOTICE_ACKNOWLEDGED = "notice.acknowledged"
    """The agency took a notice over."""
    CERTIFICATE_REGISTERED = "certificate.registered"
    """A certificate was registered for the agency; `sha256` says which."""
    CERTIFICATE_SUSPENDED = "certificate.suspended"
    """A certificate of the agency does not count for the time being."""
    CERTIFICATE_REINSTATED = "certificate.reinstated"
    """A suspended certificate of the agency counts again."""
    CERTIFICATE_REVOKED = "certificate.revoked"
    """A certificate of the agency was revoked at this node."""
    CERTIFICATE_EXPIRING = "certificate.expiring"
    """A certificate of the agency ends in at most `days` days: 60, 30 or 7."""
    REVOCATION_LEARNED = "revocation.learned"
    """An authority answered that a certificate of the agency is revoked; `sha256` names it."""
    REVOCATIONS_STALE = "revocations.stale"
    """What is known of an authority's revocations is out of date, or its server fails; mail flows all the same."""
    REVOCATIONS_FRESH = "revocations.fresh"
    """The authority's server answers again, and what is known is up to date."""


TOLD_TO_SENDER: Final = frozenset(
    {
        Topic.DELIVERY_ACKNOWLEDGED,
        Topic.DELIVERY_WITHDRAWN,
        Topic.DELIVERY_CHANGE_REQUESTED,
        Topic.DELIVERY_SUPERSEDED,
        Topic.DELIVERY_REDIRECTED,
        Topic.DELIVERY_UNDELIVERED,
        Topic.DELIVERY_EXPIRED,
        Topic.DELIVERY_OVERDUE,
    }
)
"""Topics that the document's sender is told of beside the agency the event belongs to: the end of what it sent."""

TOLD_TO_ALL: Final = frozenset({Topic.REVOCATIONS_STALE, Topic.REVOCATIONS_FRESH})
"""Topics of the exchange as a whole: every subscription that asks for them is told, whatever its agencies."""

PING: Final = "webhook.ping"
"""Type of the message that tries a webhook; it tells of nothing, and nobody asks for it."""
