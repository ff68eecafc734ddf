"""A report as a workbook: one sheet of figures, one that says what they mean and what they cover."""

import io
from collections.abc import Mapping

import xlsxwriter

from app.statistics.definitions import COUNTS, PRESENT, SHARES, SPANS, Definition
from app.statistics.rates import PERCENTILES
from app.statistics.reports import Asked, MonthStanding, Report
from app.statistics.tables import columns, lines

_FIGURES = "Số liệu"
_DEFINITIONS = "Định nghĩa"
_HEADINGS = ("Chỉ tiêu", "Ý nghĩa", "Meaning", "Cách tính", "Nguồn", "Tính vào")


def workbook(asked: Asked, report: Report, names: Mapping[str, str]) -> bytes:
    """Write a report as XLSX; text stays text, so that nothing a sender wrote is computed by a spreadsheet.

    Args:
        names: by code, of what the report is broken down by.
    """
    file = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    headings = columns(asked)
    with xlsxwriter.Workbook(file, options) as book:
        heading = book.add_format({"bold": True})
        percent = book.add_format({"num_format": "0.0%"})
        sheet = book.add_worksheet(_FIGURES)
        sheet.write_row(0, 0, headings, heading)
        for number, line in enumerate(lines(asked, report, names), start=1):
            sheet.write_row(number, 0, line)
        for place, name in enumerate(headings):
            if name in SHARES:
                sheet.set_column(place, place, None, percent)
        sheet.freeze_panes(1, len(asked.key))
        sheet.autofilter(0, 0, len(report.rows), len(headings) - 1)
        notes = book.add_worksheet(_DEFINITIONS)
        notes.write_row(0, 0, ["Từ tháng", str(asked.first), "Đến tháng", str(asked.last)])
        notes.write_row(1, 0, ["Số sự kiện đã ghi", report.ledger_size])
        notes.write_row(2, 0, ["Tháng đã chốt", *(_closed(month) for month in report.months if month.version)])
        notes.write_row(3, 0, _HEADINGS, heading)
        for number, (name, definition) in enumerate(_defined(asked).items(), start=4):
            told = (definition.vi, definition.en, definition.formula, definition.source, definition.dated)
            notes.write_row(number, 0, (name, *told))
    return file.getvalue()


def _closed(month: MonthStanding) -> str:
    moved = ", đã có số liệu mới hơn" if month.moved else ""
    return f"{month.month}: bản {month.version}, {month.closed_at} sự kiện{moved}"


def _defined(asked: Asked) -> dict[str, Definition]:
    """Return the definition of every figure of the sheet, by the heading of its column."""
    times = {f"{beginning}{span}": told for span, told in SPANS.items() for beginning in PERCENTILES}
    every = {**COUNTS, **SHARES, **times, **PRESENT}
    return {name: every[name] for name in asked.figures}
