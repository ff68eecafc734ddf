"""Receipts: what the node signs to say that it took a message, and what it took.

A receipt is a compact JWS (RFC 7515, ES256) of type `receipt+jwt`; it proves, without this node, that exactly these
bytes were accepted from this agency at this time for these recipients. Ids, codes and digests only, like an event.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from app.ledger.canonical import JsonValue
from app.ledger.events import instant_text

RECEIPT_TYPE = "receipt+jwt"
"""The `typ` of a receipt's header, so that none can be passed off as an access token or the other way round."""


def document_claims(
    *,
    issuer: str,
    document: str,
    sender: str,
    document_id: str,
    sha256: str,
    size: int,
    kind: str,
    signature: str,
    certificate: str | None,
    accepted_at: datetime,
    deliveries: Sequence[tuple[str, str]],
) -> Mapping[str, JsonValue]:
    """Return what a document's receipt says; deliveries are (id, recipient).

    Args:
        signature: `valid`, or the form that was let in although it proves nothing (decision 0015).
        certificate: SHA-256 of the certificate it was signed with, hex; None where it was not signed verifiably.
    """
    return {
        "iss": issuer,
        "iat": int(accepted_at.timestamp()),
        "jti": document,
        "accepted_at": instant_text(accepted_at),
        "document": document,
        "sender": sender,
        "document_id": document_id,
        "kind": kind,
        "sha256": sha256,
        "size": size,
        "signature": signature,
        "certificate": certificate,
        "deliveries": [{"id": delivery, "recipient": recipient} for delivery, recipient in deliveries],
    }


def status_claims(
    *,
    issuer: str,
    report: str,
    document: str,
    reporter: str,
    recipient: str,
    status_code: str,
    sha256: str,
    signature: str,
    certificate: str | None,
    accepted_at: datetime,
) -> Mapping[str, JsonValue]:
    """Return what a status report's receipt says."""
    return {
        "iss": issuer,
        "iat": int(accepted_at.timestamp()),
        "jti": report,
        "accepted_at": instant_text(accepted_at),
        "report": report,
        "document": document,
        "reporter": reporter,
        "recipient": recipient,
        "status_code": status_code,
        "sha256": sha256,
        "signature": signature,
        "certificate": certificate,
    }
