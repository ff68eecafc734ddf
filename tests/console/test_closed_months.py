"""Closed months as pages: marked among the figures, with their versions and what each changed."""

from datetime import UTC, datetime, timedelta

import pytest

from app.ledger.closing import close_due
from app.ledger.seal import seal_all
from app.node import Node
from app.routers.conditions import XLSX
from tests.console.conftest import World
from tests.console.test_pages import assert_one_table_header
from tests.ledger.recording import STANDINGS, refusal, write

MARCH = datetime(2024, 3, 5, tzinfo=UTC)
CLOSED = datetime(2024, 4, 9, tzinfo=UTC)


@pytest.fixture(scope="module", autouse=True)
def closed(world: World) -> None:
    """March of an earlier year with refusals, closed twice and moved since."""

    async def close(node: Node) -> None:
        for version in range(3):
            await write(node.database, events=[refusal(STANDINGS[2], at=MARCH)])
            await seal_all(node.database, now=MARCH)
            if version < 2:
                assert await close_due(node.closing, now=CLOSED + version * timedelta(days=1))
        await seal_all(node.database, now=CLOSED)

    world.running.run(close)


def test_the_statistics_page_says_which_months_are_closed(world: World) -> None:
    page = world.visitor("statistician").get("/statistics?from=2024-03&lang=vi").text
    assert 'href="/statistics/months/2024-03"' in page
    assert "Tháng 03/2024 đã chốt: bản 2" in page
    assert "đã có thêm sự kiện" in page


def test_a_month_is_shown_as_each_version_had_it(world: World) -> None:
    visitor = world.visitor("statistician")
    listed = visitor.get("/statistics/months?lang=en")
    assert 'href="/statistics/months/2024-03"' in listed.text
    newest = visitor.get("/statistics/months/2024-03?by=agency&lang=en")
    assert "Changes from version 1 to 2" in newest.text
    first = visitor.get("/statistics/months/2024-03?version=1&by=agency&lang=en")
    assert "Changes from" not in first.text
    for page in (listed, newest, first):
        assert page.status_code == 200
        assert_one_table_header(page.text)
    assert '<html lang="vi">' in visitor.get("/statistics/months?lang=vi").text, "as others expect this visitor"


def test_a_closed_month_is_downloaded_in_every_form(world: World) -> None:
    visitor = world.visitor("statistician")
    assert visitor.get("/statistics/months/2024-03.csv?version=1").text.startswith("\ufeffmonth,tier,")
    assert visitor.get("/statistics/months/2024-03.xlsx").headers["content-type"] == XLSX
    assert visitor.get("/statistics/months/2024-03.json").json()["version"] == 2
    assert visitor.get("/statistics/months/2024-03.pdf").status_code == 406


def test_only_statisticians_see_closed_months(world: World) -> None:
    for path in ("/statistics/months", "/statistics/months/2024-03", "/statistics/months/2024-03.csv"):
        assert world.visitor("reader").get(path).status_code == 403
    assert world.visitor("statistician").get("/statistics/months/2031-01").status_code == 404
