"""What the year shows: the monthly figures, the published kind of figures, and how they compare with the books."""

from typing import Any, Final

from rich.table import Table

from app.client import NodeClient
from app.simulation.screen import BRANCH_NAMES, Screen
from app.simulation.year import calendar
from app.simulation.year.books import Books
from app.simulation.year.comparison import COUNTS, Compared, whole_year

_SHOWN: Final = 12


async def show(screen: Screen, statistician: NodeClient, books: Books, compared: Compared) -> None:
    """Print it."""
    months = {"from": f"{calendar.YEAR}-01", "to": f"{calendar.YEAR}-12"}
    rows = [row async for row in statistician.pages("/v1/statistics/exchange", by="month", **months)]
    screen.console.print(_monthly(rows))
    screen.console.print(_published(rows, await whole_year(statistician)))
    statuses = ", ".join(f"{code}: {count}" for code, count in sorted(books.statuses.items()))
    screen.say(f"statuses reported: {statuses}")
    screen.say("refused as it must be: " + ", ".join(f"{count} {why}" for why, count in sorted(books.answers.items())))
    screen.say(
        f"{compared.figures} figures compared with the count made outside the node; spans of time are at most "
        f"{100 * compared.widest:.2f} % off the exact ones"
    )
    for difference in compared.differences[:_SHOWN]:
        screen.say(f"DIFFERS: {difference}")
    if len(compared.differences) > _SHOWN:
        screen.say(f"… and {len(compared.differences) - _SHOWN} more")
    if not compared.differences:
        screen.say("figures: the node publishes exactly what was counted outside it")


def _monthly(rows: list[dict[str, Any]]) -> Table:
    table = Table(title=f"{calendar.YEAR} by month", title_justify="left")
    table.add_column("figure")
    for row in rows:
        table.add_column(row["month"][5:], justify="right")
    table.add_column("year", justify="right")
    for name in COUNTS:
        counts = [row.get(name, 0) for row in rows]
        table.add_row(name, *(str(count) for count in counts), str(sum(counts)))
    for name in ("median_seconds_to_fetch", "median_seconds_to_acceptance", "p95_seconds_to_acceptance"):
        table.add_row(name.replace("_seconds", ""), *(_span(row.get(name)) for row in rows), "")
    return table


def _published(rows: list[dict[str, Any]], whole: dict[str, Any]) -> Table:
    sums = {name: sum(row.get(name) or 0 for row in rows) for name in COUNTS}
    total = whole["total"]
    table = Table(title=f"{calendar.YEAR} as reports publish it", title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    table.add_row("documents sent, received", f"{sums['sent']:,}, {sums['received']:,}")
    table.add_row("agencies at the end of the year that exchanged", f"{total['active']} of {total['registered']}")
    table.add_row("agencies that ended in the year and had exchanged", f"{total['ended']}")
    for row in whole["items"]:
        table.add_row(f"  {BRANCH_NAMES[row['branch']]}", f"{row['active']} of {row['registered']}")
    for label, part, of in (
        ("signed", "signed", ("sent",)),
        ("wholly electronic", "electronic_only", ("sent",)),
        ("sent on time", "on_time", ("on_time", "late")),
        ("answered on time", "completed_on_time", ("completed_on_time", "completed_late")),
    ):
        among = sum(sums[name] for name in of)
        table.add_row(label, f"{100 * sums[part] / among:.1f} %" if among else "–")
    table.add_row("certificates of organisations, of persons", _certificates(total))
    return table


def _certificates(total: dict[str, Any]) -> str:
    return f"{total['organisation_certificates']}, {total['person_certificates']}"


def _span(seconds: int | None) -> str:
    if seconds is None:
        return "–"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} d"
