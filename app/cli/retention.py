"""`truc retention …`: which bodies may be thrown away, throwing them away, and keeping some of them from it."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.operator import operate, prepare
from app.cli.terminal import Json, note, print_json, print_table

if TYPE_CHECKING:
    from app.exchange.retention import Planned, Purged
    from app.registry.acts import Act
    from app.regulations.provisions import Retention
    from app.settings import Settings
    from app.store.database import Database

app = typer.Typer(help="How long contents are kept.", no_args_is_help=True)

_Document = Annotated[str, typer.Argument(metavar="DOCUMENT", help="The node's id of the document.")]


@app.command()
def plan(as_json: Json = False) -> None:
    """Say what the rules of today would throw away, and what is held back; changes nothing."""
    _, planned = asyncio.run(_planned())
    _show(planned, as_json=as_json)


@app.command("apply")
def apply_rules(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done, as `plan` does.")] = False,
    as_json: Json = False,
) -> None:
    """Throw away the contents that the rules of today let go; records, receipts and history stay.

    A node does so by itself once a day. May be run beside it.
    """
    settings, planned = asyncio.run(_planned())
    if dry_run:
        _show(planned, as_json=as_json)
        return

    def told(rule: str, done: int, total: int) -> None:
        note(f"{rule}: {done} of {total}")

    done = asyncio.run(_purged(settings, planned, told))
    if as_json:
        print_json({"documents": done.documents, "statuses": done.statuses, "octets": done.octets})
    else:
        print(f"purged {done.documents} documents and {done.statuses} status reports, {done.octets} octets")


@app.command()
def hold(document: _Document) -> None:
    """Keep the content of a document and of what was reported on it, whatever the rules say, until it is released."""
    _hold(document, held=True)


@app.command()
def release(document: _Document) -> None:
    """Let the rules apply to a document again."""
    _hold(document, held=False)


def _hold(document: str, *, held: bool) -> None:
    from uuid import UUID

    from app.exchange import retention

    try:
        document = str(UUID(document))
    except ValueError as error:
        raise typer.BadParameter("is no id of a document", param_hint="DOCUMENT") from error

    async def work(database: "Database", act: "Act") -> None:
        await retention.hold(database, document, at=act.at, actor=act.actor, held=held)

    operate(work)
    note(f"{document} {'is held' if held else 'is not held any more'}")


async def _planned() -> "tuple[Settings, list[Planned]]":
    from app import settings as configuration
    from app.exchange import retention
    from app.store.database import Database

    settings = configuration.load()
    await asyncio.to_thread(prepare, settings)
    database = Database(settings.effective_database_url)
    try:
        at = datetime.now(UTC)
        return settings, await retention.plan(database, _policy(settings, at), at=at)
    finally:
        await database.close()


async def _purged(
    settings: "Settings", planned: "Sequence[Planned]", told: Callable[[str, int, int], None]
) -> "Purged":
    from app.exchange import retention
    from app.ledger.events import OPERATOR_ACTOR
    from app.node import publisher_of
    from app.store.blobs import BlobStore
    from app.store.database import Database

    database = Database(settings.effective_database_url)
    try:
        await retention.insist_on_continuity(publisher_of(settings, database))
        at = datetime.now(UTC)
        return await retention.purge(
            database,
            BlobStore(settings.data_dir),
            _policy(settings, at),
            at=at,
            actor=OPERATOR_ACTOR,
            told=told,
            totals=planned,
        )
    finally:
        await database.close()


def _policy(settings: "Settings", at: datetime) -> "Retention":
    from app.regulations.calendar import day_of
    from app.regulations.file import load

    return load(settings.regulations_file).retention_on(day_of(at))


def _show(planned: "Sequence[Planned]", *, as_json: bool) -> None:
    if as_json:
        print_json(
            [
                {
                    "rule": each.rule.name,
                    "of": each.rule.kept.value,
                    "keep_days": each.rule.keep_days,
                    "bodies": each.bodies,
                    "octets": each.octets,
                    "held_back": {hindrance.value: count for hindrance, count in sorted(each.held_back.items())},
                    "source": each.rule.source,
                }
                for each in planned
            ]
        )
        return
    if not planned:
        note("no rule lets anything go; see the table [[retention]] of the regulations")
        return
    print_table(
        ("rule", "of", "days", "bodies", "octets", "held back"),
        [
            (
                each.rule.name,
                each.rule.kept.value,
                each.rule.keep_days,
                each.bodies,
                each.octets,
                {hindrance.value: count for hindrance, count in sorted(each.held_back.items())},
            )
            for each in planned
        ],
    )
