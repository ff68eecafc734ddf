"""Figures as a page: those of the API, each the number of events behind its link."""

import csv
import html
import io
import re

import pytest

from app.statistics.definitions import COUNTS as DEFINITIONS
from app.statistics.measures import MEASURE_NAMES
from tests.console.conftest import World


def cells(page: str) -> list[tuple[str, int]]:
    """Return (link, figure) of every figure that has one."""
    return [
        (html.unescape(link), int(figure.replace(".", "")))
        for link, figure in re.findall(r'<a href="(/log\?measure=[^"]+)">([0-9.]+)</a>', page)
    ]


@pytest.mark.parametrize("by", ["agency", "tier", "branch", "document_type", "month"])
def test_every_figure_opens_exactly_the_events_it_counts(world: World, by: str) -> None:
    visitor = world.visitor("everything")
    linked = cells(visitor.get(f"/statistics?by={by}").text)
    assert linked
    for link, figure in linked:
        page = visitor.get(f"{link}&limit=500").text
        assert len(re.findall(r'<tr class="(?:accepted|refused)">', page)) == figure, link


def test_the_table_is_the_report_of_the_api(world: World) -> None:
    visitor = world.visitor("statistician")
    report = world.exchange.statistician.get("/v1/statistics/exchange", params={"by": "agency"}).json()
    page = visitor.get("/statistics?by=agency").text
    body = page.split("<tbody>")[1].split("</tbody>")[0]
    rows = [
        [int(figure) for figure in re.findall(r'<td class="number">\s*([0-9.]+)', row)]
        for row in re.findall(r"<tr>.*?</tr>", body, re.DOTALL)
    ]
    assert rows == [[item[measure] for measure in MEASURE_NAMES] for item in report["items"]]
    foot = page.split("<tfoot>")[1].split("</tfoot>")[0]
    totals = [int(figure) for figure in re.findall(r'<td class="number">\s*([0-9.]+)', foot)]
    assert totals == [sum(item[measure] for item in report["items"]) for measure in MEASURE_NAMES]
    # Without the scope for the log, figures are no links.
    assert not cells(page)


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


def test_every_figure_is_defined_in_both_languages(world: World) -> None:
    page = html.unescape(world.visitor("statistician").get("/statistics").text)
    for definition in DEFINITIONS.values():
        assert definition.vi in page
        assert definition.en in page


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
