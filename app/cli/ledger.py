"""`truc ledger …`: how far the ledger is, and the way back after an old backup was restored."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.operator import operate
from app.cli.terminal import Json, note, print_fields, print_json

if TYPE_CHECKING:
    from app.ledger.publish import Publisher
    from app.registry.acts import Act
    from app.store.database import Database

app = typer.Typer(help="The ledger of this node: how far it is, who seals it.", no_args_is_help=True)

SignedSize = Annotated[
    int, typer.Option(min=1, metavar="EVENTS", help="Size of the tree that is given up, as doctor names it.")
]


@app.command()
def state(as_json: Json = False) -> None:
    """Say how far sealing and publishing are, who has the lease, and whether the ledger continues what was signed."""
    shown = operate(_state)
    if as_json:
        print_json(shown)
    else:
        print_fields(shown)


@app.command("accept-rollback")
def accept_rollback(signed_size: SignedSize, as_json: Json = False) -> None:
    """Let the ledger go on from the database as it is, although a longer or another one was signed before.

    For after a disaster, when no newer backup exists. Whoever keeps a checkpoint of before holds the proof that this
    ledger was rolled back, and witnesses refuse it until they are told. It becomes an event.
    """

    async def accept(database: "Database", act: "Act") -> dict[str, Any]:
        from app.ledger import rollback

        given_up = await rollback.accept_rollback(
            _publisher(database), signed_size=signed_size, actor=act.actor, now=act.at
        )
        return {"given_up": given_up.size, "root": given_up.root.hex()}

    done = operate(accept)
    if as_json:
        print_json(done)
        return
    print_fields(done)
    note("tell those who keep checkpoints of this ledger; run truc log verify")


def _publisher(database: "Database") -> "Publisher":
    from app import settings as configuration
    from app.node import publisher_of

    return publisher_of(configuration.load(), database)


async def _state(database: "Database", _act: "Act") -> dict[str, Any]:
    from app.ledger.publish import doubt
    from app.ledger.standing import standing

    async with database.read() as tx:
        found = asdict(await standing(tx))
    shown = {name: each.isoformat() if hasattr(each, "isoformat") else each for name, each in found.items()}
    return {**shown, "doubt": await doubt(_publisher(database))}
