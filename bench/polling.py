"""What a poll of the inbox costs the node, against an answer of the same length by a plain ASGI application.

Processor time of the server processes a request, in turn in one run; the node is one process on SQLite as it ships, its
log included, with a hundred thousand deliveries of the polled agencies behind it. Then thousands of polls are held.
"""

import asyncio
import json
import resource
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import sqlalchemy as sa

from app.ids import new_id
from app.registry import clients
from app.registry.acts import Act
from app.registry.agency_import import import_csv
from app.registry.model import Grant, Scope
from app.registry.reference import load_reference
from app.simulation.country import import_file
from app.store import migrations, schema
from app.store.database import Database
from bench.asking import ask
from bench.processes import processor_seconds
from bench.ratios import Ratio, Table, at_least, at_most
from bench.served import started

HISTORY = 100_000
"""Deliveries that were taken over, of the agencies that poll."""
PAGE = 20
HELD = 5_000
CONNECTIONS = 32
AT = datetime(2026, 11, 20, tzinfo=UTC)
EMPTY_OCTETS = len(b'{"items":[],"next_cursor":null}')


def measured(*, quick: bool) -> Iterator[Ratio | Table]:
    """Measure the empty poll, the page, and polls that are held."""
    rounds, seconds = (3, 1) if quick else (5, 2)
    with _node(history=HISTORY // 10 if quick else HISTORY) as (url, process, token, empty, full):
        with ExitStack() as stack:
            asked = {
                "empty poll": f"{url}/v1/inbox?agency={empty}",
                f"page of {PAGE}": f"{url}/v1/inbox?agency={full}&limit={PAGE}",
            }
            with httpx2.Client(headers={"Authorization": f"Bearer {token}"}, trust_env=False) as http:
                lengths = {what: len(http.get(address).content) for what, address in asked.items()}
            costs: dict[str, list[tuple[float, float]]] = {what: [] for what in asked}
            floors = {what: stack.enter_context(_raw(octets)) for what, octets in lengths.items()}
            for address in asked.values():
                ask(address, token, connections=CONNECTIONS, seconds=1)
            for _ in range(rounds):
                for what, address in asked.items():
                    raw_url, raw_process = floors[what]
                    floor = _cost(raw_process, raw_url, token, seconds)
                    costs[what].append((_cost(process, address, token, seconds), floor))
        rows, numbers = [], []
        for what, pairs in costs.items():
            ours, floor = (statistics.median(side) * 1e6 for side in zip(*pairs, strict=True))
            rows.append((what, f"{ours:.0f} µs", f"{floor:.0f} µs", f"{lengths[what]}"))
            numbers.append({"what": what, "ours": ours, "floor": floor})
        yield Table("Polls: processor time a request", ("poll", "node", "plain ASGI", "octets"), tuple(rows), numbers)
        for (what, pairs), (gate, stretch) in zip(costs.items(), ((0.60, 0.75), (0.45, 0.60)), strict=True):
            value = statistics.median(floor / ours for ours, floor in pairs)
            yield at_least(f"{what}: plain ASGI over node, processor time", value, gate=gate, stretch=stretch)
        yield from _held(url, process, token, HELD // 10 if quick else HELD)


def _cost(process: int, url: str, token: str, seconds: int) -> float:
    before = processor_seconds(process)
    answered = ask(url, token, connections=CONNECTIONS, seconds=seconds)
    return (processor_seconds(process) - before) / max(answered, 1)


def _held(url: str, process: int, token: str, count: int) -> Iterator[Ratio | Table]:
    """Hold polls of many agencies on one process, then wake all of them by stopping it."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit[1], count + 200), limit[1]))
    parts = urlsplit(url)
    held = []
    _spread(url, process, token)
    before, began = _memory(process), processor_seconds(process)
    for number in range(count):
        connection = socket.create_connection((parts.hostname or "", parts.port or 80))
        # What a process knows of a poll it keeps once; here of fifty.
        asked = f"/v1/inbox?agency={EMPTY}&wait=60&limit={1 + number % 50}"
        request = f"GET {asked} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {token}\r\n\r\n"
        connection.sendall(request.encode())
        held.append(connection)
    _calm(process)
    opened, grown = processor_seconds(process) - began, _memory(process) - before
    idle_from = processor_seconds(process)
    time.sleep(5)
    idle = (processor_seconds(process) - idle_from) / 5
    woken_from = processor_seconds(process)
    answered = sum(bool(_answer(connection)) for connection in held)
    woken = processor_seconds(process) - woken_from
    rows = (
        ("memory of one", f"{grown / count / 1024:.1f} KiB"),
        ("processor, to open one", f"{1e6 * opened / count:.0f} µs"),
        ("processor, while all wait", f"{100 * idle:.1f} %"),
        ("processor, when the time of one is over", f"{1e6 * woken / count:.0f} µs"),
    )
    numbers = [{"held": count, "octets": grown / count, "opening": opened / count, "ending": woken / count}]
    yield Table(f"{answered:,} of {count:,} polls held by one process", ("what", "cost"), rows, numbers)
    yield at_least("polls that are held at a time", answered / count, gate=1.0, stretch=1.0)
    yield at_most("memory of a held poll", grown / count / 1024, gate=24.0, stretch=16.0, unit="KiB")


def _spread(url: str, process: int, token: str) -> None:
    """Have the process do once what it then does thousands of times, so that what that takes is not counted."""
    for _ in range(200):
        httpx2.get(f"{url}/v1/inbox?agency={EMPTY}", headers={"Authorization": f"Bearer {token}"}, trust_env=False)
    _calm(process)


def _calm(process: int) -> None:
    """Wait until the process has nothing to do but its rounds."""
    while True:
        before = processor_seconds(process)
        time.sleep(1)
        if processor_seconds(process) - before < 0.2:
            return


def _answer(connection: socket.socket) -> bytes:
    connection.settimeout(120)
    with connection:
        answer = connection.recv(65_536)
        return answer if answer.startswith(b"HTTP/1.1 200") else b""


def _memory(process: int) -> int:
    """Give the anonymous memory of a process."""
    for line in Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no such line")


@contextmanager
def _raw(octets: int) -> Iterator[tuple[str, int]]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bench.raw", "--octets", str(octets)]
        with started(command, {}, Path(folder) / "log", ready="/") as found:
            yield found


@contextmanager
def _node(*, history: int) -> Iterator[tuple[str, int, str, str, str]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = f"sqlite:///{folder / 'truc.db'}"
        migrations.migrate(database)
        client = asyncio.run(_settled(database, history))
        environment = {
            "TRUC_DATA_DIR": str(folder / "data"), "TRUC_DATABASE_URL": database, "TRUC_REVOCATION_FETCH": "false",
            "TRUC_CLOSE_MONTHS": "false",
        }  # fmt: skip
        command = [sys.executable, "-m", "app.cli", "serve"]
        with started(command, environment, folder / "log", ready="/readyz") as (url, process):
            form = {"grant_type": "client_credentials"}
            answer = httpx2.post(f"{url}/oauth2/token", data=form, auth=client, trust_env=False)
            yield url, process, json.loads(answer.content)["access_token"], EMPTY, FULL


EMPTY, FULL = "G12", "G22"


async def _settled(url: str, history: int) -> tuple[str, str]:
    act = Act("operator", datetime.now(UTC))
    database = Database(url)
    await load_reference(database, as_of=None, act=act)
    await import_csv(database, import_file(), act=act)
    grants = (Grant.parse(EMPTY), Grant.parse(FULL))
    made = await clients.create(database, act, name="polls", scopes=frozenset({Scope.EXCHANGE}), agencies=grants)
    papers = [_document(number) for number in range(1_000)]
    some: list[dict[str, Any]] = [
        _delivery(place, papers[place % 1_000]["id"], (EMPTY, FULL)[place % 2], waits=False) for place in range(history)
    ]
    some += [_delivery(history + place, papers[place]["id"], FULL, waits=True) for place in range(PAGE * 3)]
    async with database.write() as tx:
        await tx.execute(schema.documents.insert(), papers)
        await tx.execute(schema.deliveries.insert(), some)
        await tx.execute(sa.text("ANALYZE"))
    await database.close()
    return made.value.client.client_id, made.value.secret or ""


def _document(number: int) -> dict[str, Any]:
    return {
        "id": new_id(), "sender": "H41", "document_id": f"000.00.00.G22,2026/11/20,{number}",
        "sha256": f"{number:064x}", "size": 21_000, "kind": "new", "code": f"{number}/UBND-VP",
        "subject": "V/v báo cáo kết quả thực hiện nhiệm vụ phát triển kinh tế xã hội quý IV",
        "document_type": "cong-van", "type_name": "Công văn", "priority": 0, "with_paper": False,
        "client_id": new_id(), "accepted_at": AT, "verification": {}, "receipt": "",
    }  # fmt: skip


def _delivery(place: int, of: str, recipient: str, *, waits: bool) -> dict[str, Any]:
    return {
        "id": new_id(), "document": of, "recipient": recipient, "addressed_to": recipient,
        "progress": "available" if waits else "delivered", "priority": 0, "available_at": AT,
        "acknowledged_at": None if waits else AT, "in_inbox": waits, "position": place,
    }  # fmt: skip
