"""Polls that come again and again: without a query while nothing can be found, and never beyond what a token opens."""

import asyncio
import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from app.node import Node
from app.registry import clients
from app.registry.acts import Act
from app.registry.model import Scope
from app.store.database import Database
from tests.exchange.mail import enlist, report, send
from tests.exchange.remains import remains
from tests.support.agency import AgencySystem
from tests.support.office import DISTRICT, PROVINCE, Exchange, Office, created, refused


@pytest.fixture
def box(shared: Exchange, stack: ExitStack) -> Office:
    """An agency that never got anything."""
    return enlist(shared, stack)


@contextmanager
def clients_looked_up() -> Iterator[list[str]]:
    """Hear how often somebody's token is looked into: nothing that runs beside the requests does that."""
    heard: list[str] = []

    def hear(_connection: Any, _cursor: Any, text: str, _parameters: Any, _context: Any, _many: bool) -> None:
        if "FROM clients" in text:
            heard.append(text)

    sa.event.listen(sa.Engine, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", hear)


def eventually(holds: Callable[[], bool]) -> None:
    for _ in range(3_000):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError("it never came to that")


def polled(system: AgencySystem, **params: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = created(system.get("/v1/inbox", params=params), 200)["items"]
    return items


def become_quick(system: AgencySystem, **params: Any) -> None:
    """Poll until a poll is answered without a look at the client."""

    def quick() -> bool:
        with clients_looked_up() as heard:
            assert polled(system, **params) == []
        return heard == []

    eventually(quick)


def test_an_empty_poll_comes_to_cost_no_query_and_looks_as_ever(shared: Exchange, box: Office) -> None:
    slow = box.system.get("/v1/inbox")
    become_quick(box.system)
    quick = box.system.get("/v1/inbox")
    own = {"x-request-id", "date"}
    for answer in (slow, quick):
        assert (answer.status_code, answer.json()) == (200, {"items": [], "next_cursor": None})
    assert slow.content == quick.content
    assert {name: value for name, value in slow.headers.items() if name not in own} == {
        name: value for name, value in quick.headers.items() if name not in own
    }
    assert box.system.http.head("/v1/inbox", headers={"Authorization": f"Bearer {box.system.token}"}).content == b""
    figures = shared.running.http.get("/metrics").text
    assert 'truc_http_requests_total{method="GET",route="/v1/inbox",status="200"}' in figures


def test_mail_shows_at_the_next_poll_whatever_was_known_before(shared: Exchange, box: Office) -> None:
    become_quick(box.system)
    sent = send(shared[DISTRICT], box.organ_id)
    remains(shared)
    [item] = polled(box.system)
    assert item["document"]["id"] == sent.id
    assert polled(box.system) == [item]
    created(box.system.acknowledge([item["delivery_id"]]), 200)
    assert polled(box.system) == []


def test_a_page_of_mail_comes_to_cost_no_look_at_the_client_and_is_the_same_page(shared: Exchange, box: Office) -> None:
    own = send(box, PROVINCE)
    for _ in range(3):
        send(shared[DISTRICT], box.organ_id)
    created(report(shared[PROVINCE], own, "01"))
    remains(shared)
    answers: list[bytes] = []
    for asked in ("limit=2", "limit=50", "order=urgency", "kind=status"):
        answers = []

        def quick(asked: str = asked, answers: list[bytes] = answers) -> bool:
            with clients_looked_up() as heard:
                answers.append(box.system.get(f"/v1/inbox?{asked}").content)
            return heard == []

        eventually(quick)
        assert len(answers) > 1
        assert set(answers) == {answers[0]}
        assert len(json.loads(answers[0])["items"]) == {"limit=2": 2, "kind=status": 1}.get(asked, 4)
    # One that was taken over is gone from the page, whoever answers.
    first = json.loads(answers[0])["items"][0]["delivery_id"]
    created(box.system.acknowledge([first]), 200)
    assert polled(box.system, kind="status") == []
    shared.running.run(lambda node: disabled(node.database, box.system.client_id))
    token = {"Authorization": f"Bearer {box.system.token}"}
    refused(shared.running.http.get("/v1/inbox?limit=50", headers=token), 401, "not-authenticated")


def test_a_client_that_is_shut_out_is_out_at_once(shared: Exchange, box: Office) -> None:
    become_quick(box.system)
    box.system.get("/v1/inbox")
    shared.running.run(lambda node: disabled(node.database, box.system.client_id))
    token = {"Authorization": f"Bearer {box.system.token}"}
    refused(shared.running.http.get("/v1/inbox", headers=token), 401, "not-authenticated")


def test_one_that_another_process_shut_out_is_out_soon(shared: Exchange, box: Office) -> None:
    become_quick(box.system)
    token = {"Authorization": f"Bearer {box.system.token}"}

    async def elsewhere() -> None:
        database = Database(shared.running.settings.effective_database_url)
        await disabled(database, box.system.client_id)
        await database.close()

    asyncio.run(elsewhere())
    eventually(lambda: shared.running.http.get("/v1/inbox", headers=token).status_code == 401)


async def disabled(database: Database, client_id: str) -> None:
    await clients.disable(database, client_id, act=Act("operator", datetime.now(UTC)))


def test_what_is_known_of_one_token_and_question_says_nothing_of_others(
    shared: Exchange, box: Office, stack: ExitStack
) -> None:
    become_quick(box.system, agency=box.organ_id)
    stranger = stack.enter_context(shared.running.system(Scope.EXCHANGE, agencies=[PROVINCE]))
    refused(stranger.get("/v1/inbox", params={"agency": box.organ_id}), 403, "agency-not-granted")
    auditor = stack.enter_context(shared.running.system(Scope.AUDIT))
    refused(auditor.get("/v1/inbox", params={"agency": box.organ_id}), 403, "scope-missing")
    refused(box.system.get("/v1/inbox", params={"agency": box.organ_id, "limit": 0}), 422, "validation-failed")
    refused(shared.running.http.get("/v1/inbox", params={"agency": box.organ_id}), 401, "not-authenticated")
    for tail in ("A", "a"):
        token = {"Authorization": f"Bearer {box.system.token[:-4]}{tail * 4}"}
        answer = shared.running.http.get("/v1/inbox", params={"agency": box.organ_id}, headers=token)
        refused(answer, 401, "not-authenticated")


def test_polls_that_are_held_are_woken_by_mail_and_leave_no_bell(shared: Exchange, box: Office) -> None:
    """The first is held by the call itself, the second one like it before it."""
    become_quick(box.system)
    with ThreadPoolExecutor(2) as threads:
        polls = []
        for number in (1, 2):
            polls.append(threads.submit(lambda: polled(box.system, wait=60)))
            held(shared, box, number)
        sent = send(shared[DISTRICT], box.organ_id)
        found = [poll.result(60) for poll in polls]
    assert [item["document"]["id"] for items in found for item in items] == [sent.id] * 2
    eventually(lambda: bells(shared, box) == 0)


def test_one_whose_client_leaves_is_held_no_longer(shared: Exchange, box: Office) -> None:
    become_quick(box.system)
    address = urlsplit(shared.running.url)
    asked = (
        f"GET /v1/inbox?wait=60 HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {box.system.token}\r\n\r\n"
    )
    with ExitStack() as clients_open:
        for number in (1, 2):
            client = socket.create_connection((address.hostname, address.port))
            clients_open.enter_context(client)
            client.sendall(asked.encode())
            held(shared, box, number)
    eventually(lambda: bells(shared, box) == 0)


def held(exchange: Exchange, box: Office, number: int) -> None:
    """Wait until so many polls wait for mail of the agency."""
    eventually(lambda: bells(exchange, box) == number)


def bells(exchange: Exchange, box: Office) -> int:
    async def count(node: Node) -> int:
        return len(node.desk.doorbell._waiting.get(box.organ_id, ()))

    return exchange.running.run(count)
