"""Writing the ledger into a folder: months of entries, tiles, checkpoints, reports, and a manifest last of all.

Reads in small pieces beside a working node: what is sealed and signed does not change. A run that ends early is taken
up where the last whole month ended; a folder that was written before is carried on, and what it said stays true until
the new manifest takes the place of the old one. All is on the disk before the manifest is (`files`).
"""

import asyncio
import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from app.errors import DataFault, NotFound, RequestInvalid
from app.ledger import proofs
from app.ledger.archive.files import Folder, Lines
from app.ledger.archive.layout import (
    ENTRY_OCTETS_MAX,
    KEYS,
    MANIFEST,
    KeptFile,
    KeptMonth,
    Manifest,
    bundle_name,
    entries_name,
    month_of,
    tile_name,
)
from app.ledger.tree import HASH_OCTETS, WIDTH
from app.statistics.periods import Month
from app.store import archived, checkpoints, closed_months, entries, ledger_tiles
from app.store.blobs import BlobStore
from app.store.database import Database

RESUME: Final = "resume.json"
"""What whole months are written already, while there is no manifest that says so."""
_TILES_AT_ONCE: Final = 16
_ROWS_AT_ONCE: Final = 500

Progress = Callable[[str, int, int], None]
"""Told of (step, done, total)."""


@dataclass(slots=True)
class _Run:
    """One export."""

    database: Database
    folder: Folder
    origin: str
    size: int
    progress: Progress
    until: Month | None = None
    months: list[KeptMonth] = field(default_factory=list)
    files: dict[str, KeptFile] = field(default_factory=dict)
    following: str | None = None

    @property
    def end(self) -> int:
        """One past the last entry that is written."""
        return self.months[-1].end if self.months else 0


async def export(
    database: Database,
    blobs: BlobStore,
    to: Path,
    *,
    keys: Mapping[str, Any],
    until: Month | None = None,
    size: int | None = None,
    progress: Progress = lambda _step, _done, _total: None,
) -> Manifest:
    """Write the ledger as the newest checkpoint, or that of a size, covers it.

    Args:
        keys: the node's public keys, a JWK Set.
        until: entries up to the end of this month only, which must be over in the ledger.
        size: of a checkpoint that is kept.

    Raises:
        NotFound: nothing is signed yet, or there is no checkpoint of this size.
        RequestInvalid: the month is not over; the folder holds the archive of another log, or more than is asked for.
        DataFault: entries or tiles are missing, or the tree is not what was signed.
        Unavailable: the database or the disk does not answer.
    """
    async with database.read() as tx:
        row = await checkpoints.latest(tx) if size is None else await checkpoints.of_size(tx, size)
        origin = await checkpoints.origin(tx)
        if row is None or origin is None:
            raise NotFound("there is no checkpoint of this size" if size is not None else "nothing is signed yet")
        if (await proofs.root(tx, row.size)).hex() != row.root:
            raise DataFault(f"the tree of {row.size} entries has another root than its checkpoint")
    run = _Run(database, await asyncio.to_thread(Folder, to), origin, row.size, progress, until)
    before = await asyncio.to_thread(_taken_up, run)
    await _entries(run)
    if until is not None and run.following is None:
        raise RequestInvalid(f"the month {until} is not over in the signed part of the ledger")
    await _tiles(run)
    await _checkpoints(run)
    await _reports(run, blobs)
    written = json.dumps(keys, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"
    run.files[KEYS] = await asyncio.to_thread(run.folder.keep, KEYS, written)
    manifest = Manifest(
        origin,
        row.size,
        row.root,
        run.end,
        run.following,
        tuple(run.months),
        tuple(run.files[n] for n in sorted(run.files)),
    )
    # If we die before, a folder without a manifest is unfinished, and one with an older manifest still is what that
    # says, or, where the same size is written again with more cosignatures, is found to be neither.
    await asyncio.to_thread(run.folder.conclude, MANIFEST, manifest.written())
    # If we die here, files that no manifest names lie about; nobody reads them.
    for name in (before - run.files.keys()) | {RESUME}:
        await asyncio.to_thread(run.folder.remove, name)
    return manifest


def _taken_up(run: _Run) -> set[str]:
    """Take over whole months that were written before; returns the names of files that were."""
    before: set[str] = set()
    for name in (MANIFEST, RESUME):
        try:
            earlier = Manifest.read((run.folder.path / name).read_bytes())
        except FileNotFoundError:
            continue
        if earlier.origin != run.origin:
            raise RequestInvalid(f"{run.folder.path} holds the archive of {earlier.origin!r}, not of {run.origin!r}")
        beyond = earlier.months and run.until is not None and Month.parse(earlier.months[-1].month) > run.until
        if name == MANIFEST and (earlier.size > run.size or beyond):
            raise RequestInvalid(f"{run.folder.path} holds more already, {earlier.end} entries; name another folder")
        kept = {each.name: each for each in earlier.files}
        before |= kept.keys()
        for month in earlier.months:
            wanted = run.until is None or Month.parse(month.month) <= run.until
            if month.complete and month.first == run.end and month.end < run.size and wanted:
                # What was written then is not trusted but read again: disks forget.
                found = run.folder.digest(month.name)
                if found is None or found != kept.get(month.name):
                    break
                run.months.append(month)
                run.files[month.name] = found
    return before


async def _entries(run: _Run) -> None:
    start = run.end
    at = start // WIDTH * WIDTH
    month = Month.parse(run.months[-1].month) if run.months else None
    lines: Lines | None = None
    first = start
    try:
        while at < run.size:
            end = min(at + WIDTH * _TILES_AT_ONCE, run.size)
            async with run.database.read() as tx:
                bodies = list(await entries.bodies(tx, at, end))
            if len(bodies) != end - at:
                raise DataFault(f"of the entries {at} to {end - 1} only {len(bodies)} are in the database")
            for index, body in enumerate(bodies[max(start - at, 0) :], start=max(start, at)):
                said = month_of(body, month)
                if said != month and lines is not None:
                    await _month(run, lines, month, first, index, complete=True)
                    lines = None
                if run.until is not None and said > run.until:
                    run.following = body
                    await _bundles(run, at, bodies[: index - at])
                    return
                if lines is None:
                    lines, first, month = await asyncio.to_thread(run.folder.lines), index, said
                lines.add(body)
            await _bundles(run, at, bodies)
            at = end
            run.progress("entries", at, run.size)
        if lines is not None:
            await _month(run, lines, month, first, run.size, complete=False)
            lines = None
    finally:
        if lines is not None:
            lines.__exit__()


async def _month(run: _Run, lines: Lines, month: Month | None, first: int, end: int, *, complete: bool) -> None:
    assert month is not None, "lines are begun with a month"
    name = entries_name(month, first, end)
    run.files[name] = await asyncio.to_thread(lines.keep, name)
    run.months.append(KeptMonth(str(month), first, end, complete, name))
    if complete:
        so_far = Manifest(run.origin, run.size, "", run.end, None, tuple(run.months), tuple(run.files.values()))
        # If we die here, the next run goes on from the end of this month.
        await asyncio.to_thread(run.folder.keep, RESUME, so_far.written())


async def _bundles(run: _Run, first: int, bodies: list[str]) -> None:
    def write() -> None:
        for offset in range(0, len(bodies), WIDTH):
            octets = [body.encode("utf-8") for body in bodies[offset : offset + WIDTH]]
            if max(map(len, octets)) > ENTRY_OCTETS_MAX:
                raise DataFault(
                    f"an entry between {first + offset} and {first + offset + WIDTH} is too long for a bundle"
                )
            name = bundle_name((first + offset) // WIDTH, len(octets))
            run.folder.keep(name, b"".join(len(each).to_bytes(2, "big") + each for each in octets), fixed=True)

    await asyncio.to_thread(write)


async def _tiles(run: _Run) -> None:
    level, count = 0, run.size
    while count:
        tiles = -(-count // WIDTH)
        for start in range(0, tiles, _ROWS_AT_ONCE):
            addresses = [(level, number) for number in range(start, min(start + _ROWS_AT_ONCE, tiles))]
            async with run.database.read() as tx:
                held = await ledger_tiles.read(tx, addresses)
            await asyncio.to_thread(_write_tiles, run, held, addresses, count)
            run.progress(f"tiles of level {level}", addresses[-1][1] + 1, tiles)
        level, count = level + 1, count // WIDTH


def _write_tiles(
    run: _Run, held: Mapping[tuple[int, int], bytes], addresses: list[tuple[int, int]], count: int
) -> None:
    for level, number in addresses:
        width = min(WIDTH, count - number * WIDTH)
        hashes = held.get((level, number), b"")[: width * HASH_OCTETS]
        if len(hashes) != width * HASH_OCTETS:
            raise DataFault(f"tile {level}/{number} of the ledger has not the {width} hashes it must have")
        run.folder.keep(tile_name(level, number, width), hashes, fixed=True)


async def _checkpoints(run: _Run) -> None:
    after, name = -1, f"checkpoints/{run.size:012}.ndjson.gz"
    with await asyncio.to_thread(run.folder.lines) as lines:
        while True:
            async with run.database.read() as tx:
                rows = await archived.checkpoints_after(tx, after, up_to=run.size, limit=_ROWS_AT_ONCE)
                signed = {row.size: await checkpoints.cosignatures_of(tx, row.size) for row in rows}
            if not rows:
                break
            for row in rows:
                note = row.note + "".join(each.line for each in signed[row.size])
                token = base64.b64encode(row.token).decode("ascii") if row.token is not None else None
                lines.add(json.dumps({"size": row.size, "note": note, "token": token}, ensure_ascii=False))
            after = rows[-1].size
        run.files[name] = await asyncio.to_thread(lines.keep, name)


async def _reports(run: _Run, blobs: BlobStore) -> None:
    async with run.database.read() as tx:
        rows = await closed_months.everything(tx)
        told = [json.loads(body)["detail"] for body in await archived.closings(tx, below=run.size)]
    covered = {(each["month"], each["version"]) for each in told}
    for row in rows:
        if (row.month, row.version) not in covered:
            # Closed since the checkpoint; the next export has it, with the entry that proves it.
            continue
        if run.until is not None and Month.parse(row.month) > run.until:
            continue
        octets = await asyncio.to_thread(_whole, blobs, row.digest)
        name = f"reports/{row.month}.{row.version}.json"
        run.files[name] = await asyncio.to_thread(run.folder.keep, name, octets, fixed=True)


def _whole(blobs: BlobStore, digest: str) -> bytes:
    return b"".join(blobs.slices(digest))


def described(manifest: Manifest) -> dict[str, object]:
    """Return what a manifest says without the list of its files."""
    return {name: value for name, value in asdict(manifest).items() if name not in ("files", "following")}
