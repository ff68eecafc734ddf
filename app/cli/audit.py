"""`truc log …`: the delivery log, from the node's own database."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.operator import prepare
from app.cli.progress import shown_progress
from app.cli.terminal import Json, print_json

if TYPE_CHECKING:
    from app.ledger.check import CheckReport
    from app.settings import Settings

log = typer.Typer(help="The delivery log.", no_args_is_help=True)


@log.callback()
def _log() -> None:
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
    with shown_progress(shown=not as_json) as progress:
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


async def _verify(settings: "Settings", progress: Callable[[str, int, int], None], *, bodies: bool) -> "CheckReport":
    from app.exchange.receipts import RECEIPT_TYPE
    from app.ledger.check import check
    from app.node import KEYS_FOLDER
    from app.signing.node_key import keys_in, verify_jws
    from app.store.blobs import BlobStore
    from app.store.database import Database

    keys = settings.data_dir / KEYS_FOLDER
    # Public halves are enough: a check makes no key, and needs no token.
    opened = partial(verify_jws, keys=keys_in(keys), typ=RECEIPT_TYPE) if keys.is_dir() else None
    database = Database(settings.effective_database_url)
    try:
        blobs = BlobStore(settings.data_dir) if bodies else None
        return await check(database, blobs, open_receipt=opened, progress=progress)
    finally:
        await database.close()
