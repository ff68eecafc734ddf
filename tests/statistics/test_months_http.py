"""Closed months over HTTP and in reports, against the reports of the moment they were closed in; on both databases."""

import csv
import hashlib
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.ledger.closing import ClosedMonth, close_due
from app.ledger.seal import seal_all
from app.node import Node
from app.routers.conditions import CSV, XLSX
from tests.ledger.recording import STANDINGS, sending, write
from tests.statistics.land import Land
from tests.support.office import created, refused

MONTHS = "/v1/statistics/months"
EXCHANGE = "/v1/statistics/exchange"
NOW = datetime(2026, 2, 1, tzinfo=UTC)
JUNE = datetime(2025, 6, 10, tzinfo=UTC)


async def _close(node: Node, at: datetime = NOW) -> tuple[ClosedMonth, ...]:
    closed = await close_due(node.closing, now=at)
    await seal_all(node.database, now=at)
    return closed


@pytest.fixture(scope="module")
def june(land: Land) -> list[dict[str, Any]]:
    """What the report of June said by agency, when the year was closed."""
    report = created(land.statistician.get(EXCHANGE, params={"from": "2025-06", "limit": "500"}), 200)
    assert [month["version"] for month in report["months"]] == [None]
    assert len(land.running.run(_close)) >= 12
    rows: list[dict[str, Any]] = report["items"]
    return rows


def _without_links(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "links"} for row in rows]


def test_a_closed_month_gives_the_figures_it_was_closed_with(land: Land, june: list[dict[str, Any]]) -> None:
    async def late(node: Node) -> None:
        await write(node.database, sending(STANDINGS[2], STANDINGS[3:5], at=JUNE))
        await seal_all(node.database, now=NOW)

    def asked(**query: str) -> dict[str, Any]:
        found: dict[str, Any] = created(land.statistician.get(f"{MONTHS}/2025-06", params=query), 200)
        return found

    first = asked(limit="500")
    assert (first["version"], first["moved"]) == (1, False)
    assert _without_links(first["items"]) == _without_links(june)
    assert [row["agency"] for row in land.statistician.pages(f"{MONTHS}/2025-06", limit=3)] == [
        row["agency"] for row in june
    ]

    # News of June comes late: the report of now moves, the closed one does not, until it is issued again.
    land.running.run(late)
    [month] = created(land.statistician.get(EXCHANGE, params={"from": "2025-06"}), 200)["months"]
    assert month == {"month": "2025-06", "version": 1, "closed_at": first["ledger_size"], "moved": True}
    assert asked(limit="500")["items"] == first["items"]
    assert asked()["moved"]
    assert land.running.run(_close) == ()
    assert [each.version for each in land.running.run(lambda node: _close(node, NOW + timedelta(days=1)))] == [2]
    assert asked()["version"] == 2
    assert asked(version="1", limit="500")["items"] == first["items"]
    [month] = created(land.statistician.get(EXCHANGE, params={"from": "2025-06"}), 200)["months"]
    assert (month["version"], month["moved"]) == (2, False)

    changed = created(land.statistician.get(f"{MONTHS}/2025-06/changes", params={"from": "1", "to": "2"}), 200)
    assert (changed["from"]["version"], changed["to"]["version"]) == (1, 2)
    told = {(each["agency"], each["figure"]): each["after"] - each["before"] for each in changed["items"]}
    assert told[STANDINGS[2].agency, "sent"] == told[STANDINGS[3].agency, "received"] == 1
    assert list(land.statistician.pages(f"{MONTHS}/2025-06/changes", limit=2)) == changed["items"]


@pytest.mark.usefixtures("june")
def test_the_frozen_report_is_what_the_event_says(land: Land) -> None:
    listed = list(land.statistician.pages(MONTHS, limit=5))
    assert [each["month"] for each in listed] == sorted((each["month"] for each in listed), reverse=True)
    events = created(land.auditor.get("/v1/audit/events?event=month.closed&limit=500"), 200)["items"]
    said = {(each["detail"]["month"], each["detail"]["version"]): each["detail"] for each in events}
    for each in listed[:3]:
        answer = land.statistician.get(f"{MONTHS}/{each['month']}/frozen")
        assert hashlib.sha256(answer.content).hexdigest() == each["digest"]
        named = ("month", "version", "ledger_size", "root", "digest")
        assert said[each["month"], each["version"]] == {name: each[name] for name in named}
        body = json.loads(answer.content)
        assert {name: body[name] for name in named[:-1]} == {name: each[name] for name in named[:-1]}


@pytest.mark.usefixtures("june")
def test_a_closed_month_is_given_as_a_table_that_says_what_it_covers(land: Land) -> None:
    shown = created(land.statistician.get(f"{MONTHS}/2025-03", params={"by": "tier"}), 200)
    answer = land.statistician.get(f"{MONTHS}/2025-03", params={"by": "tier"}, headers={"Accept": CSV})
    heading, *lines = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert [line[heading.index("sent")] for line in lines] == [str(row["sent"]) for row in shown["items"]]
    assert answer.headers["ledger-size"] == str(shown["ledger_size"])
    book = land.statistician.get(f"{MONTHS}/2025-03", headers={"Accept": XLSX})
    assert book.content.startswith(b"PK")


@pytest.mark.usefixtures("june")
def test_what_is_not_closed_is_not_found(land: Land) -> None:
    for path in (
        "2031-01",
        "2025-03?version=9",
        "2031-01/frozen",
        "2025-03/changes?from=7",
        "2025-03/frozen?version=2",
    ):
        refused(land.statistician.get(f"{MONTHS}/{path}"), 404, "not-found")
    refused(land.statistician.get(f"{MONTHS}/2025-13"), 422, "validation-failed")
    refused(land.statistician.get(f"{MONTHS}/2025-03?by=tier_pair&direction=sent"), 400, "request-invalid")
    for path in ("", "/2025-03", "/2025-03/frozen", "/2025-03/changes"):
        refused(land.running.http.get(MONTHS + path), 401, "not-authenticated")
        refused(land.auditor.get(MONTHS + path), 403, "scope-missing")
