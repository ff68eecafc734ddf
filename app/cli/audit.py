"""`truc log …`, `truc statistics …`: the delivery log and the figures, from the node's own database."""

import asyncio
import csv
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.operator import operate, prepare
from app.cli.terminal import Json, member, note, print_json, write_file

if TYPE_CHECKING:
    from app.ledger.check import CheckReport
    from app.registry.acts import Act
    from app.settings import Settings
    from app.statistics.reports import Asked, Report
    from app.store.database import Database

log = typer.Typer(help="The delivery log.", no_args_is_help=True)
statistics = typer.Typer(help="Figures of the exchange.", no_args_is_help=True)

_ROWS_MAX = 1_000_000


@log.callback()
def _log() -> None:
    """Group the commands, one of them as it is."""


@statistics.callback()
def _statistics() -> None:
    """Group the commands, one of them as it is."""


@log.command()
def verify(
    bodies: Annotated[bool, typer.Option(help="Read every kept body and compare its digest, too.")] = True,
    as_json: Json = False,
) -> None:
    """Recompute the whole log from the database and say whether it is complete and consistent; 1 where it is not.

    May be run beside a working node: it sees one moment of it.
    """
    from app import settings as configuration

    settings = configuration.load()
    prepare(settings)
    with _progress(shown=not as_json) as progress:
        report = asyncio.run(_verify(settings, progress, bodies=bodies))
    if as_json:
        print_json({"consistent": report.consistent, **asdict(report)})
    else:
        for each in report.divergences:
            print(f"{each.step} {each.place}: {each.message}")
        if report.found > len(report.divergences):
            print(f"… and {report.found - len(report.divergences)} more")
        counted = (
            f"{report.size} events, {report.documents} documents, {report.deliveries} deliveries, "
            f"{report.reports} status reports, {report.figures} rows of figures, {report.bodies} bodies"
        )
        verdict = "complete and consistent" if report.consistent else f"{report.found} divergence(s)"
        print(f"log: {verdict} ({counted}; {report.unsealed} events still to be sealed)")
    if not report.consistent:
        raise typer.Exit(1)


@statistics.command()
def export(
    by: Annotated[str, typer.Option(help="agency, tier, branch, document_type or month.")] = "agency",
    since: Annotated[
        str | None, typer.Option("--from", metavar="YYYY-MM", help="First month; the present one if left out.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="YYYY-MM", help="Last month; the first one if left out.")
    ] = None,
    form: Annotated[str, typer.Option("--format", help="csv or json.")] = "csv",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Else standard output.")] = None,
    as_json: Json = False,
) -> None:
    """Write the monthly figures as CSV or JSON."""
    from app.statistics.periods import Month
    from app.statistics.reports import Asked, GroupBy

    if form not in ("csv", "json"):
        raise typer.BadParameter("use csv or json", param_hint="--format")
    first = Month.parse(since) if since else Month.of(datetime.now(UTC))
    asked = Asked(
        first=first,
        last=Month.parse(until) if until else first,
        by=member(GroupBy, by, "--by"),
        equal={},
        limit=_ROWS_MAX,
    )

    async def work(database: "Database", _act: "Act") -> "Report":
        from app.statistics import reports

        return await reports.exchange(database, asked)

    report = operate(work)
    if as_json or form == "json":
        import json

        items = [{**row.key, **row.counts} for row in report.rows]
        whole = {"from": str(asked.first), "to": str(asked.last), "by": asked.by.value}
        text = json.dumps({**whole, "ledger_size": report.ledger_size, "items": items}, ensure_ascii=False, indent=2)
        write_file(output, text.encode() + b"\n")
    else:
        write_file(output, _csv(asked, report))
    if output is not None:
        note(f"{len(report.rows)} rows in {output}")


def _csv(asked: "Asked", report: "Report") -> bytes:
    from app.statistics.measures import MEASURE_NAMES

    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([*asked.key, *MEASURE_NAMES, "ledger_size"])
    for row in report.rows:
        counts = [row.counts[name] for name in MEASURE_NAMES]
        writer.writerow([*(row.key[name] for name in asked.key), *counts, report.ledger_size])
    return text.getvalue().encode("utf-8")


async def _verify(settings: "Settings", progress: Callable[[str, int, int], None], *, bodies: bool) -> "CheckReport":
    from app.exchange.receipts import RECEIPT_TYPE
    from app.ledger.check import check
    from app.node import KEYS_FOLDER
    from app.signing.node_key import NodeKey
    from app.store.blobs import BlobStore
    from app.store.database import Database

    keys = settings.data_dir / KEYS_FOLDER
    # Opening a folder without keys would make one; a check must leave everything as it found it.
    opened = partial(NodeKey.open(keys).verify_jws, typ=RECEIPT_TYPE) if keys.is_dir() else None
    database = Database(settings.effective_database_url)
    try:
        blobs = BlobStore(settings.data_dir) if bodies else None
        return await check(database, blobs, open_receipt=opened, progress=progress)
    finally:
        await database.close()


@contextmanager
def _progress(*, shown: bool) -> Iterator[Callable[[str, int, int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

    console = Console(stderr=True)
    if not shown or not console.is_terminal:
        yield lambda _step, _done, _total: None
        return
    with Progress(TextColumn("{task.description:12}"), BarColumn(), MofNCompleteColumn(), console=console) as bars:
        known: dict[str, TaskID] = {}

        def told(step: str, done: int, total: int) -> None:
            if step not in known:
                known[step] = bars.add_task(step, total=total)
            bars.update(known[step], completed=done, total=total)

        yield told
