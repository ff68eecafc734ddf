"""The operator's command line, and an agency's client for scripts: `truc …`.

Only arguments are read here; each command fetches what it needs when it runs, so that `truc --help` is quick. Results
go to standard output, everything else to standard error. Ends with 0 when done, 1 when refused or failed, 2 when it was
called wrongly; never with a traceback for what the errors of the node describe.
"""

import sys
from contextlib import suppress

import typer

from app.cli import (
    agencies,
    audit,
    certificates,
    clients,
    demonstration,
    doctor,
    exchange,
    files,
    inspection,
    ledger,
    node_keys,
    retention,
    server,
    statistics,
    timestamps,
    trust,
    verify,
    witness,
)
from app.cli.terminal import complain
from app.errors import TrucError

app = typer.Typer(
    name="truc",
    help="Trục, an electronic document exchange node for signed edXML (QCVN 102:2016/BTTTT).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)

_NODE = "The node"
_REGISTRY = "The registry, on the node's own database"
_AGENCY = "An agency's system, over HTTP"
_LEDGER = "Watching the ledger of a node, over HTTP"
_FILES = "Files, without a node"

app.command("serve", rich_help_panel=_NODE)(server.serve)
app.command("migrate", rich_help_panel=_NODE)(server.migrate)
app.command("doctor", rich_help_panel=_NODE)(doctor.doctor)
app.command("openapi", rich_help_panel=_NODE)(server.openapi)
app.command("demo", rich_help_panel=_NODE)(demonstration.demo)
app.add_typer(node_keys.app, name="key", rich_help_panel=_NODE)
app.add_typer(audit.log, name="log", rich_help_panel=_NODE)
app.add_typer(ledger.app, name="ledger", rich_help_panel=_NODE)
app.add_typer(retention.app, name="retention", rich_help_panel=_NODE)
app.add_typer(statistics.app, name="statistics", rich_help_panel=_NODE)
app.add_typer(agencies.app, name="agency", rich_help_panel=_REGISTRY)
app.add_typer(certificates.app, name="certificate", rich_help_panel=_REGISTRY)
app.add_typer(trust.app, name="trust", rich_help_panel=_REGISTRY)
app.add_typer(clients.app, name="client", rich_help_panel=_REGISTRY)
app.command("send", rich_help_panel=_AGENCY)(exchange.send)
app.command("inbox", rich_help_panel=_AGENCY)(exchange.inbox)
app.command("fetch", rich_help_panel=_AGENCY)(exchange.fetch)
app.command("evidence", rich_help_panel=_AGENCY)(exchange.evidence)
app.command("ack", rich_help_panel=_AGENCY)(exchange.ack)
app.command("status", rich_help_panel=_AGENCY)(exchange.status)
app.command("witness", rich_help_panel=_LEDGER)(witness.witness)
app.command("sign", rich_help_panel=_FILES)(files.sign)
app.command("inspect", rich_help_panel=_FILES)(inspection.inspect)
app.command("timestamp", rich_help_panel=_FILES)(timestamps.timestamp)
app.command("verify", rich_help_panel=_FILES)(verify.verify)


def main() -> None:
    """Run the command line; always ends the process."""
    for stream in (sys.stdout, sys.stderr):
        # Vietnamese gets out whatever the locale is.
        with suppress(AttributeError):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    try:
        app()
    except TrucError as error:
        complain(error)
        sys.exit(1)
    except BrokenPipeError:
        # Whoever read the output has seen enough; closing it here keeps the interpreter from failing on it later.
        sys.stderr.close()
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
