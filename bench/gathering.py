"""What group commit gains: documents decided beforehand, written by 32 tasks with it and with a transaction for each.

The same rows either way, on the same engine and in turn; a fresh database each time. Only the writing is measured: what
goes before it costs the same.
"""

import asyncio
import shutil
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.exchange import submit
from app.exchange.gather import USUAL, Bounds, Gatherer
from app.exchange.refuse import Declared
from app.node import open_node
from app.registry import clients
from app.settings import Settings
from app.store.database import Database
from bench.corpus import SMALL, corpus
from bench.ratios import Ratio, Table, at_least
from bench.served import Ground, copied, prepared
from bench.submission import FOLDER, postgres, tell

TASKS = 32
DOCUMENTS = 448
ONE_BY_ONE = Bounds(batch_things=1)


class Decided(Exception):
    """A document was decided and would now be written."""


class _Recorder(Gatherer):
    """Keeps what was to be written."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.kept: list[tuple[Any, Any, int]] = []

    async def commit(self, write: Any, thing: Any, *, octets: int) -> Any:
        self.kept.append((write, thing, octets))
        raise Decided


def measured(*, quick: bool) -> Iterator[Ratio | Table]:
    """Measure on each engine that is there; quickly: on SQLite alone."""
    rounds, count = (1, DOCUMENTS // 2) if quick else (3, DOCUMENTS)
    bodies = corpus(FOLDER, "small", [SMALL] * count, told=tell).bodies(0, count)
    rows = []
    with ExitStack() as stack:
        for server in (None, None if quick else postgres(stack)):
            if server is None and rows:
                continue
            folder = Path(tempfile.mkdtemp(prefix="truc-bench-", dir=FOLDER))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            ground = prepared(folder, FOLDER, server)
            found = [[_round(ground, bodies, bounds) for bounds in (ONE_BY_ONE, USUAL)] for _ in range(rounds)]
            gain = statistics.median(together / alone for alone, together in found)
            rows.append((ground.engine, *(f"{statistics.median(side):,.0f}" for side in zip(*found, strict=True))))
            yield at_least(f"group commit at {TASKS} clients, {ground.engine}", gain, gate=3, stretch=4)
    yield Table("Documents written a second", ("engine", "a transaction for each", "group commit"), tuple(rows))


def _round(ground: Ground, bodies: Sequence[bytes], bounds: Bounds) -> float:
    with copied(ground) as (data, url):
        return asyncio.run(
            _written_a_second(Settings(data_dir=data, database_url=url), ground.client[0], bodies, bounds)
        )


async def _written_a_second(settings: Settings, client_id: str, bodies: Sequence[bytes], bounds: Bounds) -> float:
    node = await open_node(settings)
    try:
        recorder = _Recorder(node.database)
        object.__setattr__(node.desk, "gatherer", recorder)
        async with node.database.read() as tx:
            client = await clients.find(tx, client_id)
        assert client is not None
        for body in bodies:
            with suppress(Decided):
                await submit.submit(
                    node.desk, _stream(body), declared=Declared("application/xml"), client=client,
                    idempotency_key=None, now=lambda: datetime.now(UTC),
                )  # fmt: skip
        assert len(recorder.kept) == len(bodies)
        gatherer, waiting = Gatherer(node.database, bounds=bounds), iter(recorder.kept[TASKS:])
        # What is made once, connections and compiled statements, is made before.
        for write, thing, octets in recorder.kept[:TASKS]:
            await gatherer.commit(write, thing, octets=octets)

        async def clerk() -> None:
            for write, thing, octets in waiting:
                assert await gatherer.commit(write, thing, octets=octets)

        began = time.perf_counter()
        await asyncio.gather(*(clerk() for _ in range(TASKS)))
        took = time.perf_counter() - began
        await gatherer.close()
        return (len(bodies) - TASKS) / took
    finally:
        await node.close()


async def _stream(body: bytes) -> AsyncIterator[bytes]:
    yield body
