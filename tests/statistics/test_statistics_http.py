"""Statistics over HTTP, against a recount of the log by somebody who knows the definitions and nothing of our code."""

import csv
import io
import random
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import openpyxl
import pytest

from app.edxml.model import Business, DocumentKind, DocumentType, StatusCode
from app.ledger.seal import seal_all
from app.node import Node
from app.routers import clock
from app.routers.conditions import CSV, JSON, XLSX
from app.statistics.measures import MEASURE_NAMES
from app.statistics.periods import Month
from app.statistics.reports import Asked, GroupBy
from tests.conftest import ENGINES, migrated_database
from tests.ledger.recording import STANDINGS, refusal, sending, sign_in, write
from tests.statistics.recounting import counted_in, read_log, recount
from tests.support.agency import AgencySystem
from tests.support.node import running_node
from tests.support.office import COMMUNE, GOVERNMENT_OFFICE, PARTY, PROVINCE, Exchange, created, exchange_on, refused
from tests.support.unhurried import unhurried

FIGURES = Asked(Month(2026, 1), Month(2026, 1), GroupBy.AGENCY, {}).figures
EXCHANGE = "/v1/statistics/exchange"
PARTICIPATION = "/v1/statistics/participation"
_OF_OLD = {"sent", "received", "acknowledged", "statuses", "refused", "withdrawn", "signed", "with_paper"}


async def _settle(node: Node) -> None:
    await seal_all(node.database, now=clock.now())


def _traffic(exchange: Exchange) -> None:
    """Send, refuse, take over, answer and withdraw at random, by a known seed; and some months before."""
    dice = random.Random(11)
    codes = list(exchange.offices)
    for number in range(5):
        office = exchange[dice.choice(codes)]
        recipients = dice.sample([code for code in codes if code != office.organ_id], dice.randint(1, 3))
        kind = DocumentType(1, 0, dice.choice(["Công văn", "Quyết định", "Thư tay"]))
        business = Business(DocumentKind.NEW, reason="Lý do", paper=dice.random() < 0.5)
        paper = office.paper(*recipients, document_type=kind, business=business)
        created(office.system.send(office.signed(paper)))
        if number % 3 == 0:
            other = office.signed(replace(paper, subject="V/v khác"))
            refused(office.system.send(other), 409, "document-id-taken")
        if number % 4 == 0:
            refused(exchange[codes[0]].system.send(b"<x/>"), 422, "document-refused")
        for code in recipients:
            taker = exchange[code]
            for waiting in taker.receive(kind="document")[:1]:
                if dice.random() < 0.7:
                    created(taker.system.acknowledge([waiting["delivery_id"]]), 200)
                document = waiting["document"]
                status = taker.status(document, StatusCode.ARRIVED, owner=document["sender"])
                created(taker.system.report(status))
                early = taker.status(document, StatusCode.CHANGE_REFUSED, owner=document["sender"], reason="Không")
                refused(taker.system.report(early), 409, "transition-not-allowed")

    party, commune = exchange[PARTY], exchange[COMMUNE]
    sent = created(party.system.send(party.signed(party.paper(COMMUNE)))) | {"code": "1/CV"}
    ask = party.status(sent, StatusCode.WITHDRAWAL_REQUESTED, owner=COMMUNE, reason="Gửi nhầm")
    created(party.system.report(ask))
    created(commune.system.report(commune.status(sent, StatusCode.CHANGE_ACCEPTED, owner=PARTY)))

    async def before(node: Node) -> None:
        for months in range(1, 4):
            for _ in range(5):
                at = datetime.now(UTC) - timedelta(days=30 * months + dice.randint(0, 20), seconds=dice.random())
                sender, *others = dice.sample(STANDINGS, 3)
                one = sending(sender, others, at=at, paper=dice.random() < 0.5, document_type="luat")
                await write(
                    node.database, one, events=[refusal(dice.choice([None, *STANDINGS]), at=at), sign_in(at=at)]
                )

    exchange.running.run(before)
    exchange.running.run(_settle)


@pytest.fixture(scope="module", params=ENGINES)
def exchange(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    """A node with traffic of four months, on each engine."""
    folder = tmp_path_factory.mktemp("statistics")
    with ExitStack() as stack:
        url = stack.enter_context(migrated_database(request, folder, request.param))
        running = unhurried(stack.enter_context(running_node(folder / "data", url, log_level="error")))
        working = stack.enter_context(exchange_on(running))
        _traffic(working)
        yield working


def _months() -> dict[str, str]:
    now = datetime.now(UTC) + timedelta(hours=7)
    return {"from": f"{now - timedelta(days=150):%Y-%m}", "to": f"{now:%Y-%m}"}


def _events(exchange: Exchange, query: str = "") -> list[dict[str, Any]]:
    return read_log(exchange.auditor, query)


def test_an_independent_recount_of_the_log_gives_every_figure(exchange: Exchange) -> None:
    report = created(exchange.statistician.get(EXCHANGE, params=_months()), 200)
    size = report["ledger_size"]
    events = [event for event in _events(exchange) if event["index"] < size]
    assert len(events) == size
    assert {measure for event in events for measure in counted_in(event)} >= _OF_OLD
    for by in ("agency", "tier", "branch", "document_type", "month"):
        key = ("month",) if by == "month" else ("month", by)
        rows = list(exchange.statistician.pages(EXCHANGE, by=by, limit=7, **_months()))
        shown = {tuple(row[name] for name in key): {name: row[name] for name in MEASURE_NAMES} for row in rows}
        counted = {key: {name: sums[name] for name in MEASURE_NAMES} for key, sums in recount(events, key)[0].items()}
        assert shown == counted
        assert [tuple(row[name] for name in key) for row in rows] == sorted(shown)


def test_each_figure_links_to_exactly_the_events_it_counts_now_and_later(exchange: Exchange) -> None:
    """Also where there is no agency, and after more has happened in the same month."""
    found = [
        (by, row)
        for by in ("agency", "tier", "document_type", "month")
        for row in exchange.statistician.pages(EXCHANGE, by=by, **_months())
    ]
    office = exchange[GOVERNMENT_OFFICE]
    created(office.system.send(office.signed(office.paper(PROVINCE))))
    refused(office.system.send(b"<x/>"), 422, "document-refused")
    exchange.running.run(_settle)
    links = [(row[measure], measure, link) for _, row in found for measure, link in row["links"].items()]
    of_nobody = [each for each in links if "agency=&" in f"{each[2]}&" and each[0]]
    assert of_nobody
    for count, measure, link in [*of_nobody, *random.Random(4).sample(links, 20)]:
        listed = _events(exchange, urlsplit(link).query)
        assert len(listed) == count, link
        assert all(measure in counted_in(event) for event in listed)


def test_filters_restrict_and_stay_in_the_links(exchange: Exchange) -> None:
    asked = _months() | {"by": "document_type", "agency": "H41", "tier": "province", "branch": "state"}
    report = created(exchange.statistician.get(EXCHANGE, params=asked), 200)
    rows = list(exchange.statistician.pages(EXCHANGE, by="agency", **_months()))
    own = [row for row in rows if row["agency"] == PROVINCE]
    assert sum(row["received"] for row in report["items"]) == sum(row["received"] for row in own) > 0
    for row in report["items"]:
        query = parse_qs(urlsplit(row["links"]["received"]).query)
        assert (query["agency"], query["tier"], query["branch"]) == ([PROVINCE], ["province"], ["state"])
        assert len(_events(exchange, urlsplit(row["links"]["received"]).query)) == row["received"]
    assert created(exchange.statistician.get(EXCHANGE, params=asked | {"agency": "X01"}), 200)["items"] == []


def test_the_table_is_the_same_as_csv_and_as_xlsx(exchange: Exchange) -> None:
    asked = _months() | {"by": "agency"}
    rows = list(exchange.statistician.pages(EXCHANGE, **asked))
    named = ("month", "agency", "name", *FIGURES)
    plain = [["" if row[name] is None else row[name] for name in named] for row in rows]
    assert any(row["name"] for row in rows)

    answer = exchange.statistician.get(EXCHANGE, params=asked, headers={"Accept": CSV})
    assert answer.headers["content-type"].startswith(CSV)
    assert "attachment" in answer.headers["content-disposition"]
    assert answer.content.startswith(b"\xef\xbb\xbf")
    table = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert table[0] == [*named, "ledger_size"]
    assert [line[:-1] for line in table[1:]] == [list(map(str, line)) for line in plain]
    assert len({line[-1] for line in table[1:]}) == 1

    answer = exchange.statistician.get(EXCHANGE, params=asked, headers={"Accept": XLSX})
    assert answer.headers["content-type"] == XLSX
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).worksheets[0]
    read = [["" if cell is None else cell for cell in line] for line in sheet.iter_rows(min_row=2, values_only=True)]
    assert read == plain


def test_what_waits_now_is_what_lies_in_the_inboxes(exchange: Exchange) -> None:
    waiting = {
        code: len(list(office.system.pages("/v1/inbox", agency=code, kind="document")))
        for code, office in exchange.offices.items()
    }
    assert sum(waiting.values()) > 0
    for code, count in waiting.items():
        assert (
            created(exchange.statistician.get(EXCHANGE, params={"agency": code}), 200)["now"]["not_yet_fetched"]
            == count
        )
    whole = created(exchange.statistician.get(EXCHANGE), 200)["now"]
    # Those of the months before were recorded for agencies that have no system here, too.
    assert whole["not_yet_fetched"] >= sum(waiting.values())
    assert whole["overdue_now"] == 0


def test_without_months_the_present_one_is_shown(exchange: Exchange) -> None:
    report = created(exchange.statistician.get(EXCHANGE), 200)
    assert report["from"] == report["to"] == f"{datetime.now(UTC) + timedelta(hours=7):%Y-%m}"
    assert report["by"] == "agency"
    assert {row["month"] for row in report["items"]} == {report["from"]}


def test_participation_counts_those_who_sent_or_received(exchange: Exchange) -> None:
    report = created(exchange.statistician.get(PARTICIPATION), 200)
    rows = {(row["tier"], row["branch"]): row for row in report["items"]}
    assert rows.keys() >= {("central", "state"), ("central", "party"), ("province", "state")}
    for row in rows.values():
        assert row["share"] == (row["active"] / row["registered"] if row["registered"] else None)
    assert rows["central", "state"]["registered"] == rows["central", "state"]["active"] == 1
    empty = created(exchange.statistician.get(PARTICIPATION, params={"month": "2001-01"}), 200)
    assert {row["active"] for row in empty["items"]} == {0}
    assert {row["share"] for row in empty["items"]} == {0.0}


@pytest.mark.parametrize(
    "query",
    [
        "from=2026", "from=2026-13", "to=x", "from=0001-01", "to=9999-12", "by=color", "tier=moon", "limit=0",
        "limit=501", "agency=%00", "agency=%0a", "document_type=%1f", "document_type=" + "x" * 41, "cursor=!",
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(exchange: Exchange, query: str) -> None:
    answer = exchange.statistician.get(f"{EXCHANGE}?{query}")
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("query", ["from=2026-11&to=2026-10", "from=2016-10&to=2026-10", "from=1900-01&to=2199-12"])
def test_months_in_the_wrong_order_or_too_many_are_refused(exchange: Exchange, query: str) -> None:
    refused(exchange.statistician.get(f"{EXCHANGE}?{query}"), 400, "request-invalid")


def test_a_cursor_of_another_listing_is_refused(exchange: Exchange) -> None:
    page = created(exchange.statistician.get(EXCHANGE, params=_months() | {"by": "agency", "limit": "1"}), 200)
    other = _months() | {"by": "month", "cursor": page["next_cursor"]}
    refused(exchange.statistician.get(EXCHANGE, params=other), 400, "request-invalid")


def test_no_other_form_is_offered(exchange: Exchange) -> None:
    refused(exchange.statistician.get(EXCHANGE, headers={"Accept": "text/html"}), 406, "not-acceptable")
    answer = exchange.statistician.get(EXCHANGE, headers={"Accept": f"{XLSX};q=0.2, {JSON}"})
    assert answer.headers["content-type"] == JSON


@pytest.mark.parametrize("path", [EXCHANGE, PARTICIPATION])
def test_only_statisticians_read_figures(exchange: Exchange, path: str) -> None:
    refused(exchange.running.http.get(path), 401, "not-authenticated")
    systems: list[AgencySystem] = [exchange.auditor, exchange.administrator, exchange[PROVINCE].system]
    for system in systems:
        refused(system.get(path), 403, "scope-missing")
