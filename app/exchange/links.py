"""What a document says about other documents: whether it can be kept, which of them are here, and what is recorded."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.edxml.links import Link, links_in
from app.edxml.model import DocumentMessage
from app.edxml.vocabulary import DOCUMENT_ID, MESSAGE_PATH
from app.findings import Finding, Severity
from app.ledger.canonical import JsonValue, canonical_json
from app.store import documents
from app.store.database import Transaction

DOCUMENT_ID_LENGTH_MAX = 500
"""Longest DocumentId that is kept; the longest form seen (agency, date, full notation) stays below 100 (ours, decision
0006).
"""

LINKS_OCTETS_MAX = 49_152
"""Room for all that a document says of others in the event of its acceptance, some hundred of them: an entry of the
ledger has at most 65,535 octets (C2SP tlog-tiles; ours, decision 0025).
"""


def unusable(message: DocumentMessage) -> tuple[Finding, ...]:
    """Find DocumentIds, its own and those it refers to, that are longer than any document's can be, or too many."""
    found = links_in(message)
    octets = len(canonical_json(told(found)))
    if octets > LINKS_OCTETS_MAX:
        return (
            Finding(
                "ours.exchange.too-many-links",
                Severity.ERROR,
                f"The document refers to {len(found)} others, {octets} octets; at most {LINKS_OCTETS_MAX} are kept",
                "Refer to those it acts on or answers, and list the others in an attachment.",
                "C2SP tlog-tiles; ours, decision 0025",
                found[-1].place,
            ),
        )
    named = [(message.document_id, f"{MESSAGE_PATH}/{DOCUMENT_ID}")]
    named += [(link.document_id, link.place) for link in found]
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
    tx: Transaction, links: Sequence[Link], *, senders: Sequence[str], owners: Mapping[str, str]
) -> tuple[tuple[Link, str | None], ...]:
    """Return each link with the id of the other document where this node holds it.

    Args:
        senders: registry codes this document's sender speaks for, its own first.
        owners: registry code by written code.
    """
    known = {
        (row.sender, row.document_id): row.id
        for row in await documents.by_document_ids(tx, {link.document_id for link in links})
    }

    def held(link: Link) -> str | None:
        owned_by = senders if link.owner is None else (owners.get(link.owner, link.owner),)
        return next((known[owner, link.document_id] for owner in owned_by if (owner, link.document_id) in known), None)

    return tuple((link, held(link)) for link in links)


def told(links: Iterable[Link]) -> list[JsonValue]:
    """Return what the event of a document's acceptance says of its links."""
    return [{"relation": link.relation, "document_id": link.document_id} for link in links]


def rows(document: str, links: Sequence[tuple[Link, str | None]]) -> list[dict[str, Any]]:
    """Return the rows of a document's links."""
    return [
        {
            "document": document,
            "ordinal": ordinal,
            "relation": link.relation,
            "concerned_document_id": link.document_id,
            "concerned": concerned,
        }
        for ordinal, (link, concerned) in enumerate(links)
    ]
