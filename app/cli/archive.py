"""`truc log export`, `truc log verify --archive`: the ledger as a folder of files, and checking that without a node."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.operator import prepare
from app.cli.progress import shown_progress
from app.cli.terminal import Json, print_fields, print_json, read_file
from app.errors import NotAuthenticated

if TYPE_CHECKING:
    from app.ledger.archive.export import Progress
    from app.ledger.archive.layout import Manifest
    from app.settings import Settings
    from app.statistics.periods import Month


def export(
    to: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Made where it is missing; else carried on.")],
    until_month: Annotated[
        str | None, typer.Option(metavar="YYYY-MM", help="Entries up to the end of this month only; it must be over.")
    ] = None,
    size: Annotated[int | None, typer.Option(help="Of a kept checkpoint; the newest if left out.")] = None,
    as_json: Json = False,
) -> None:
    """Write the ledger into files: entries by month, tiles (C2SP), checkpoints, reports and keys.

    May be run beside a working node, and again: it goes on where it was interrupted, or where the ledger has grown.
    """
    from app import settings as configuration
    from app.ledger.archive.export import described
    from app.statistics.periods import Month

    settings = configuration.load()
    prepare(settings)
    month = Month.parse(until_month) if until_month else None
    with shown_progress(shown=not as_json) as progress:
        manifest = asyncio.run(_exported(settings, to, month, size, progress))
    if as_json:
        print_json(described(manifest))
    else:
        print(f"{manifest.end} entries in {len(manifest.months)} months, checkpoint of {manifest.size}, in {to}")


def verify_archive(folder: Path, key: Path, *, as_json: bool) -> None:
    """Check an archive against the keys of the log; ends with 1 where something in it is wrong."""
    from dataclasses import asdict

    from app.ledger.archive.check import check_archive
    from app.signing.ledger_key import ledger_keys

    try:
        keys = ledger_keys(json.loads(read_file(key)))
    except ValueError as error:
        raise NotAuthenticated(f"{key} is no JSON: {error}") from error
    if not keys:
        raise NotAuthenticated(f"{key} holds no key of a ledger (kty OKP, crv Ed25519)")
    with shown_progress(shown=not as_json) as progress:
        report = check_archive(folder, keys, progress=progress)
    if as_json:
        print_json({"consistent": report.consistent, **asdict(report)})
    elif report.divergence is not None:
        found = report.divergence
        print(f"{found.step} {found.place}: {found.message}")
        print("archive: not what was signed, from there on nothing is proven")
    else:
        months = f"{report.months[0]} to {report.months[-1]}" if report.months else "none"
        print_fields({"log": report.origin, "entries": report.entries, "months": months})
        print(f"archive: complete and consistent with {report.checkpoints} signed checkpoint(s), {report.tiles} tiles")
    if not report.consistent:
        raise typer.Exit(1)


async def _exported(
    settings: "Settings", to: Path, until: "Month | None", size: int | None, progress: "Progress"
) -> "Manifest":
    from app.ledger.archive.export import export as write
    from app.node import KEYS_FOLDER, key_token
    from app.signing.ledger_key import as_jwk
    from app.signing.ledger_key import keys_in as ledger_keys_in
    from app.signing.node_key import NodeKey
    from app.store import checkpoints
    from app.store.blobs import BlobStore
    from app.store.database import Database

    folder = settings.data_dir / KEYS_FOLDER
    database = Database(settings.effective_database_url)
    try:
        async with database.read() as tx:
            origin = await checkpoints.origin(tx)
        keys = NodeKey.open(folder, key_token(settings)).jwks()["keys"]
        ledger = ledger_keys_in(folder, origin) if origin is not None else ()
        jwks = {"keys": [*keys, *map(as_jwk, reversed(ledger))]}
        blobs = BlobStore(settings.data_dir)
        return await write(database, blobs, to, keys=jwks, until=until, size=size, progress=progress)
    finally:
        await database.close()
