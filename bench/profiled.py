"""Where a document's time goes, by room of the code: a node in this process, asked as by its server, under cProfile.

What a built-in function takes counts for whoever called it. cProfile makes calls of Python dearer than they are, so the
shares of what calls much are a little too large; and it sees the event loop's thread alone, so what other threads take
is told apart: statements of SQLite, and bodies on their way to the disk.
"""

import asyncio
import base64
import cProfile
import json
import pstats
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from app.main import configure_logs, create_app
from app.settings import Settings
from bench.corpus import SMALL, corpus
from bench.ratios import Ratio, Table
from bench.rooms import by_room
from bench.served import Ground, copied, prepared
from bench.submission import FOLDER, postgres, tell

DOCUMENTS = 256
WARM = 32
TASKS = 32
SHOWN = 14
THREADS = "other threads"


def measured(*, quick: bool) -> Iterator[Ratio | Table]:
    """Profile a node on each engine that is there; quickly: on SQLite alone."""
    count = DOCUMENTS // 2 if quick else DOCUMENTS
    bodies = corpus(FOLDER, "small", [SMALL] * (WARM + count), told=tell).bodies(0, WARM + count)
    found: dict[str, Counter[str]] = {}
    with ExitStack() as stack:
        for server in (None, None if quick else postgres(stack)):
            if server is None and found:
                continue
            folder = Path(tempfile.mkdtemp(prefix="truc-bench-", dir=FOLDER))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            ground = prepared(folder, FOLDER, server)
            with copied(ground) as (data, url):
                found[ground.engine] = asyncio.run(_profile(_settings(data, url), ground, bodies))
    total: Counter[str] = sum(found.values(), Counter())
    rooms = [room for room, _ in total.most_common(SHOWN)]
    rows = [(room, *(f"{times[room] / times.total():.0%}" for times in found.values())) for room in rooms]
    rows.append(
        ("all others", *(f"{1 - sum(times[each] for each in rooms) / times.total():.0%}" for times in found.values()))
    )
    yield Table("Where the node's own processor time goes, by room", ("room or library", *found), tuple(rows))


def _settings(data: Path, url: str) -> Settings:
    return Settings(
        data_dir=data, database_url=url, revocation_fetch=False, close_months=False, pdf_processes=0,
        log_level="warning",
    )  # fmt: skip


async def _profile(settings: Settings, ground: Ground, bodies: Sequence[bytes]) -> "Counter[str]":
    configure_logs(settings)
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        token = await _token(app, ground.client)
        await _send_all(app, token, bodies[:WARM])
        profile = cProfile.Profile()
        whole, here = time.process_time(), time.thread_time()
        profile.enable()
        await _send_all(app, token, bodies[WARM:])
        profile.disable()
        here = time.thread_time() - here
        whole = time.process_time() - whole
    times = by_room(pstats.Stats(profile).stats)  # type: ignore[attr-defined]
    # Both clocks are the processor's; the profile's is the wall's, so it is brought to the same measure.
    share = here / times.total()
    times = Counter({room: seconds * share for room, seconds in times.items()})
    times[THREADS] = max(whole - here, 0.0)
    return times


async def _send_all(app: FastAPI, token: str, bodies: Sequence[bytes]) -> None:
    waiting = iter(bodies)

    async def clerk() -> None:
        for body in waiting:
            status, answer = await _ask(app, "/v1/documents", f"Bearer {token}", "application/xml", body)
            assert status == 201, answer

    await asyncio.gather(*(clerk() for _ in range(TASKS)))


async def _token(app: FastAPI, client: tuple[str, str]) -> str:
    basic = base64.b64encode(":".join(client).encode()).decode()
    form = b"grant_type=client_credentials"
    _, answer = await _ask(app, "/oauth2/token", f"Basic {basic}", "application/x-www-form-urlencoded", form)
    return str(json.loads(answer)["access_token"])


async def _ask(app: FastAPI, path: str, authorization: str, kind: str, body: bytes) -> tuple[int, bytes]:
    """Make one call as a server does."""
    headers = {"host": "node", "authorization": authorization, "content-type": kind, "content-length": str(len(body))}
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": "POST",
        "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "state": {},
    }  # fmt: skip
    given = iter([{"type": "http.request", "body": body, "more_body": False}])
    status, answer = 0, b""

    async def receive() -> dict[str, Any]:
        if (message := next(given, None)) is not None:
            return message
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Any) -> None:
        nonlocal status, answer
        if message["type"] == "http.response.start":
            status = message["status"]
        answer += message.get("body", b"")

    await app(scope, receive, send)  # type: ignore[arg-type]
    return status, answer
