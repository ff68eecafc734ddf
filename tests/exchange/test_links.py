"""What documents say about each other, on both databases: revocation, update, replacement, answer."""

from typing import Any

import pytest

from app.edxml.model import DocumentKind, Replacement, ResponseFor, Update
from app.edxml.organ_id import OrganId
from tests.exchange.mail import Sent, send
from tests.support.office import COMMUNE, DISTRICT, PROVINCE, Exchange, Office, business, created, refused


def links_of(sent: Sent, office: Office) -> list[tuple[str, str, str | None]]:
    """(direction, relation, the other document) as an agency sees them."""
    return [(link["direction"], link["relation"], link["document"]) for link in sent.seen_by(office)["links"]]


def names(sent: Sent, *, organ_id: str | None = None) -> ResponseFor:
    """Refer to a document as its receivers do."""
    owner = OrganId.parse(organ_id or sent.office.organ_id)
    return ResponseFor(owner, "1/X", None, sent.receipt["document_id"])


def changes(kind: DocumentKind, **fields: Any) -> dict[str, Any]:
    """Fields of a message that does something to others."""
    return {"business": business(kind, **fields)}


def test_a_revocation_names_what_it_revokes(exchange: Exchange) -> None:
    sender = exchange[DISTRICT]
    first = send(sender, PROVINCE)
    revocation = send(sender, PROVINCE, **changes(DocumentKind.REVOCATION, document_id=first.receipt["document_id"]))
    assert revocation.receipt["kind"] == "revocation"
    for office in (sender, exchange[PROVINCE]):
        assert links_of(revocation, office) == [("outgoing", "revokes", first.id)]
        assert links_of(first, office) == [("incoming", "revokes", revocation.id)]


def test_a_revocation_may_name_it_as_the_vendor_does(exchange: Exchange) -> None:
    sender = exchange[DISTRICT]
    first = send(sender, PROVINCE)
    # A code in ResponseFor is that of the addressee, there; a sender revokes nothing but its own.
    named = names(first, organ_id=PROVINCE)
    revocation = send(sender, PROVINCE, response_for=(named,), **changes(DocumentKind.REVOCATION))
    assert links_of(revocation, sender) == [("outgoing", "revokes", first.id)]


def test_an_update_names_what_it_changes(exchange: Exchange) -> None:
    sender = exchange[DISTRICT]
    first = send(sender, PROVINCE)
    update = send(
        sender,
        PROVINCE,
        **changes(DocumentKind.UPDATE, document_id=first.receipt["document_id"], update=Update(document_changed=True)),
    )
    assert update.receipt["kind"] == "update"
    assert links_of(update, sender) == [("outgoing", "updates", first.id)]


def test_a_replacement_names_each_document(exchange: Exchange) -> None:
    sender = exchange[DISTRICT]
    first, second = send(sender, PROVINCE), send(sender, COMMUNE)
    code = OrganId.parse(PROVINCE)
    listed = (
        Replacement(first.receipt["document_id"], (code,)),
        Replacement(second.receipt["document_id"], (OrganId.parse(COMMUNE),)),
    )
    replacement = send(sender, PROVINCE, COMMUNE, **changes(DocumentKind.REPLACEMENT, replacements=listed))
    assert replacement.receipt["kind"] == "replacement"
    assert links_of(replacement, sender) == [
        ("outgoing", "replaces", first.id),
        ("outgoing", "replaces", second.id),
    ]


def test_an_answer_names_the_document_by_any_code_of_its_sender(exchange: Exchange) -> None:
    asked = send(exchange[DISTRICT], PROVINCE)
    for code in (DISTRICT, "H41.20"):
        answer = send(exchange[PROVINCE], DISTRICT, response_for=(names(asked, organ_id=code),))
        assert links_of(answer, exchange[DISTRICT]) == [("outgoing", "answers", asked.id)]
        assert ("incoming", "answers", answer.id) in links_of(asked, exchange[DISTRICT])
    # The id alone is not enough: somebody else may have used the same.
    other = send(exchange[PROVINCE], DISTRICT, response_for=(names(asked, organ_id=COMMUNE),))
    assert links_of(other, exchange[DISTRICT]) == [("outgoing", "answers", None)]


def test_a_link_that_can_name_no_document_refuses_the_message(exchange: Exchange) -> None:
    sender = exchange[DISTRICT]
    named = ResponseFor(OrganId.parse(PROVINCE), "1/X", None, "1/" + "X" * 600)
    answer = sender.system.send(sender.signed(sender.paper(PROVINCE, response_for=(named,))))
    assert refused(answer, 422, "document-refused") == ["ours.exchange.document-id-too-long"]
    [place] = [finding["location"] for finding in answer.json()["findings"] if finding["severity"] == "error"]
    assert place == "/edXML/edXMLEnvelope/edXMLHeader/MessageHeader/ResponseFor/DocumentId"


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_document_that_refers_to_more_others_than_its_event_can_hold_is_refused(exchange: Exchange) -> None:
    sender = exchange[DISTRICT]
    many = tuple(ResponseFor(OrganId.parse(PROVINCE), "1/X", None, f"{number}/" + "Đ" * 400) for number in range(60))
    answer = sender.system.send(sender.signed(sender.paper(PROVINCE, response_for=many)))
    assert refused(answer, 422, "document-refused") == ["ours.exchange.too-many-links"]
    created(sender.system.send(sender.signed(sender.paper(PROVINCE, response_for=many[:55]))))
