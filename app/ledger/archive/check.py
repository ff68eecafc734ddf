"""Checking an archive from its files alone, with nothing to trust but the log's keys: no database, no node.

(1) files        each has the digest the manifest gives
(2) tiles        every tile is what the hashes of entries give, and the tree of each size has the root signed for it
(3) checkpoints  each is signed by a key of the log
(4) entries      each hashes to its leaf; months follow each other without a gap, each entry in its own; bundles agree
(5) reports      each frozen report is the one an entry of the ledger speaks of, and none of those is missing

Stops at the first thing that is wrong: what comes after it rests on it. Blocks; memory does not grow with the archive.
"""

import base64
import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from app.errors import NotAuthenticated, RequestInvalid
from app.ledger.archive.files import digest_of
from app.ledger.archive.layout import MANIFEST, KeptMonth, Manifest, bundle_name, month_of, tile_name
from app.ledger.events import EventKind
from app.ledger.regrown import Regrown, split
from app.ledger.tree import HASH_OCTETS, WIDTH, TileAddress
from app.signing import merkle
from app.signing.checkpoint import Checkpoint, open_checkpoint
from app.signing.note import VerifierKey
from app.statistics.periods import Month

_LINE_OCTETS_MAX: Final = 1024 * 1024
Progress = Callable[[str, int, int], None]
"""Told of (step, done, total)."""


@dataclass(frozen=True, slots=True)
class ArchiveDivergence:
    """The first thing that is wrong.

    Attributes:
        step: which of the checks found it.
        place: file, tile or index.
    """

    step: str
    place: str
    message: str


@dataclass(slots=True)
class ArchiveReport:
    """What was checked, as far as that came."""

    origin: str = ""
    size: int = 0
    entries: int = 0
    tiles: int = 0
    checkpoints: int = 0
    months: list[str] = field(default_factory=list)
    reports: int = 0
    divergence: ArchiveDivergence | None = None

    @property
    def consistent(self) -> bool:
        """Whether everything is as it should be."""
        return self.divergence is None


class _Diverges(Exception):
    def __init__(self, step: str, place: object, message: str) -> None:
        super().__init__(message)
        self.found = ArchiveDivergence(step, str(place), message)


def check_archive(
    folder: Path, keys: Sequence[VerifierKey], *, progress: Progress = lambda _step, _done, _total: None
) -> ArchiveReport:
    """Check the archive in a folder.

    Args:
        keys: of the log, from a source that is trusted.
    """
    report = ArchiveReport()
    try:
        _Check(folder, keys, progress, report).all()
    except _Diverges as diverges:
        report.divergence = diverges.found
    return report


@dataclass(slots=True)
class _Check:
    folder: Path
    keys: Sequence[VerifierKey]
    progress: Progress
    report: ArchiveReport

    def all(self) -> None:
        try:
            manifest = Manifest.read((self.folder / MANIFEST).read_bytes())
        except OSError as error:
            raise _Diverges("(1) files", MANIFEST, "there is none: the export did not come to its end") from error
        except RequestInvalid as error:
            raise _Diverges("(1) files", MANIFEST, error.detail) from error
        self.report.origin, self.report.size = manifest.origin, manifest.size
        self._files(manifest)
        notes = self._notes(manifest)
        self._tree(manifest, notes)
        digests = self._entries(manifest)
        self._reports(manifest, digests)

    def _files(self, manifest: Manifest) -> None:
        for number, kept in enumerate(manifest.files, start=1):
            found = digest_of(self.folder, kept.name)
            if found is None:
                raise _Diverges("(1) files", kept.name, "the file is missing")
            if found != kept:
                raise _Diverges(
                    "(1) files", kept.name, f"its SHA-256 is {found.sha256}, the manifest says {kept.sha256}"
                )
            self.progress("files", number, len(manifest.files))
        listed = {kept.name for kept in manifest.files}
        if absent := [month.name for month in manifest.months if month.name not in listed]:
            raise _Diverges("(1) files", absent[0], "the manifest has no digest of it")

    def _notes(self, manifest: Manifest) -> dict[int, Checkpoint]:
        step = "(3) checkpoints"
        found: dict[int, Checkpoint] = {}
        for name in (kept.name for kept in manifest.files if kept.name.startswith("checkpoints/")):
            for number, line in enumerate(_lines(self.folder, name, step), start=1):
                place = f"{name}:{number}"
                try:
                    said = json.loads(line)
                    checkpoint, _ = open_checkpoint(said["note"], log=self.keys)
                    if said["token"] is not None:
                        base64.b64decode(said["token"], validate=True)
                except NotAuthenticated as error:
                    raise _Diverges(step, place, error.detail) from error
                except (ValueError, KeyError, TypeError, RecursionError) as error:
                    raise _Diverges(step, place, f"the line cannot be read: {error}") from error
                if checkpoint.origin != manifest.origin:
                    raise _Diverges(step, place, f"it is one of {checkpoint.origin!r}, not of {manifest.origin!r}")
                if checkpoint.size > manifest.size or checkpoint.size != said["size"]:
                    raise _Diverges(step, place, f"it is of {checkpoint.size} entries, the line says {said['size']}")
                found[checkpoint.size] = checkpoint
        if manifest.size not in found:
            raise _Diverges(step, manifest.size, "there is no checkpoint of the size that the archive covers")
        self.report.checkpoints = len(found)
        return found

    def _tree(self, manifest: Manifest, notes: dict[int, Checkpoint]) -> None:
        step = "(2) tiles"
        grown = Regrown()
        signed = sorted(notes)
        for number in range(-(-manifest.size // WIDTH)):
            width = min(WIDTH, manifest.size - number * WIDTH)
            leaves = split(self._tile(TileAddress(0, number), width))
            taken = 0
            while signed and signed[0] <= number * WIDTH + width:
                size = signed.pop(0)
                grown.grow(leaves[taken : size - number * WIDTH])
                taken = size - number * WIDTH
                if grown.root() != notes[size].root:
                    raise _Diverges(
                        step,
                        f"root of {size}",
                        f"the tiles give {grown.root().hex()}, signed is {notes[size].root.hex()}",
                    )
            grown.grow(leaves[taken:])
            for address, hashes in grown.taken():
                self._same(address, WIDTH, hashes)
            if number % 256 == 0 or width < WIDTH:
                self.progress("tiles", number * WIDTH + width, manifest.size)
        for address, hashes in grown.edge():
            self._same(address, len(hashes) // HASH_OCTETS, hashes)
        if grown.root().hex() != manifest.root:
            raise _Diverges(step, MANIFEST, f"the tiles give the root {grown.root().hex()}, it says {manifest.root}")

    def _same(self, address: TileAddress, width: int, hashes: bytes) -> None:
        if self._tile(address, width) != hashes:
            raise _Diverges("(2) tiles", tile_name(*address, width), "it is not what the tiles below it give")
        self.report.tiles += 1

    def _tile(self, address: TileAddress, width: int) -> bytes:
        name = tile_name(*address, width)
        octets = _octets(self.folder, name, "(2) tiles")
        if len(octets) != width * HASH_OCTETS:
            raise _Diverges("(2) tiles", name, f"it has {len(octets)} octets, {width} hashes are due")
        return octets

    def _entries(self, manifest: Manifest) -> set[tuple[str, int, str]]:
        """Take step (4); returns month, version and digest of the reports that entries speak of."""
        step = "(4) entries"
        told: set[tuple[str, int, str]] = set()
        month: Month | None = None
        expected = 0
        leaves: list[bytes] = []
        bundle: list[bytes] = []
        for kept in manifest.months:
            if kept.first != expected or kept.end <= kept.first:
                raise _Diverges(step, kept.name, f"it begins with entry {kept.first}, entry {expected} is due")
            for line in _lines(self.folder, kept.name, step):
                if expected == kept.end:
                    raise _Diverges(step, kept.name, f"it has entries beyond {kept.end - 1}")
                if expected % WIDTH == 0:
                    width = min(WIDTH, manifest.size - expected)
                    leaves, bundle = split(self._tile(TileAddress(0, expected // WIDTH), width)), []
                month = self._entry(line, expected, leaves[expected % WIDTH], kept, month, told)
                bundle.append(line)
                expected += 1
                if expected % WIDTH == 0 or expected == manifest.end:
                    self._bundle((expected - 1) // WIDTH, bundle)
                    self.progress("entries", expected, manifest.end)
            if expected != kept.end:
                raise _Diverges(step, kept.name, f"it ends before entry {expected}, {kept.end - 1} should be its last")
            self.report.months.append(kept.month)
        if expected != manifest.end:
            raise _Diverges(step, MANIFEST, f"the months end with entry {expected - 1}, it says {manifest.end - 1}")
        self._closing(manifest, month)
        self.report.entries = expected
        return told

    def _entry(
        self,
        line: bytes,
        index: int,
        leaf: bytes,
        kept: KeptMonth,
        before: Month | None,
        told: set[tuple[str, int, str]],
    ) -> Month:
        step = "(4) entries"
        if merkle.leaf(line) != leaf:
            raise _Diverges(step, index, f"the entry in {kept.name} does not hash to its leaf")
        try:
            month = month_of(line.decode("utf-8"), before)
            if b'"month.closed"' in line:
                said = json.loads(line)
                if said.get("kind") == EventKind.MONTH_CLOSED.value:
                    detail = said["detail"]
                    told.add((str(detail["month"]), int(detail["version"]), str(detail["digest"])))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _Diverges(step, index, f"the entry does not say when it happened: {error}") from error
        if str(month) != kept.month:
            raise _Diverges(step, index, f"the entry is of {month}, and lies with those of {kept.month}")
        return month

    def _closing(self, manifest: Manifest, month: Month | None) -> None:
        """Insist that months that are said to be complete are."""
        step = "(4) entries"
        for kept in manifest.months[:-1]:
            if not kept.complete:
                raise _Diverges(step, kept.name, "the month is said not to be over, and another one follows")
        if manifest.following is None:
            if manifest.end != manifest.size:
                raise _Diverges(step, manifest.end, f"the entries up to {manifest.size - 1} are missing")
            if manifest.months and manifest.months[-1].complete:
                raise _Diverges(step, manifest.months[-1].name, "nothing shows that the month is over")
            return
        if manifest.end >= manifest.size:
            raise _Diverges(step, manifest.end, "an entry is said to follow that the checkpoint does not cover")
        width = min(WIDTH, manifest.size - manifest.end // WIDTH * WIDTH)
        leaves = split(self._tile(TileAddress(0, manifest.end // WIDTH), width))
        if merkle.leaf(manifest.following.encode("utf-8")) != leaves[manifest.end % WIDTH]:
            raise _Diverges(step, manifest.end, "the entry that follows the last month does not hash to its leaf")
        try:
            later = month_of(manifest.following, month)
        except (ValueError, KeyError, TypeError) as error:
            raise _Diverges(step, manifest.end, "the entry that follows does not say when it happened") from error
        if later == month:
            raise _Diverges(
                step, manifest.end, f"the entry that follows is of {month}, too: that month is not complete"
            )

    def _bundle(self, number: int, bodies: list[bytes]) -> None:
        name = bundle_name(number, len(bodies))
        wanted = b"".join(len(each).to_bytes(2, "big") + each for each in bodies)
        if _octets(self.folder, name, "(4) entries") != wanted:
            raise _Diverges("(4) entries", name, "the bundle has other entries than the months")

    def _reports(self, manifest: Manifest, told: set[tuple[str, int, str]]) -> None:
        step = "(5) reports"
        listed = {kept.name for kept in manifest.files}
        for month, version, _ in sorted(told):
            if (name := f"reports/{month}.{version}.json") not in listed:
                raise _Diverges(step, name, "an entry of the ledger speaks of it, and it is not here")
        for kept in manifest.files:
            if not kept.name.startswith("reports/"):
                continue
            digests = {digest for month, number, digest in told if f"reports/{month}.{number}.json" == kept.name}
            # The entry that speaks of it may lie behind the last month of the archive.
            if digests and digests != {kept.sha256}:
                raise _Diverges(step, kept.name, f"it hashes to {kept.sha256}, the ledger says {min(digests)}")
            if not digests and manifest.following is None:
                raise _Diverges(step, kept.name, "no entry of the ledger speaks of it")
            self.report.reports += 1


def _octets(folder: Path, name: str, step: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise _Diverges(step, name, f"the file cannot be read: {error.strerror}") from error


def _lines(folder: Path, name: str, step: str) -> Iterator[bytes]:
    """Yield the lines of a compressed file, of bounded length."""
    try:
        with gzip.open(folder / name, "rb") as file:
            while line := file.readline(_LINE_OCTETS_MAX):
                if not line.endswith(b"\n"):
                    raise _Diverges(step, name, "a line has no end, or is too long")
                yield line[:-1]
    except (OSError, EOFError, zlib.error) as error:
        raise _Diverges(step, name, f"the file cannot be unpacked: {error}") from error
