"""A year of exchange, played on both databases: what the node publishes is what was counted outside it."""

import asyncio
from collections import Counter
from datetime import date, timedelta
from importlib import resources
from pathlib import Path

import pytest

from app.cli.played_node import played_node
from app.edxml.document_types import OTHER, TYPES, classify
from app.edxml.model import DocumentKind
from app.edxml.organ_id import OrganId
from app.ledger.check import CheckReport
from app.registry import reference
from app.regulations.file import load
from app.simulation.screen import Screen
from app.simulation.year import START, YearWishes, calendar, play_year
from app.simulation.year.books import Books, Line, Standing
from app.simulation.year.comparison import Compared, Sums, summed
from app.simulation.year.country import AGENCIES, HEIRS
from app.simulation.year.names import ADMINISTRATIVE, AS_PEOPLE_WRITE, CODES
from app.simulation.year.refusals import EXPECTED, Wrong, attempts
from app.simulation.year.script import SHORT, WHOLE, Planned, write
from tests.support.pki import NOW

YEARS = {"sqlite": YearWishes(documents=12, seed=719), "postgresql": YearWishes(documents=14, seed=1449)}
"""As short as can be, each from a seed that has something of nearly everything."""


async def _played(folder: Path, url: str, wishes: YearWishes) -> tuple[Compared, CheckReport]:
    plan = resources.files(reference).joinpath("reorganisation-2025-07-01.yaml").read_bytes()
    async with played_node(folder / "data", url, at=START) as node:
        administrator = await node.administrator()
        compared = await play_year(wishes, node.url, administrator, node, Screen(), reorganisation=plan)
        return compared, await node.checked()


@pytest.mark.timeout(300)
def test_every_figure_of_a_year_is_what_was_counted_outside_the_node(
    tmp_path: Path, database_url: str, engine_name: str
) -> None:
    wishes = YEARS[engine_name]
    compared, report = asyncio.run(_played(tmp_path, database_url, wishes))
    assert compared.differences == []
    assert compared.figures > 10_000
    assert compared.widest <= 0.01
    assert report.divergences == []
    assert report.consistent
    assert report.documents == wishes.documents


def test_the_wall_calendar_of_2025_is_that_of_the_rules() -> None:
    rules = load()
    for offset in range(365):
        day = date(2025, 1, 1) + timedelta(days=offset)
        assert calendar.worked(day) == rules.calendar.is_working_day(day), day


def test_a_script_follows_from_its_seed() -> None:
    assert write(60, seed=1) == write(60, seed=1) != write(60, seed=2)
    assert len(write(60, seed=1)) == 60


def test_a_whole_year_has_some_of_everything() -> None:
    script = write(3_000, seed=2025)
    assert Counter(each.kind for each in script).keys() == set(DocumentKind)
    assert {each.type_name for each in script} == CODES.keys()
    assert {each.sender for each in script} == {agency.code for agency in AGENCIES}
    assert {each.priority for each in script} == {0, 1, 2, 3, 4}
    assert {each.paper for each in script} == {True, False}
    courses = [course for each in script for course in each.courses.values()]
    assert {code for course in courses for _, code in course.reports} == {"01", "02", "03", "04", "05", "06"}
    assert {course.answer[1] for course in courses if course.answer} == {"15", "16"}
    assert any(course.fetched is None for course in courses)
    assert any(each.asked_back for each in script)
    assert any(each.dropped for each in script)
    assert any(each.added for each in script)
    assert any(each.answers for each in script)
    assert {calendar.sent_in_time(each.signed_on, each.sent_at) for each in script} == {True, False}
    assert any(set(each.to) & HEIRS.keys() and each.sent_at >= calendar.at(calendar.NEW_ORDER, 0) for each in script)
    assert {calendar.month_of(each.sent_at) for each in script} == {f"2025-{month:02}" for month in range(1, 13)}


def test_the_short_years_lack_nothing_together_and_one_kind_of_document_each() -> None:
    scripts = [write(wishes.documents, seed=wishes.seed) for wishes in YEARS.values()]
    kinds = [{each.kind for each in script} for script in scripts]
    assert {len(of_one) for of_one in kinds} == {len(DocumentKind) - 1}
    assert kinds[0] | kinds[1] == set(DocumentKind)
    for script in scripts:
        courses = [course for each in script for course in each.courses.values()]
        assert {code for course in courses for _, code in course.reports} == {"01", "02", "03", "04", "05", "06"}
        assert {course.answer[1] for course in courses if course.answer} == {"15", "16"}
        assert any(course.fetched is None for course in courses)
        for some in ("asked_back", "dropped", "added", "answers", "paper", "priority"):
            assert any(getattr(each, some) for each in script), some
        assert {calendar.sent_in_time(each.signed_on, each.sent_at) for each in script} == {True, False}
        to_ended = [
            each.sent_at >= calendar.at(calendar.NEW_ORDER, 0) for each in script if set(each.to) & HEIRS.keys()
        ]
        assert set(to_ended) == {True, False}


@pytest.mark.parametrize(("count", "seed"), [(wishes.documents, wishes.seed) for wishes in YEARS.values()] + [(600, 3)])
def test_nothing_in_a_script_happens_before_what_it_follows(count: int, seed: int) -> None:
    script = write(count, seed=seed)
    by_number = {each.number: each for each in script}
    assert len(by_number) == count
    for each in script:
        assert each.sent_at.astimezone(calendar.ZONE).date() >= each.signed_on
        assert not {HEIRS.get(code, code) for code in each.to} & {HEIRS.get(each.sender, each.sender)}
        for earlier in (each.about, each.answers):
            assert earlier is None or by_number[earlier].sent_at < each.sent_at
        _check_courses(each)


def _check_courses(planned: Planned) -> None:
    for course in planned.courses.values():
        moments = [moment for moment, _ in course.reports]
        assert moments == sorted(set(moments))
        assert course.fetched is None or course.fetched > planned.sent_at
        assert not moments or (course.fetched is not None and moments[0] > course.fetched)


def test_a_session_is_shorter_than_a_token_lives() -> None:
    for table in (WHOLE, SHORT):
        minutes = [*table.sending, *table.asking, *table.fetching, *table.reporting, *table.answering]
        assert minutes == sorted(minutes)
        assert len(minutes) == len(set(minutes))
        assert max(minutes) < 60


def test_types_are_called_what_the_node_calls_them() -> None:
    assert {name: classify(name) for name in CODES} == CODES
    assert len(ADMINISTRATIVE) == 29
    assert OTHER in AS_PEOPLE_WRITE.values()
    assert set(CODES.values()) <= {each.code for each in TYPES} | {OTHER}


def test_codes_are_well_formed_and_somebody_follows_whoever_ends() -> None:
    codes = {agency.code for agency in AGENCIES}
    assert len(codes) == len(AGENCIES)
    for agency in AGENCIES:
        assert OrganId.parse(agency.code).text == agency.code
        assert OrganId.parse(agency.old_code).text == agency.old_code
    assert HEIRS.keys() <= codes
    assert set(HEIRS.values()) <= codes - HEIRS.keys()
    assert {agency.code for agency in AGENCIES if agency.tier == "district"} <= HEIRS.keys()


def test_what_must_be_refused_is_of_every_kind() -> None:
    tried = attempts([NOW], len(Wrong), seed=1, first_number=1)
    assert {each.wrong for each in tried} == set(Wrong) == EXPECTED.keys()
    assert [each.counted_for for each in tried if each.wrong is Wrong.BROKEN] == [""]


def test_a_figure_that_differs_is_told() -> None:
    compared = Compared()
    compared.compare("2025-01 H44 sent", 3, 3)
    compared.compare("2025-01 H44 late", 0, 1)
    compared.compare_span("2025-01 H44 median to_fetch", 1_000, 1_009)
    compared.compare_span("2025-01 H44 p95 to_fetch", 1_000, 1_011)
    compared.compare_span("2025-01 H44 median to_arrival", None, None)
    compared.compare_span("2025-01 H44 p95 to_arrival", 5, None)
    assert compared.figures == 6
    assert compared.differences == [
        "2025-01 H44 late: counted 0, the node says 1",
        "2025-01 H44 p95 to_fetch: reckoned 1000 s, the node says 1011 s",
        "2025-01 H44 p95 to_arrival: reckoned 5 s, the node says None",
    ]


def test_percentiles_are_exact_and_months_are_those_of_vietnam() -> None:
    sums = Sums()
    standing = Standing("province", "state")
    for seconds in (9, 1, 5, 3, 7):
        sums.add(Line(NOW, "H44", standing, "cong-van", "central", "to_fetch", seconds))
    assert (sums.percentile("to_fetch", 50), sums.percentile("to_fetch", 95)) == (5, 9)
    assert sums.percentile("to_arrival", 50) is None
    late_on_31_december = calendar.at(date(2024, 12, 31), 23, 59)
    lines = [Line(late_on_31_december + timedelta(minutes=more), "H44", standing, "", "", "sent") for more in (0, 1)]
    assert list(summed(lines, "month")) == [("2024-12",), ("2025-01",)]


def test_books_start_empty() -> None:
    books = Books({})
    assert books.next_due is None
    assert books.lying("H44", date(2025, 1, 2)) == Counter()
