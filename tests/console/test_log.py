"""The log as a page and as files: the same as the API gives, under the same parameters."""

import csv
import html
import io
import json
import re
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.console.conftest import World
from tests.support.office import GOVERNMENT_OFFICE, PROVINCE

QUERIES = [
    "event=document.accepted",
    "event=document.accepted&event=delivery.available",
    f"agency={GOVERNMENT_OFFICE}",
    "agency=H41&tier=province&branch=state",
    "measure=refused",
    "measure=received&document_type=cong-van",
    "outcome=refused&event=document.refused",
    "actor=operator",
    "from=2026-01-01T00:00:00Z&event=agency.registered",
    "event=certificate.registered&to=2020-01-01T00:00:00Z",
]


def indices(page: str) -> list[int]:
    """Return the indices of the events on a page."""
    rows = re.findall(r'<tr class="(?:accepted|refused)">\s*<td class="number">([0-9.]+)</td>', page)
    return [int(row.replace(".", "")) for row in rows]


@pytest.mark.parametrize("query", QUERIES)
def test_a_permanent_link_gives_what_the_api_gives(world: World, query: str) -> None:
    visitor = world.visitor("auditor")
    page = visitor.get(f"/log?{query}")
    assert page.status_code == 200
    permanent = html.unescape(re.findall(r'<a class="mono pick" href="([^"]+)"', page.text)[0])
    assert permanent.startswith(f"{world.running.url}/log?")
    assert sorted(parse_qsl(urlsplit(permanent).query)) == sorted(parse_qsl(query))
    api = html.unescape(re.findall(r'<dd class="mono pick">([^<]+)</dd>', page.text)[0])
    listed = list(world.exchange.auditor.pages(api.removeprefix(world.running.url)))
    again = visitor.get(permanent.removeprefix(world.running.url))
    assert indices(again.text) == indices(page.text) == [event["index"] for event in listed]


def test_the_log_is_read_page_by_page_to_its_end(world: World) -> None:
    visitor = world.visitor("auditor")
    path, found = "/log?to=2199-01-01T00:00:00Z&event=agency.registered&limit=2", []
    while path:
        page = visitor.get(path).text
        found += indices(page)
        following = re.findall(r'rel="next" href="([^"]+)"', page)
        path = html.unescape(following[0]) + "&limit=2" if following else ""
    assert len(found) == 6
    assert found == sorted(set(found))


def test_a_form_asks_in_vietnamese_time_and_leads_to_a_plain_address(world: World) -> None:
    """Fields without an offset mean Vietnam; what was left empty restricts nothing."""
    visitor = world.visitor("auditor")
    form = "form=1&from=2026-10-31T17%3A30&to=2026-10-31T17%3A30%3A09&agency=&tier=&event=&document_id=+"
    plain = visitor.get(f"/log?{form}")
    assert plain.status_code == 303
    address = urlsplit(plain.headers["location"])
    assert address.path == "/log"
    assert parse_qsl(address.query) == [("from", "2026-10-31T17:30:00+07:00"), ("to", "2026-10-31T17:30:09+07:00")]
    page = visitor.get(plain.headers["location"]).text
    assert 'value="2026-10-31T17:30:00"' in page
    assert "31/10/2026 17:30:09" in page
    assert world.exchange.auditor.get(f"/v1/audit/events?{address.query}").status_code == 200
    assert visitor.get("/log?form=1&agency=").headers["location"] == "/log"


def test_an_empty_parameter_of_a_written_address_asks_for_events_of_none(world: World) -> None:
    visitor = world.visitor("auditor")
    page = visitor.get("/log?agency=&event=client.created").text
    assert indices(page)
    assert indices(page) == indices(visitor.get("/log?event=client.created").text)
    assert not indices(visitor.get("/log?agency=&event=document.accepted").text)


@pytest.mark.parametrize("query", ["", f"agency={PROVINCE}&event=delivery.available"])
def test_files_are_those_of_the_api(world: World, query: str) -> None:
    # Every reading is an event, so what is compared ends before the readings of this test.
    until = "to=" + world.waiting["accepted_at"]
    visitor, api = world.visitor("auditor"), world.exchange.auditor
    for path, form in (("/log.csv", "text/csv"), ("/log.ndjson", "application/x-ndjson")):
        answer = visitor.get(f"{path}?{query}&{until}")
        assert answer.headers["content-type"].startswith(form)
        assert re.fullmatch(
            r'attachment; filename="log-[0-9]{8}-[0-9]{6}\.(csv|ndjson)"', answer.headers["content-disposition"]
        )
        assert answer.content == api.get(f"/v1/audit/events?{query}&{until}", headers={"Accept": form}).content
    events = [json.loads(line) for line in visitor.get(f"/log.ndjson?{query}&{until}").text.splitlines()]
    rows = list(csv.DictReader(io.StringIO(visitor.get(f"/log.csv?{query}&{until}").text)))
    assert [int(row["index"]) for row in rows] == [event["index"] for event in events]
    assert events


def test_reading_the_log_is_an_event(world: World) -> None:
    visitor, client_id = world.visitor("auditor"), world.credentials["auditor"].client_id
    visitor.get("/log?tier=commune")
    visitor.get("/log.csv?tier=commune")
    world.seal()
    events = list(world.exchange.auditor.pages("/v1/audit/events", event="trail.read", actor=client_id, limit=500))
    assert len(events) >= 2
    assert events[-1]["detail"]["query"] == events[-2]["detail"]["query"]


def test_what_restricts_is_named_and_can_be_taken_off(world: World) -> None:
    page = world.visitor("auditor").get("/log?tier=central&event=document.accepted&event=document.refused").text
    chips = re.findall(r'<li><a href="([^"]+)" title="[^"]+"><b>([^<]+)</b> ([^<]+) <span', page)
    assert [(html.unescape(link), label, chosen) for link, label, chosen in chips] == [
        ("/log?event=document.accepted&event=document.refused", "Cấp", "Trung ương"),
        ("/log?tier=central", "Sự kiện", "Tiếp nhận văn bản, Từ chối văn bản"),
    ]
    assert "multiple" in page
