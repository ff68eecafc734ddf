"""What runs beside the requests goes on: over outages of the database, beside other nodes, through a backlog."""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.errors import Unavailable
from app.ledger.check import check
from app.ledger.seal import BATCH_MAX
from app.node import Node
from app.registry.model import Scope
from app.store import idempotency, journal
from app.store.schema import idempotency_keys
from app.worker import ledgering
from app.worker.upkeep import INCOMING_SECONDS_MAX
from tests.conftest import migrate
from tests.ledger.recording import sending, sign_in, write
from tests.support.agency import AgencySystem
from tests.support.node import RunningNode, running_node
from tests.support.office import GOVERNMENT_OFFICE, PROVINCE, created, exchange_on
from tests.support.postgres import PostgresServer

WAIT_SECONDS_MAX = 30.0


def _until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    pause = threading.Event()
    while not holds():
        assert time.monotonic() < deadline, f"in vain: {what}"
        pause.wait(0.05)


async def _backlog(node: Node) -> int:
    async with node.database.read() as tx:
        return (await journal.unsealed_backlog(tx))[0]


async def _size(node: Node) -> int:
    async with node.database.read() as tx:
        return await journal.size(tx)


async def _write_one(node: Node) -> None:
    await write(node.database, sending())


async def _checked(node: Node) -> None:
    found = await check(node.database)
    assert found.consistent, found.divergences


def _readiness(running: RunningNode) -> tuple[int, dict[str, Any]]:
    answer = running.http.get("/readyz")
    return answer.status_code, answer.json()["checks"]


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """A server that the test may kill."""
    server = PostgresServer.own()
    yield server
    server.stop()


def test_sealing_goes_on_after_the_database_was_away(own_server: PostgresServer, tmp_path: Path) -> None:
    url = own_server.create_database()
    migrate(url)
    with running_node(tmp_path, url, log_level="error") as running:
        running.run(_write_one)
        _until(lambda: running.run(_size) == 3, "the first events are sealed")
        for turn in range(1, 4):
            written = threading.Event()

            async def write_on(node: Node, written: threading.Event = written) -> int:
                done = 0
                while True:
                    try:
                        await _write_one(node)
                    except Unavailable:
                        return done
                    done += 1
                    if done == 5:
                        written.set()

            # Killed in the midst of writing and sealing, at a moment nobody chose.
            with ThreadPoolExecutor(1) as threads:
                writing = threads.submit(running.run, write_on)
                assert written.wait(WAIT_SECONDS_MAX)
                own_server.kill()
                assert writing.result(WAIT_SECONDS_MAX) >= 5
            status, checks = _readiness(running)
            assert (status, checks["database"]["ok"]) == (503, False)
            assert checks["background"]["ok"], checks
            own_server.restart()
            _until(lambda: _readiness(running)[0] == 200, f"the node is ready again, time {turn}")
            _until(lambda: running.run(_backlog) == 0, f"what waited is sealed, time {turn}")
        running.run(_write_one)
        _until(lambda: running.run(_backlog) == 0, "the last events are sealed")
        running.run(_checked)


def test_mail_sent_at_one_node_wakes_who_waits_at_another(database_url: str, tmp_path: Path) -> None:
    """Two nodes on one database that know nothing of each other."""
    quiet = {"log_level": "error"}
    with (
        running_node(tmp_path / "one", database_url, **quiet) as one,
        running_node(tmp_path / "other", database_url, **quiet) as other,
        exchange_on(one) as exchange,
    ):
        sender, recipient = exchange[GOVERNMENT_OFFICE], exchange[PROVINCE]
        system = recipient.system
        with AgencySystem(other.url, system.client_id, system.secret) as elsewhere, ThreadPoolExecutor(1) as threads:
            poll = {"agency": PROVINCE, "wait": "25"}
            assert elsewhere.get("/v1/inbox", params={"agency": PROVINCE}).json()["items"] == []
            for _ in range(3):
                waiting = threads.submit(elsewhere.get, "/v1/inbox", params=poll)
                # Until the poll waits: it has to have looked into the empty inbox first.
                _until(lambda: bool(other.run(_waiting)), "the poll waits")
                begun = time.monotonic()
                receipt = created(sender.system.send(sender.signed(sender.paper(PROVINCE))))
                [item] = waiting.result(WAIT_SECONDS_MAX).json()["items"]
                assert time.monotonic() - begun < 15
                assert item["document"]["id"] == receipt["id"]
                created(elsewhere.acknowledge([item["delivery_id"]]), 200)
        one.run(_checked)
        assert _readiness(one)[0] == _readiness(other)[0] == 200


async def _waiting(node: Node) -> list[str]:
    return list(node.desk.doorbell._waiting)


def test_a_poll_is_not_woken_by_mail_of_others(database_url: str, tmp_path: Path) -> None:
    with running_node(tmp_path, database_url, log_level="error") as running, exchange_on(running) as exchange:
        sender = exchange[GOVERNMENT_OFFICE]
        with ThreadPoolExecutor(1) as threads:
            poll = {"agency": GOVERNMENT_OFFICE, "wait": "1"}
            waiting = threads.submit(sender.system.get, "/v1/inbox", params=poll)
            _until(lambda: bool(running.run(_waiting)), "the poll waits")
            begun = time.monotonic()
            created(sender.system.send(sender.signed(sender.paper(PROVINCE))))
            assert waiting.result(WAIT_SECONDS_MAX).json()["items"] == []
            assert time.monotonic() - begun > 0.5
        assert running.run(_waiting) == []


def test_a_long_backlog_is_sealed_without_rests(database_url: str, tmp_path: Path) -> None:
    with running_node(tmp_path, database_url, log_level="error", seal_interval_seconds=1) as running:

        async def pile_up(node: Node) -> None:
            await write(node.database, events=[sign_in() for _ in range(2 * BATCH_MAX + 7)])
            node.desk.doorbell.nudge()

        running.run(pile_up)
        _until(lambda: running.run(_backlog) == 0, "all of it is sealed")
        assert running.run(_size) == 2 * BATCH_MAX + 7


def test_events_that_come_while_others_are_sealed_gather_for_a_while_that_has_an_end() -> None:
    assert ledgering.rest_after(0.0) == 0.0
    assert ledgering.rest_after(0.01) > 0.01
    longest = ledgering.rest_after(60.0)
    assert longest == ledgering.rest_after(600.0) < 0.5


def test_what_nobody_nudges_for_is_sealed_within_the_interval(database_url: str, tmp_path: Path) -> None:
    """Another process wrote it: this one only looks now and then."""
    with running_node(tmp_path, database_url, log_level="error", seal_interval_seconds=0.1) as running:
        running.run(_write_one)
        _until(lambda: running.run(_backlog) == 0, "it is sealed")


def test_a_worker_that_broke_down_makes_the_node_not_ready(database_url: str, tmp_path: Path) -> None:
    with running_node(tmp_path, database_url, log_level="error") as running:
        assert _readiness(running)[0] == 200

        async def break_it(node: Node) -> None:
            async with node.database.write() as tx:
                await tx.execute(sa.text("ALTER TABLE figures RENAME TO gone"))
            await _write_one(node)

        running.run(break_it)
        _until(lambda: not _readiness(running)[1]["background"]["ok"], "it says that it broke down")
        status, checks = _readiness(running)
        assert status == 503
        assert checks["background"]["detail"].startswith("stopped by")
        assert checks["database"]["ok"]
        assert running.http.get("/healthz").status_code == 200


def test_leavings_are_swept_when_a_node_starts(database_url: str, tmp_path: Path) -> None:
    incoming = tmp_path / "incoming"
    incoming.mkdir(parents=True)
    abandoned, arriving = incoming / "abandoned", incoming / "arriving"
    for path, age in ((abandoned, INCOMING_SECONDS_MAX + 60), (arriving, 60)):
        path.write_bytes(b"<edXML")
        os.utime(path, (time.time() - age,) * 2)
    with running_node(tmp_path, database_url, log_level="error") as running:
        _until(lambda: not abandoned.exists(), "the abandoned body is gone")
        assert arriving.exists()
        client = running.client(Scope.AUDIT).client_id

        async def remember(node: Node) -> None:
            for key, age in (("old", timedelta(days=1)), ("new", timedelta(days=-1))):
                async with node.database.write() as tx:
                    row = {"client_id": client, "key": key, "fingerprint": "f" * 64, "answer": {}}
                    await idempotency.remember(tx, [row | {"expires_at": datetime.now(UTC) - age}])

        running.run(remember)
    with running_node(tmp_path, database_url, log_level="error") as running:

        async def kept(node: Node) -> list[str]:
            async with node.database.read() as tx:
                return list((await tx.execute(sa.select(idempotency_keys.c.key))).scalars())

        _until(lambda: running.run(kept) == ["new"], "the expired key is forgotten")


async def test_a_node_is_closed_while_it_works(database_url: str, tmp_path: Path) -> None:
    """Ending a node in the midst of sealing leaves nothing half done."""
    for _ in range(3):
        with running_node(tmp_path, database_url, log_level="error") as running:
            await asyncio.to_thread(running.run, _write_one)
    with running_node(tmp_path, database_url, log_level="error") as running:
        await asyncio.to_thread(_until, lambda: running.run(_backlog) == 0, "all of it is sealed")
        await asyncio.to_thread(running.run, _checked)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
async def test_who_is_stopped_in_the_moment_of_what_it_waits_for_stops(turns: int) -> None:
    event = asyncio.Event()
    waiting = asyncio.create_task(ledgering.told(event, seconds=60))
    await asyncio.sleep(0)
    event.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    # Where the wait is over already there is nothing left to stop.
    stopped = waiting.cancel()
    with pytest.raises(asyncio.CancelledError) if stopped else nullcontext():
        await waiting
