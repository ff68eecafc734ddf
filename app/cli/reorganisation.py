"""`truc agency reorganise`: a plan, tried or carried out."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.operator import operate
from app.cli.terminal import Json, note, print_json, print_table, read_file

if TYPE_CHECKING:
    from app.registry.acts import Act
    from app.registry.reorganisation.plan import Plan
    from app.store.database import Database

_LISTS = (
    ("opened", "agencies opened", ("organ_id", "name")),
    ("closed", "agencies closed", ("organ_id", "name", "successor")),
    ("renamed", "agencies renamed", ("organ_id", "former_name", "name")),
    ("moved", "agencies moved", ("organ_id", "former_parent", "parent", "former_tier", "tier")),
    ("waiting_deliveries", "deliveries waiting, from now on the successor's", ("organ_id", "count", "answered_by")),
    ("certificates", "certificates that sign nothing new any more", ("organ_id", "count", "answered_by")),
    ("clients", "clients whose grants name closed agencies", ("client_id", "name", "agencies")),
)
_SHOWN_MAX = 20


def reorganise(
    file: Annotated[
        Path | None, typer.Argument(metavar="PLAN.yaml", help="The plan, YAML or JSON; - reads standard input.")
    ] = None,
    shipped: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="DAY", help="The plan for this day that ships with the node."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it does, change nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Open, close, merge, split, rename and move agencies from a day on, all as one plan or not at all.

    A day that is to come schedules the plan; the node applies it when that day begins in Vietnam. How a plan is
    written: docs/reorganisations.md.
    """
    if (file is None) == (shipped is None):
        raise typer.BadParameter("give either a plan or --shipped DAY")
    plan = _plan(file, shipped)
    if not as_json:
        note(f"read: {plan.title}, {len(plan.steps)} steps, from {plan.effective_on}")

    async def work(database: "Database", act: "Act") -> dict[str, Any]:
        from app.registry.reorganisation import acts

        judgement = await acts.judge(database, plan, at=act.at)
        found: dict[str, Any] = {
            "id": None,
            "state": None,
            "replayed": False,
            "applicable": judgement.order.applicable,
            "effects": judgement.report,
        }
        if dry_run:
            return found
        if not as_json:
            counts = {name: judgement.report[name]["count"] for name in ("opened", "closed", "renamed", "moved")}
            note("judged: " + ", ".join(f"{count} {name}" for name, count in counts.items()))
        done = await acts.propose(database, plan, act=act)
        kept = done.value
        told = {"id": kept.id, "state": kept.state.value, "replayed": done.replayed}
        return found | told | {"applicable": True, "effects": kept.report}

    found = operate(work)
    shown = {"title": plan.title, "source": plan.source, "effective_on": plan.effective_on, "dry_run": dry_run}
    if as_json:
        print_json(shown | found)
    else:
        _tell(found, dry_run=dry_run)
    if not found["applicable"]:
        raise typer.Exit(1)


def _plan(file: Path | None, shipped: datetime | None) -> "Plan":
    from app.registry.reorganisation.reading import read
    from app.registry.reorganisation.shipped import shipped as shipped_plan
    from app.registry.reorganisation.written import from_json, from_yaml

    if shipped is not None:
        return shipped_plan(shipped.date())
    assert file is not None, "one of both is given"
    content = read_file(file)
    return read(from_json(content) if content.lstrip().startswith(b"{") else from_yaml(content))


def _tell(found: dict[str, Any], *, dry_run: bool) -> None:
    effects = found["effects"]
    for name, title, columns in _LISTS:
        listed = effects[name]
        if listed["count"]:
            rows = [[each[column] for column in columns] for each in listed["items"][:_SHOWN_MAX]]
            print_table(columns, rows, title=f"{listed['count']} {title}")
    findings = effects["findings"]["items"]
    for each in [each for each in findings if each["severity"] != "info"][:_SHOWN_MAX]:
        note(f"  {each['severity']} {each['code']} at {each['location']}: {each['message']} {each['fix']}")
    infos = sum(each["severity"] == "info" for each in findings)
    if infos:
        note(f"  {infos} remark(s) on what is so already or takes no part here; --json shows them")
    if dry_run:
        note("it can be applied; nothing was changed" if found["applicable"] else "it cannot be applied")
    else:
        again = ", by the same plan before" if found["replayed"] else ""
        note(f"reorganisation {found['id']}: {found['state']}{again}")
