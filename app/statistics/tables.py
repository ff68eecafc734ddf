"""A report as a table: the same columns in CSV, in the workbook and on the command line."""

import csv
import io
from collections.abc import Iterator, Mapping

from app.statistics.reports import Asked, GroupBy, Report

NAMED = frozenset({GroupBy.AGENCY, GroupBy.PROVINCE, GroupBy.DOCUMENT_TYPE})
"""What has a name beside its code."""

Cell = str | int | float | None


def columns(asked: Asked) -> tuple[str, ...]:
    """Return the headings: what tells rows apart, its name of today where it has one, and every figure."""
    return (*asked.key, *(("name",) if asked.by in NAMED else ()), *asked.figures)


def lines(asked: Asked, report: Report, names: Mapping[str, str]) -> Iterator[tuple[Cell, ...]]:
    """Yield the rows in the order of the columns.

    Args:
        names: by code, of what the report is broken down by.
    """
    for row in report.rows:
        keys = [row.key[name] for name in asked.key]
        named = [names.get(keys[-1], "")] if asked.by in NAMED else []
        yield (*keys, *named, *row.figures(asked).values())


def as_csv(asked: Asked, report: Report, names: Mapping[str, str]) -> str:
    """Write a report as CSV, with the length of the ledger it covers in the last column."""
    sheet = io.StringIO()
    writer = csv.writer(sheet)
    writer.writerow([*columns(asked), "ledger_size"])
    for line in lines(asked, report, names):
        cells = ["" if cell is None else _unformulated(cell) for cell in line]
        writer.writerow([*cells, report.ledger_size])
    return sheet.getvalue()


def _unformulated(cell: str | float) -> str | float:
    # A spreadsheet would compute a cell that begins like this, and names are written by people.
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
