"""`truc doctor`: look at everything a node needs, change nothing, say what is wrong and what to do."""

import asyncio
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from app.cli.finding import Check, Grade
from app.cli.terminal import Json, print_json
from app.errors import RequestInvalid, TrucError

if TYPE_CHECKING:
    from app.settings import Settings
    from app.store.database import Database, Transaction

FREE_BYTES_MIN: Final = 1024**3
"""Less than 1 GiB is a day's mail of a province at most."""
FREE_BYTES_WISHED: Final = 10 * 1024**3
BACKLOG_SECONDS_MAX: Final = 60
"""The sealer is at most a second behind; a minute means that none works."""
_EARLIEST: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""This release did not exist before; a clock that says so is wrong."""
_AHEAD_MAX: Final = timedelta(seconds=5)


Vxp = Annotated[bool, typer.Option("--vxp", help="Look at the systems of the older protocols too.")]


def doctor(as_json: Json = False, vxp: Vxp = False) -> None:
    """Check rules, database, disk, clock, keys, trust, ledger and servers outside; ends with 1 if something fails."""
    checks = tuple(_all_checks(datetime.now(UTC), vxp=vxp))
    failed = any(check.grade is Grade.FAILURE for check in checks)
    if as_json:
        shown = [
            {"name": each.name, "grade": each.grade.value, "detail": each.detail, "fix": each.fix} for each in checks
        ]
        print_json({"ok": not failed, "checks": shown})
    else:
        width = max(len(check.name) for check in checks)
        for check in checks:
            print(f"{check.grade.value:8} {check.name:{width}}  {check.detail}")
            if check.fix:
                print(f"{'':8} {'':{width}}  → {check.fix}")
    if failed:
        raise typer.Exit(1)


def _all_checks(at: datetime, *, vxp: bool) -> Iterator[Check]:
    from app import settings as configuration

    try:
        settings = configuration.load()
    except TrucError as error:
        yield Check("settings", Grade.FAILURE, error.detail, "Correct the TRUC_* variables or the file of TRUC_CONFIG.")
        return
    yield Check("settings", Grade.OK, f"data folder {settings.data_dir}, {_shown(settings.effective_database_url)}")
    yield _guarded("regulations", lambda: _regulations(settings.regulations_file, at))
    yield _guarded("disk", lambda: _disk(settings.data_dir))
    yield _guarded("node key", lambda: _node_key(settings))
    yield _guarded("ledger key", lambda: _ledger_key(settings))
    yield _guarded("clock", lambda: _clock(at))
    yield from _outside(settings)
    database = _guarded("database", lambda: _database(settings))
    yield database
    if database.grade is Grade.OK:
        yield from _inside(settings, at, vxp=vxp)


def _guarded(name: str, look: Callable[[], Check]) -> Check:
    try:
        return look()
    except TrucError as error:
        return Check(name, Grade.FAILURE, error.detail, "See the detail.")
    except OSError as error:
        return Check(name, Grade.FAILURE, f"{error.filename or name}: {error.strerror}", "Correct owner and mode.")


def _outside(settings: "Settings") -> Iterator[Check]:
    from app.cli.doctor_outside import outside

    try:
        yield from outside(settings)
    except TrucError as error:
        yield Check("servers outside", Grade.FAILURE, error.detail, "See the detail.")


def _regulations(own: Path | None, at: datetime) -> Check:
    from app.regulations.calendar import day_of
    from app.regulations.file import load

    try:
        rules = load(own)
    except RequestInvalid as error:
        return Check("regulations", Grade.FAILURE, error.detail, "Correct the file of TRUC_REGULATIONS_FILE.")
    today = rules.waiting_on(day_of(at))
    return Check("regulations", Grade.OK, f"{own or 'as shipped'}; waiting times since {today.in_force_from}")


def _disk(folder: Path) -> Check:
    existing = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    with tempfile.TemporaryFile(dir=existing) as file:
        file.write(b"\0" * 4096)
        file.flush()
        os.fsync(file.fileno())
    free = shutil.disk_usage(existing).free
    detail = f"{existing} takes data, {free / 1024**3:.1f} GiB free"
    if free < FREE_BYTES_MIN:
        return Check("disk", Grade.FAILURE, detail, "Make room, or move the data folder to a larger disk.")
    if free < FREE_BYTES_WISHED:
        return Check("disk", Grade.WARNING, detail, "Make room before it runs out.")
    return Check("disk", Grade.OK, detail)


def _node_key(settings: "Settings") -> Check:
    from app.node import KEYS_FOLDER, key_token
    from app.signing.node_key import NodeKey, keys_in

    folder, token = settings.data_dir / KEYS_FOLDER, key_token(settings)
    if not folder.is_dir() or not keys_in(folder):
        # Opening would make one; a doctor changes nothing.
        there = f"; the token {token.token.label} has {len(token.held())} of its label" if token else ""
        return Check("node key", Grade.OK, f"none yet; the first start makes it{there}")
    mode = stat.S_IMODE(folder.stat().st_mode)
    key = NodeKey.open(folder, token)
    if mode & 0o077:
        return Check("node key", Grade.FAILURE, f"{folder} has mode {mode:04o}", f"chmod 700 {folder}")
    # A token that lists its keys may still refuse to sign.
    key.verify_jws(key.sign_jws({}, typ="doctor"), typ="doctor")
    where = f"in the token {token.token.label}" if token else "in a file"
    return Check("node key", Grade.OK, f"{len(key.keys)} key(s), {key.kid} signs, {where}")


def _clock(at: datetime) -> Check:
    if at < _EARLIEST:
        return Check("clock", Grade.FAILURE, f"it says {at:%Y-%m-%d %H:%M:%S}Z", "Set the clock; use NTP.")
    return Check("clock", Grade.OK, f"it says {at:%Y-%m-%d %H:%M:%S}Z")


def _database(settings: "Settings") -> Check:
    from app.store import migrations

    url = settings.effective_database_url
    if url.startswith("sqlite:") and not Path(url.removeprefix("sqlite:///")).exists():
        return Check("database", Grade.WARNING, "there is none yet", "`truc serve` or `truc migrate` makes it.")
    revision, newest = migrations.current_revision(url), migrations.head()
    if revision != newest:
        detail = f"at revision {revision or 'none'}, this release wants {newest}"
        return Check("database", Grade.FAILURE, detail, "Run `truc migrate`.")
    return Check("database", Grade.OK, f"answers, at revision {revision}")


def _inside(settings: "Settings", at: datetime, *, vxp: bool) -> Iterator[Check]:
    from app.cli import doctor_vxp
    from app.cli.doctor_keys import signed_here
    from app.store.database import Database

    async def look() -> list[Check]:
        database = Database(settings.effective_database_url)
        try:
            async with database.read() as tx:
                found = [await _trust(tx), await _revocations(tx, at), await _ledger(tx, at)]
                found += [await signed_here(tx, settings), await _secrets(tx, settings)]
                found += await doctor_vxp.systems(tx, settings, at=at) if vxp else []
            return [*found, await _continued(database, settings)]
        finally:
            await database.close()

    try:
        yield from asyncio.run(look())
    except TrucError as error:
        yield Check("database", Grade.FAILURE, error.detail, "See the detail.")


async def _trust(tx: "Transaction") -> Check:
    from app.registry import anchors

    found = await anchors.list_anchors(tx, limit=100)
    in_force = [each for each in found if each.not_after > datetime.now(UTC)]
    if not in_force:
        fix = "Add the roots your agencies' certificates come from: `truc trust add-anchor FILE`."
        return Check("trust store", Grade.WARNING, "no root in force, so no document can be accepted", fix)
    return Check("trust store", Grade.OK, f"{len(in_force)} root(s) in force")


async def _secrets(tx: "Transaction", settings: "Settings") -> Check:
    from app.node import KEYS_FOLDER
    from app.registry.resealing import inspect
    from app.signing.sealing_key import SealingKey, files_in

    folder = settings.data_dir / KEYS_FOLDER
    if not files_in(folder):
        # Opening would make one; a doctor changes nothing.
        return Check("secrets", Grade.OK, "no key of secrets yet; the first start makes it")
    found = await inspect(tx, SealingKey.open(folder))
    if found.unreadable:
        detail = f"{len(found.unreadable)} of {found.count} cannot be opened: {', '.join(found.unreadable[:3])}"
        fix = "Put back the sealing*.key files of the keys folder, or give those systems and webhooks other secrets."
        return Check("secrets", Grade.FAILURE, detail, fix)
    newest, *older = sorted(files_in(folder), reverse=True)
    if older and found.numbers <= {newest}:
        idle = ", ".join(files_in(folder)[number].name for number in older)
        return Check("secrets", Grade.OK, f"all {found.count} open; the database does not need {idle} any more")
    return Check("secrets", Grade.OK, f"all {found.count} open, sealed with {len(found.numbers)} key(s)")


async def _revocations(tx: "Transaction", at: datetime) -> Check:
    from app.registry.revocation_sources import SourceState, every_source

    sources = await every_source(tx)
    bad = [each for each in sources if each.state(at) in (SourceState.STALE, SourceState.FAILING)]
    if bad:
        detail = f"{len(bad)} of {len(sources)} source(s) stale or failing; {bad[0].address}: {bad[0].problem}"
        return Check("revocations", Grade.WARNING, detail, "See `truc trust sources`; mail flows meanwhile.")
    return Check("revocations", Grade.OK, f"{len(sources)} source(s), none stale or failing")


async def _ledger(tx: "Transaction", at: datetime) -> Check:
    from app.ledger.standing import standing
    from app.store import journal
    from app.store.journal import EventFilter

    found = await standing(tx)
    newest = await journal.page(tx, EventFilter(), after=found.size - 2, limit=1)
    if newest and newest[0].at > at + _AHEAD_MAX:
        detail = f"the newest event is of {newest[0].at:%Y-%m-%d %H:%M:%S}Z, which is still to come"
        return Check("ledger", Grade.FAILURE, detail, "The clock was set back, or another node's is ahead; use NTP.")
    leased = found.lease_until is not None and at < found.lease_until
    by = f"{found.sealer} seals" if leased else "nobody seals just now"
    unsigned = found.size - (found.published or 0)
    detail = f"{found.size} events sealed, {found.waiting} waiting, {unsigned} not signed; {by}"
    behind = max(found.unsealed_seconds(now=at), found.unsigned_seconds(now=at))
    if behind > BACKLOG_SECONDS_MAX:
        return Check("ledger", Grade.WARNING, f"{detail} for {behind:.0f} s", "Is a node running? It seals within 1 s.")
    return Check("ledger", Grade.OK, detail)


def _ledger_key(settings: "Settings") -> Check:
    from app.node import KEYS_FOLDER
    from app.signing.ledger_key import LedgerKey, keys_in

    folder = settings.data_dir / KEYS_FOLDER
    if not folder.is_dir() or not keys_in(folder, "doctor"):
        # Opening would make one; a doctor changes nothing.
        return Check("ledger key", Grade.OK, "none yet; the first start makes it")
    key = LedgerKey.open(folder)
    signed = [f"{tree.size} events of {origin}" for origin, tree in key.signed.read().items()]
    detail = f"{len(key.verifiers('doctor'))} key(s); signed {', '.join(signed) or 'nothing yet'}"
    return Check("ledger key", Grade.OK, detail)


async def _continued(database: "Database", settings: "Settings") -> Check:
    from app.ledger.publish import doubt
    from app.ledger.standing import short_of
    from app.node import KEYS_FOLDER, publisher_of
    from app.signing.ledger_key import keys_in

    async with database.read() as tx:
        short = await short_of(tx)
    if short is not None:
        fix = 'Run `truc log verify`, then see "A gap in the index" of the operator\'s guide; do not go on receiving.'
        return Check("checkpoints", Grade.FAILURE, short, fix)
    folder = settings.data_dir / KEYS_FOLDER
    if not folder.is_dir() or not keys_in(folder, "doctor"):
        return Check("checkpoints", Grade.OK, "nothing was signed yet")
    reason = await doubt(publisher_of(settings, database))
    if reason is not None:
        fix = "Restore the newest backup, or see `truc ledger accept-rollback --help`."
        return Check("checkpoints", Grade.FAILURE, reason, fix)
    return Check("checkpoints", Grade.OK, "the ledger continues what was signed")


def _shown(url: str) -> str:
    # A password in the URL is nobody's business on a screen.
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
