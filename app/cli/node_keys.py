"""`truc key …`: what the node signs receipts and access tokens with, and its ledger, and what it seals secrets with."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.operator import operate
from app.cli.terminal import Json, note, print_fields, print_json, print_table

if TYPE_CHECKING:
    from app.registry.acts import Act
    from app.settings import Settings
    from app.store.database import Database

app = typer.Typer(
    help="The node's keys: of receipts, in a file or a token, of the ledger, of secrets.", no_args_is_help=True
)


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


@dataclass(frozen=True, slots=True)
class Resealed:
    """What a rotation of the key of secrets did.

    Attributes:
        number: of the key that seals from now on.
        previous: of the one that sealed before.
        resealed: how many secrets were sealed again with it.
    """

    number: int
    previous: int
    resealed: int


OfLedger = Annotated[bool, typer.Option("--ledger", help="The key of checkpoints, not that of receipts.")]


OfSecrets = Annotated[bool, typer.Option("--sealing", help="The key that secrets in the database are sealed with.")]


@app.command()
def rotate(ledger: OfLedger = False, sealing: OfSecrets = False, as_json: Json = False) -> None:
    """Let another key sign from now on, in a file or in the token of the settings; older ones go on verifying.

    In a token it is the newest key of the label that the node does not know yet, else one that is made there. This is
    also the way from a file to a token and back: change the settings, rotate, and start the node again. With --ledger
    it is the key of checkpoints, always in a file: tell witnesses and auditors of it before you destroy the old one.
    With --sealing it is the key of the secrets in the database (of webhooks, of systems that sign their requests),
    which are all sealed again with the new one.
    """
    if ledger and sealing:
        raise typer.BadParameter("rotate one key at a time", param_hint="--ledger, --sealing")
    if sealing:
        _show_resealed(operate(_sealing_rotated), as_json=as_json)
        return
    done = operate(_ledger_rotated if ledger else _rotated)
    if as_json:
        print_json(asdict(done))
        return
    print_fields(asdict(done))
    note("nodes that run on these settings sign with it from now on; others have to be started again")


def _show_resealed(done: Resealed, *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(done))
        return
    print_fields(asdict(done))
    note(
        "nodes seal with it at once; backups of before need the old file, `truc doctor` says when the database does not"
    )


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


async def _ledger_rotated(database: "Database", act: "Act") -> Rotated:
    import asyncio

    from app import settings as configuration
    from app.node import KEYS_FOLDER
    from app.registry.node_keys import note_ledger_rotation
    from app.signing.ledger_key import LedgerKey, as_jwk, keys_in

    settings = configuration.load()
    folder, origin = settings.data_dir / KEYS_FOLDER, await _origin(database, settings)
    before = keys_in(folder, origin)
    previous = str(as_jwk(before[-1])["kid"]) if before else None
    keys = (await asyncio.to_thread(LedgerKey.rotate, folder)).verifiers(origin)
    done = Rotated(str(as_jwk(keys[-1])["kid"]), previous, "file", len(keys))
    await note_ledger_rotation(database, act, kid=done.kid, previous=previous)
    return done


async def _sealing_rotated(database: "Database", act: "Act") -> Resealed:
    import asyncio

    from app import settings as configuration
    from app.node import KEYS_FOLDER
    from app.registry.node_keys import note_sealing_rotation
    from app.registry.resealing import reseal
    from app.signing.sealing_key import SealingKey

    folder = configuration.load().data_dir / KEYS_FOLDER
    previous = SealingKey.open(folder).number
    sealing = await asyncio.to_thread(SealingKey.rotate, folder)
    done = Resealed(sealing.number, previous, await reseal(database, sealing))
    await note_sealing_rotation(database, act, number=done.number, previous=previous, resealed=done.resealed)
    return done


async def _origin(database: "Database", settings: "Settings") -> str:
    from app.node import origin_of
    from app.store import checkpoints

    async with database.read() as tx:
        return await checkpoints.origin(tx) or settings.ledger_origin or origin_of(settings.public_url)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the node's keys, newest first: the first one of each kind signs, all of them verify.

    Keys of the ledger are shown with what witnesses and other tools take for them (C2SP signed-note).
    """
    from app import settings as configuration
    from app.node import KEYS_FOLDER
    from app.signing.ledger_key import as_jwk
    from app.signing.ledger_key import keys_in as ledger_keys_in
    from app.signing.node_key import keys_in

    folder = configuration.load().data_dir / KEYS_FOLDER
    kids = [str(key.kid) for key in reversed(keys_in(folder))]
    shown = [{"kid": kid, "of": "receipts", "signs": place == 0, "verifier": None} for place, kid in enumerate(kids)]
    if ledger_keys_in(folder, "any"):
        checking = reversed(ledger_keys_in(folder, operate(_named)))
        shown += [
            {"kid": as_jwk(key)["kid"], "of": "ledger", "signs": place == 0, "verifier": str(key)}
            for place, key in enumerate(checking)
        ]
    if as_json:
        print_json(shown)
    else:
        columns = ("of", "signs", "kid", "verifier")
        print_table(columns, (tuple(each[name] or "" for name in columns) for each in shown))


async def _named(database: "Database", _act: "Act") -> str:
    from app import settings as configuration

    return await _origin(database, configuration.load())
