"""`truc key …`: what the node signs receipts and access tokens with."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import typer

from app.cli.operator import operate
from app.cli.terminal import Json, note, print_fields, print_json, print_table

if TYPE_CHECKING:
    from app.registry.acts import Act
    from app.store.database import Database

app = typer.Typer(help="The node's signing key: in a file, or in a token.", no_args_is_help=True)


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation did.

    Attributes:
        kid: of the key that signs from now on.
        previous: of the one that signed before; None for the first key.
        kept_in: `file` or `token`.
        keys: how many verify.
    """

    kid: str
    previous: str | None
    kept_in: str
    keys: int


@app.command()
def rotate(as_json: Json = False) -> None:
    """Let another key sign from now on, in a file or in the token of the settings; older ones go on verifying.

    In a token it is the newest key of the label that the node does not know yet, else one that is made there. This is
    also the way from a file to a token and back: change the settings, rotate, and start the node again.
    """
    done = operate(_rotated)
    if as_json:
        print_json(asdict(done))
        return
    print_fields(asdict(done))
    note("nodes that run on these settings sign with it from now on; others have to be started again")


async def _rotated(database: "Database", act: "Act") -> Rotated:
    import asyncio

    from app import settings as configuration
    from app.node import KEYS_FOLDER, key_token
    from app.registry.node_keys import note_rotation
    from app.signing.node_key import NodeKey, keys_in

    settings = configuration.load()
    folder, token = settings.data_dir / KEYS_FOLDER, key_token(settings)
    before = keys_in(folder)
    previous = str(before[-1].kid) if before else None
    key = await asyncio.to_thread(NodeKey.rotate, folder, token)
    done = Rotated(key.kid, previous, "token" if key.in_token else "file", len(key.keys))
    await note_rotation(database, act, kid=done.kid, previous=previous, kept_in=done.kept_in)
    return done


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the node's keys, newest first: the first one signs, all of them verify."""
    from app import settings as configuration
    from app.node import KEYS_FOLDER
    from app.signing.node_key import keys_in

    kids = [str(key.kid) for key in reversed(keys_in(configuration.load().data_dir / KEYS_FOLDER))]
    shown = [{"kid": kid, "signs": position == 0} for position, kid in enumerate(kids)]
    if as_json:
        print_json(shown)
    else:
        print_table(("kid", "signs"), ((each["kid"], each["signs"]) for each in shown))
