"""The inbox, on both databases: order, pages, kinds, waiting, taking over, and that nobody misses or doubles a row."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Event
from typing import Any
from uuid import uuid4

import pytest

from app.edxml.model import Handling, StatusCode
from app.node import Node
from app.registry.model import Scope
from app.store import deliveries as delivery_rows
from tests.exchange.mail import enlist, report, send
from tests.exchange.remains import checked, remains
from tests.support.agency import AgencySystem
from tests.support.office import COMMUNE, DISTRICT, PARTY, PROVINCE, Exchange, Office, created, outcomes, refused


@pytest.fixture(scope="module")
def boxes() -> Iterator[tuple[ExitStack, dict[str, Office]]]:
    """The agencies of `box`, by the node they are registered at."""
    with ExitStack() as held:
        yield held, {}


@pytest.fixture
def box(exchange: Exchange, boxes: tuple[ExitStack, dict[str, Office]]) -> Office:
    """An agency with an empty inbox."""
    held, known = boxes
    if (office := known.get(exchange.running.url)) is None:
        office = known[exchange.running.url] = enlist(exchange, held)
    settled(exchange)
    if left := [item["delivery_id"] for item in office.system.inbox(limit=500)]:
        created(office.system.acknowledge(left), 200)
    return office


def ids(items: list[dict[str, Any]]) -> list[str]:
    return [item["document"]["id"] for item in items]


def settled(exchange: Exchange) -> None:
    """Let everything that was committed be sealed."""
    remains(exchange)


def taken(system: AgencySystem, *delivery_ids: str) -> list[str]:
    """Take over and return what became of each."""
    return outcomes(created(system.acknowledge(delivery_ids), 200)["items"])


class TestListing:
    """What waits, in which order."""

    def test_oldest_or_most_urgent_first_over_pages(self, exchange: Exchange, box: Office) -> None:
        """QĐ 28/2018/QĐ-TTg Đ6: hỏa tốc, thượng khẩn and khẩn go before, and each of them in the order it came."""
        urgencies = [0, 2, 1, 4, 2, 0, 3, 1]
        sent = [send(exchange[DISTRICT], box.organ_id, handling=Handling(priority=urgency)).id for urgency in urgencies]
        settled(exchange)
        order = sorted(range(len(sent)), key=lambda place: (-urgencies[place], place))
        for limit in (2, 3, 8, 50):
            assert ids(box.system.inbox(limit=limit)) == sent
            listed = box.system.inbox(order="urgency", limit=limit)
            assert ids(listed) == [sent[place] for place in order]
        assert [item["document"]["priority"] for item in listed] == sorted(urgencies, reverse=True)
        first = created(box.system.get("/v1/inbox", params={"limit": 3}), 200)
        assert (len(first["items"]), first["next_cursor"] is None) == (3, False)
        assert created(box.system.get("/v1/inbox", params={"limit": 8}), 200)["next_cursor"] is None

    def test_an_item_tells_what_is_needed_to_decide_and_looking_changes_nothing(
        self, exchange: Exchange, box: Office
    ) -> None:
        sent = send(exchange[DISTRICT], box.organ_id)
        before = remains(exchange)
        listed = [box.system.inbox() for _ in range(3)]
        assert listed[0] == listed[1] == listed[2]
        assert remains(exchange) == before
        assert sent.state_at(box.organ_id) == "available"
        [item] = listed[0]
        document = item["document"]
        assert (item["kind"], item["status"], item["recipient"]) == ("document", None, box.organ_id)
        assert item["delivery_id"] == sent.delivery_to(box.organ_id)
        same = ("id", "document_id", "sender", "kind", "size", "sha256", "accepted_at")
        assert {name: document[name] for name in same} == {name: sent.receipt[name] for name in same}
        assert document["subject"].startswith("V/v kết nối")
        assert (document["priority"], document["due_date"] is None) == (0, False)

    def test_documents_and_statuses_apart(self, exchange: Exchange, box: Office) -> None:
        own = send(box, PROVINCE)
        first = send(exchange[DISTRICT], box.organ_id)
        created(report(exchange[PROVINCE], own, "01"))
        second = send(exchange[DISTRICT], box.organ_id)
        settled(exchange)
        assert [(item["kind"], item["document"]["id"]) for item in box.system.inbox()] == [
            ("document", first.id),
            ("status", own.id),
            ("document", second.id),
        ]
        assert ids(box.system.inbox(kind="document", limit=1)) == [first.id, second.id]
        assert ids(box.system.inbox(kind="status")) == [own.id]

    def test_a_cursor_of_another_listing_is_refused(self, exchange: Exchange, box: Office) -> None:
        for cursor in ("x", "WyJ4Il0", "WzFd"):
            refused(box.system.get("/v1/inbox", params={"cursor": cursor}), 400, "request-invalid")


class TestWhoseInbox:
    """Clients of several agencies, and of subtrees."""

    def test_a_client_of_two_agencies_sees_both_or_one(self, exchange: Exchange, stack: ExitStack) -> None:
        first, second = enlist(exchange, stack), enlist(exchange, stack)
        codes = [first.organ_id, second.organ_id]
        system = stack.enter_context(exchange.running.system(Scope.EXCHANGE, agencies=codes))
        sent = [send(exchange[DISTRICT], code).id for code in (*codes, *codes)]
        settled(exchange)
        for limit in (1, 50):
            assert ids(system.inbox(limit=limit)) == sent
            assert ids(system.inbox(limit=limit, order="urgency")) == sent
        assert ids(system.inbox(agency=codes[1])) == sent[1::2]
        both = created(system.get("/v1/inbox"), 200)["items"]
        assert taken(system, *(item["delivery_id"] for item in both)) == ["acknowledged"] * 4

    def test_a_client_of_a_subtree_names_the_agency(self, exchange: Exchange, stack: ExitStack) -> None:
        system = stack.enter_context(exchange.running.system(Scope.EXCHANGE, agencies=["H41.*"]))
        sent = send(exchange[PARTY], COMMUNE)
        settled(exchange)
        refused(system.get("/v1/inbox"), 400, "request-invalid")
        for code in (COMMUNE, "000.05.21.H41"):
            assert sent.id in ids(system.inbox(agency=code))
        refused(system.get("/v1/inbox", params={"agency": PARTY}), 403, "agency-not-granted")
        assert taken(system, sent.delivery_to(COMMUNE)) == ["acknowledged"]

    def test_agencies_of_others_and_none_answer_alike(self, exchange: Exchange, box: Office) -> None:
        answers = []
        for code in (PARTY, "H99.99"):
            answer = box.system.get("/v1/inbox", params={"agency": code})
            refused(answer, 403, "agency-not-granted")
            answers.append({**answer.json(), "request_id": "", "detail": answer.json()["detail"].replace(code, "…")})
        assert answers[0] == answers[1]

    def test_who_acts_for_nobody_has_no_inbox(self, exchange: Exchange, stack: ExitStack) -> None:
        system = stack.enter_context(exchange.running.system(Scope.EXCHANGE))
        refused(system.get("/v1/inbox"), 400, "request-invalid")


class TestWaiting:
    """Long polls."""

    def test_mail_wakes_a_waiter_long_before_it_would_wake_by_itself(self, exchange: Exchange, box: Office) -> None:
        with waiting(box, wait=60) as poll:
            listening(exchange, box)
            assert not poll.done()
            sent = send(exchange[DISTRICT], box.organ_id)
            assert ids(poll.result(30)) == [sent.id]

    def test_with_mail_it_does_not_wait(self, exchange: Exchange, box: Office) -> None:
        send(exchange[DISTRICT], box.organ_id)
        settled(exchange)
        with waiting(box, wait=60) as poll:
            assert len(poll.result(30)) == 1

    def test_what_is_not_asked_for_wakes_nobody(self, exchange: Exchange, box: Office) -> None:
        # The agency's own sending rings for it too, and a status is no document.
        with waiting(box, wait=60, kind="document") as poll:
            listening(exchange, box)
            own = send(box, PROVINCE)
            created(report(exchange[PROVINCE], own, "01"))
            settled(exchange)
            # Time to ring and to look, that a poll would be over after.
            time.sleep(0.3)
            assert not poll.done()
            sent = send(exchange[DISTRICT], box.organ_id)
            assert ids(poll.result(30)) == [sent.id]

    # Who waits is known in memory alone, and waiting takes as long as it takes: once is enough.
    @pytest.mark.parametrize("engine_name", ["sqlite"])
    def test_without_mail_it_ends_empty_when_the_time_is_over_and_leaves_no_bell(
        self, exchange: Exchange, box: Office
    ) -> None:
        began = time.monotonic()
        with waiting(box, wait=2) as poll:
            listening(exchange, box)
            assert poll.result(60) == []
        assert time.monotonic() - began > 1.9
        assert bells(exchange, box) == 0


def bells(exchange: Exchange, box: Office) -> int:
    """Count who waits for mail of the agency."""

    async def count(node: Node) -> int:
        return len(node.desk.doorbell._waiting.get(box.organ_id, ()))

    return exchange.running.run(count)


def listening(exchange: Exchange, box: Office) -> None:
    """Wait until somebody waits for mail of the agency."""
    deadline = time.monotonic() + 60
    while not bells(exchange, box) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert bells(exchange, box) == 1


@contextmanager
def waiting(box: Office, **params: Any) -> Iterator["Future[list[dict[str, Any]]]"]:
    """Poll in a thread of its own."""
    assert box.system.token
    with ThreadPoolExecutor(1) as thread:
        yield thread.submit(lambda: box.receive(**params))


class TestTakingOver:
    """Acknowledgements."""

    def test_happens_once_and_shows_to_the_sender(self, exchange: Exchange, box: Office) -> None:
        sent = send(exchange[DISTRICT], box.organ_id)
        [item] = box.receive()
        delivery = item["delivery_id"]
        before = remains(exchange)
        assert taken(box.system, delivery, delivery) == ["acknowledged"] * 2
        assert taken(box.system, delivery) == ["already-acknowledged"]
        assert taken(box.system, delivery, delivery) == ["already-acknowledged"] * 2
        after = remains(exchange)
        assert after.rows["events"] - before.rows["events"] == 1
        assert box.system.inbox() == []
        [leg] = sent.seen_by(exchange[DISTRICT])["deliveries"]
        assert (leg["state"], leg["acknowledged_at"] is None) == ("delivered", False)
        # Taken over is not gone.
        assert box.system.content(sent.id).content == sent.body

    def test_somebody_elses_and_none_are_alike(self, exchange: Exchange, box: Office) -> None:
        sent = send(exchange[DISTRICT], PROVINCE)
        mine = send(exchange[DISTRICT], box.organ_id)
        settled(exchange)
        before = remains(exchange)
        foreign, unknown = sent.delivery_to(PROVINCE), str(uuid4())
        assert taken(box.system, foreign, mine.delivery_to(box.organ_id), unknown, "no id at all") == [
            "not-found",
            "acknowledged",
            "not-found",
            "not-found",
        ]
        # The sender knows the id and is no recipient.
        assert taken(exchange[DISTRICT].system, foreign) == ["not-found"]
        assert remains(exchange).rows["events"] - before.rows["events"] == 1
        assert sent.state_at(PROVINCE) == "available"

    def test_keeps_what_was_reported_before(self, exchange: Exchange, box: Office) -> None:
        sent = send(exchange[DISTRICT], box.organ_id)
        [item] = box.receive()
        created(report(box, sent, "05"))
        assert taken(box.system, item["delivery_id"]) == ["acknowledged"]
        assert sent.state_at(box.organ_id) == "in_progress"

    @pytest.mark.parametrize("bad", [[], [1], [str(uuid4())] * 501, None])
    def test_what_is_no_list_of_ids_is_refused(self, box: Office, bad: object) -> None:
        answer = box.system.post("/v1/inbox/acknowledgements", json={"delivery_ids": bad})
        refused(answer, 422, "validation-failed")

    def test_at_the_same_time_happens_once(self, exchange: Exchange, box: Office) -> None:
        sent = [send(exchange[DISTRICT], box.organ_id) for _ in range(3)]
        settled(exchange)
        mine = [each.delivery_to(box.organ_id) for each in sent]
        with ThreadPoolExecutor(6) as threads:
            found = list(threads.map(lambda _: taken(box.system, *mine), range(6)))
        for place in range(len(mine)):
            assert sorted(each[place] for each in found) == ["acknowledged"] + ["already-acknowledged"] * 5

    def test_while_it_is_withdrawn_ends_in_one_of_both(self, exchange: Exchange, box: Office) -> None:
        sender = exchange[DISTRICT]
        for _ in range(2):
            sent = send(sender, box.organ_id)
            created(report(sender, sent, "13", owner=box.organ_id, reason="Nhầm"))
            agree = box.status(sent.named, StatusCode.CHANGE_ACCEPTED, owner=DISTRICT)
            settled(exchange)
            with ThreadPoolExecutor(2) as threads:
                agreed = threads.submit(box.system.report, agree)
                acknowledged = threads.submit(taken, box.system, sent.delivery_to(box.organ_id))
                assert created(agreed.result())["state"] == "withdrawn"
                assert acknowledged.result()[0] in ("acknowledged", "not-found")
            assert sent.state_at(box.organ_id) == "withdrawn"
        assert [item for item in box.system.inbox(kind="document") if item["document"]["id"] == sent.id] == []
        # Of what was taken over at the same time, above, too.
        found = checked(exchange)
        assert found.consistent, found.divergences


def test_a_reader_that_follows_the_cursor_misses_and_doubles_nothing(exchange: Exchange, box: Office) -> None:
    """Six writers commit in whatever order; the reader goes on from the last row it has seen, as a client does."""
    writers, each = 6, 4
    sender = exchange[DISTRICT]
    bodies = [[sender.signed(sender.paper(box.organ_id)) for _ in range(each)] for _ in range(writers)]
    assert sender.system.token
    assert box.system.token
    written = Event()

    def write(lot: list[bytes]) -> list[str]:
        return [created(sender.system.send(body))["id"] for body in lot]

    def behind(after: tuple[int, int] | None) -> list[tuple[int, int, str]]:
        async def page(node: Node) -> list[tuple[int, int, str]]:
            async with node.database.read() as tx:
                rows = await delivery_rows.inbox(tx, [box.organ_id], kind=None, by_urgency=False, after=after, limit=3)
            return [(row.delivery_priority, row.position, row.id) for row in rows]

        return exchange.running.run(page)

    def read() -> list[str]:
        seen: list[str] = []
        after: tuple[int, int] | None = None
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            done = written.is_set()
            rows = behind(after)
            seen += [document for _, _, document in rows]
            if rows:
                after = rows[-1][:2]
            elif done and len(seen) >= writers * each:
                break
            else:
                time.sleep(0.01)
        return seen

    with ThreadPoolExecutor(writers + 1) as threads:
        reader = threads.submit(read)
        sent = [document for lot in threads.map(write, bodies) for document in lot]
        written.set()
        seen = reader.result()
    assert len(seen) == len(set(seen)) == writers * each
    assert set(seen) == set(sent)
    assert seen == ids(box.system.inbox(limit=500))
