"""What the passing of time does to deliveries, on both databases: undelivered, overdue, expired; who is told, once."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.edxml.model import DocumentKind, Replacement
from app.edxml.organ_id import OrganId
from app.exchange import deadlines
from app.exchange.deadlines import Passed, moments_of
from app.node import Node
from app.regulations.calendar import ZONE
from app.regulations.file import load
from app.routers import clock
from app.store import deliveries as rows
from app.store.schema import deliveries, events
from app.worker.upkeep import rounds_of
from tests.exchange.mail import Sent, enlist, report, send
from tests.exchange.passing import notices, passed
from tests.exchange.remains import checked, events_since, remains
from tests.support.office import DISTRICT, PROVINCE, Exchange, Office, business, created

RULES = load()

ON_SQLITE = pytest.mark.parametrize("engine_name", ["sqlite"])
"""For what does not hang on the database, because its statements are those of other tests."""


@pytest.fixture(scope="module")
def boxes() -> Iterator[tuple[ExitStack, dict[str, Office]]]:
    """The boxes there are, by the address of their node."""
    with ExitStack() as stack:
        yield stack, {}


@pytest.fixture
def box(late: Exchange, boxes: tuple[ExitStack, dict[str, Office]]) -> Office:
    """An agency with an empty inbox."""
    stack, known = boxes
    if late.running.url not in known:
        known[late.running.url] = enlist(late, stack)
    box = known[late.running.url]
    remains(late)
    if left := [item["delivery_id"] for item in box.system.inbox(limit=500)]:
        created(box.system.acknowledge(left), 200)
    return box


def kept(exchange: Exchange, delivery: str) -> Any:
    """The row of a delivery."""

    async def read(node: Node) -> Any:
        async with node.database.read() as tx:
            return (await tx.execute(sa.select(deliveries).where(deliveries.c.id == delivery))).one()

    return exchange.running.run(read)


def tiers(exchange: Exchange, delivery: str) -> set[tuple[str, str | None]]:
    """What happened to a delivery, and of which tier its sender is."""

    async def read(node: Node) -> set[tuple[str, str | None]]:
        query = sa.select(events.c.kind, events.c.peer_tier).where(events.c.delivery == delivery)
        async with node.database.read() as tx:
            return {(row.kind, row.peer_tier) for row in await tx.execute(query)}

    return exchange.running.run(read)


def rewrite(exchange: Exchange, delivery: str, **values: Any) -> None:
    """Change a row behind the log's back."""

    async def write(node: Node) -> None:
        async with node.database.write() as tx:
            await tx.execute(deliveries.update().where(deliveries.c.id == delivery).values(**values))

    exchange.running.run(write)


def put_another_in_place_of(sent: Sent) -> Sent:
    """Replace a document, for its only recipient."""
    recipient = sent.receipt["deliveries"][0]["recipient"]
    listed = (Replacement(sent.receipt["document_id"], (OrganId.parse(recipient),)),)
    return send(sent.office, recipient, due_date=None, business=business(DocumentKind.REPLACEMENT, replacements=listed))


def due_in(days: int) -> date:
    return datetime.now(ZONE).date() + timedelta(days=days)


class TestMoments:
    """When what is due of a new delivery."""

    def test_by_the_rule_of_the_day_it_was_accepted(self) -> None:
        accepted = datetime(2026, 11, 20, 3, tzinfo=UTC)
        assert moments_of(RULES, accepted_at=accepted, due_date=date(2026, 11, 27)) == {
            "undelivered_at": accepted + timedelta(hours=24),
            "expires_at": accepted + timedelta(days=90),
            "due_at": datetime(2026, 11, 28, tzinfo=ZONE),
        }

    @pytest.mark.parametrize(
        ("due", "expected"),
        [
            (None, None),
            (date(2026, 11, 19), None),
            (date(2026, 11, 20), datetime(2026, 11, 21, tzinfo=ZONE)),
            (date.min, None),
        ],
    )
    def test_a_due_date_that_was_over_makes_nothing_overdue(self, due: date | None, expected: datetime | None) -> None:
        assert moments_of(RULES, accepted_at=datetime(2026, 11, 20, 16, tzinfo=UTC), due_date=due)["due_at"] == expected


class TestUndelivered:
    """Nobody fetched it for 24 hours."""

    def test_the_sender_is_told_once_and_it_goes_on_waiting(self, late: Exchange, box: Office) -> None:
        before = remains(late)
        sent = send(box, PROVINCE, due_date=None)
        delivery = sent.delivery_to(PROVINCE)
        assert passed(late, hours=23.9) == Passed()
        assert passed(late, hours=24.1) == Passed(undelivered=1)
        assert passed(late, hours=48) == Passed()
        [item] = box.system.inbox(kind="notice")
        assert item["notice"] == {
            "kind": "undelivered",
            "delivery": {"id": delivery, "recipient": PROVINCE, "state": "available"},
        }
        assert (item["document"]["id"], item["status"]) == (sent.id, None)
        [event] = events_since(late, before, event="delivery.undelivered")
        assert (event["agency"], event["delivery"], event["actor"]) == (PROVINCE, delivery, "node")
        assert event["detail"] == {"state": "available"}
        assert sent.state_at(PROVINCE) == "available"
        assert delivery in [each["delivery_id"] for each in late[PROVINCE].system.inbox()]

    @ON_SQLITE
    def test_what_was_taken_over_is_not(self, late: Exchange, box: Office) -> None:
        sent = send(box, PROVINCE, due_date=None)
        remains(late)
        created(late[PROVINCE].system.acknowledge([sent.delivery_to(PROVINCE)]), 200)
        row = kept(late, sent.delivery_to(PROVINCE))
        assert (row.undelivered_at, row.expires_at) == (None, None)
        assert passed(late, days=91) == Passed()
        assert box.system.inbox(kind="notice") == []

    @ON_SQLITE
    def test_what_was_reported_on_is_not(self, late: Exchange, box: Office) -> None:
        """A recipient that reports on a document has it, whatever it forgot to acknowledge."""
        sent = send(box, PROVINCE, due_date=None)
        created(report(late[PROVINCE], sent, "03"))
        assert passed(late, days=91) == Passed()
        assert sent.state_at(PROVINCE) == "received"

    @ON_SQLITE
    def test_taking_it_over_says_how_long_that_took_and_from_which_tier_it_came(
        self, late: Exchange, box: Office
    ) -> None:
        before = remains(late)
        sent = send(box, PROVINCE)
        remains(late)
        created(late[PROVINCE].system.acknowledge([sent.delivery_to(PROVINCE)]), 200)
        [event] = events_since(late, before, event="delivery.acknowledged")
        assert 0 <= event["detail"]["seconds"] < 600
        assert event["agency"] == PROVINCE
        assert tiers(late, sent.delivery_to(PROVINCE)) == {
            ("delivery.available", "province"),
            ("delivery.acknowledged", "province"),
        }


class TestExpiry:
    """Nobody fetched it for 90 days."""

    def test_it_leaves_the_inbox_and_the_sender_is_told(self, late: Exchange, box: Office) -> None:
        before = remains(late)
        sent = send(late[DISTRICT], box.organ_id, due_date=None)
        delivery = sent.delivery_to(box.organ_id)
        assert passed(late, days=91) == Passed(undelivered=1, expired=1)
        assert sent.state_at(box.organ_id) == "expired"
        assert box.system.inbox() == []
        assert ("expired", sent.id, "expired") in notices(late[DISTRICT])
        told = [f"delivery.{word}" for word in ("available", "undelivered", "expired")]
        assert tiers(late, delivery) == {(kind, "district") for kind in told}
        [event] = events_since(late, before, event="delivery.expired")
        assert (event["agency"], event["delivery"]) == (box.organ_id, delivery)
        # What was sent is not lost: who is asked for it by name can still read it.
        assert box.system.content(sent.id).content == sent.body
        [outcome] = created(box.system.acknowledge([delivery]), 200)["items"]
        assert outcome["outcome"] == "not-found"

    @ON_SQLITE
    def test_a_question_that_was_open_ends_with_it(self, late: Exchange, box: Office) -> None:
        sent = send(late[DISTRICT], box.organ_id, due_date=None)
        created(report(late[DISTRICT], sent, "13", owner=box.organ_id, reason="Nhầm"))
        assert passed(late, days=91).expired == 1
        row = kept(late, sent.delivery_to(box.organ_id))
        assert (row.progress, row.change, row.in_inbox) == ("expired", None, False)

    @ON_SQLITE
    def test_an_expiry_taken_back_in_the_rows_is_found(self, late: Exchange, box: Office) -> None:
        sent = send(late[DISTRICT], box.organ_id, due_date=None)
        passed(late, days=91)
        delivery = sent.delivery_to(box.organ_id)
        rewrite(late, delivery, progress="available", in_inbox=True)
        assert delivery in str(checked(late).divergences)
        rewrite(late, delivery, progress="expired", in_inbox=False)


class TestOverdue:
    """Its due date is over and it is not completed."""

    def test_recipient_and_sender_are_told_and_both_find_it(self, late: Exchange, box: Office) -> None:
        before = remains(late)
        sender = late[DISTRICT]
        sent = send(sender, box.organ_id, due_date=due_in(2))
        remains(late)
        created(box.system.acknowledge([sent.delivery_to(box.organ_id)]), 200)
        created(report(box, sent, "05"))
        assert passed(late, days=1) == Passed()
        assert passed(late, days=3) == Passed(overdue=1)
        assert passed(late, days=30) == Passed()
        assert notices(box) == [("overdue", sent.id, "in_progress")]
        assert ("overdue", sent.id, "in_progress") in notices(sender)
        [event] = events_since(late, before, event="delivery.overdue")
        assert event["detail"] == {"state": "in_progress", "due_date": due_in(2).isoformat()}
        [item] = box.system.pages("/v1/inbox/overdue", agency=box.organ_id)
        assert (item["delivery_id"], item["state"]) == (sent.delivery_to(box.organ_id), "in_progress")
        since = datetime.combine(due_in(3), datetime.min.time(), tzinfo=ZONE)
        assert datetime.fromisoformat(item["overdue_since"]) == since
        assert item["overdue_since"].endswith("Z")
        assert sent.id in [each["id"] for each in sender.system.pages("/v1/outbox", overdue="true")]
        [leg] = sent.seen_by(sender)["deliveries"]
        assert leg["overdue"] is True
        created(report(box, sent, "06"))
        assert list(box.system.pages("/v1/inbox/overdue")) == []
        assert sent.id not in [each["id"] for each in sender.system.pages("/v1/outbox", overdue="true")]
        [leg] = sent.seen_by(sender)["deliveries"]
        assert (leg["overdue"], leg["state"]) == (False, "completed")

    @ON_SQLITE
    @pytest.mark.parametrize("end", ["06", "02", "13"])
    def test_what_ended_before_is_not(self, late: Exchange, box: Office, end: str) -> None:
        sender = late[DISTRICT]
        sent = send(sender, box.organ_id, due_date=due_in(2))
        if end == "13":
            created(report(sender, sent, "13", owner=box.organ_id, reason="Nhầm"))
            created(report(box, sent, "15"))
        else:
            created(report(box, sent, end, reason="Sai"))
        assert passed(late, days=3) == Passed()

    @ON_SQLITE
    def test_what_was_replaced_is_not_and_is_not_any_more(self, late: Exchange, box: Office) -> None:
        sender = late[DISTRICT]
        early, later = (send(sender, box.organ_id, due_date=due_in(2)) for _ in range(2))
        put_another_in_place_of(early)
        assert passed(late, days=3).overdue == 1
        [item] = box.system.pages("/v1/inbox/overdue")
        assert item["document"]["id"] == later.id
        put_another_in_place_of(later)
        assert list(box.system.pages("/v1/inbox/overdue")) == []
        mine = {early.id, later.id}
        assert [each for each in sender.system.pages("/v1/outbox", overdue="true") if each["id"] in mine] == []

    def test_pages_go_from_the_longest_overdue_on(self, late: Exchange, box: Office) -> None:
        sender = late[DISTRICT]
        sent = [send(sender, box.organ_id, due_date=due_in(days)) for days in (3, 1, 2)]
        for days in (2, 3, 4):
            passed(late, days=days)
        order = [sent[place].id for place in (1, 2, 0)]
        for limit in (1, 2, 50):
            listed = box.system.pages("/v1/inbox/overdue", limit=limit)
            assert [each["document"]["id"] for each in listed] == order
        mine = {each.id for each in sent}
        for limit in (1, 50):
            listed = sender.system.pages("/v1/outbox", overdue="true", limit=limit)
            assert [each["id"] for each in listed if each["id"] in mine] == [each.id for each in reversed(sent)]

    @ON_SQLITE
    def test_a_cursor_or_a_question_that_cannot_be_is_refused(self, box: Office) -> None:
        for cursor in ("x", "WyIyMDI2LTExLTIwIiwieCJd", "WzEsMl0", "WyJ4Il0"):
            for path in ("/v1/inbox/overdue", "/v1/outbox", "/v1/outbox?overdue=true"):
                assert box.system.get(f"{path}{'&' if '?' in path else '?'}cursor={cursor}").status_code == 400
        both = box.system.get("/v1/outbox", params={"overdue": "true", "state": "completed"})
        assert both.status_code == 400


class TestOnlyOnce:
    """Batches, several processes, and who is quicker."""

    @ON_SQLITE
    def test_many_at_a_time_in_batches(self, late: Exchange, box: Office, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(deadlines, "BATCH_MAX", 2)
        for _ in range(5):
            send(box, PROVINCE, due_date=None)
        assert passed(late, hours=25) == Passed(undelivered=5)
        assert len(box.system.inbox(kind="notice")) == 5

    def test_from_several_processes_at_the_same_time(self, late: Exchange, box: Office) -> None:
        sent = [send(box, PROVINCE, due_date=due_in(3)) for _ in range(4)]
        at = datetime.now(UTC) + timedelta(days=91)

        async def all_at_once(node: Node) -> list[Passed]:
            return await asyncio.gather(*(deadlines.settle(node.desk, at=at) for _ in range(6)))

        together = sum(late.running.run(all_at_once), Passed())
        # What one held, another passed over; the next look takes it up.
        together += passed(late, days=91)
        assert together == Passed(undelivered=4, overdue=4, expired=4)
        told = [kind for kind, document, _ in notices(box) if document in {each.id for each in sent}]
        assert sorted(told) == ["expired"] * 4 + ["overdue"] * 4 + ["undelivered"] * 4

    def test_what_is_being_taken_over_is_left_alone(self, late: Exchange, box: Office) -> None:
        """The row is held by the acknowledgement; what is judged is what it is afterwards."""
        sent = send(late[DISTRICT], box.organ_id, due_date=None)
        remains(late)
        delivery = sent.delivery_to(box.organ_id)
        at = datetime.now(UTC) + timedelta(days=91)

        async def race(node: Node) -> Passed:
            async with node.database.write() as tx:
                await rows.by_ids(tx, {delivery}, lock=True)
                beside = asyncio.ensure_future(deadlines.settle(node.desk, at=at))
                await asyncio.sleep(0.1)
                await rows.take_over(tx, {delivery}, at=at)
            return await beside

        assert late.running.run(race) == Passed()
        assert kept(late, delivery).expires_at is None
        # Undone, for the log knows nothing of it: this only shows the order of locks.
        rewrite(late, delivery, acknowledged_at=None, in_inbox=True, progress="available")

    @ON_SQLITE
    def test_after_a_long_standstill_what_expired_first_is_not_overdue(self, late: Exchange, box: Office) -> None:
        send(late[DISTRICT], box.organ_id, due_date=due_in(120))
        assert passed(late, days=130) == Passed(undelivered=1, expired=1)

    def test_against_those_who_take_over_each_delivery_ends_in_one_of_both(self, late: Exchange, box: Office) -> None:
        sender = late[DISTRICT]
        sent = [send(sender, box.organ_id, due_date=None) for _ in range(5)]
        remains(late)
        mine = [each.delivery_to(box.organ_id) for each in sent]
        with ThreadPoolExecutor(3) as threads:
            lapses = [threads.submit(passed, late, days=91) for _ in range(2)]
            answers = [threads.submit(box.system.acknowledge, [delivery]) for delivery in reversed(mine)]
            taken = [created(each.result(), 200)["items"][0] for each in answers]
            expired = sum((each.result() for each in lapses), passed(late, days=91)).expired
        outcomes = [each["outcome"] for each in taken]
        assert sorted({*outcomes, "acknowledged", "not-found"}) == ["acknowledged", "not-found"]
        assert outcomes.count("acknowledged") + expired == len(mine)
        states = [each.state_at(box.organ_id) for each in sent]
        assert (states.count("delivered"), states.count("expired")) == (len(mine) - expired, expired)


@ON_SQLITE
@pytest.mark.parametrize("said", [{"notice": "expired"}, {"concerns": None}, {"in_inbox": False}])
def test_a_notice_that_was_changed_in_the_rows_is_found(late: Exchange, box: Office, said: dict[str, Any]) -> None:
    send(box, PROVINCE, due_date=None)
    passed(late, hours=25)
    [item] = box.system.inbox(kind="notice")
    row = kept(late, item["delivery_id"])
    rewrite(late, row.id, **said)
    assert row.id in str(checked(late).divergences)
    rewrite(late, row.id, **{name: getattr(row, name) for name in said})


@ON_SQLITE
def test_every_process_watches_beside_its_requests(late: Exchange, box: Office) -> None:
    """What a worker does again and again, done once by a clock that stands a day later."""
    send(box, PROVINCE, due_date=None)
    remains(late)
    [watching] = [each for each in rounds_of(late.running.node) if each.name == "deadlines"]
    assert watching.rest == late.running.settings.deadline_interval_seconds
    with clock.steered(lambda: datetime.now(UTC) + timedelta(hours=25)):
        assert late.running.run(lambda _node: watching.work()) is False
    remains(late)
    assert [kind for kind, _, _ in notices(box)] == ["undelivered"]


def test_the_log_tells_the_same_of_all_of_it(late: Exchange) -> None:
    found = checked(late)
    assert found.consistent, found.divergences
