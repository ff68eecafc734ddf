"""`truc client system-key …`: secrets of systems that sign their requests as the axis' SDK does."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.operator import operate
from app.cli.terminal import Json, note, print_fields, print_json, print_table

if TYPE_CHECKING:
    from app.registry.acts import Act
    from app.registry.system_key_acts import IssuedSystemKey, SystemKey
    from app.registry.system_keys import SystemKeys
    from app.store.database import Database

app = typer.Typer(help="Secrets of systems that sign their requests as the axis' SDK does (VXP).", no_args_is_help=True)

ClientId = Annotated[str, typer.Argument(metavar="CLIENT_ID", help="As `truc client list` shows it.")]
KeyId = Annotated[str, typer.Argument(metavar="KEY_ID", help="As `list` shows it.")]
OverlapDays = Annotated[int, typer.Option(min=0, max=90, help="How long the earlier secrets go on counting.")]
Until = Annotated[datetime | None, typer.Option(metavar="WHEN", help="When it ends, UTC; without end if not given.")]
_ONCE = "the secret is shown this once; keep it where only that system can read it"


@app.command()
def add(
    client_id: ClientId,
    agency: Annotated[str, typer.Option(help="Agency the system stands for; the client must act for it.")],
    system_id: Annotated[
        str | None, typer.Option(help="What the system calls itself; the agency's own code if not given.")
    ] = None,
    until: Until = None,
    as_json: Json = False,
) -> None:
    """Give a system a secret and print it, this once; secrets it has go on counting."""
    from app.edxml.organ_id import OrganId

    asked = OrganId.parse(agency)

    async def work(database: "Database", act: "Act") -> "IssuedSystemKey":
        from app.registry import system_key_acts

        done = await system_key_acts.issue(
            _systems(database), act, client_id, agency=asked, system_id=system_id, valid_until=_utc(until)
        )
        return done.value

    _show_issued(operate(work), as_json=as_json)


@app.command()
def rotate(
    client_id: ClientId, key_id: KeyId, overlap_days: OverlapDays = 7, until: Until = None, as_json: Json = False
) -> None:
    """Give the system of a secret another one; all it has besides end after the overlap."""

    async def work(database: "Database", act: "Act") -> "IssuedSystemKey":
        from app.edxml.organ_id import OrganId
        from app.registry import system_key_acts

        async with database.read() as tx:
            earlier = await system_key_acts.find(tx, client_id, key_id)
        done = await system_key_acts.issue(
            _systems(database),
            act,
            client_id,
            agency=OrganId.parse(earlier.agency),
            system_id=earlier.system_id,
            valid_until=_utc(until),
            overlap=timedelta(days=overlap_days),
        )
        return done.value

    _show_issued(operate(work), as_json=as_json)


@app.command("list")
def list_(
    client_id: ClientId,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")] = 500,
    as_json: Json = False,
) -> None:
    """List the secrets of a client's systems in the order they were made, without the secrets."""

    async def work(database: "Database", _act: "Act") -> "tuple[SystemKey, ...]":
        from app.registry import system_key_acts

        async with database.read() as tx:
            return await system_key_acts.list_of(tx, client_id, limit=limit)

    shown = [_view(key) for key in operate(work)]
    if as_json:
        print_json(shown)
        return
    columns = ("id", "system_id", "agency", "state", "valid_from", "valid_until")
    print_table(columns, (tuple(each[name] or "" for name in columns) for each in shown))


@app.command()
def revoke(client_id: ClientId, key_id: KeyId, as_json: Json = False) -> None:
    """Take a secret back; a running node refuses it within a second."""

    async def work(database: "Database", act: "Act") -> "SystemKey":
        from app.registry import system_key_acts

        return (await system_key_acts.revoke(_systems(database), act, client_id, key_id)).value

    view = _view(operate(work))
    print_json(view) if as_json else print_fields(view)


def _systems(database: "Database") -> "SystemKeys":
    from app import settings as configuration
    from app.node import KEYS_FOLDER
    from app.registry.system_keys import SystemKeys
    from app.signing.sealing_key import SealingKey

    return SystemKeys(database, SealingKey.open(configuration.load().data_dir / KEYS_FOLDER))


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None else None


def _show_issued(issued: "IssuedSystemKey", *, as_json: bool) -> None:
    view = {**_view(issued.key), "secret": issued.secret}
    if as_json:
        print_json(view)
        return
    print_fields(view)
    note(_ONCE)


def _view(key: "SystemKey") -> dict[str, object]:
    from app.routers.system_keys import SystemKeyView

    return dict(SystemKeyView(**SystemKeyView.members(key, at=datetime.now(UTC))).model_dump(mode="json"))
