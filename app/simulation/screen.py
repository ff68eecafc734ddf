"""What the demonstration shows: steps, bars, tables. Lines without bars where the output is no terminal."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from app.simulation.tally import MEASURES

TIER_NAMES: Final = {"central": "trung ương", "province": "tỉnh", "district": "huyện", "commune": "xã"}
BRANCH_NAMES: Final = {
    "party": "Đảng",
    "state": "Nhà nước",
    "assembly": "Quốc hội, HĐND",
    "court": "Tòa án",
    "procuracy": "Viện kiểm sát",
    "front": "Mặt trận Tổ quốc",
    "mass_organisation": "Đoàn thể",
    "other": "khác",
}
_QUARTERS: Final = 4
_PLAIN_WIDTH: Final = 140


class Screen:
    """Where the demonstration tells how it goes."""

    def __init__(self) -> None:
        plain = Console()
        # A log file has no width; rich would fold every table at 80 columns.
        self.console = plain if plain.is_terminal else Console(width=_PLAIN_WIDTH)
        self._started = monotonic()

    def step(self, text: str) -> None:
        """Say what is done now."""
        self.console.print(f"[dim]{monotonic() - self._started:5.1f} s[/dim]  {text}", highlight=False)

    def say(self, text: str = "") -> None:
        """Say something, as it is written."""
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def bars(self, totals: Mapping[str, int]) -> Iterator["Bars"]:
        """Show how far several things have come."""
        if not self.console.is_terminal:
            yield Bars(totals, None, self)
            return
        columns = (TextColumn("{task.description:12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self.console) as progress:
            yield Bars(totals, progress, self)

    def figures(self, title: str, by: str, rows: Iterable[Mapping[str, Any]], names: Mapping[str, str]) -> None:
        """Show figures by tier or branch, with their sum."""
        table = Table(title=title, title_justify="left")
        table.add_column(by)
        for measure in MEASURES:
            table.add_column(measure, justify="right")
        kept = sorted(rows, key=lambda row: list(names).index(row[by]) if row[by] in names else len(names))
        for row in kept:
            table.add_row(names.get(row[by], "(không rõ)"), *(f"{row[measure]}" for measure in MEASURES))
        table.add_section()
        table.add_row("tổng", *(f"{sum(row[measure] for row in kept)}" for measure in MEASURES), style="bold")
        self.console.print(table)

    def participation(self, title: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Show which share of the agencies of each branch exchanged."""
        sums: dict[str, list[int]] = {}
        for row in rows:
            entry = sums.setdefault(row["branch"], [0, 0])
            entry[0] += row["registered"]
            entry[1] += row["active"]
        table = Table(title=title, title_justify="left")
        for heading in ("branch", "registered", "exchanged", "share"):
            table.add_column(heading, justify="left" if heading == "branch" else "right")
        for branch, (registered, active) in sorted(sums.items(), key=lambda each: list(BRANCH_NAMES).index(each[0])):
            share = f"{100 * active / registered:.0f} %" if registered else "–"
            table.add_row(BRANCH_NAMES[branch], str(registered), str(active), share)
        self.console.print(table)

    def refusals(self, rows: Sequence[tuple[str, str, bool]]) -> None:
        """Show what was tried, what was answered, and whether that is right."""
        table = Table(title="Refused", title_justify="left")
        for heading in ("what was tried", "answer", "right"):
            table.add_column(heading, overflow="fold")
        for tried, answered, right in rows:
            table.add_row(tried, answered, "yes" if right else "[bold red]NO[/bold red]")
        self.console.print(table)

    def outage(self, rows: Sequence[tuple[str, str]]) -> None:
        """Show how the node did while the authorities were away."""
        table = Table(title="Authorities away", title_justify="left", show_header=False)
        for looked_at, seen in rows:
            table.add_row(looked_at, seen)
        self.console.print(table)


class Bars:
    """Bars on a terminal; elsewhere a line at each quarter of the first thing."""

    def __init__(self, totals: Mapping[str, int], progress: Progress | None, screen: Screen) -> None:
        self._progress = progress
        self._screen = screen
        self._lead = next(iter(totals))
        self._told = 0
        self._counts = dict.fromkeys(totals, 0)
        self._totals = dict(totals)
        self._tasks = {name: progress.add_task(name, total=total) for name, total in totals.items()} if progress else {}

    def move(self, **counts: int) -> None:
        """Say how far things have come; totals that are passed grow."""
        for name, count in counts.items():
            self._counts[name] = count
            self._totals[name] = max(self._totals[name], count)
            if self._progress is not None:
                self._progress.update(self._tasks[name], completed=count, total=self._totals[name])
        if self._progress is not None:
            return
        quarter = _QUARTERS * self._counts[self._lead] // max(self._totals[self._lead], 1)
        if quarter > self._told:
            self._told = quarter
            self._screen.step(", ".join(f"{count} {name}" for name, count in self._counts.items()))
