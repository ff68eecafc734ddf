"""What a document says about other documents: which it revokes, updates, replaces or answers."""

from dataclasses import dataclass, field

from app.edxml.model import DocumentKind, DocumentMessage
from app.edxml.rule import numbered
from app.edxml.vocabulary import (
    BUSINESS_PATH,
    DOCUMENT_ID,
    MESSAGE_PATH,
    REPLACEMENT,
    REPLACEMENT_LIST,
    RESPONSE_FOR,
)

_ANSWERED = f"{MESSAGE_PATH}/{RESPONSE_FOR}"
_CHANGED = f"{BUSINESS_PATH}/{DOCUMENT_ID}"
_REPLACED = f"{BUSINESS_PATH}/{REPLACEMENT_LIST}/{REPLACEMENT}"


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
    place: str = field(default=_CHANGED, compare=False)

    @property
    def acts(self) -> bool:
        """Whether it does something to the deliveries of the other document."""
        return self.relation != "answers"


def links_in(message: DocumentMessage) -> tuple[Link, ...]:
    """Read the relations of a message from Bussiness and ResponseFor, in its order, each once."""
    business = message.business
    links: list[Link] = []
    if business is not None and business.document_id and message.kind in (DocumentKind.REVOCATION, DocumentKind.UPDATE):
        relation = "revokes" if message.kind is DocumentKind.REVOCATION else "updates"
        links.append(Link(relation, business.document_id, place=_CHANGED))
    if business is not None and message.kind is DocumentKind.REPLACEMENT:
        count = len(business.replacements)
        links += [
            Link("replaces", replaced.document_id, place=f"{numbered(_REPLACED, index, count)}/{DOCUMENT_ID}")
            for index, replaced in enumerate(business.replacements)
        ]
    # The vendor's revocations leave Bussiness/DocumentId out and point with ResponseFor instead.
    relation = "revokes" if message.kind is DocumentKind.REVOCATION and not links else "answers"
    count = len(message.response_for)
    for index, answer in enumerate(message.response_for):
        if answer.document_id:
            owner = answer.organ_id.text if answer.organ_id and relation == "answers" else None
            place = f"{numbered(_ANSWERED, index, count)}/{DOCUMENT_ID}"
            links.append(Link(relation, answer.document_id, owner, place))
    return tuple(dict.fromkeys(links))
