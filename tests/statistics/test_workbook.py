"""The workbook, read with another library: figures are numbers, words are words, nothing is computed."""

import csv
import io
import zipfile
from dataclasses import replace
from typing import Any

import openpyxl
import pytest
from openpyxl.utils import get_column_letter

from app.statistics.definitions import COUNTS, SHARES
from app.statistics.measures import MEASURE_NAMES
from app.statistics.periods import Month
from app.statistics.reports import Asked, Direction, GroupBy, Report, Row
from app.statistics.tables import as_csv
from app.statistics.workbook import workbook

ASKED = Asked(first=Month(2026, 10), last=Month(2026, 11), by=GroupBy.AGENCY, equal={})


HEADINGS = ("month", "agency", "name", *ASKED.figures)


def _report(*agencies: str) -> Report:
    counts = {name: number for number, name in enumerate(MEASURE_NAMES, 1)}
    return Report(
        42, [Row({"month": "2026-11", "agency": agency}, counts, {"to_fetch": {7: 3}}) for agency in agencies]
    )


def _book(report: Report, asked: Asked = ASKED, **names: str) -> bytes:
    return workbook(asked, report, names)


def _read(octets: bytes, **how: Any) -> Any:
    return openpyxl.load_workbook(io.BytesIO(octets), **how)


def test_the_figures_are_what_the_report_says() -> None:
    book = _read(_book(_report("000.00.00.G22", "H41"), H41="UBND tỉnh Nghệ An"))
    figures, definitions = book.worksheets
    rows = list(figures.iter_rows(values_only=True))
    assert rows[0] == HEADINGS
    assert rows[1][:2] == ("2026-11", "000.00.00.G22")
    assert rows[1][3 : 3 + len(MEASURE_NAMES)] == tuple(range(1, len(MEASURE_NAMES) + 1))
    told = dict(zip(HEADINGS, rows[2], strict=True))
    assert (told["agency"], told["name"]) == ("H41", "UBND tỉnh Nghệ An")
    assert told["signed_share"] == round(told["signed"] / told["sent"], 4)
    assert told["median_seconds_to_fetch"] == 7
    assert told["median_seconds_to_completion"] is None
    assert len(rows) == 3
    assert figures.freeze_panes == "C2"
    assert figures.auto_filter.ref == f"A1:{get_column_letter(len(HEADINGS))}3"
    told = list(definitions.iter_rows(values_only=True))
    assert told[0][:4] == ("Từ tháng", "2026-10", "Đến tháng", "2026-11")
    assert told[1][1] == 42


def test_every_column_of_figures_is_defined_on_the_second_sheet_with_formula_and_source() -> None:
    for asked in (ASKED, replace(ASKED, direction=Direction.SENT), replace(ASKED, by=GroupBy.TIER_PAIR)):
        definitions = _read(_book(Report(1, []), asked)).worksheets[1]
        told = {row[0]: row[1:6] for row in definitions.iter_rows(min_row=5, values_only=True)}
        assert tuple(told) == asked.figures
        assert all(all(words) for words in told.values())
        assert {name: told[name][0] for name in asked.measures} == {name: COUNTS[name].vi for name in asked.measures}
        assert {name: told[name][2] for name in told if name in SHARES} == {
            name: SHARES[name].formula for name in told if name in SHARES
        }


HOSTILE = [
    '=HYPERLINK("http://example.vn","x")',
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "{=1+1}",
    "http://example.vn",
    "mailto:a@example.vn",
    "internal:Sheet!A1",
    "0123456789",
    "1E5",
    "<b>&amp;",
    "tiếng Việt",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_stays_text(text: str) -> None:
    octets = _book(_report(text))
    cell = _read(octets).worksheets[0]["B2"]
    assert (cell.value, cell.data_type, cell.hyperlink) == (text, "s", None)
    with zipfile.ZipFile(io.BytesIO(octets)) as archive:
        for name in archive.namelist():
            assert b"<f>" not in archive.read(name)
            assert "hyperlink" not in name.lower()


@pytest.mark.parametrize("text", HOSTILE)
def test_names_that_people_wrote_stay_text_in_either_file(text: str) -> None:
    assert _read(_book(_report("H41"), H41=text)).worksheets[0]["C2"].data_type == "s"
    [_, line] = csv.reader(io.StringIO(as_csv(ASKED, _report("H41"), {"H41": text})))
    assert line[2] == (f"'{text}" if text[0] in "=+-@" else text)


@pytest.mark.parametrize("text", ["a\x00b", "a\x0bb", "\x1f"])
def test_control_characters_do_not_spoil_the_file(text: str) -> None:
    assert _read(_book(_report(text))).worksheets[0]["B2"].data_type == "s"


def test_large_numbers_are_exact() -> None:
    row = Row({"month": "2026-11"}, dict.fromkeys(MEASURE_NAMES, 123_456_789_012_345), {})
    asked = Asked(first=Month(2026, 11), last=Month(2026, 11), by=GroupBy.MONTH, equal={})
    assert _read(_book(Report(1, [row]), asked)).worksheets[0]["B2"].value == 123_456_789_012_345


def test_an_empty_report_is_a_workbook_with_a_heading() -> None:
    assert list(_read(_book(_report())).worksheets[0].iter_rows(values_only=True)) == [HEADINGS]


def test_a_row_without_a_name_keeps_its_figures() -> None:
    values = next(_read(_book(_report(""))).worksheets[0].iter_rows(min_row=2, values_only=True))
    assert values[:4] == ("2026-11", None, None, 1)
