"""A report as a workbook: one sheet of figures, one that says what they mean and what they cover."""

import io

import xlsxwriter

from app.statistics.definitions import COUNTS as DEFINITIONS
from app.statistics.measures import MEASURE_NAMES
from app.statistics.reports import Asked, Report

_FIGURES = "Số liệu"
_DEFINITIONS = "Định nghĩa"


def workbook(asked: Asked, report: Report) -> bytes:
    """Write a report as XLSX; text stays text, so that nothing a sender wrote is computed by a spreadsheet."""
    file = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(file, options) as book:
        heading = book.add_format({"bold": True})
        sheet = book.add_worksheet(_FIGURES)
        sheet.write_row(0, 0, [*asked.key, *MEASURE_NAMES], heading)
        for number, row in enumerate(report.rows, start=1):
            sheet.write_row(number, 0, [row.key[name] for name in asked.key])
            sheet.write_row(number, len(asked.key), [row.counts[name] for name in MEASURE_NAMES])
        sheet.freeze_panes(1, len(asked.key))
        sheet.autofilter(0, 0, len(report.rows), len(asked.key) + len(MEASURE_NAMES) - 1)
        notes = book.add_worksheet(_DEFINITIONS)
        notes.write_row(0, 0, ["Từ tháng", str(asked.first), "Đến tháng", str(asked.last)])
        notes.write_row(1, 0, ["Số sự kiện đã ghi", report.ledger_size])
        notes.write_row(3, 0, ["Chỉ tiêu", "Ý nghĩa", "Meaning"], heading)
        for number, name in enumerate(MEASURE_NAMES, start=4):
            notes.write_row(number, 0, [name, DEFINITIONS[name].vi, DEFINITIONS[name].en])
    return file.getvalue()
