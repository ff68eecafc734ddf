"""Writes what was measured into docs/performance.md and beside it: `python -m bench.page`, from bench/latest.json.

Only what stands between the two marks is written; the words around it are written by hand and have no figures.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.picture import Bar, bars
from bench.ratios import LATEST

DOCS = Path(__file__).parent.parent / "docs"
PAGE, PICTURE = DOCS / "performance.md", DOCS / "performance.svg"
BEGINS, ENDS = "<!-- measured: written by python -m bench.page -->", "<!-- end of what was measured -->"


def write(kept: Mapping[str, Any]) -> None:
    """Bring page and picture up to what was measured."""
    PAGE.write_text(with_block(PAGE.read_text(encoding="utf-8"), block(kept)), encoding="utf-8")
    drawn = picture(kept)
    if drawn is not None:
        PICTURE.write_text(drawn, encoding="utf-8")


def with_block(page: str, measured: str) -> str:
    """Put the block between the marks.

    Raises:
        ValueError: the page lacks a mark.
    """
    before, begins, rest = page.partition(BEGINS)
    _, ends, after = rest.partition(ENDS)
    if not begins or not ends:
        raise ValueError("the page lacks a mark")
    return f"{before}{BEGINS}\n\n{measured}\n{ENDS}{after}"


def block(kept: Mapping[str, Any]) -> str:
    """Write everything measured, in Markdown."""
    return "\n".join(_lines(kept))


def picture(kept: Mapping[str, Any]) -> str | None:
    """Draw what share of the limit each service reaches; None where that was not measured."""
    rows = [each for table in kept["tables"] for each in table["numbers"] if "of_bare" in each]
    if not rows:
        return None
    drawn = [
        Bar(
            f"{each['service']}, {each['connections']} conn." if "," not in each["service"] else each["service"],
            each["of_bare"],
            each["of_bare_best"],
            f"{each['of_bare']:.2f} · {each['a_second']:,.0f}/s",
            aside="," in each["service"],
        )
        for each in rows
    ]
    told = "documents a second over those of bare verification; bar: median, mark: best round; 1 is the limit"
    return bars("Share of what the machine can verify and sync", told, drawn)


def _lines(kept: Mapping[str, Any]) -> Iterator[str]:
    it = kept["machine"]
    yield f"Measured {kept['at']}{', few and short rounds' if kept['quick'] else ''}."
    yield ""
    yield (
        f"The machine: {it['processors']} processors ({it['model']}), {it['memory_gib']} GiB, {it['kernel']}, "
        f"{it['disk']}; Python {it['python']}, SQLite {it['sqlite']}"
        + (f", {it['postgresql']}." if it.get("postgresql") else ".")
    )
    if kept["broken"]:
        yield ""
        yield f"Not measured in this run: {', '.join(kept['broken'])}."
    yield ""
    yield "### Gates"
    yield ""
    yield from _table(
        ("measure", "value", "gate", "stretch", "", "where the time goes"),
        [(each["measure"], *_amounts(each), _verdict(each), each["why"]) for each in kept["ratios"]],
    )
    for number, table in enumerate(kept["tables"]):
        yield ""
        yield f"### {table['title']}"
        yield ""
        if number == 0 and any("of_bare" in each for each in table["numbers"]):
            yield "![Share of what the machine can verify and sync](performance.svg)"
            yield ""
        yield from _table(table["columns"], table["rows"])
    yield ""


def _amounts(each: Mapping[str, Any]) -> tuple[str, str, str]:
    bound, unit = "≥" if each["at_least"] else "≤", f" {each['unit']}" if each["unit"] else ""
    return f"{each['value']:.2f}{unit}", f"{bound} {each['gate']:g}{unit}", f"{bound} {each['stretch']:g}{unit}"


def _verdict(each: Mapping[str, Any]) -> str:
    return each["verdict"] if each["holds"] else f"**{each['verdict'].lower()}**"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"|{' --- |' * len(columns)}"
    for row in rows:
        yield f"| {' | '.join(each.replace('|', chr(92) + '|') for each in row)} |"


if __name__ == "__main__":
    write(json.loads(LATEST.read_text(encoding="utf-8")))
