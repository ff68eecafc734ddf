"""Figures as a page: those of the API, each the number of events behind its link."""

import csv
import html
import io
import re
from urllib.parse import urlencode

import pytest

from app.console.statistics import OVERVIEW
from app.statistics.definitions import COUNTS, DEFINITIONS, PARTICIPATION
from tests.console.conftest import World


def cells(page: str) -> list[tuple[str, int]]:
    """Return (link, figure) of every figure that has one."""
    return [
        (html.unescape(link), int(figure.replace(".", "")))
        for link, figure in re.findall(r'<a href="(/log\?measure=[^"]+)">([0-9.]+)</a>', page)
    ]


@pytest.mark.parametrize(
    "query",
    ["by=agency", "by=province&direction=sent", "by=document_type&direction=received", "by=tier_pair", "by=month",
     "by=branch&view=as-is&direction=received"],
)  # fmt: skip
def test_every_figure_opens_exactly_the_events_it_counts(world: World, query: str) -> None:
    visitor = world.visitor("everything")
    linked = cells(visitor.get(f"/statistics?{query}").text)
    assert linked
    for link, figure in linked:
        page = visitor.get(f"{link}&limit=500").text
        assert len(re.findall(r'<tr class="(?:accepted|refused)">', page)) == figure, link


@pytest.mark.parametrize("query", [{"by": "agency"}, {"by": "agency", "direction": "received"}])
def test_the_table_is_the_report_of_the_api(world: World, query: dict[str, str]) -> None:
    visitor = world.visitor("statistician")
    report = world.exchange.statistician.get("/v1/statistics/exchange", params=query).json()
    page = visitor.get("/statistics?" + urlencode(query)).text
    figures = (
        OVERVIEW if "direction" not in query else [name for name in COUNTS if report["items"][0][name] is not None]
    )
    counted = [name for name in figures if name in COUNTS]
    assert len(counted) > 5
    body = page.split("<tbody>")[1].split("</tbody>")[0]
    rows = [_told(row)[: len(counted)] for row in re.findall(r"<tr>.*?</tr>", body, re.DOTALL)]
    assert rows == [[item[measure] for measure in counted] for item in report["items"]]
    foot = _told(page.split("<tfoot>")[1].split("</tfoot>")[0])[: len(counted)]
    assert foot == [sum(item[measure] for item in report["items"]) for measure in counted]
    # Without the scope for the log, figures are no links.
    assert not cells(page)


def _told(row: str) -> list[int]:
    return [int(figure) for figure in re.findall(r'<td class="number">\s*([0-9.]+)', row)]


def test_shares_and_times_are_written_for_people(world: World) -> None:
    page = html.unescape(world.visitor("statistician").get("/statistics?by=month&direction=received").text)
    assert "%" in page
    assert re.search(r"[0-9] (giây|phút|giờ|ngày)", page)
    assert "Lúc này:" in page


def test_files_are_those_of_the_api(world: World) -> None:
    visitor, api = world.visitor("statistician"), world.exchange.statistician
    answer = visitor.get("/statistics.csv?by=tier")
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    assert list(csv.reader(io.StringIO(answer.text)))[1:]
    same = api.get("/v1/statistics/exchange?by=tier", headers={"Accept": "text/csv"})
    assert [row[:-1] for row in csv.reader(io.StringIO(answer.text))] == [
        row[:-1] for row in csv.reader(io.StringIO(same.text))
    ]
    workbook = visitor.get("/statistics.xlsx?by=tier")
    assert workbook.content.startswith(b"PK")


def test_every_figure_is_defined_on_a_page_in_both_languages(world: World) -> None:
    visitor = world.visitor("statistician")
    assert 'href="/statistics/methods"' in visitor.get("/statistics").text
    page = html.unescape(visitor.get("/statistics/methods").text)
    for name, definition in {**DEFINITIONS, **PARTICIPATION}.items():
        assert f'id="{name}"' in page
        for said in (definition.vi, definition.en, definition.formula, definition.source, definition.dated):
            assert said in page
    assert "How the figures are made" in visitor.get("/statistics/methods?lang=en").text
    assert "Phương pháp" in visitor.get("/statistics/methods?lang=vi").text


def test_months_follow_one_another(world: World) -> None:
    page = html.unescape(world.visitor("statistician").get("/statistics?from=2026-01&by=agency&tier=central").text)
    assert 'rel="prev" href="/statistics?from=2025-12&by=agency&tier=central"' in page
    assert 'rel="next" href="/statistics?from=2026-02&by=agency&tier=central"' in page
    assert "Không có số liệu" in page
    several = world.visitor("statistician").get("/statistics?from=2026-01&to=2026-03").text
    assert 'rel="prev"' not in several


def test_tiers_stand_in_the_order_of_the_regulation(world: World) -> None:
    body = world.visitor("statistician").get("/statistics?by=tier").text.split("<tbody>")[1].split("</tbody>")[0]
    assert re.findall(r'<th scope="row">\s*([^<]+?)\s*</th>', body) == ["Trung ương", "Tỉnh", "Xã"]
