"""`truc log …`: the delivery log, from the node's own database."""

import typer

from app.cli import archive
from app.cli.log_verify import verify

log = typer.Typer(help="The delivery log.", no_args_is_help=True)


@log.callback()
def _log() -> None:
    """Group the commands, one of them as it is."""


log.command("verify")(verify)
log.command("export")(archive.export)
