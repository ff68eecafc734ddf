"""However a delivery ends, its sender learns of it in the inbox or the outbox, without asking for that document."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.edxml.model import DocumentKind, Replacement, Update
from app.edxml.organ_id import OrganId
from app.registry.model import Scope
from app.regulations.calendar import ZONE
from tests.conftest import ENGINES
from tests.console.conftest import Visitor
from tests.exchange.mail import Sent, close, enlist, report, send
from tests.exchange.passing import notices, passed
from tests.exchange.remains import checked, remains
from tests.support.office import Exchange, Office, business, created, refused


@dataclass(frozen=True)
class Pair:
    """Two agencies nobody else writes to."""

    exchange: Exchange
    sender: Office
    recipient: Office

    def send(self, **changes: Any) -> Sent:
        """Send a document that is due in ten days."""
        due = datetime.now(ZONE).date() + timedelta(days=10)
        return send(self.sender, self.recipient.organ_id, **{"due_date": due} | changes)

    def about(self, sent: Sent, kind: DocumentKind, **fields: Any) -> Sent:
        """Send a document about another one."""
        return self.send(business=business(kind, document_id=sent.receipt["document_id"], **fields))

    def answer(self, sent: Sent, code: str) -> None:
        """Report as the recipient."""
        created(report(self.recipient, sent, code, reason="Lý do"))

    def ask_back(self, sent: Sent) -> None:
        """Ask for it back (13)."""
        created(report(self.sender, sent, "13", owner=self.recipient.organ_id, reason="Nhầm"))


@pytest.fixture(scope="module")
def pairs() -> Iterator[tuple[ExitStack, dict[str, Pair]]]:
    """The pairs there are, by the address of their node."""
    with ExitStack() as stack:
        yield stack, {}


@pytest.fixture
def pair(late: Exchange, pairs: tuple[ExitStack, dict[str, Pair]]) -> Pair:
    """The pair of this engine's node; other tests have left their documents with it."""
    stack, known = pairs
    if late.running.url not in known:
        known[late.running.url] = Pair(late, enlist(late, stack), enlist(late, stack))
    return known[late.running.url]


def completed(pair: Pair) -> Sent:
    sent = pair.send()
    pair.answer(sent, "06")
    return sent


def returned(pair: Pair) -> Sent:
    sent = pair.send()
    pair.answer(sent, "02")
    return sent


def withdrawn(pair: Pair) -> Sent:
    sent = pair.send()
    pair.ask_back(sent)
    pair.answer(sent, "15")
    return sent


def withdrawal_refused(pair: Pair) -> Sent:
    sent = pair.send()
    pair.ask_back(sent)
    pair.answer(sent, "16")
    return sent


def revoked(pair: Pair) -> Sent:
    sent = pair.send()
    pair.about(sent, DocumentKind.REVOCATION)
    pair.answer(sent, "15")
    return sent


def updated(pair: Pair) -> Sent:
    sent = pair.send()
    pair.about(sent, DocumentKind.UPDATE, update=Update(document_changed=True))
    pair.answer(sent, "15")
    return sent


def replaced(pair: Pair) -> Sent:
    sent = pair.send()
    listed = Replacement(sent.receipt["document_id"], (OrganId.parse(pair.recipient.organ_id),))
    pair.send(business=business(DocumentKind.REPLACEMENT, replacements=(listed,)))
    return sent


def redirected(pair: Pair) -> Sent:
    with ExitStack() as stack:
        closed = enlist(pair.exchange, stack)
    close(pair.exchange, closed, pair.recipient)
    return send(pair.sender, closed.organ_id)


def undelivered(pair: Pair) -> Sent:
    sent = pair.send()
    passed(pair.exchange, hours=25)
    return sent


def overdue(pair: Pair) -> Sent:
    sent = pair.send()
    pair.answer(sent, "03")
    passed(pair.exchange, days=12)
    return sent


def expired(pair: Pair) -> Sent:
    sent = pair.send(due_date=None)
    passed(pair.exchange, days=91)
    return sent


ENDS: list[tuple[Callable[[Pair], Sent], set[str], str]] = [
    # how it ends, what the sender's inbox has of it, the state in the outbox
    (completed, {"status 06"}, "completed"),
    (returned, {"status 02"}, "refused"),
    (withdrawn, {"status 15"}, "withdrawn"),
    (withdrawal_refused, {"status 16"}, "change_refused"),
    (revoked, {"status 15"}, "withdrawn"),
    (updated, {"status 15"}, "change_accepted"),
    (replaced, set(), "available"),
    (redirected, {"notice redirected"}, "available"),
    (undelivered, {"notice undelivered"}, "available"),
    (overdue, {"status 03", "notice overdue"}, "received"),
    (expired, {"notice undelivered", "notice expired"}, "expired"),
]


BY_TIME = (redirected, undelivered, overdue, expired)
"""Ends the node comes to by itself: shown on both databases; what people report is elsewhere."""


@pytest.mark.parametrize(
    ("engine_name", "ends", "told", "state"),
    [
        pytest.param(engine, *each, id=f"{each[0].__name__}-{engine}")
        for each in ENDS
        for engine in (ENGINES if each[0] in BY_TIME else ENGINES[:1])
    ],
)
def test_the_sender_learns_how_it_ended(pair: Pair, ends: Callable[[Pair], Sent], told: set[str], state: str) -> None:
    sent = ends(pair)
    remains(pair.exchange)
    mine = [item for item in pair.sender.system.inbox() if item["document"]["id"] == sent.id]
    assert {f"{item['kind']} {_word(item)}" for item in mine} == told
    listed = {item["id"]: item for item in pair.sender.system.pages("/v1/outbox")}
    [leg] = listed[sent.id]["deliveries"]
    assert leg["state"] == state
    assert (leg["addressed_to"] != leg["recipient"]) is (ends is redirected)
    assert (leg["superseded_by"] is not None) is (ends in (updated, replaced))
    assert leg["superseded_by"] in {None, *listed}
    late = [item["id"] for item in pair.sender.system.pages("/v1/outbox", overdue="true")]
    assert (sent.id in late) is leg["overdue"] is (ends is overdue)


def _word(item: dict[str, Any]) -> str:
    return str(item["status"]["status_code"] if item["status"] else item["notice"]["kind"])


def test_a_notice_is_taken_over_like_mail(pair: Pair) -> None:
    sent = undelivered(pair)
    [item] = [item for item in pair.sender.system.inbox(kind="notice") if item["document"]["id"] == sent.id]
    for outcome in ("acknowledged", "already-acknowledged"):
        answer = created(pair.sender.system.acknowledge([item["delivery_id"]]), 200)
        assert [each["outcome"] for each in answer["items"]] == [outcome]
    # Somebody else's notice is nobody's.
    answer = created(pair.recipient.system.acknowledge([item["delivery_id"]]), 200)
    assert answer["items"][0]["outcome"] == "not-found"
    remains(pair.exchange)
    trail = created(pair.exchange.auditor.get("/v1/audit/events?event=notice.acknowledged&limit=500"), 200)["items"]
    [event] = [each for each in trail if each["delivery"] == item["delivery_id"]]
    assert event["agency"] == pair.sender.organ_id
    assert sent.id not in [document for _, document, _ in notices(pair.sender)]


class TestRefusals:
    """What was refused, for a sender that lost the answer."""

    def test_are_listed_newest_first_with_what_is_known(self, pair: Pair) -> None:
        body = pair.sender.signed(pair.sender.paper(pair.recipient.organ_id, subject=None))
        unreadable = b"<edXML"
        refused(pair.sender.system.send(body), 422, "document-refused")
        refused(pair.sender.system.send(unreadable), 400, "malformed-xml")
        sent = pair.send()
        refused(report(pair.recipient, sent, "15"), 409, "transition-not-allowed")
        remains(pair.exchange)
        listed = list(pair.sender.system.pages("/v1/outbox/refusals", limit=1))
        assert listed == list(pair.sender.system.pages("/v1/outbox/refusals"))
        assert [(each["kind"], each["agency"], each["problem"]) for each in listed[:2]] == [
            ("document", None, "malformed-xml"),
            ("document", pair.sender.organ_id, "document-refused"),
        ]
        assert (listed[1]["size"], len(listed[1]["sha256"]), len(listed[1]["codes"]) > 0) == (len(body), 64, True)
        own = next(pair.recipient.system.pages("/v1/outbox/refusals", agency=pair.recipient.organ_id))
        assert (own["kind"], own["codes"]) == ("status", ["ours.status.transition"])

    def test_of_others_are_not_listed(self, pair: Pair) -> None:
        refused(pair.sender.system.send(b"<edXML>"), 400, "malformed-xml")
        remains(pair.exchange)
        [mine, *_] = pair.sender.system.pages("/v1/outbox/refusals")
        assert mine["size"] == len(b"<edXML>")
        assert mine not in list(pair.recipient.system.pages("/v1/outbox/refusals"))
        foreign = pair.recipient.system.get("/v1/outbox/refusals", params={"agency": pair.sender.organ_id})
        refused(foreign, 403, "agency-not-granted")
        refused(pair.exchange.auditor.get("/v1/outbox/refusals"), 403, "scope-missing")


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_people_see_it_in_their_boxes_too(pair: Pair) -> None:
    sent = overdue(pair)
    redirected(pair)
    remains(pair.exchange)
    credentials = pair.exchange.running.client(Scope.EXCHANGE, agencies=[pair.sender.organ_id])
    with Visitor(pair.exchange.running.url) as visitor:
        assert visitor.sign_in(credentials).status_code == 303
        boxes = [visitor.get(f"/documents?box={box}&lang=en&limit=500").text for box in ("inbox", "outbox")]
        page = visitor.get(f"/documents/{sent.id}").text
    assert "Notice: <b>overdue</b>" in boxes[0]
    assert "Notice: <b>went to the successor</b>" in boxes[0]
    assert '<span class="state overdue">overdue</span>' in boxes[1]
    assert '<span class="state overdue">' in page


def test_the_log_tells_the_same_of_all_of_it(late: Exchange) -> None:
    found = checked(late)
    assert found.consistent, found.divergences
