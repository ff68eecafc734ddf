"""The workbook, read with another library: figures are numbers, words are words, nothing is computed."""

import io
import zipfile
from typing import Any

import openpyxl
import pytest
from openpyxl.utils import get_column_letter

from app.statistics.definitions import COUNTS as DEFINITIONS
from app.statistics.measures import MEASURE_NAMES
from app.statistics.periods import Month
from app.statistics.reports import Asked, GroupBy, Report, Row
from app.statistics.workbook import workbook

ASKED = Asked(first=Month(2026, 10), last=Month(2026, 11), by=GroupBy.AGENCY, equal={})


def _report(*agencies: str) -> Report:
    counts = {name: number for number, name in enumerate(MEASURE_NAMES, 1)}
    return Report(42, [Row({"month": "2026-11", "agency": agency}, counts) for agency in agencies])


def _read(octets: bytes, **how: Any) -> Any:
    return openpyxl.load_workbook(io.BytesIO(octets), **how)


def test_the_figures_are_what_the_report_says() -> None:
    book = _read(workbook(ASKED, _report("000.00.00.G22", "H41.21.05")))
    figures, definitions = book.worksheets
    rows = list(figures.iter_rows(values_only=True))
    assert rows[0] == ("month", "agency", *MEASURE_NAMES)
    assert rows[1] == ("2026-11", "000.00.00.G22", *range(1, len(MEASURE_NAMES) + 1))
    assert rows[2][1] == "H41.21.05"
    assert len(rows) == 3
    assert figures.freeze_panes == "C2"
    assert figures.auto_filter.ref == f"A1:{get_column_letter(2 + len(MEASURE_NAMES))}3"
    told = list(definitions.iter_rows(values_only=True))
    assert told[0][:4] == ("Từ tháng", "2026-10", "Đến tháng", "2026-11")
    assert told[1][1] == 42
    assert {row[0]: row[1] for row in told[4:]} == {name: DEFINITIONS[name].vi for name in MEASURE_NAMES}


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
    octets = workbook(ASKED, _report(text))
    cell = _read(octets).worksheets[0]["B2"]
    assert (cell.value, cell.data_type, cell.hyperlink) == (text, "s", None)
    with zipfile.ZipFile(io.BytesIO(octets)) as archive:
        for name in archive.namelist():
            assert b"<f>" not in archive.read(name)
            assert "hyperlink" not in name.lower()


@pytest.mark.parametrize("text", ["a\x00b", "a\x0bb", "\x1f"])
def test_control_characters_do_not_spoil_the_file(text: str) -> None:
    assert _read(workbook(ASKED, _report(text))).worksheets[0]["B2"].data_type == "s"


def test_large_numbers_are_exact() -> None:
    row = Row({"month": "2026-11"}, dict.fromkeys(MEASURE_NAMES, 123_456_789_012_345))
    asked = Asked(first=Month(2026, 11), last=Month(2026, 11), by=GroupBy.MONTH, equal={})
    assert _read(workbook(asked, Report(1, [row]))).worksheets[0]["B2"].value == 123_456_789_012_345


def test_an_empty_report_is_a_workbook_with_a_heading() -> None:
    assert list(_read(workbook(ASKED, _report())).worksheets[0].iter_rows(values_only=True)) == [
        ("month", "agency", *MEASURE_NAMES)
    ]


def test_a_row_without_a_name_keeps_its_figures() -> None:
    values = next(_read(workbook(ASKED, _report(""))).worksheets[0].iter_rows(min_row=2, values_only=True))
    assert values[:3] == ("2026-11", None, 1)
