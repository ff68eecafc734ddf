"""`truc log verify`: the whole log recomputed from the node's own database, once, after an interruption, or nightly.

Ends with 0 where all is consistent, 1 where something contradicts the log, 2 where it could not be verified.
"""

import asyncio
import json
import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.progress import shown_progress
from app.cli.terminal import Json, complain, print_json, read_file

if TYPE_CHECKING:
    from app.ledger.check import CheckReport
    from app.ledger.tree_check import LogKeys, Outside
    from app.ledger.verified_before import VerifiedBefore
    from app.settings import Settings
    from app.signing.note import VerifierKey

_KEEP_EVERY_SECONDS = 15.0
_KEEPING_SHARE = 20
"""Times as long as keeping took the check goes on before it is kept again."""
_NOT_VERIFIED = 2


@dataclass(frozen=True, slots=True)
class _Asked:
    bodies: bool
    checkpoints: tuple[Path, ...]
    witnessed: tuple[Path, ...]
    keys: tuple["VerifierKey", ...]
    state: Path | None
    resume: bool
    since: Path | None
    unsealed_seconds: int
    jobs: int


def verify(
    bodies: Annotated[bool, typer.Option(help="Read every kept body and compare its digest, too.")] = True,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A checkpoint you keep: the ledger must go on from it. May be repeated."),
    ] = None,
    witnessed: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="State of a witness: the ledger must go on from it.")
    ] = None,
    log_key: Annotated[
        list[str] | None,
        typer.Option(metavar="VKEY", help="Verifier key of the ledger, in place of those in the keys folder."),
    ] = None,
    state: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep here how far it has come; made when missing.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from what --state holds.")] = False,
    from_checkpoint: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Verify only what came after this checkpoint, verified another time."),
    ] = None,
    unsealed_seconds: Annotated[
        int, typer.Option(min=0, help="Events that wait for their index longer than this are a divergence.")
    ] = 60,
    jobs: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Processes that share it; one a processor unless given.")
    ] = None,
    archive: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Verify an exported archive instead, without a database.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --archive: the node's public keys, a JWK Set.")
    ] = None,
    progress: Annotated[bool, typer.Option("--progress", help="Say rate and remaining time, line by line.")] = False,
    as_json: Json = False,
) -> None:
    """Recompute the log from the database and say whether it is complete and consistent.

    Ends with 1 where it is not, with 2 where that could not be found out. May be run beside a working node: it sees one
    moment of it.
    """
    from app import settings as configuration
    from app.errors import TrucError
    from app.signing.note import VerifierKey

    if archive is not None:
        from app.cli.archive import verify_archive

        if key is None:
            raise typer.BadParameter("--archive is checked against the keys of --key", param_hint="--key")
        verify_archive(archive, key, as_json=as_json)
        return
    if resume and state is None:
        raise typer.BadParameter("--resume goes on from what --state names", param_hint="--resume")
    if resume and from_checkpoint is not None:
        raise typer.BadParameter("give either --resume or --from-checkpoint", param_hint="--from-checkpoint")
    began = time.monotonic()
    try:
        settings = configuration.load()
        _require_current(settings.effective_database_url)
        asked = _Asked(
            bodies,
            tuple(checkpoint or ()),
            tuple(witnessed or ()),
            tuple(VerifierKey.read(each) for each in log_key or ()),
            state,
            resume,
            from_checkpoint,
            unsealed_seconds,
            jobs or len(os.sched_getaffinity(0)),
        )
        with ExitStack() as stack:
            report = asyncio.run(_verified(settings, asked, _teller(stack, lines=progress, bars=not as_json)))
    except TrucError as error:
        complain(error)
        raise typer.Exit(_NOT_VERIFIED) from error
    _show(report, time.monotonic() - began, as_json=as_json)
    if not report.consistent:
        raise typer.Exit(1)


def _show(report: "CheckReport", seconds: float, *, as_json: bool) -> None:
    if as_json:
        print_json({"consistent": report.consistent, "seconds": round(seconds, 3), **asdict(report)})
        return
    for each in report.divergences:
        print(f"{each.step} {each.place}: {each.message} [{each.likely.value}]")
    if report.found > len(report.divergences):
        print(f"… and {report.found - len(report.divergences)} more")
    for reason in report.passed_over:
        print(f"not checked: {reason}")
    counted = (
        f"{report.size} events{f' from {report.since} on' if report.since else ''}, {report.tiles} tiles, "
        f"{report.checkpoints} checkpoints, {report.documents} documents, {report.deliveries} deliveries, "
        f"{report.reports} status reports, {report.figures} rows of figures, {report.registry} rows of the registry, "
        f"{report.bodies} bodies"
    )
    verdict = "complete and consistent" if report.consistent else f"{report.found} divergence(s)"
    print(f"log: {verdict} ({counted}; {report.unsealed} events still to be sealed)")


def _teller(stack: ExitStack, *, lines: bool, bars: bool) -> Callable[[str, int, int], None]:
    from app.cli.pace import Pace

    return Pace() if lines else stack.enter_context(shown_progress(shown=bars))


def _require_current(url: str) -> None:
    """Refuse a database that is not there, or of another release: verifying changes nothing, so it migrates nothing.

    Raises:
        RequestInvalid: it is one of these.
        Unavailable: it does not answer.
    """
    from app.errors import RequestInvalid
    from app.store import migrations

    path = Path(url.removeprefix("sqlite:///"))
    if url.startswith("sqlite:") and not path.is_file():
        raise RequestInvalid(f"there is no database at {path}")
    at = migrations.current_revision(url)
    if at != migrations.head():
        raise RequestInvalid(
            f"the database is at revision {at or 'none'}, this release verifies {migrations.head()}; "
            "run `truc migrate`, or verify with the release that wrote it"
        )


async def _verified(settings: "Settings", asked: _Asked, told: Callable[[str, int, int], None]) -> "CheckReport":
    from app.exchange.receipts import RECEIPT_TYPE
    from app.ledger.check import check
    from app.ledger.check_parts import Receipts, Split
    from app.node import KEYS_FOLDER
    from app.signing.node_key import keys_in, verify_jws
    from app.store.blobs import BlobStore
    from app.store.database import Database

    keys = settings.data_dir / KEYS_FOLDER
    log_keys = _log_keys(keys, asked.keys)
    outside = [*(_opened(path, log_keys) for path in asked.checkpoints), *(_seen(path) for path in asked.witnessed)]
    since = _since(asked, log_keys)
    # Public halves are enough: a check makes no key, and needs no token.
    opened = partial(verify_jws, keys=keys_in(keys), typ=RECEIPT_TYPE) if keys.is_dir() else None
    receipts = Receipts(keys, RECEIPT_TYPE) if opened is not None else None
    database = Database(settings.effective_database_url)
    try:
        return await check(
            database,
            BlobStore(settings.data_dir) if asked.bodies else None,
            open_receipt=opened,
            log_keys=log_keys,
            outside=outside,
            since=since,
            sealed_until=datetime.now(UTC) - timedelta(seconds=asked.unsealed_seconds),
            progress=told,
            keep=_Keeper(asked.state),
            split=Split(asked.jobs, settings.effective_database_url, receipts),
        )
    finally:
        await database.close()


def _log_keys(folder: Path, given: "tuple[VerifierKey, ...]") -> "LogKeys | None":
    from app.signing.ledger_key import keys_in

    if given:
        return lambda _origin: given
    return partial(keys_in, folder) if keys_in(folder, "any") else None


def _opened(path: Path, log_keys: "LogKeys | None") -> "Outside":
    from app.errors import NotAuthenticated, RequestInvalid
    from app.ledger.tree_check import Outside
    from app.signing.checkpoint import Checkpoint, open_checkpoint
    from app.signing.note import open_note

    try:
        text = read_file(path).decode("utf-8")
        checkpoint = Checkpoint.read(open_note(text, ()).text)
        if log_keys is not None:
            open_checkpoint(text, log=log_keys(checkpoint.origin))
    except (NotAuthenticated, UnicodeDecodeError) as error:
        raise RequestInvalid(f"{path}: {getattr(error, 'detail', 'it is no text')}") from error
    return Outside(f"the checkpoint {path.name}", checkpoint)


def _seen(path: Path) -> "Outside":
    from app.errors import RequestInvalid
    from app.ledger.tree_check import Outside
    from app.ledger.witness import Memory

    checkpoint = Memory.read(read_file(path).decode("utf-8", "replace")).checkpoint()
    if checkpoint is None:
        raise RequestInvalid(f"{path}: the witness has seen no checkpoint yet")
    return Outside(f"what the witness of {path.name} saw", checkpoint)


def _since(asked: _Asked, log_keys: "LogKeys | None") -> "VerifiedBefore | None":
    from app.errors import RequestInvalid
    from app.ledger.verified_before import VerifiedBefore

    if asked.since is not None:
        checkpoint = _opened(asked.since, log_keys).checkpoint
        return VerifiedBefore(checkpoint.size, checkpoint.root, whole=True)
    if not asked.resume or asked.state is None or not asked.state.exists():
        return None
    try:
        return VerifiedBefore.read(json.loads(read_file(asked.state)))
    except ValueError as error:
        raise RequestInvalid(f"{asked.state}: it is no JSON") from error


class _Keeper:
    """Keeps how far a check has come in a file: the whole of it is there, or what was there before."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._due = time.monotonic() + _KEEP_EVERY_SECONDS

    def __call__(self, made: "Callable[[], VerifiedBefore]", *, now: bool = False) -> None:
        """Keep it, where that is due."""
        if self._path is None or (not now and time.monotonic() < self._due):
            return
        began = time.monotonic()
        _write(self._path, made().written())
        done = time.monotonic()
        # What is kept grows with the figures, and keeping it must not become what a check does.
        self._due = done + max(_KEEP_EVERY_SECONDS, _KEEPING_SHARE * (done - began))


def _write(path: Path, state: dict[str, Any]) -> None:
    from app.errors import RequestInvalid
    from app.signing import key_files

    try:
        key_files.replace(path, json.dumps(state, ensure_ascii=False, separators=(",", ":")).encode("utf-8"))
    except OSError as error:
        raise RequestInvalid(f"{path}: {error.strerror}") from error
