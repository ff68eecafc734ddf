"""What is known of empty inboxes without a query, and when it is not known any more."""

import asyncio
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.exchange import inbox
from app.exchange.doorbell import Doorbell
from app.exchange.inbox import InboxKind, InboxQuery
from app.exchange.quiet import LEARNED_SECONDS_MAX, LOOK_SECONDS_MAX, Quiet
from app.store.database import Database, note
from app.store.sealing import GROWN
from app.store.versions import Part
from tests.exchange.mail import enlist, send
from tests.exchange.remains import remains
from tests.exchange.statements import statements
from tests.support.office import DISTRICT, Exchange

HERE, THERE = "000.00.00.H41", "000.00.00.G22"
KINDS = (None, "document", "status", "notice")


def test_nothing_is_known_before_the_ledger_was_looked_at_and_two_seconds_after() -> None:
    quiet, changes = Quiet(), Counter[str]()
    assert not quiet.follows(changes, now=0.0)
    quiet.looked(at=10.0, sealed=0, versions=(1, 1))
    assert quiet.follows(changes, now=10.0 + LOOK_SECONDS_MAX / 2)
    assert not quiet.follows(changes, now=10.0 + LOOK_SECONDS_MAX)


def test_what_this_process_sealed_counts_before_anybody_looked() -> None:
    quiet, changes = Quiet(), Counter[str]()
    quiet.looked(at=10.0, sealed=0, versions=(1, 1))
    changes[GROWN] += 1
    assert not quiet.follows(changes, now=10.0)
    quiet.looked(at=10.1, sealed=1, versions=(1, 1))
    assert quiet.follows(changes, now=10.2)


def test_a_change_of_who_may_see_what_shows_whoever_made_it() -> None:
    quiet, changes = Quiet(), Counter[str]()
    quiet.looked(at=10.0, sealed=0, versions=(1, 1))
    before = quiet.registry(changes)
    changes[Part.CLIENTS] += 1
    own = quiet.registry(changes)
    quiet.looked(at=10.1, sealed=0, versions=(1, 2))
    assert len({before, own, quiet.registry(changes)}) == 3


def test_what_was_learned_is_forgotten_after_a_minute() -> None:
    quiet = Quiet()
    quiet.learn([HERE], None, behind=-1, now=0.0)
    assert quiet.nothing([HERE], None, behind=-1, now=LEARNED_SECONDS_MAX - 1)
    assert not quiet.nothing([HERE], None, behind=-1, now=LEARNED_SECONDS_MAX)


looks = st.tuples(
    st.just("look"),
    st.lists(st.sampled_from([HERE, THERE]), min_size=1, max_size=2, unique=True),
    st.sampled_from(KINDS),
    st.integers(-1, 12),
)
arrivals = st.tuples(st.just("arrive"), st.sampled_from([HERE, THERE]), st.sampled_from(KINDS[1:]), st.just(0))


@given(st.lists(st.one_of(looks, arrivals), max_size=40))
@settings(max_examples=60, deadline=None)
def test_whatever_comes_in_whatever_order_no_row_is_ever_called_nothing(steps: list[Any]) -> None:
    """The model is the table itself: rows of an agency and a kind at indices that only grow."""
    doorbell, rows, index = Doorbell(), [], 0
    for step, whose, kind, behind in steps:
        if step == "arrive":
            rows.append((whose, kind, index))
            index += 1
            doorbell.ring([whose])
            continue
        found = [row for row in rows if row[0] in whose and kind in (None, row[1]) and row[2] > behind]
        if doorbell.quiet.nothing(whose, kind, behind=behind, now=0.0):
            assert found == []
        elif not found:
            doorbell.quiet.learn(whose, kind, behind=behind, now=0.0)
            assert doorbell.quiet.nothing(whose, kind, behind=behind, now=0.0)


async def test_a_bell_wakes_once_and_ends_when_the_time_is_over_or_somebody_says_so() -> None:
    doorbell = Doorbell()
    with doorbell.listen([HERE, THERE]) as bell:
        assert not await bell.rung(seconds=0.001)
        doorbell.ring([THERE])
        doorbell.ring([HERE])
        assert (bell.heard, await bell.rung(seconds=60), bell.heard) == (True, True, False)
        asyncio.get_running_loop().call_soon(bell.end)
        assert not await bell.rung(seconds=60)
        asyncio.get_running_loop().call_soon(doorbell.close)
        assert await bell.rung(seconds=60)
    assert doorbell._waiting == {}


async def test_an_empty_inbox_is_looked_at_once_and_again_when_mail_came(exchange: Exchange, stack: ExitStack) -> None:
    """At a desk of its own beside the node's, where nothing is sealed and no bell rings but here."""
    box = enlist(exchange, stack).organ_id
    running = exchange.running
    database = Database(running.settings.effective_database_url)
    desk = replace(running.node.desk, database=database, doorbell=Doorbell())
    everything, documents = InboxQuery((box,)), InboxQuery((box,), kind=InboxKind.DOCUMENT)

    def looked() -> None:
        now = asyncio.get_running_loop().time()
        desk.doorbell.quiet.looked(at=now + 3_600, sealed=database.changes[GROWN], versions=())

    async def look(*queries: InboxQuery) -> list[tuple[int, int]]:
        found = []
        for query in queries:
            with statements() as heard:
                rows = await inbox.look(desk, query)
            found.append((len(rows), len(heard)))
        return found

    # As long as nobody follows the ledger nothing is learned.
    assert await look(everything, everything) == [(0, 1), (0, 1)]
    looked()
    assert await look(everything, everything, documents) == [(0, 1), (0, 0), (0, 0)]
    # Sealed by another process: known once it was looked for, and the bell has rung.
    await asyncio.to_thread(send, exchange[DISTRICT], box)
    await asyncio.to_thread(remains, exchange)
    desk.doorbell.ring([box])
    assert await look(everything, documents) == [(1, 1), (1, 1)]
    behind = InboxQuery((box,), after=(0, (await inbox.look(desk, everything))[0].position))
    amid = replace(behind, by_urgency=True)
    assert await look(behind, behind, amid, amid, everything) == [(0, 1), (0, 0), (0, 1), (0, 1), (1, 1)]
    # Sealed by this process: it counts before anybody has looked.
    async with database.write() as tx:
        note(tx, GROWN)
    assert await look(behind, behind) == [(0, 1), (0, 1)]
    looked()
    assert await look(behind) == [(0, 0)]
    await database.close()
