"""`truc client …`: the systems that may sign in."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import system_keys
from app.cli.operator import operate
from app.cli.terminal import Json, member, note, print_fields, print_json, print_table

if TYPE_CHECKING:
    from app.registry.acts import Act
    from app.registry.clients import ClientCredentials
    from app.registry.mistakes import Mistake
    from app.registry.model import Client
    from app.store.database import Database

app = typer.Typer(help="Clients: systems that sign in.", no_args_is_help=True)
app.add_typer(system_keys.app, name="system-key")

ClientId = Annotated[str, typer.Argument(metavar="CLIENT_ID", help="As `list` shows it.")]
_ONCE = "the secret is shown this once; keep it where only that system can read it"


@app.command()
def create(
    name: Annotated[str, typer.Option(help="What administrators call it.")],
    scope: Annotated[
        list[str], typer.Option(help="exchange, registry.read, registry.write, audit or statistics; may be repeated.")
    ],
    agency: Annotated[
        list[str] | None, typer.Option(help="Code it acts for, or a subtree such as H28.*; may be repeated.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Create a client and print its secret, this once."""
    from app.registry.model import Grant, Scope

    scopes = frozenset(member(Scope, each, "--scope") for each in scope)
    grants = tuple(Grant.parse(each) for each in agency or ())

    async def work(database: "Database", act: "Act") -> "ClientCredentials":
        from app.registry import clients

        return (await clients.create(database, act, name=name, scopes=scopes, agencies=grants)).value

    _show_credentials(operate(work), as_json=as_json)


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")] = 500, as_json: Json = False
) -> None:
    """List clients, oldest first."""

    async def work(database: "Database", _act: "Act") -> "tuple[Client, ...]":
        from app.registry import clients

        async with database.read() as tx:
            return await clients.list_all(tx, limit=limit)

    found = operate(work)
    if as_json:
        print_json([_view(each) for each in found])
        return
    rows = ((each.client_id, each.name, sorted(each.scopes), each.agencies, each.status.value) for each in found)
    print_table(("client", "name", "scopes", "agencies", "status"), rows)


@app.command("rotate-secret")
def rotate_secret(client_id: ClientId, as_json: Json = False) -> None:
    """Give a client another secret; the one before and its tokens end at once."""

    async def work(database: "Database", act: "Act") -> "ClientCredentials":
        from app.registry import clients

        return (await clients.rotate_secret(database, client_id, act=act)).value

    _show_credentials(operate(work), as_json=as_json)


@app.command()
def disable(client_id: ClientId, as_json: Json = False) -> None:
    """Shut a client out; its tokens end at once."""

    async def work(database: "Database", act: "Act") -> "Client":
        from app.registry import clients

        return (await clients.disable(database, client_id, act=act)).value

    view = _view(operate(work))
    print_json(view) if as_json else print_fields(view)


@app.command()
def mistakes(
    client_id: Annotated[str, typer.Argument(metavar="CLIENT_ID", help="As `list` shows it, or `unknown`.")],
    days: Annotated[int, typer.Option(min=1, max=31, help="Of how many days.")] = 7,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many at most.")] = 20,
    as_json: Json = False,
) -> None:
    """List what a client sends wrongly, the most frequent first, with what to change; `unknown`: all strangers."""

    async def work(database: "Database", act: "Act") -> "tuple[Mistake, ...]":
        from app.registry import mistakes as counted
        from app.regulations.calendar import day_of
        from app.routers.mistakes import require_client

        async with database.read() as tx:
            await require_client(tx, client_id)
            since = day_of(act.at) - timedelta(days=days - 1)
            return await counted.summed(tx, client_id, since=since, limit=limit)

    found = operate(work)
    if as_json:
        from app.routers.mistakes import MistakeView

        print_json([MistakeView.of(each).model_dump(mode="json") for each in found])
        return
    rows = ((each.refused, each.accepted, each.last_at, each.code, each.message, each.fix) for each in found)
    print_table(("refused", "accepted", "last", "code", "message", "fix"), rows)


def _show_credentials(credentials: "ClientCredentials", *, as_json: bool) -> None:
    view = {**_view(credentials.client), "client_secret": credentials.secret}
    if as_json:
        print_json(view)
        return
    print_fields(view)
    note(_ONCE)


def _view(client: "Client") -> dict[str, object]:
    from app.routers.clients import ClientView

    return dict(ClientView(**ClientView.members(client)).model_dump(mode="json"))
