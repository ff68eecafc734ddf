"""What a document says about other documents: which it revokes, updates, replaces or answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.edxml.model import DocumentKind, DocumentMessage
from app.edxml.vocabulary import (
    BUSINESS_PATH,
    DOCUMENT_ID,
    MESSAGE_PATH,
    REPLACEMENT,
    REPLACEMENT_LIST,
    RESPONSE_FOR,
)
from app.findings import Finding, Severity
from app.store import documents
from app.store.database import Transaction

DOCUMENT_ID_LENGTH_MAX = 500
"""Longest DocumentId that is kept; the longest form seen (agency, date, full notation) stays below 100 (ours, decision
0006).
"""

_ANSWERED = f"{MESSAGE_PATH}/{RESPONSE_FOR}/{DOCUMENT_ID}"
_CHANGED = f"{BUSINESS_PATH}/{DOCUMENT_ID}"
_REPLACED = f"{BUSINESS_PATH}/{REPLACEMENT_LIST}/{REPLACEMENT}/{DOCUMENT_ID}"


@dataclass(frozen=True, slots=True)
class Link:
    """One such relation.

    Attributes:
        relation: `revokes`, `updates`, `replaces` or `answers`.
        document_id: DocumentId of the other document as written.
        owner: code of the agency that sent the other document, as written; None means the sender of this one.
        place: element path it was read from.
    """

    relation: str
    document_id: str
    owner: str | None = None
    place: str = field(default=_ANSWERED, compare=False)


def links_in(message: DocumentMessage) -> tuple[Link, ...]:
    """Read the relations of a message from Bussiness and ResponseFor, in its order, each once."""
    business = message.business
    links: list[Link] = []
    if business is not None and business.document_id and message.kind in (DocumentKind.REVOCATION, DocumentKind.UPDATE):
        relation = "revokes" if message.kind is DocumentKind.REVOCATION else "updates"
        links.append(Link(relation, business.document_id, place=_CHANGED))
    if business is not None and message.kind is DocumentKind.REPLACEMENT:
        links += [Link("replaces", replaced.document_id, place=_REPLACED) for replaced in business.replacements]
    answered = [answer for answer in message.response_for if answer.document_id]
    if message.kind is DocumentKind.REVOCATION and not links:
        # The vendor's revocations leave Bussiness/DocumentId out and point with ResponseFor instead.
        links += [Link("revokes", answer.document_id or "") for answer in answered]
    else:
        links += [
            Link("answers", answer.document_id or "", answer.organ_id.text if answer.organ_id else None)
            for answer in answered
        ]
    return tuple(dict.fromkeys(links))


def unusable(message: DocumentMessage) -> tuple[Finding, ...]:
    """Find DocumentIds, its own and those it refers to, that are longer than any document's can be."""
    named = [(message.document_id, f"{MESSAGE_PATH}/{DOCUMENT_ID}")]
    named += [(link.document_id, link.place) for link in links_in(message)]
    return tuple(
        Finding(
            "ours.exchange.document-id-too-long",
            Severity.ERROR,
            f"DocumentId has {len(document_id)} characters; at most {DOCUMENT_ID_LENGTH_MAX} are kept",
            "Use agency code, date and notation, such as 000.00.00.G22,2015/09/30,7816/VPCP-TTĐT.",
            "QĐ 28/2018/QĐ-TTg Đ10.2.b; ours, decision 0006",
            place,
        )
        for document_id, place in named
        if len(document_id) > DOCUMENT_ID_LENGTH_MAX
    )


async def resolved(
    tx: Transaction, links: Sequence[Link], *, document: str, sender: str, owners: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return the rows of a document's links, each with the id of the other document where this node holds it.

    Args:
        sender: registry code of this document's sender.
        owners: registry code by written code.
    """
    known = {
        (row.sender, row.document_id): row.id
        for row in await documents.by_document_ids(tx, {link.document_id for link in links})
    }
    return [
        {
            "document": document,
            "ordinal": ordinal,
            "relation": link.relation,
            "concerned_document_id": link.document_id,
            "concerned": known.get(
                (sender if link.owner is None else owners.get(link.owner, link.owner), link.document_id)
            ),
        }
        for ordinal, link in enumerate(links)
    ]
