"""`truc agency …`: the directory."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli import reorganisation
from app.cli.operator import operate
from app.cli.terminal import Json, complain, member, note, print_fields, print_json, print_table, read_file
from app.errors import RequestInvalid

if TYPE_CHECKING:
    from app.registry.acts import Act, Done
    from app.registry.agency_import import ImportReport, Progress
    from app.registry.model import Agency
    from app.store.database import Database

app = typer.Typer(help="Agencies: who takes part.", no_args_is_help=True)

app.command("reorganise")(reorganisation.reorganise)

Code = Annotated[str, typer.Argument(metavar="CODE", help="Agency code, either form.")]

_TOLD_ROWS = 10_000


@app.command("import")
def import_(
    file: Annotated[Path | None, typer.Argument(metavar="FILE.csv", help="CSV; - reads standard input.")] = None,
    reference: Annotated[
        bool, typer.Option("--reference", help="The national level-one codes that ship with the node.")
    ] = False,
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="DAY", help="With --reference: the codes in force on this day."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the file, change nothing.")] = False,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Leave out rows whose code is registered already.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Register the agencies of a CSV file, all or none; each fault is told with line and column.

    Columns: organ_id, name, tier, branch (required); parent, aliases, policies, status, valid_from, valid_to,
    successor, email, telephone, address, website.
    """
    if (file is None) != reference:
        raise typer.BadParameter("give either a file or --reference")
    if reference and dry_run:
        raise typer.BadParameter("--dry-run is for files", param_hint="--dry-run")
    if as_of is not None and not reference:
        raise typer.BadParameter("--as-of is for --reference", param_hint="--as-of")
    content = read_file(file) if file is not None else b""

    async def work(database: "Database", act: "Act") -> "Done[ImportReport]":
        from app.registry.agency_import import Existing, import_csv
        from app.registry.reference import load_reference

        if reference:
            return await load_reference(database, as_of=as_of.date() if as_of else None, act=act)
        existing = Existing.SKIP if skip_existing else Existing.REFUSE
        return await import_csv(database, content, dry_run=dry_run, existing=existing, act=act, tell=_tell)

    report = operate(work).value
    if as_json:
        findings = [{"location": each.location, "code": each.code, "message": each.message} for each in report.findings]
        shown = {"rows": report.rows, "registered": report.registered, "skipped": report.skipped, "dry_run": dry_run}
        print_json({**shown, "findings": findings})
    else:
        verb = "would be registered" if dry_run else "registered"
        note(f"{report.rows} agencies read, {report.registered} {verb}, {report.skipped} were there already")
        if report.findings:
            complain(RequestInvalid(f"the file has {len(report.findings)} fault(s)", findings=report.findings))
    if report.findings:
        raise typer.Exit(1)


@app.command("list")
def list_(
    search: Annotated[str | None, typer.Option("--search", "-q", help="Words of the name, or part of a code.")] = None,
    tier: Annotated[str | None, typer.Option(help="central, province, district or commune.")] = None,
    branch: Annotated[str | None, typer.Option(help="party, state, assembly, court, procuracy, front, …")] = None,
    parent: Annotated[str | None, typer.Option(help="Only parts of this agency (own code).")] = None,
    within: Annotated[str | None, typer.Option(metavar="CODE", help="Only this agency and all below it.")] = None,
    status: Annotated[str | None, typer.Option(help="active, suspended or closed.")] = None,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="As they were at the end of this day, in Vietnam.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")] = 500,
    as_json: Json = False,
) -> None:
    """List agencies in the order of their codes."""
    from app.edxml.organ_id import OrganId
    from app.registry.model import AgencyStatus, Branch, Tier

    wanted: dict[str, Any] = {
        "q": search,
        "tier": member(Tier, tier, "--tier") if tier else None,
        "branch": member(Branch, branch, "--branch") if branch else None,
        "parent": OrganId.parse(parent) if parent else None,
        "within": OrganId.parse(within) if within else None,
        "as_of": as_of.date() if as_of else None,
        "status": member(AgencyStatus, status, "--status") if status else None,
    }

    async def work(database: "Database", _act: "Act") -> "tuple[Agency, ...]":
        from app.registry import directory

        async with database.read() as tx:
            return await directory.search(tx, **wanted, limit=limit)

    found = operate(work)
    if as_json:
        print_json([_view(agency) for agency in found])
        return
    rows = ((each.organ_id.text, each.name, each.tier.value, each.branch.value, each.status.value) for each in found)
    print_table(("code", "name", "tier", "branch", "status"), rows)
    if len(found) == limit:
        note(f"only the first {limit} are shown; --limit gives more")


@app.command()
def show(
    code: Code,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DAY", help="As it was at the end of this day.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show one agency."""

    async def work(database: "Database", _act: "Act") -> "Agency":
        from app.edxml.organ_id import OrganId
        from app.errors import NotFound
        from app.registry import directory, history

        async with database.read() as tx:
            agency = await directory.get(tx, OrganId.parse(code))
            if as_of is None:
                return agency
            then = (await history.as_of(tx, [agency], on=as_of.date())).get(agency.organ_id.text)
        if then is None:
            raise NotFound(f"the agency {agency.organ_id} had not begun on {as_of.date()}")
        return then

    _show(operate(work), as_json=as_json)


@app.command()
def suspend(
    code: Code,
    reason: Annotated[
        str, typer.Option(help="requested, key_compromised, system_compromised, reorganisation or malfunction.")
    ] = "requested",
    as_json: Json = False,
) -> None:
    """Stop an agency from sending and receiving until it is reinstated."""
    from app.registry.model import SuspensionReason

    why = member(SuspensionReason, reason, "--reason")

    async def work(database: "Database", act: "Act") -> "Agency":
        from app.edxml.organ_id import OrganId
        from app.registry import agencies

        return (await agencies.suspend(database, OrganId.parse(code), why, act=act)).value

    _show(operate(work), as_json=as_json)


@app.command()
def reinstate(code: Code, as_json: Json = False) -> None:
    """Let a suspended agency exchange again."""

    async def work(database: "Database", act: "Act") -> "Agency":
        from app.edxml.organ_id import OrganId
        from app.registry import agencies

        return (await agencies.reinstate(database, OrganId.parse(code), act=act)).value

    _show(operate(work), as_json=as_json)


def _tell(progress: "Progress") -> None:
    if progress.of >= _TOLD_ROWS and (progress.done % _TOLD_ROWS == 0 or progress.done == progress.of):
        note(f"{progress.stage}: {progress.done} of {progress.of}")


def _show(agency: "Agency", *, as_json: bool) -> None:
    if as_json:
        print_json(_view(agency))
    else:
        print_fields(_view(agency))


def _view(agency: "Agency") -> dict[str, object]:
    from app.routers.agency_views import AgencyView

    return AgencyView.of(agency).model_dump(mode="json")
