"""Bodies on disk: a file that has its name is whole, and durable before anybody is told."""

import hashlib
import os
import resource
import secrets
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.errors import DataFault, Unavailable
from app.store.blobs import BlobStore

BODY = b"<edXML/>" * 1_000
SHA = hashlib.sha256(BODY).hexdigest()
SMALL_DISK_BYTES = 256 * 1024


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    """An empty store."""
    return BlobStore(tmp_path / "data")


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _arrive(blobs: BlobStore, body: bytes) -> Path:
    descriptor, path = blobs.open_incoming()
    with os.fdopen(descriptor, "wb") as file:
        file.write(body)
    return path


def test_a_body_lies_under_its_digest_and_nowhere_else(blobs: BlobStore, tmp_path: Path) -> None:
    blobs.keep_bytes(BODY, SHA)
    assert _files(tmp_path) == [tmp_path / "data" / "bodies" / SHA[:2] / SHA[2:4] / SHA] == [blobs.path_of(SHA)]
    assert b"".join(blobs.slices(SHA)) == BODY
    assert blobs.digest(SHA) == SHA


def test_an_arrived_file_gets_its_name_and_is_gone_from_where_it_arrived(blobs: BlobStore, tmp_path: Path) -> None:
    arrived = _arrive(blobs, BODY)
    assert blobs.digest(SHA) is None
    blobs.keep_file(arrived, SHA)
    assert _files(tmp_path) == [blobs.path_of(SHA)]


def test_nobody_else_can_read_bodies(blobs: BlobStore, tmp_path: Path) -> None:
    blobs.keep_bytes(BODY, SHA)
    for path in (tmp_path / "data").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_keeping_a_body_again_only_touches_it(blobs: BlobStore, tmp_path: Path) -> None:
    blobs.keep_bytes(BODY, SHA)
    before = blobs.path_of(SHA).stat().st_ino
    os.utime(blobs.path_of(SHA), (1_000, 1_000))
    blobs.keep_bytes(BODY, SHA)
    after = blobs.path_of(SHA).stat()
    assert after.st_ino == before, "it is not written again"
    assert after.st_mtime > 1_000, "and the sweep sees that somebody is about to refer to it"
    blobs.keep_file(_arrive(blobs, BODY), SHA)
    assert _files(tmp_path) == [blobs.path_of(SHA)]
    assert blobs.digest(SHA) == SHA


def test_a_body_cut_short_by_damage_is_written_anew(blobs: BlobStore) -> None:
    blobs.keep_bytes(BODY, SHA)
    blobs.path_of(SHA).write_bytes(BODY[:-1])
    blobs.keep_bytes(BODY, SHA)
    assert blobs.digest(SHA) == SHA


def test_the_same_body_from_many_at_once_is_kept_once_and_whole(blobs: BlobStore, tmp_path: Path) -> None:
    body = secrets.token_bytes(300_000)
    sha256 = hashlib.sha256(body).hexdigest()
    together = threading.Barrier(8)

    def keep(number: int) -> None:
        together.wait(10)
        if number % 2:
            blobs.keep_bytes(body, sha256)
        else:
            blobs.keep_file(_arrive(blobs, body), sha256)
        # Whoever is told that it is kept can read all of it.
        assert blobs.digest(sha256) == sha256

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(keep, range(8)))
    assert _files(tmp_path) == [blobs.path_of(sha256)]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What the operating system is asked for, in order: each call is made as well as noted."""
    noted: list[tuple[str, str]] = []
    fsync, replace, mkdir = os.fsync, os.replace, os.mkdir

    def noted_fsync(descriptor: int) -> None:
        noted.append(("fsync", str(Path(f"/proc/self/fd/{descriptor}").readlink())))
        fsync(descriptor)

    def noted_replace(source: Path, target: Path) -> None:
        noted.append(("rename", f"{source} {target}"))
        replace(source, target)

    def noted_mkdir(path: Path, mode: int = 0o777) -> None:
        mkdir(path, mode)
        noted.append(("mkdir", str(path)))

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    monkeypatch.setattr(os, "mkdir", noted_mkdir)
    return noted


def test_a_body_is_synced_before_it_gets_its_name_and_the_way_to_it_after(
    tmp_path: Path, calls: list[tuple[str, str]]
) -> None:
    blobs = BlobStore(tmp_path / "deep" / "data")
    data, bodies = tmp_path / "deep" / "data", tmp_path / "deep" / "data" / "bodies"
    assert [call for call in calls if "incoming" not in call[1]][:6] == [
        ("mkdir", str(tmp_path / "deep")),
        ("fsync", str(tmp_path)),
        ("mkdir", str(data)),
        ("fsync", str(tmp_path / "deep")),
        ("mkdir", str(bodies)),
        ("fsync", str(data)),
    ]
    calls.clear()
    blobs.keep_bytes(BODY, SHA)
    steps = [call for call in calls if call[0] != "mkdir"]
    first, second = bodies / SHA[:2], bodies / SHA[:2] / SHA[2:4]
    assert [name for name, _ in steps] == ["fsync", "fsync", "fsync", "rename", "fsync"]
    source, target = steps[3][1].split(" ")
    assert Path(target) == blobs.path_of(SHA)
    # What it holds, then each folder made in the one above, and last its own name: durable before any row.
    assert [path for name, path in steps if name == "fsync"] == [source, str(bodies), str(first), str(second)]


def test_folders_known_to_be_durable_are_not_synced_again_but_where_somebody_else_made_them(
    tmp_path: Path, calls: list[tuple[str, str]]
) -> None:
    blobs, other = BlobStore(tmp_path), BlobStore(tmp_path)
    blobs.keep_bytes(BODY, SHA)
    # Somebody else may have named it a moment ago: what a caller is told rests on the folders all the same.
    for store, again in ((blobs, []), (other, [tmp_path / "bodies", tmp_path / "bodies" / SHA[:2]])):
        calls.clear()
        store.keep_bytes(BODY, SHA)
        assert [path for _, path in calls] == [*map(str, again), str(blobs.path_of(SHA).parent)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder that takes no more than 256 KiB: a file system of that size, or a limit of the process where none may be
    mounted.
    """
    folder = tmp_path / "small"
    folder.mkdir()
    options = f"size={SMALL_DISK_BYTES},mode=0700"
    try:
        made = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True)
        mounted = made.returncode == 0
    except FileNotFoundError:
        mounted = False
    if mounted:
        yield folder
        subprocess.run(["umount", folder], check=True)
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL_DISK_BYTES, hard))
    yield folder
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_takes_nothing_and_leaves_nothing(small_disk: Path) -> None:
    blobs = BlobStore(small_disk)
    blobs.keep_bytes(BODY, SHA)
    large = secrets.token_bytes(2 * SMALL_DISK_BYTES)
    digest = hashlib.sha256(large).hexdigest()
    for _ in range(3):
        with pytest.raises(Unavailable, match="disk"):
            blobs.keep_bytes(large, digest)
    assert _files(small_disk) == [blobs.path_of(SHA)]
    assert blobs.digest(digest) is None
    # And what fits is taken again.
    more = BODY + b"\n"
    blobs.keep_bytes(more, hashlib.sha256(more).hexdigest())
    assert len(_files(small_disk)) == 2


def test_a_folder_that_vanished_is_a_fault_of_ours(blobs: BlobStore, tmp_path: Path) -> None:
    arrived = _arrive(blobs, BODY)
    (tmp_path / "data" / "bodies").rename(tmp_path / "away")
    (tmp_path / "data" / "bodies").write_bytes(b"")
    with pytest.raises(Unavailable):
        blobs.keep_file(arrived, SHA)
    with pytest.raises(Unavailable):
        blobs.keep_bytes(BODY, SHA)
    arrived.unlink()
    assert _files(tmp_path / "data" / "incoming") == []
    (tmp_path / "data" / "incoming").rmdir()
    with pytest.raises(Unavailable):
        blobs.open_incoming()
    with pytest.raises(Unavailable):
        blobs.sweep_incoming(older_than=0)


LONG = secrets.token_bytes(2 * 1024 * 1024 + 77)
LONG_SHA = hashlib.sha256(LONG).hexdigest()


@given(start=st.integers(0, len(LONG) + 10), length=st.none() | st.integers(0, len(LONG) + 10))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_range_of_a_body_is_what_slicing_gives(tmp_path: Path, start: int, length: int | None) -> None:
    blobs = BlobStore(tmp_path / "long")
    blobs.keep_bytes(LONG, LONG_SHA)
    slices = list(blobs.slices(LONG_SHA, start=start, length=length))
    assert b"".join(slices) == (LONG[start:] if length is None else LONG[start : start + length])
    assert all(0 < len(each) <= 1024 * 1024 for each in slices)


def test_a_body_that_is_not_there_is_a_fault_of_the_data(blobs: BlobStore) -> None:
    with pytest.raises(DataFault, match=SHA):
        next(blobs.slices(SHA))
    assert blobs.digest(SHA) is None


def test_damage_shows_in_the_digest(blobs: BlobStore) -> None:
    blobs.keep_bytes(BODY, SHA)
    octets = bytearray(BODY)
    octets[17] ^= 4
    blobs.path_of(SHA).write_bytes(octets)
    assert blobs.digest(SHA) == hashlib.sha256(octets).hexdigest() != SHA


def test_only_what_was_abandoned_is_swept(blobs: BlobStore, tmp_path: Path) -> None:
    blobs.keep_bytes(BODY, SHA)
    old, new = _arrive(blobs, b"old"), _arrive(blobs, b"new")
    hour_ago = time.time() - 3_600
    os.utime(old, (hour_ago, hour_ago))
    os.utime(blobs.path_of(SHA), (hour_ago, hour_ago))
    assert blobs.sweep_incoming(older_than=hour_ago - 1) == 0
    assert blobs.sweep_incoming(older_than=time.time() - 60) == 1
    assert _files(tmp_path / "data") == sorted([new, blobs.path_of(SHA)])
    assert blobs.sweep_incoming(older_than=time.time() - 60) == 0


def test_sweeping_beside_others_that_keep_and_sweep_is_harmless(blobs: BlobStore, tmp_path: Path) -> None:
    """Each process of a node sweeps at its start, at the same moment as the others."""
    ended = threading.Event()

    def arrive_on() -> None:
        while not ended.is_set():
            for path in [_arrive(blobs, b"x") for _ in range(20)]:
                path.unlink(missing_ok=True)

    def sweep_on() -> int:
        return sum(blobs.sweep_incoming(older_than=0 if number % 2 else 2**40) for number in range(150))

    with ThreadPoolExecutor(4) as threads:
        arriving = [threads.submit(arrive_on) for _ in range(2)]
        sweeping = [threads.submit(sweep_on) for _ in range(2)]
        try:
            assert sum(each.result(60) for each in sweeping) >= 0
        finally:
            ended.set()
        for each in arriving:
            each.result(60)
