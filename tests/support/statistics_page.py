"""Writes the tables of docs/statistics.md from the code: `python -m tests.support.statistics_page`."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from app.statistics.definitions import COUNTS, PARTICIPATION, PRESENT, SHARES, SPANS, Definition

BEGINNING = "<!-- figures: written by tests.support.statistics_page -->"
END = "<!-- end of figures -->"

_SECTIONS = (
    ("Counts of a month", COUNTS),
    ("Shares (null where the divisor is 0)", SHARES),
    ("Times, as `median_seconds_…` and `p95_seconds_…` (null where none ended or it is not kept so finely)", SPANS),
    ("At this moment", PRESENT),
    ("Participation", PARTICIPATION),
)


def tables() -> str:
    """Return the tables of every figure, as Markdown."""
    return "\n".join(line for title, figures in _SECTIONS for line in _section(title, figures))


def renewed(page: str) -> str:
    """Return a page with the tables between its two marks written anew.

    Raises:
        ValueError: the page lacks a mark.
    """
    before, _, rest = page.partition(f"{BEGINNING}\n")
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"the page has no {BEGINNING} … {END}")
    return f"{before}{BEGINNING}\n{tables()}\n{end}{after}"


def _section(title: str, figures: Mapping[str, Definition]) -> Iterator[str]:
    yield from ("", f"### {title}", "", "| figure | meaning | ý nghĩa | formula | source | counts in |")
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, told in figures.items():
        cells = (f"`{name}`", told.en, told.vi, told.formula, told.source, told.dated)
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    path = Path(__file__).parents[2] / "docs" / "statistics.md"
    path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")
