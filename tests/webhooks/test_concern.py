"""Whom an event concerns: the whole list of topics, the sender beside the recipient, grants, and successors."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from app.ids import new_id
from app.ledger.events import EventKind
from app.registry import agencies, clients
from app.registry.model import Client, ClientStatus, Grant, Scope
from app.store import agencies as agency_rows
from app.store import versions
from app.webhooks import subscriptions
from app.webhooks.concern import Register, Subscriber, codes_of
from app.webhooks.topics import TOLD_TO_ALL, TOLD_TO_SENDER, Topic
from tests.ledger.recording import AT, sending
from tests.registry.filling import ACT, agency
from tests.webhooks.bench import RECIPIENT, SENDER, Bench, bench, fill, happened
from tests.webhooks.receiver import Receiver

OF_THE_EXCHANGE = ("document.", "delivery.", "status.", "notice.", "certificate.", "revocation.", "revocations.")


def test_every_event_of_the_exchange_is_a_topic_and_nothing_else_is() -> None:
    """A new kind of event has to be decided on: told to subscribers, or not of the exchange."""
    kinds = {kind.value for kind in EventKind if kind.value.startswith(OF_THE_EXCHANGE)}
    assert {topic.value for topic in Topic} == kinds


def test_what_the_sender_is_told_is_what_happens_to_his_deliveries_after_they_lie_in_the_inbox() -> None:
    later = {topic for topic in Topic if topic.startswith("delivery.")} - {Topic.DELIVERY_AVAILABLE}
    assert later == TOLD_TO_SENDER
    for topic in Topic:
        told = codes_of(topic, agency="H41", sender="G22")
        assert told == (("H41", "G22") if topic in TOLD_TO_SENDER else ("H41",))


def client(*grants: str, scopes: frozenset[Scope] = frozenset({Scope.EXCHANGE}), **fields: Any) -> Client:
    status = fields.get("status", ClientStatus.ACTIVE)
    return Client(new_id(), "hệ thống", scopes, tuple(map(Grant.parse, grants)), status, True, 1, AT)


def subscriber(who: Client, *, events: frozenset[str] = frozenset(Topic), chosen: tuple[str, ...] = ()) -> Subscriber:
    return Subscriber(new_id(), who, events, frozenset(chosen))


CODES = ["H41", "H41.21", "H41.21.05", "H411", "H4", "000.00.00.H41", "G22", "H41.2"]
GRANTS = [*CODES, "H41.*", "H41.21.*", "G22.*"]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(GRANTS), max_size=3), max_size=6),
    st.lists(st.lists(st.sampled_from(CODES), min_size=1, max_size=3, unique=True), min_size=1, max_size=2),
    st.lists(st.sampled_from(CODES), max_size=2),
)
def test_the_register_finds_exactly_those_whose_client_may_act(
    grants: list[list[str]], concerned: list[list[str]], chosen: list[str]
) -> None:
    everybody = [subscriber(client(*each), chosen=tuple(chosen)) for each in grants]
    around = [agency(own, aliases=aliases) for own, *aliases in concerned]
    expected = [
        each.webhook
        for each in everybody
        if any(each.client.may_act_for(one) and (not chosen or one.organ_id.text in chosen) for one in around)
    ]
    found = Register(everybody).told(Topic.DELIVERY_AVAILABLE, around)
    assert [each.webhook for each in found] == sorted(expected)


def test_what_concerns_the_whole_exchange_is_told_to_everybody_who_asks() -> None:
    asking = subscriber(client("G22"), chosen=("G22",))
    others = [
        subscriber(client("G22"), events=frozenset({Topic.DOCUMENT_ACCEPTED})),
        subscriber(client("G22", status=ClientStatus.DISABLED)),
    ]
    for topic in TOLD_TO_ALL:
        assert Register([asking, *others]).told(topic, ()) == [asking]
        assert asking.wants(topic, ()), "also when it is sent"
    assert Register([asking]).told(Topic.REVOCATION_LEARNED, ()) == []


def test_who_may_not_exchange_or_asked_for_something_else_is_told_nothing() -> None:
    around = [agency("H41")]
    quiet = [
        subscriber(client("H41", status=ClientStatus.DISABLED)),
        subscriber(client("H41", scopes=frozenset({Scope.AUDIT, Scope.REGISTRY_WRITE}))),
        subscriber(client("H41"), events=frozenset({Topic.STATUS_AVAILABLE})),
        subscriber(client("H41"), chosen=("G22",)),
        subscriber(client()),
    ]
    assert Register(quiet).told(Topic.DELIVERY_AVAILABLE, around) == []


@pytest_asyncio.fixture
async def office(database_url: str, tmp_path: Path) -> AsyncIterator[Bench]:
    """A process on a fresh database."""
    async with bench(database_url, tmp_path) as opened:
        yield opened


async def test_the_successor_is_told_of_a_closed_agency(office: Bench, receiver: Receiver) -> None:
    """And of what becomes of what the closed one sent; whoever still acts for the closed one is told, too."""
    database = office.hooks.database
    await fill(office)
    for code in ("H44", "H98", "H97"):
        await agencies.register(database, agency(code), act=ACT)
    handed_over = {SENDER.agency: "H98", RECIPIENT.agency: "H44"}
    async with database.write() as tx:
        for code, successor in handed_over.items():
            await agency_rows.update(tx, code, {"status": "closed", "successor": successor})
        await versions.move(tx, versions.Part.AGENCIES)
    told = {}
    for code in (SENDER.agency, RECIPIENT.agency, "H98", "H44", "H97"):
        who = await office.client(code)
        hook = await office.subscribe(who, receiver.url, Topic.DELIVERY_EXPIRED, Topic.DELIVERY_AVAILABLE)
        told[code] = (hook, who)
    sent = sending(SENDER, [RECIPIENT])
    async with database.write() as tx:
        await sent.write(tx)
    expired = {"document": sent.document["id"], "delivery": sent.legs[0]["id"], "detail": {"state": "expired"}}
    await office.happen(happened(EventKind.DELIVERY_EXPIRED, **expired))
    await office.announce()
    kinds = {code: [each.type for each in await office.messages(*hook)] for code, hook in told.items()}
    both = ["delivery.available", "delivery.expired"]
    assert kinds == {
        SENDER.agency: ["delivery.expired"],
        RECIPIENT.agency: both,
        "H98": ["delivery.expired"],
        "H44": both,
        "H97": [],
    }
    await office.turn()
    assert {each.value["data"]["agency"] for each in receiver.received} == {RECIPIENT.agency}
    assert len(receiver.received) == 6


async def test_the_register_is_read_again_when_something_changed_and_only_then(
    office: Bench, receiver: Receiver
) -> None:
    await fill(office)
    known, database = office.hooks.known, office.hooks.database
    around = [agency(RECIPIENT.agency)]

    async def told() -> tuple[Register, int]:
        async with database.read() as tx:
            register = await known.current(tx)
        return register, len(register.told(Topic.DELIVERY_AVAILABLE, around))

    who = await office.client(RECIPIENT.agency)
    hook = await office.subscribe(who, receiver.url)
    first, count = await told()
    assert count == 1
    assert (await told())[0] is first
    # One goes and one comes in the same moment: nothing but the number of the edition tells it.
    await subscriptions.remove(office.hooks, who, hook.webhook.id, if_match=None, act=office.act)
    other = await office.subscribe(who, receiver.url, Topic.STATUS_AVAILABLE)
    assert (await told())[1] == 0
    changes: subscriptions.Changes = {"events": frozenset({Topic.DELIVERY_AVAILABLE})}
    await subscriptions.change(office.hooks, who, other.webhook.id, changes, if_match=None, act=office.act)
    assert (await told())[1] == 1
    lost: clients.ClientChanges = {"agencies": ()}
    await clients.change(database, who.client_id, lost, act=office.act)
    assert (await told())[1] == 0
