"""The ledger as a folder: the same each time, taken up where it was left, and every change of it found."""

import asyncio
import gzip
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.errors import RequestInvalid
from app.ids import new_id
from app.ledger.archive.check import ArchiveReport, check_archive
from app.ledger.archive.export import RESUME, export
from app.ledger.archive.layout import Manifest
from app.ledger.events import Event, EventKind, record
from app.ledger.publish import Publisher, publish
from app.ledger.seal import seal_all
from app.signing.ledger_key import LedgerKey, as_jwk
from app.statistics.periods import Month
from app.store.blobs import BlobStore
from app.store.database import Database
from app.store.schema import closed_months
from tests.conftest import migrated_database

FIRST = datetime(2026, 9, 30, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Log:
    """A log of its own with entries of three months.

    Attributes:
        archive: its export.
    """

    url: str
    folder: Path
    key: LedgerKey
    archive: Path

    def write(self, to: Path, *, until: str | None = None) -> Manifest:
        async def work() -> Manifest:
            database = Database(self.url)
            try:
                keys = {"keys": [as_jwk(each) for each in self.key.verifiers("log.test")]}
                month = Month.parse(until) if until else None
                return await export(database, BlobStore(self.folder), to, keys=keys, until=month)
            finally:
                await database.close()

        return asyncio.run(work())

    def grow(self, count: int, *, at: datetime, each: timedelta) -> None:
        async def work() -> None:
            database = Database(self.url)
            publisher = Publisher(database, self.key, "log.test")
            try:
                happened = [
                    Event(new_id(), EventKind.TOKEN_ISSUED, at + each * number, "node", detail={"n": number})
                    for number in range(count)
                ]
                async with database.write() as tx:
                    await record(tx, happened)
                await seal_all(database, now=at)
                await publish(publisher, now=at + each * count)
            finally:
                await database.close()

        asyncio.run(work())

    def checked(self, folder: Path) -> ArchiveReport:
        return check_archive(folder, self.key.verifiers("log.test"))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def log(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    folder = tmp_path_factory.mktemp("log")
    with migrated_database(request, folder, request.param) as url:
        made = Log(url, folder, LedgerKey.generate(), folder / "archive")
        made.grow(300, at=FIRST, each=timedelta(minutes=3))
        made.grow(250, at=FIRST + timedelta(days=20), each=timedelta(hours=2))
        made.write(made.archive)
        yield made


@pytest.fixture
def archive(log: Log, tmp_path: Path) -> Path:
    """A copy to be tampered with."""
    return Path(shutil.copytree(log.archive, tmp_path / "archive"))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def manifest_of(folder: Path) -> Manifest:
    return Manifest.read((folder / "manifest.json").read_bytes())


def test_all_of_the_log_is_there_and_verifies_without_a_database(log: Log) -> None:
    report = log.checked(log.archive)
    assert report.divergence is None
    assert (report.size, report.entries, report.checkpoints) == (550, 550, 2)
    assert report.months == ["2026-09", "2026-10", "2026-11"]
    months = manifest_of(log.archive).months
    assert [each.complete for each in months] == [True, True, False]
    assert months[0].end == 100, "the month ends at midnight in Vietnam, five hours after noon in Greenwich"
    assert (log.archive / "tile/0/002.p/38").stat().st_size == 38 * 32
    assert (log.archive / "tile/entries/001").is_file()
    line = gzip.decompress((log.archive / months[0].name).read_bytes()).splitlines()[0]
    assert json.loads(line)["detail"] == {"n": 0}


def test_the_same_log_gives_the_same_octets(log: Log, tmp_path: Path) -> None:
    log.write(tmp_path / "again")
    assert contents(tmp_path / "again") == contents(log.archive)
    log.write(tmp_path / "again")
    assert contents(tmp_path / "again") == contents(log.archive)


def test_a_run_that_ended_early_is_taken_up_at_the_last_whole_month(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.ledger.archive import export as module

    async def dies(*_: object) -> None:
        raise OSError("dies here")

    with monkeypatch.context() as patched:
        patched.setattr(module, "_tiles", dies)
        with pytest.raises(OSError, match="dies here"):
            log.write(tmp_path)
    report = log.checked(tmp_path)
    assert report.divergence is not None
    assert report.divergence.place == "manifest.json"
    whole = manifest_of(log.archive).months[0].name
    before = (tmp_path / whole).stat().st_ino
    assert (tmp_path / RESUME).is_file()
    log.write(tmp_path)
    assert (tmp_path / whole).stat().st_ino == before, "what was whole is not written again"
    assert contents(tmp_path) == contents(log.archive)


@dataclass
class _Disk:
    """What was written through, told by the calls that do it; a crash where one is asked for."""

    synced: set[int] = field(default_factory=set)
    replaced: int = 0
    dies_at: int | None = None
    manifest_named: Callable[[Path], None] = lambda _: None

    def under(self, patched: pytest.MonkeyPatch) -> None:
        fsync, replace = os.fsync, os.replace

        def synced(descriptor: int) -> None:
            fsync(descriptor)
            self.synced.add(os.fstat(descriptor).st_ino)

        def named(source: Path, target: Path) -> None:
            self.replaced += 1
            if self.replaced == self.dies_at:
                raise _Died
            if target.name == "manifest.json":
                self.manifest_named(target.parent)
            replace(source, target)
            # A folder that gets another entry has to be written through again.
            self.synced.discard(target.parent.stat().st_ino)

        patched.setattr(os, "fsync", synced)
        patched.setattr(os, "replace", named)


class _Died(BaseException):
    """The power failed."""


@pytest.mark.parametrize("log", ["sqlite"], indirect=True)
def test_all_is_on_the_disk_before_the_manifest_is_and_the_manifest_before_anything_goes(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before: set[str] = set()
    seen: list[str] = []

    def durable(folder: Path) -> None:
        for each in (folder, folder.parent, *folder.rglob("*")):
            if each.name not in ("manifest.json", RESUME):
                assert each.stat().st_ino in disk.synced, each
                seen.append(each.name)
        assert before <= contents(folder).keys()

    disk = _Disk(manifest_named=durable)
    with monkeypatch.context() as patched:
        disk.under(patched)
        log.write(tmp_path / "new" / "archive", until="2026-10")
        before.update(contents(tmp_path / "new" / "archive"))
        log.write(tmp_path / "new" / "archive")
    assert {"new", "archive", "tile", "entries", "keys.json", "002.p", "38"} <= set(seen)
    archive = tmp_path / "new" / "archive"
    assert {archive.stat().st_ino, (archive / "manifest.json").stat().st_ino} <= disk.synced


@pytest.mark.parametrize("log", ["sqlite"], indirect=True)
def test_a_run_that_dies_between_two_writes_leaves_no_archive_that_passes_for_whole(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = _Disk()
    with monkeypatch.context() as patched:
        counted.under(patched)
        log.write(tmp_path / "whole")
    assert counted.replaced == 15
    early = log.write(tmp_path / "early", until="2026-10")
    for dies_at in range(1, counted.replaced + 1):
        fresh, carried = tmp_path / f"{dies_at}", tmp_path / f"{dies_at}-carried"
        shutil.copytree(tmp_path / "early", carried)
        for folder, held in ((fresh, None), (carried, early)):
            with monkeypatch.context() as patched:
                _Disk(dies_at=dies_at).under(patched)
                try:
                    log.write(folder)
                except _Died:
                    report = log.checked(folder)
                    assert report.consistent is (held is not None)
                    if held is not None:
                        assert report.entries == held.end, "what an earlier run wrote stays what it was"
                    else:
                        assert report.divergence is not None
                        assert report.divergence.place == "manifest.json"
    log.write(fresh)
    log.write(carried)
    assert contents(fresh) == contents(log.archive)
    assert log.checked(carried).entries == log.checked(fresh).entries == 550


def test_entries_end_with_a_month_where_that_is_asked(log: Log, tmp_path: Path) -> None:
    manifest = log.write(tmp_path, until="2026-10")
    assert [each.month for each in manifest.months] == ["2026-09", "2026-10"]
    assert manifest.months[-1].complete
    assert manifest.end < manifest.size == 550
    report = log.checked(tmp_path)
    assert report.divergence is None
    assert report.entries == manifest.end
    log.write(tmp_path)
    kept = {name for name in contents(tmp_path) if name in contents(log.archive)}
    assert kept == contents(log.archive).keys(), "and it is carried on later"
    assert log.checked(tmp_path).divergence is None
    with pytest.raises(RequestInvalid, match="holds more already, 550 entries"):
        log.write(tmp_path, until="2026-10")
    with pytest.raises(RequestInvalid, match="2026-11 is not over"):
        log.write(tmp_path / "other", until="2026-11")


def _repacked(archive: Path, change: Callable[[list[bytes]], None]) -> None:
    """Change the lines of the first month, and the manifest so that its digests are right again."""
    manifest = manifest_of(archive)
    path = archive / manifest.months[0].name
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    change(lines)
    path.write_bytes(gzip.compress(b"".join(lines), mtime=0))
    _redigested(archive)


def _redigested(archive: Path) -> None:
    from app.ledger.archive.files import digest_of

    whole = json.loads((archive / "manifest.json").read_bytes())
    for each in whole["files"]:
        found = digest_of(archive, each["name"])
        assert found is not None
        each |= {"sha256": found.sha256, "size": found.size}
    (archive / "manifest.json").write_text(json.dumps(whole), "utf-8")


def test_a_changed_octet_of_any_file_is_found(log: Log, archive: Path) -> None:
    for name, octets in contents(archive).items():
        if name == "keys.json":
            continue
        place = len(octets) // 2
        (archive / name).write_bytes(octets[:place] + bytes([octets[place] ^ 1]) + octets[place + 1 :])
        found = log.checked(archive).divergence
        assert found is not None, name
        (archive / name).write_bytes(octets)
        (archive / name).unlink()
        assert log.checked(archive).divergence is not None, name
        (archive / name).write_bytes(octets)
    assert log.checked(archive).divergence is None


@pytest.mark.parametrize(
    ("change", "step", "place"),
    [
        (lambda lines: lines.__setitem__(7, lines[7].replace(b'"n":7', b'"n":8')), "(4) entries", "7"),
        (lambda lines: lines.pop(9), "(4) entries", "9"),
        (lambda lines: lines.pop(), "(4) entries", "entries/2026-09"),
        (lambda lines: lines.insert(3, lines[3]), "(4) entries", "4"),
        (lambda lines: lines.reverse(), "(4) entries", "0"),
    ],
)
def test_changed_entries_are_named_though_the_manifest_was_changed_with_them(
    log: Log, archive: Path, change: Callable[[list[bytes]], None], step: str, place: str
) -> None:
    _repacked(archive, change)
    found = log.checked(archive).divergence
    assert found is not None
    assert found.step == step
    assert found.place.startswith(place)


def test_a_month_that_is_left_out_or_cut_short_is_found(log: Log, archive: Path) -> None:
    whole = json.loads((archive / "manifest.json").read_bytes())
    whole["months"].pop(0)
    (archive / "manifest.json").write_text(json.dumps(whole), "utf-8")
    found = log.checked(archive).divergence
    assert found is not None
    assert "entry 0 is due" in found.message


def test_a_month_is_not_complete_because_the_manifest_says_so(log: Log, archive: Path) -> None:
    whole = json.loads((archive / "manifest.json").read_bytes())
    whole["months"][-1]["complete"] = True
    (archive / "manifest.json").write_text(json.dumps(whole), "utf-8")
    found = log.checked(archive).divergence
    assert found is not None
    assert found.message == "nothing shows that the month is over"


def test_a_log_of_another_key_proves_nothing(log: Log) -> None:
    found = check_archive(log.archive, LedgerKey.generate().verifiers("log.test")).divergence
    assert found is not None
    assert found.step == "(3) checkpoints"


def test_a_manifest_names_no_file_outside_of_the_folder(log: Log, archive: Path) -> None:
    for name in ("../x", "/etc/passwd", "entries/../../x"):
        whole = json.loads((archive / "manifest.json").read_bytes())
        whole["files"][0]["name"] = name
        (archive / "manifest.json").write_text(json.dumps(whole), "utf-8")
        found = log.checked(archive).divergence
        assert found is not None
        assert "outside of the folder" in found.message


@pytest.mark.parametrize("wrong", [{"first": "0"}, {"end": None}, {"name": 7}])
def test_a_manifest_of_other_kinds_of_values_is_none(log: Log, archive: Path, wrong: dict[str, object]) -> None:
    manifest = json.loads((archive / "manifest.json").read_bytes())
    manifest["months"][0] |= wrong
    (archive / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    assert not log.checked(archive).consistent


def test_a_report_that_is_left_out_is_missed(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The manifest is nobody's signature: what the entries speak of has to be there."""
    with migrated_database(request, tmp_path, "sqlite") as url:
        log = Log(url, tmp_path, LedgerKey.generate(), tmp_path / "archive")
        body = b"the figures of September"
        digest = hashlib.sha256(body).hexdigest()
        BlobStore(tmp_path).keep_bytes(body, digest)
        row: dict[str, Any] = {"month": "2026-09", "version": 1, "ledger_size": 0, "root": "0" * 64, "digest": digest}

        async def close(version: int) -> None:
            database = Database(url)
            at = FIRST + timedelta(days=30)
            row["version"] = version
            try:
                async with database.write() as tx:
                    await tx.execute(closed_months.insert().values(**row, made_at=at))
                    mentioned = Event(new_id(), EventKind.TOKEN_ISSUED, at, "node", detail={"asked": "month.closed"})
                    await record(tx, [mentioned, Event(new_id(), EventKind.MONTH_CLOSED, at, "node", detail=row)])
            finally:
                await database.close()

        asyncio.run(close(1))
        log.grow(1, at=FIRST + timedelta(days=31), each=timedelta(minutes=1))
        # Closed again while it is exported: what no checkpoint covers yet is none of this archive.
        asyncio.run(close(2))
        log.write(log.archive)
        report = log.checked(log.archive)
        assert (report.divergence, report.reports) == (None, 1)

        name = "reports/2026-09.1.json"
        manifest = json.loads((log.archive / "manifest.json").read_bytes())
        manifest["files"] = [each for each in manifest["files"] if each["name"] != name]
        (log.archive / "manifest.json").write_text(json.dumps(manifest), "utf-8")
        (log.archive / name).unlink()
        found = log.checked(log.archive).divergence
        assert found is not None
        assert (found.step, found.place) == ("(5) reports", name)
