"""`truc serve`, `truc migrate`, `truc openapi`."""

import json
import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from app.cli.operator import prepare
from app.cli.terminal import Json, note, print_json


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; else TRUC_HOST.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on; else TRUC_PORT.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Server processes.")] = 1,
    migrate: Annotated[bool, typer.Option("--migrate", help="Migrate a PostgreSQL database first.")] = False,
) -> None:
    """Run the node until it is told to stop.

    An SQLite database is migrated first; for PostgreSQL that is done with `truc migrate`, or with --migrate. All else
    is set by TRUC_* variables or the file that TRUC_CONFIG names.
    """
    import uvicorn

    from app import settings as configuration
    from app.main import SERVER_OPTIONS, configure_logs, create_app

    settings = configuration.load(host=host, port=port)
    if "public_url" not in settings.model_fields_set:
        settings = settings.model_copy(update={"public_url": f"http://{settings.host}:{settings.port}"})
    prepare(settings, migrate=migrate)
    configure_logs(settings)
    note(f"Trục starts on {settings.host}:{settings.port}, known to clients as {settings.public_url}")
    options = {"host": settings.host, "port": settings.port, **SERVER_OPTIONS}
    try:
        if workers == 1:
            uvicorn.run(create_app(settings), **options)
        else:
            # The processes read the environment; what was given here must be in it.
            os.environ |= {
                "TRUC_HOST": settings.host,
                "TRUC_PORT": str(settings.port),
                "TRUC_PUBLIC_URL": settings.public_url,
            }
            uvicorn.run("app.main:application", factory=True, workers=workers, **options)
    except SystemExit as ended:
        # It ends by itself only where it could not start, and has logged why.
        raise typer.Exit(1 if ended.code else 0) from ended


def migrate(
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing: compare a freshly migrated database with the code.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Bring the database to the schema of this release."""
    from app import settings as configuration
    from app.store import migrations

    if check:
        with tempfile.TemporaryDirectory(prefix="truc-") as folder:
            url = f"sqlite:///{Path(folder) / 'migrated.sqlite'}"
            migrations.migrate(url)
            differences = migrations.drift(url)
        if as_json:
            print_json({"differences": differences})
        for difference in differences:
            note(f"the migrations and the code differ: {difference}")
        if differences:
            raise typer.Exit(1)
        if not as_json:
            note("the migrations give the tables in the code")
        return
    settings = configuration.load()
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    url = settings.effective_database_url
    before = migrations.current_revision(url)
    migrations.migrate(url)
    after = migrations.current_revision(url)
    if as_json:
        print_json({"before": before, "after": after})
    else:
        note(f"at revision {after} already" if before == after else f"migrated from {before or 'empty'} to {after}")


def openapi() -> None:
    """Print the API description (OpenAPI), the same for the same code."""
    from app.main import create_app
    from app.settings import Settings

    # Built from the defaults, whatever the environment says, so that the document depends on the code alone.
    description = create_app(Settings.model_construct(), background=None).openapi()
    print(json.dumps(description, ensure_ascii=False, indent=2, sort_keys=True))
