"""The log over HTTP: every filter against the whole log, pages that end, CSV and NDJSON that stream, who may read."""

import asyncio
import csv
import gc
import hashlib
import io
import json
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from typing import Any
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa

from app.exchange import trail
from app.exchange.finding import catch_up
from app.ids import new_id
from app.ledger import tree
from app.ledger.events import Event, EventKind, Standing
from app.ledger.seal import seal_all
from app.node import Node
from app.registry.model import Scope
from app.routers import audit, clock
from app.routers.conditions import CSV, JSON, NDJSON
from app.routers.paging import cursor_of
from app.signing import merkle
from app.store import journal, ledger_tiles
from app.store.database import Database
from tests.conftest import ENGINES, migrated_database
from tests.ledger.recording import AT, STANDINGS, Sending, refusal, sending, sign_in, write
from tests.support.agency import AgencySystem
from tests.support.node import RunningNode, running_node
from tests.support.office import created, refused
from tests.support.unhurried import unhurried

EVENTS = "/v1/audit/events"
SHARED_ID = "G22,2026/11/22,77/CV"
SECRET_WORD = "Zợngtâm"
HOSTILE = Standing("=cmd|' /C calc'!A0", "central", "state")


@dataclass
class Archive:
    """A node with a log, and who reads it."""

    running: RunningNode
    auditor: AgencySystem
    other: AgencySystem
    sent: list[Sending]
    size: int

    @cached_property
    def filled(self) -> list[dict[str, Any]]:
        """Read the log as it was filled."""
        return self.all(f"ledger_size={self.size}")

    def all(self, query: str = "", *, reader: AgencySystem | None = None) -> list[dict[str, Any]]:
        """Read everything a query finds, as NDJSON."""
        answer = (reader or self.auditor).get(f"{EVENTS}?{query}", headers={"Accept": NDJSON})
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.text.splitlines()]


async def _settle(node: Node) -> None:
    await seal_all(node.database, now=clock.now())


async def _catch_up(node: Node) -> None:
    await catch_up(node.database)


async def _size(node: Node) -> int:
    async with node.database.read() as tx:
        return await journal.size(tx)


def _log() -> tuple[list[Sending], list[Event]]:
    sent = [
        sending(STANDINGS[number % 5], STANDINGS[number % 3 : number % 3 + 2], at=AT + timedelta(minutes=number))
        for number in range(6)
    ]
    sent += [sending(standing, STANDINGS[2:3], document_id=SHARED_ID) for standing in STANDINGS[:2]]
    sent.append(sending(document_type="luat", paper=True, at=AT - timedelta(days=40)))
    for number, each in enumerate(sent):
        each.document["subject"] = f"V/v báo cáo {SECRET_WORD} số {number}/BC-UBND, Đường sắt"
    hostile = Event(new_id(), EventKind.DELIVERY_ACKNOWLEDGED, AT, "@SUM(A1)", standing=HOSTILE, document_type="-2+3")
    return sent, [sign_in(), refusal(STANDINGS[2]), refusal(), hostile]


@pytest.fixture(scope="module", params=ENGINES)
def archive(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """A log of some dozen events, on each engine."""
    folder = tmp_path_factory.mktemp("archive")
    with ExitStack() as stack:
        url = stack.enter_context(migrated_database(request, folder, request.param))
        running = unhurried(stack.enter_context(running_node(folder / "data", url, log_level="error")))
        administrator = stack.enter_context(running.system(Scope.REGISTRY_WRITE))
        agency = {"organ_id": "000.00.00.H41", "aliases": ["H41"], "name": "UBND tỉnh Nghệ An"}
        created(administrator.post("/v1/agencies", json=agency | {"tier": "province", "branch": "state"}))
        sent, events = _log()

        async def fill(node: Node) -> None:
            await write(node.database, *sent, events=events)

        running.run(fill)
        running.run(_settle)
        running.run(_catch_up)
        size = running.run(_size)
        auditor = stack.enter_context(running.system(Scope.AUDIT, name="auditor"))
        other = stack.enter_context(running.system(Scope.AUDIT, name="other"))
        yield Archive(running, auditor, other, sent, size)


def _at(minutes: int) -> str:
    return (AT + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


FILTERS: list[tuple[str, Callable[[dict[str, Any]], bool]]] = [
    (f"from={_at(3)}", lambda event: event["time"] >= _at(3)),
    (f"to={_at(3)}", lambda event: event["time"] < _at(3)),
    (f"from={_at(1)}&to={_at(2)}", lambda event: event["time"] == _at(1)),
    ("from=2026-11-22T10:07:05.678900%2B07:00", lambda event: event["time"] >= _at(3)),
    ("agency=000.00.00.H41", lambda event: event["agency"] == "000.00.00.H41"),
    ("agency=H41", lambda event: event["agency"] == "000.00.00.H41"),
    ("agency=H41.21.05", lambda event: event["agency"] == "H41.21.05"),
    ("agency=nobody", lambda _event: False),
    ("agency=", lambda event: event["agency"] is None),
    ("tier=district", lambda event: event["tier"] == "district"),
    ("tier=", lambda event: event["tier"] is None),
    ("branch=front", lambda event: event["branch"] == "front"),
    ("branch=", lambda event: event["branch"] is None),
    ("document_type=luat", lambda event: event["document_type"] == "luat"),
    ("document_type=", lambda event: event["document_type"] is None),
    ("event=token.issued", lambda event: event["event"] == "token.issued"),
    (
        "event=token.issued&event=document.accepted",
        lambda event: event["event"] in ("token.issued", "document.accepted"),
    ),
    ("measure=sent", lambda event: event["event"] == "document.accepted"),
    ("measure=with_paper", lambda event: event["detail"].get("paper") is True),
    ("measure=received", lambda event: event["event"] == "delivery.available"),
    ("measure=refused", lambda event: event["event"] == "document.refused"),
    ("outcome=refused", lambda event: event["outcome"] == "refused"),
    ("actor=client", lambda event: event["actor"] == "client"),
    ("actor=%40SUM(A1)", lambda event: event["actor"] == "@SUM(A1)"),
    ("ledger_size=5", lambda event: event["index"] < 5),
    ("ledger_size=0", lambda _event: False),
    (
        "measure=received&agency=H41&tier=province&branch=state&document_type=cong-van",
        lambda event: (
            (event["event"], event["agency"], event["document_type"])
            == ("delivery.available", "000.00.00.H41", "cong-van")
        ),
    ),
]


@pytest.mark.parametrize("limit", [1, 7, 500])
def test_pages_put_together_are_what_the_stream_gives_and_they_end(archive: Archive, limit: int) -> None:
    """Each page is a reading, which is an event itself: with a page of one a listing would never reach its end.

    Stands before the others, whose readings make the log longer.
    """
    before = archive.all()
    pages, cursor = [], None
    while True:
        query = f"limit={limit}" + (f"&cursor={cursor}" if cursor else "")
        page = created(archive.auditor.get(f"{EVENTS}?{query}"), 200)
        assert len(page["items"]) <= limit
        pages += page["items"]
        assert len(pages) < 5_000
        if (cursor := page["next_cursor"]) is None:
            break
    assert pages[: len(before)] == before
    archive.running.run(_settle)
    assert archive.all()[: len(pages)] == pages


@pytest.mark.parametrize(("query", "wanted"), FILTERS, ids=[query for query, _ in FILTERS])
def test_a_filter_finds_exactly_what_it_names(
    archive: Archive, query: str, wanted: Callable[[dict[str, Any]], bool]
) -> None:
    # What the readings themselves add is left aside.
    end, whole = f"ledger_size={archive.size}", archive.filled
    assert [event["index"] for event in whole] == list(range(archive.size))
    found = archive.all(query if "ledger_size" in query else f"{query}&{end}")
    assert found == [event for event in whole if wanted(event)]
    assert found or query in ("agency=nobody", "ledger_size=0")


def test_a_document_is_found_by_its_own_id_by_the_nodes_and_by_no_other(archive: Archive) -> None:
    first, *_, one, two, _old = archive.sent
    for written in (first.document["id"], first.document["id"].upper(), first.document["document_id"]):
        found = archive.all(f"document_id={written}")
        assert [event["id"] for event in found] == [event.id for event in first.events]
    # Two agencies used one DocumentId: whoever asks for it gets both.
    both = {event["document"] for event in archive.all(f"document_id={SHARED_ID}")}
    assert both == {one.document["id"], two.document["id"]}
    assert (
        archive.all(f"document_id={SHARED_ID}&agency=000.00.00.G22&event=document.accepted")[0]["document"]
        == (one.document["id"])
    )
    for nothing in ("", "x", new_id(), "G22,2026/11/22,7", "%25"):
        assert archive.all(f"document_id={nothing}") == []


@pytest.mark.parametrize("rare", [trail.FEW, 3], ids=["words are rare", "words are common"])
def test_events_are_found_by_words_of_code_and_subject_which_are_not_shown(
    archive: Archive, rare: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if rare != trail.FEW:
        # As if each word were in more documents than are gone through, and the log held many.
        monkeypatch.setattr(trail, "FEW", rare)
        monkeypatch.setattr(trail, "COUNTED_MAX", 0)
    end = f"ledger_size={archive.size}"
    every = {each.document["id"] for each in archive.sent}
    third = archive.sent[3].document

    def found(text: str, more: str = "") -> list[dict[str, Any]]:
        return archive.all(f"{urlencode({'text': text})}&{end}{more}")

    for text in ("báo cáo", "BAO CAO", "zongt", "duong sat", "ubnd", "v/v báo"):
        assert {event["document"] for event in found(text)} == every, text
    for text in (third["code"], third["code"].lower(), "3/BC-UBND", "3/bc", "đường 3/BC", "bc ubnd 3"):
        events = found(text)
        assert third["id"] in {event["document"] for event in events}, text
        assert [event["index"] for event in events] == sorted(event["index"] for event in events)
    assert [event["id"] for event in found("3/BC-UBND")] == [event.id for event in archive.sent[3].events]
    for text in ("không có", "cáo báo x", "gtam", "–", "%", "3/BC-UBNDX"):
        assert found(text) == [], text
    # With other conditions, and with the node's id of another document.
    assert {event["event"] for event in found("báo cáo", "&event=document.accepted")} == {"document.accepted"}
    assert found("3/BC-UBND", f"&document_id={third['id']}") == found("3/BC-UBND")
    assert found("3/BC-UBND", f"&document_id={archive.sent[2].document['id']}") == []
    answer = archive.auditor.get(f"{EVENTS}?{urlencode({'text': SECRET_WORD})}", headers={"Accept": CSV})
    assert answer.text.count("\n") > len(every)
    assert SECRET_WORD not in answer.text
    assert "báo" not in answer.text


def test_newest_first_is_the_log_backwards_although_the_log_grows(archive: Archive) -> None:
    """Each page is a reading, which is an event that is sealed before the next page is asked for."""
    pages, cursor, end = [], None, None
    while True:
        query = "order=desc&limit=9" + (f"&cursor={cursor}" if cursor else "")
        page = created(archive.auditor.get(f"{EVENTS}?{query}"), 200)
        end = end or page["items"][0]["index"]
        pages += page["items"]
        archive.running.run(_settle)
        if (cursor := page["next_cursor"]) is None:
            break
    assert [event["index"] for event in pages] == list(range(end, -1, -1))
    assert pages[::-1] == archive.all(f"ledger_size={end + 1}")
    assert archive.all(f"order=desc&ledger_size={archive.size}") == archive.filled[::-1]
    some = archive.all(f"agency=H41&ledger_size={archive.size}")
    assert archive.all(f"agency=H41&order=desc&ledger_size={archive.size}") == some[::-1]


def test_a_page_goes_on_where_the_last_one_ended_while_others_are_sealed(archive: Archive) -> None:
    first = created(archive.auditor.get(f"{EVENTS}?limit=5"), 200)

    async def grow(node: Node) -> None:
        await write(node.database, sending(at=AT))

    archive.running.run(grow)
    archive.running.run(_settle)
    second = created(archive.auditor.get(f"{EVENTS}?limit=500&cursor={first['next_cursor']}"), 200)
    indices = [event["index"] for event in first["items"] + second["items"]]
    assert indices == list(range(len(indices)))


def test_a_stream_says_up_to_where_it_goes(archive: Archive) -> None:
    for form in (CSV, NDJSON):
        archive.running.run(_settle)
        answer = archive.auditor.get(EVENTS, headers={"Accept": form})
        lines = answer.text.count("\n") - (form == CSV)
        assert int(answer.headers["ledger-size"]) == lines


def test_the_forms_say_the_same(archive: Archive) -> None:
    query = f"ledger_size={archive.size}"
    lines = archive.all(query)
    page = created(archive.auditor.get(f"{EVENTS}?{query}&limit=500"), 200)
    assert page == {"items": lines, "next_cursor": None}
    answer = archive.auditor.get(f"{EVENTS}?{query}", headers={"Accept": CSV})
    assert answer.headers["content-type"] == f"{CSV}; charset=utf-8"
    table = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(table) == len(lines)
    for row, event in zip(table, lines, strict=True):
        assert json.loads(row.pop("detail")) == event["detail"]
        for name, cell in row.items():
            assert cell.removeprefix("'") == ("" if event[name] is None else str(event[name]))


@pytest.mark.parametrize("form", [CSV, NDJSON])
def test_lines_of_a_stream_are_written_beside_the_event_loop(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """A chunk takes ten milliseconds and more, in which the node would answer nobody else."""
    shape, on_loop = audit.EventView.of, []

    def seen(row: Any) -> audit.EventView:
        on_loop.append(asyncio._get_running_loop() is not None)
        return shape(row)

    monkeypatch.setattr(audit.EventView, "of", seen)
    assert archive.auditor.get(EVENTS, headers={"Accept": form}).status_code == 200
    assert len(on_loop) >= archive.size
    assert not any(on_loop)


def test_no_cell_of_the_csv_is_a_formula(archive: Archive) -> None:
    answer = archive.auditor.get(EVENTS, headers={"Accept": CSV})
    cells = [cell for row in csv.reader(io.StringIO(answer.text)) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert {"'=cmd|' /C calc'!A0", "'@SUM(A1)", "'-2+3"} <= set(cells)


def test_an_event_shows_its_leaf_hash_and_what_it_is_about(archive: Archive) -> None:
    first = archive.sent[0]
    [event] = archive.all(f"document_id={first.document['id']}&event=document.accepted")
    body = first.events[0].body()
    assert event["leaf_hash"] == hashlib.sha256(b"\0" + body).hexdigest()
    assert event["detail"] == json.loads(body)["detail"]
    assert event["time"] == "2026-11-22T03:04:05.678900Z"
    assert set(event) == {
        "index", "id", "time", "event", "outcome", "actor", "agency", "tier", "branch", "document_type", "document",
        "delivery", "detail", "leaf_hash", "peer_tier",
    }  # fmt: skip


@pytest.mark.parametrize("form", [JSON, CSV, NDJSON])
def test_the_reading_itself_is_on_record(archive: Archive, form: str) -> None:
    query = f"agency=H41&from={_at(0)}&measure=sent"
    assert archive.other.get(f"{EVENTS}?{query}", headers={"Accept": form}).status_code == 200
    archive.running.run(_settle)
    reading = archive.all(f"event=trail.read&actor={archive.other.client_id}")[-1]
    assert reading["detail"] == {"query": hashlib.sha256(query.encode()).hexdigest()}
    assert reading["agency"] is None
    assert reading["document"] is None


def test_a_refused_reading_is_no_reading(archive: Archive) -> None:
    archive.running.run(_settle)
    before = len(archive.all(f"event=trail.read&actor={archive.other.client_id}"))
    refused(archive.other.get(EVENTS, headers={"Accept": "text/html"}), 406, "not-acceptable")
    assert archive.other.get(f"{EVENTS}?tier=moon").status_code == 422
    archive.running.run(_settle)
    assert len(archive.all(f"event=trail.read&actor={archive.other.client_id}")) == before


@pytest.mark.parametrize(
    "query",
    [
        "from=yesterday", "from=2026-11-22", "from=2026-11-22T00:00:00", "from=0001-01-01T00:00:00Z",
        "to=9999-12-31T23:59:59-10:00", "tier=moon", "branch=x", "event=x", "event=", "measure=x", "measure=.*",
        "outcome=maybe", "agency=%00", "agency=" + "x" * 36, "document_type=%0d", "document_id=a%00b",
        "document_id=" + "x" * 501, "actor=%1b", "limit=0", "limit=501", "ledger_size=-1", "ledger_size=x",
        f"ledger_size={2**70}", "text=", "text=a%00", "text=" + "x" * 201, "order=up",
    ],
    ids=lambda query: query[:30],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(archive: Archive, query: str) -> None:
    answer = archive.auditor.get(f"{EVENTS}?{query}")
    refused(answer, 422, answer.json()["type"].rpartition("/")[2])


@pytest.mark.parametrize("cursor", ["x", "WzFd", "WyJhIiwxXQ", "W3RydWUsMV0", "WzEsMiwzXQ", "e30", "%00", "A" * 1_001])
def test_a_cursor_that_is_none_of_ours_is_refused(archive: Archive, cursor: str) -> None:
    assert archive.auditor.get(f"{EVENTS}?cursor={cursor}").status_code in (400, 422)


def test_a_cursor_somebody_made_up_gives_nothing_more(archive: Archive) -> None:
    for after, end in ((-(2**63) + 1, 2**63 - 1), (2**63 - 1, 2**63 - 1), (5, 1)):
        answer = archive.auditor.get(f"{EVENTS}?limit=500&cursor={cursor_of(after, end)}")
        assert answer.status_code == 200
        assert len(answer.json()["items"]) <= len(archive.all())


def test_no_other_form_is_offered(archive: Archive) -> None:
    refused(archive.auditor.get(EVENTS, headers={"Accept": "application/xml"}), 406, "not-acceptable")
    answer = archive.auditor.get(EVENTS, headers={"Accept": "*/*"})
    assert answer.headers["content-type"] == JSON


def test_only_auditors_read_the_log(archive: Archive) -> None:
    refused(archive.running.http.get(EVENTS), 401, "not-authenticated")
    scopes = [scope for scope in Scope if scope is not Scope.AUDIT]
    with archive.running.system(*scopes, agencies=["H41"]) as system:
        refused(system.get(EVENTS), 403, "scope-missing")
        assert system.post(EVENTS).status_code == 405


_MANY, _SOME = 6_000, 1_000

_INSERT = """
INSERT INTO events (id, position, at, kind, outcome, actor, body, leaf_hash)
{numbers}
SELECT {id}, n, '2026-11-22T03:04:05.000000Z', 'token.issued', 'accepted', 'client', '{body}', '{leaf}' FROM numbers
"""
_NUMBERS = "WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < {last})"


async def _fill(url: str) -> None:
    body = json.dumps({"detail": {"links": ["x" * 1_000]}})
    leaf = merkle.leaf(body.encode())
    database = Database(url)
    identity = "printf('%032x', n)" if database.dialect == "sqlite" else "lpad(to_hex(n), 32, '0')::uuid"
    insert = _INSERT.format(numbers=_NUMBERS.format(last=_MANY - 1), id=identity, body=body, leaf=leaf.hex())
    async with database.write() as tx:
        await tx.exec_driver_sql(insert.replace("%", "%%") if database.dialect == "postgresql" else insert)
        await tx.execute(sa.text(f"UPDATE ledger_state SET size = {_MANY}"))
        # The node goes on sealing behind them.
        await ledger_tiles.write(tx, tree.grown({}, 0, [leaf] * _MANY))
    await database.close()


LongLog = Callable[[], AbstractContextManager[RunningNode]]


@pytest.fixture(scope="module", params=ENGINES)
def long_log(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LongLog]:
    """Runs a node with a log that is longer than a stream may keep in memory, on each engine."""
    folder = tmp_path_factory.mktemp("long")
    with migrated_database(request, folder, request.param) as url:
        asyncio.run(_fill(url))
        yield partial(running_node, folder / "data", url, log_level="error")


def test_a_long_log_is_streamed_in_bounded_memory(long_log: LongLog) -> None:
    """What streaming a sixth of it takes at once is enough for all of it; its lines alone, kept, would double that.

    Counted is what Python holds, not what the process has of the system, which is the allocator's business.
    """
    with long_log() as running, running.system(Scope.AUDIT) as auditor:
        form = NDJSON if running.node.database.dialect == "sqlite" else CSV
        headers = {"Accept": form, "Authorization": f"Bearer {auditor.token}"}

        def peak(query: str, *, lines: int) -> int:
            octets = ends = 0
            tracemalloc.start()
            try:
                with auditor.http.stream("GET", f"{EVENTS}{query}", headers=headers) as answer:
                    for piece in answer.iter_raw():
                        octets += len(piece)
                        ends += piece.count(b"\n")
                held = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
            assert ends >= lines
            assert octets > lines * 1_000
            return held

        some, everything = peak(f"?ledger_size={_SOME}", lines=_SOME), peak("", lines=_MANY)
    assert everything < some * 1.5, f"{some:,} bytes at once for a sixth, {everything:,} for all of it"


def test_a_reader_that_goes_away_leaves_nothing_open(long_log: LongLog, capfd: pytest.CaptureFixture[str]) -> None:
    with long_log() as running, running.system(Scope.AUDIT) as auditor:
        headers = {"Accept": NDJSON, "Authorization": f"Bearer {auditor.token}"}
        for _ in range(9):
            with auditor.http.stream("GET", EVENTS, headers=headers) as answer:
                assert next(answer.iter_raw())
        assert len(created(auditor.get(EVENTS), 200)["items"]) == 50
    gc.collect()
    # A connection that was lost on the way is told by the event loop in the end.
    assert "destroyed" not in capfd.readouterr().err


def test_the_end_of_a_stream_is_where_the_log_ended_when_it_began(archive: Archive) -> None:
    first = archive.all()
    started = datetime.now(UTC)
    second = archive.all()
    assert second[: len(first)] == first
    assert all(datetime.fromisoformat(event["time"]) <= started for event in first)
