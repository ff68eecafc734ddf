"""Every published figure is defined, and every place that shows definitions shows all of them."""

from pathlib import Path

import pytest

from app.statistics.definitions import COUNTS, DEFINITIONS, PARTICIPATION, SHARES, SPANS, Group, Side
from app.statistics.participation import Participation
from app.statistics.periods import Month
from app.statistics.rates import share_of, shares
from app.statistics.reports import Asked, Direction, GroupBy
from tests.support.statistics_page import renewed, tables

PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"
EVERY = {**DEFINITIONS, **PARTICIPATION}


def test_the_documentation_has_the_definitions_of_the_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert renewed(page) == page, "run `python -m tests.support.statistics_page`"
    for name in EVERY:
        assert f"| `{name}` |" in page


def test_a_page_without_its_marks_is_not_overwritten() -> None:
    with pytest.raises(ValueError, match="figures"):
        renewed("# Something else\n")
    assert tables().count("### ") == 5


@pytest.mark.parametrize("name", EVERY)
def test_each_definition_says_what_how_by_what_source_and_when(name: str) -> None:
    told = EVERY[name]
    assert told.vi != told.en
    for said in (told.vi, told.en):
        assert len(said) > 10
        assert not said.endswith(".")
    for said in (told.formula, told.source, told.dated):
        assert said.strip()


def test_names_are_used_once_whatever_sort_of_figure_it_is() -> None:
    own = set(PARTICIPATION) - {"electronic_only_share"}
    assert not own & set(DEFINITIONS)
    assert {told.group for told in EVERY.values()} == set(Group)


def test_whatever_a_report_shows_is_defined() -> None:
    month = Month(2026, 11)
    for by in GroupBy:
        for direction in (None, *Direction):
            for name in Asked(month, month, by, {}, direction).figures:
                assert name.split("_seconds_")[-1] in EVERY


def test_either_side_is_a_part_of_the_whole_and_none_is_in_both() -> None:
    month = Month(2026, 11)
    whole, sent, received = (
        set(Asked(month, month, GroupBy.AGENCY, {}, direction).figures) for direction in (None, *Direction)
    )
    assert sent | received < whole
    assert not sent & received
    assert {COUNTS[name].side for name in whole - sent - received if name in COUNTS} == {Side.EITHER}


def test_every_share_is_made_of_counts_and_never_more_than_one_by_its_making() -> None:
    counts = dict.fromkeys(COUNTS, 0)
    assert shares(counts) == dict.fromkeys(SHARES)
    parts = counts | {"sent": 3, "signed": 1, "on_time": 1, "late": 3, "returned": 0, "received": 2}
    told = shares(parts)
    assert (told["signed_share"], told["on_time_share"], told["returned_share"]) == (0.3333, 0.25, 0.0)
    assert told["completed_on_time_share"] is None
    assert "signed_share" not in shares({"received": 1, "returned": 1})
    assert share_of(0, 0) is None


def test_participation_has_every_figure_that_is_defined() -> None:
    told = Participation()
    told.take_part(sent=2, received=0, electronic_only=1)
    told.take_part(sent=0, received=0, electronic_only=0)
    shown = {name: getattr(told, name) for name in PARTICIPATION}
    assert shown["registered"] == 2
    assert (shown["active"], shown["sending"], shown["receiving"], shown["share"]) == (1, 1, 0, 0.5)
    assert shown["electronic_only_share"] == 0.5


def test_times_are_told_of_every_span() -> None:
    month = Month(2026, 11)
    figures = Asked(month, month, GroupBy.AGENCY, {}).figures
    assert {name for name in figures if "_seconds_" in name} == {
        f"{beginning}_seconds_{span}" for span in SPANS for beginning in ("median", "p95")
    }
