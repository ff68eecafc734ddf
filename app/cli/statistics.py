"""`truc statistics …`: the figures, from the node's own database."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.operator import operate, prepare
from app.cli.progress import shown_progress
from app.cli.terminal import Json, member, note, print_json, print_table, write_file

if TYPE_CHECKING:
    from app.ledger.check import CheckReport
    from app.registry.acts import Act
    from app.settings import Settings
    from app.statistics.reports import Asked, Report
    from app.store.database import Database

app = typer.Typer(help="Figures of the exchange.", no_args_is_help=True)

_ROWS_MAX = 1_000_000


_Since = Annotated[
    str | None, typer.Option("--from", metavar="YYYY-MM", help="First month; the present one if left out.")
]
_Until = Annotated[str | None, typer.Option("--to", metavar="YYYY-MM", help="Last month; the first one if left out.")]


@app.command()
def export(
    by: Annotated[
        str, typer.Option(help="agency, tier, branch, province, document_type, tier_pair or month.")
    ] = "agency",
    since: _Since = None,
    until: _Until = None,
    direction: Annotated[str | None, typer.Option(help="Only figures of one side: sent or received.")] = None,
    view: Annotated[str, typer.Option(help="as-was, or as-is: under the agencies of today.")] = "as-was",
    agency: Annotated[str | None, typer.Option(help="Only of this agency, by its own code.")] = None,
    tier: Annotated[str | None, typer.Option(help="Only of agencies of this tier.")] = None,
    branch: Annotated[str | None, typer.Option(help="Only of agencies of this branch.")] = None,
    province: Annotated[str | None, typer.Option(help="Only of this level-one code, such as H41.")] = None,
    document_type: Annotated[str | None, typer.Option(help="Only of this type, such as cong-van.")] = None,
    form: Annotated[str, typer.Option("--format", help="csv, json or xlsx.")] = "csv",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Else standard output.")] = None,
    as_json: Json = False,
) -> None:
    """Write the monthly figures as CSV, JSON or a workbook."""
    from app.statistics.periods import Month
    from app.statistics.reports import Asked, Direction, GroupBy, View

    form = "json" if as_json else form
    if form not in ("csv", "json", "xlsx"):
        raise typer.BadParameter("use csv, json or xlsx", param_hint="--format")
    first = Month.parse(since) if since else Month.of(datetime.now(UTC))
    equal = {"agency": agency, "tier": tier, "branch": branch, "province": province, "document_type": document_type}
    asked = Asked(
        first=first,
        last=Month.parse(until) if until else first,
        by=member(GroupBy, by, "--by"),
        equal={name: value for name, value in equal.items() if value is not None},
        direction=member(Direction, direction, "--direction") if direction else None,
        limit=_ROWS_MAX,
    )
    as_is = member(View, view, "--view") is View.AS_IS

    async def work(database: "Database", _act: "Act") -> "tuple[Asked, Report, dict[str, str]]":
        from app.registry import names, succession
        from app.statistics import reports
        from app.statistics.periods import ZONE

        async with database.read() as tx:
            heirs = await succession.heirs(tx) if as_is else None
        seen = replace(asked, heirs=heirs)
        report = await reports.exchange(database, seen)
        codes = {row.key[seen.key[-1]] for row in report.rows}
        async with database.read() as tx:
            return seen, report, await names.names_for(tx, seen.by, codes, on=datetime.now(ZONE).date())

    asked, report, names = operate(work)
    write_file(output, _written(form, asked, report, names))
    if output is not None:
        note(f"{len(report.rows)} rows in {output}")


@app.command()
def months(
    versions: Annotated[bool, typer.Option("--all", help="Every version, not only the newest of each month.")] = False,
    as_json: Json = False,
) -> None:
    """List closed months: version, how much of the log it covers, the digest of its report, whether figures moved."""

    async def work(database: "Database", _act: "Act") -> list[dict[str, Any]]:
        from app.store import closed_months, figures

        async with database.read() as tx:
            counted = await figures.counted(tx)
            rows = await (closed_months.everything(tx) if versions else closed_months.newest(tx))
        return [{**row._mapping, "moved": counted.get(row.month, 0) > row.ledger_size} for row in rows]

    found = operate(work)
    if as_json:
        print_json(found)
        return
    columns = ("month", "version", "ledger_size", "made_at", "moved", "digest")
    print_table(columns, [[row[name] for name in columns] for row in found])


@app.command()
def show(
    month: Annotated[str, typer.Argument(metavar="YYYY-MM", help="A closed month.")],
    version: Annotated[int | None, typer.Option(help="Which version; the newest if left out.")] = None,
    by: Annotated[
        str, typer.Option(help="agency, tier, branch, province, document_type, tier_pair or month.")
    ] = "agency",
    direction: Annotated[str | None, typer.Option(help="Only figures of one side: sent or received.")] = None,
    form: Annotated[
        str, typer.Option("--format", help="csv, json, xlsx; or frozen: the report itself, octet by octet.")
    ] = "csv",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Else standard output.")] = None,
    as_json: Json = False,
) -> None:
    """Write the figures a month was closed with."""
    from app import settings as configuration
    from app.statistics import reports
    from app.statistics.periods import Month
    from app.statistics.reports import Asked, Direction, GroupBy

    form = "json" if as_json else form
    if form not in ("csv", "json", "xlsx", "frozen"):
        raise typer.BadParameter("use csv, json, xlsx or frozen", param_hint="--format")
    only = Month.parse(month)
    side = member(Direction, direction, "--direction") if direction else None
    asked = Asked(only, only, member(GroupBy, by, "--by"), {}, side, limit=_ROWS_MAX)
    reports.require_pairs_received(asked)
    folder = configuration.load().data_dir

    async def work(database: "Database", _act: "Act") -> bytes:
        from app.ledger.closing import read_frozen, version_of
        from app.registry import names
        from app.statistics.periods import ZONE
        from app.store.blobs import BlobStore

        async with database.read() as tx:
            row = await version_of(tx, str(only), version)
        frozen, body = read_frozen(BlobStore(folder), row.digest)
        if form == "frozen":
            return body
        report = frozen.report(asked)
        codes = {each.key[asked.key[-1]] for each in report.rows}
        async with database.read() as tx:
            told = await names.names_for(tx, asked.by, codes, on=datetime.now(ZONE).date())
        return _written(form, asked, report, told)

    write_file(output, operate(work))


@app.command()
def recount(as_json: Json = False) -> None:
    """Count every event of the log anew and compare with the figures that are kept; 1 where they differ.

    Changes nothing. `truc log verify` does the same among its other checks.
    """
    from app import settings as configuration

    settings = configuration.load()
    prepare(settings)
    with shown_progress(shown=not as_json) as progress:
        report = asyncio.run(_recount(settings, progress))
    if as_json:
        print_json({"consistent": report.consistent, **asdict(report)})
    else:
        for each in report.divergences:
            print(f"{each.step} {each.place}: {each.message}")
        verdict = "as counted" if report.consistent else f"{report.found} divergence(s)"
        print(f"figures: {verdict} ({report.size} events, {report.figures} rows of figures)")
    if not report.consistent:
        raise typer.Exit(1)


async def _recount(settings: "Settings", progress: Callable[[str, int, int], None]) -> "CheckReport":
    from app.ledger.check import recount
    from app.store.database import Database

    database = Database(settings.effective_database_url)
    try:
        return await recount(database, progress=progress)
    finally:
        await database.close()


def _written(form: str, asked: "Asked", report: "Report", names: dict[str, str]) -> bytes:
    from app.statistics.tables import as_csv
    from app.statistics.workbook import workbook

    match form:
        case "xlsx":
            return workbook(asked, report, names)
        case "csv":
            return as_csv(asked, report, names).encode("utf-8")
        case _:
            import json

            items = [{**row.key, **row.figures(asked)} for row in report.rows]
            whole = {"from": str(asked.first), "to": str(asked.last), "by": asked.by.value}
            text = json.dumps(
                {**whole, "ledger_size": report.ledger_size, "items": items}, ensure_ascii=False, indent=2
            )
            return text.encode() + b"\n"
