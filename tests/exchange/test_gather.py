"""Group commit: what comes while a transaction is written shares the next one, and nobody harms a neighbour."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from app.errors import Unavailable
from app.exchange.gather import SILENT_MAX, Bounds, Gatherer
from app.store.database import Database, Transaction

_numbers = itertools.count(1)

GIVEN = sa.Table("given", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True))


class Poison(Exception):
    """This thing cannot be written."""


@dataclass
class Writer:
    """Writes numbers as rows; negative ones cannot be written.

    Attributes:
        batches: of which sizes each call was.
        begun: set by the first call.
        gate: where it is not set, the transaction waits for it.
    """

    batches: list[int] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def write(self, tx: Transaction, things: Sequence[int]) -> list[str]:
        self.batches.append(len(things))
        self.begun.set()
        await tx.execute(GIVEN.insert(), [{"id": abs(thing)} for thing in things])
        await self.gate.wait()
        for thing in things:
            if thing < 0:
                raise Poison(thing)
        return [f"kept {thing}" for thing in things]


class Failing(Database):
    """A database some of whose transactions fail as they are told, in turn.

    Args:
        turns: `before` or `after` the commit, `well`, or `poison` for what is nobody's silence.
    """

    def __init__(self, real: Database, turns: Sequence[str]) -> None:
        self._real, self._turns = real, iter(turns)
        self.begun = 0

    def read(self) -> Any:
        """Open a transaction for reading."""
        return self._real.read()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        """Open a transaction that ends as it was told."""
        self.begun += 1
        turn = next(self._turns, "well")
        async with self._real.write() as tx:
            yield tx
            if turn == "before":
                raise Unavailable("before")
        if turn == "after":
            raise Unavailable("after")


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    """One loop for what is shared."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def database(loop: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database with one table; what is the engines' own is tested where documents are written."""
    opened = Database(f"sqlite:///{tmp_path_factory.mktemp('gather') / 'given.sqlite'}")

    async def prepare() -> None:
        async with opened.write() as tx:
            await tx.execute(sa.schema.CreateTable(GIVEN))

    loop.run(prepare())
    yield opened
    loop.run(opened.close())


@dataclass
class Work:
    """A gatherer at work."""

    gatherer: Gatherer
    writer: Writer
    database: Database

    def give(self, thing: int, octets: int = 1) -> "asyncio.Task[str]":
        return asyncio.create_task(self.gatherer.commit(self.writer.write, thing, octets=octets))

    async def held(self, *things: int, octets: int = 1) -> "list[asyncio.Task[str]]":
        """Give a first thing, and the others while its transaction is open."""
        first = self.give(next(_numbers))
        await self.writer.begun.wait()
        return [first, *[self.give(thing, octets) for thing in things]]

    async def kept(self) -> set[int]:
        async with self.database.read() as tx:
            return set((await tx.execute(sa.select(GIVEN.c.id))).scalars())


Scene = Callable[[Work], Awaitable[None]]


def play(loop: asyncio.Runner, database: Database, scene: Scene, **bounds: Any) -> None:
    async def played() -> None:
        writer = Writer()
        work = Work(Gatherer(database, bounds=Bounds(**bounds)), writer, database)
        await scene(work)
        writer.gate.set()
        await work.gatherer.close()
        assert work.gatherer.waiting == 0

    loop.run(played())


def fresh(count: int) -> list[int]:
    return [next(_numbers) for _ in range(count)]


async def settled(tasks: "Sequence[asyncio.Task[str]]") -> list[Any]:
    return await asyncio.gather(*tasks, return_exceptions=True)


def test_what_comes_meanwhile_shares_the_next_transaction(loop: asyncio.Runner, database: Database) -> None:
    async def scene(work: Work) -> None:
        things = fresh(5)
        tasks = await work.held(*things)
        await asyncio.sleep(0)
        assert work.gatherer.waiting == 5
        assert not any(task.done() for task in tasks)
        work.writer.gate.set()
        assert (await settled(tasks))[1:] == [f"kept {thing}" for thing in things]
        assert work.writer.batches == [1, 5]
        assert set(things) <= await work.kept()

    play(loop, database, scene)


def test_a_batch_has_bounds_and_one_long_thing_goes_alone(loop: asyncio.Runner, database: Database) -> None:
    async def scene(work: Work) -> None:
        tasks = await work.held(*fresh(7))
        tasks += [work.give(next(_numbers), octets) for octets in (60, 60, 1_000, 10)]
        work.writer.gate.set()
        await settled(tasks)
        assert work.writer.batches == [1, 3, 3, 2, 1, 1, 1]

    play(loop, database, scene, batch_things=3, batch_octets=100)


def test_what_cannot_be_written_harms_no_neighbour(loop: asyncio.Runner, database: Database) -> None:
    async def scene(work: Work) -> None:
        first, second, twice = fresh(3)
        tasks = await work.held(first, -next(_numbers), second, twice, twice)
        work.writer.gate.set()
        _, one, poison, two, earlier, later = await settled(tasks)
        assert (one, two, earlier) == (f"kept {first}", f"kept {second}", f"kept {twice}")
        assert isinstance(poison, Poison)
        assert isinstance(later, IntegrityError)
        assert {first, second, twice} <= await work.kept()

    play(loop, database, scene)


def test_who_goes_away_has_handed_over(loop: asyncio.Runner, database: Database) -> None:
    async def scene(work: Work) -> None:
        stays, goes = fresh(2)
        tasks = await work.held(stays, goes)
        await asyncio.sleep(0)
        for task in (tasks[0], tasks[2]):
            task.cancel()
        await asyncio.sleep(0)
        work.writer.gate.set()
        gone, kept, also_gone = await settled(tasks)
        assert (kept, type(gone), type(also_gone)) == (f"kept {stays}", *[asyncio.CancelledError] * 2)
        assert {stays, goes} <= await work.kept()

    play(loop, database, scene)


@pytest.mark.parametrize("bounds", [{"waiting_things": 3}, {"waiting_octets": 30}])
def test_more_than_it_holds_is_refused_until_there_is_room(
    loop: asyncio.Runner, database: Database, bounds: dict[str, int]
) -> None:
    async def scene(work: Work) -> None:
        tasks = await work.held(*fresh(3), octets=10)
        await asyncio.sleep(0)
        with pytest.raises(Unavailable, match="more waits"):
            work.gatherer.require_room()
        with pytest.raises(Unavailable, match="more waits"):
            await work.give(next(_numbers))
        work.writer.gate.set()
        await settled(tasks)
        work.gatherer.require_room()
        assert (await work.give(next(_numbers))).startswith("kept")

    play(loop, database, scene, **bounds)


def test_closing_writes_what_waits_and_takes_nothing_more(loop: asyncio.Runner, database: Database) -> None:
    async def scene(work: Work) -> None:
        things = fresh(3)
        tasks = await work.held(*things)
        await asyncio.sleep(0)
        closing = asyncio.create_task(work.gatherer.close())
        await asyncio.sleep(0)
        with pytest.raises(Unavailable, match="stopping"):
            await work.give(next(_numbers))
        work.writer.gate.set()
        await closing
        assert (await settled(tasks))[1:] == [f"kept {thing}" for thing in things]

    play(loop, database, scene)


def test_closing_does_not_hang_with_what_hangs(loop: asyncio.Runner, database: Database) -> None:
    async def scene(work: Work) -> None:
        things = fresh(2)
        tasks = await work.held(*things)
        await work.gatherer.close()
        assert [type(told) for told in await settled(tasks)] == [Unavailable] * 3
        assert not set(things) & await work.kept()

    play(loop, database, scene, close_seconds=0.01)


def test_a_silent_database_is_not_asked_for_each_of_a_batch(loop: asyncio.Runner, database: Database) -> None:
    failing = Failing(database, ["well", *["before"] * 100])

    async def scene(work: Work) -> None:
        tasks = await work.held(*fresh(20))
        work.writer.gate.set()
        told = await settled(tasks)
        assert [type(each) for each in told[1:]] == [Unavailable] * 20
        assert len({id(each) for each in told}) == 21, "each has an error of its own"
        assert failing.begun == 2 + SILENT_MAX

    play(loop, failing, scene)


TURNS = st.lists(st.sampled_from(["well", "well", "before", "after"]), max_size=12)
ROUNDS = st.lists(
    st.lists(st.sampled_from(["good", "good", "poison", "leaves"]), min_size=1, max_size=6), min_size=1, max_size=4
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rounds=ROUNDS, turns=TURNS)
def test_whatever_fails_each_is_answered_and_the_answers_are_true(
    loop: asyncio.Runner, database: Database, rounds: list[list[str]], turns: list[str]
) -> None:
    async def scene(work: Work) -> None:
        work.writer.gate.set()
        tasks: list[tuple[str, int, asyncio.Task[str]]] = []
        for kinds in rounds:
            tasks += [
                (kind, number, work.give(-number if kind == "poison" else number))
                for kind, number in zip(kinds, fresh(len(kinds)), strict=True)
            ]
            await asyncio.sleep(0)
            for kind, _, task in tasks:
                if kind == "leaves":
                    task.cancel()
            await asyncio.sleep(0.001)
        told = await asyncio.wait_for(settled([task for _, _, task in tasks]), 30)
        await work.gatherer.close()
        kept = await work.kept()
        for (kind, number, _), answer in zip(tasks, told, strict=True):
            if isinstance(answer, str):
                assert number in kept, "told only what is durable"
            if isinstance(answer, Poison) or kind == "poison":
                assert number not in kept
                assert not isinstance(answer, str)
            if isinstance(answer, Unavailable) and "after" not in turns:
                assert number not in kept
            if "before" not in turns and "after" not in turns and kind != "poison":
                assert number in kept, "nothing failed but poison, so all else is there"

    play(loop, Failing(database, turns), scene)


def test_a_database_that_broke_after_the_commit_is_told_apart_by_asking_again(
    loop: asyncio.Runner, database: Database
) -> None:
    failing = Failing(database, ["after"])

    async def scene(work: Work) -> None:
        work.writer.gate.set()
        thing = next(_numbers)
        with pytest.raises(Unavailable, match="after"):
            await work.give(thing)
        assert thing in await work.kept()

    play(loop, failing, scene)
