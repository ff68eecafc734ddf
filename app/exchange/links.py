"""What a document says about other documents: which it revokes, updates, replaces or answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.edxml.model import DocumentKind, DocumentMessage
from app.store import documents
from app.store.database import Transaction


@dataclass(frozen=True, slots=True)
class Link:
    """One such relation.

    Attributes:
        relation: `revokes`, `updates`, `replaces` or `answers`.
        document_id: DocumentId of the other document as written.
        owner: code of the agency that sent the other document, as written; None means the sender of this one.
    """

    relation: str
    document_id: str
    owner: str | None = None


def links_in(message: DocumentMessage) -> tuple[Link, ...]:
    """Read the relations of a message from Bussiness and ResponseFor, in its order, each once."""
    business = message.business
    links: list[Link] = []
    if business is not None and business.document_id and message.kind in (DocumentKind.REVOCATION, DocumentKind.UPDATE):
        links.append(Link("revokes" if message.kind is DocumentKind.REVOCATION else "updates", business.document_id))
    if business is not None and message.kind is DocumentKind.REPLACEMENT:
        links += [Link("replaces", replaced.document_id) for replaced in business.replacements]
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
