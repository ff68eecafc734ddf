"""A document of 100 MB against a node process: accepted, fetched and unpacked in bounded memory, beside other work."""

import hashlib
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from tests.exchange.large import Large, large_document
from tests.exchange.processes import NodeProcess, prepared
from tests.exchange.remains import files
from tests.support.office import GOVERNMENT_OFFICE, PROVINCE, Office, created, refused

MEBIBYTE = 1024 * 1024
ATTACHED = 75_000_000
"""Bytes of the attachment; as base64 they are 100 MB."""
EXTRA_MAX = 60 * MEBIBYTE


@dataclass
class Working:
    """A node process and who speaks to it."""

    node: NodeProcess
    offices: dict[str, Office]
    large: Large
    data: Path

    @contextmanager
    def measured(self, what: str) -> Iterator[None]:
        """Insist that memory stays within the bound and that others are answered meanwhile, and say how fast."""
        before = self.node.memory("VmRSS")
        # From here on the high-water mark is that of the block (proc(5), clear_refs).
        Path(f"/proc/{self.node.pid}/clear_refs").write_text("5")
        with others(self.offices[PROVINCE]) as latencies:
            began = time.monotonic()
            yield
            took = time.monotonic() - began
        extra = self.node.memory("VmHWM") - before
        slowest = max(latencies.seconds)
        print(
            f"{what}: {took:.1f} s, {extra / MEBIBYTE:.0f} MiB extra (on {before / MEBIBYTE:.0f}), "
            f"{len(latencies.seconds)} other requests, slowest {slowest * 1000:.0f} ms"
        )
        assert extra < EXTRA_MAX, what


@dataclass
class Latencies:
    """How long other requests took."""

    seconds: list[float] = field(default_factory=list)


@contextmanager
def others(office: Office) -> Iterator[Latencies]:
    """Poll, again and again, as everybody else does."""
    found, over = Latencies(), threading.Event()
    assert office.system.token
    address, token = office.system.http.base_url, office.system.token

    def poll() -> None:
        with httpx2.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=60) as http:
            while not over.is_set():
                began = time.monotonic()
                assert http.get("/v1/inbox", params={"agency": PROVINCE, "limit": 5}).status_code == 200
                found.seconds.append(time.monotonic() - began)
                over.wait(0.05)

    thread = threading.Thread(target=poll)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()
    assert found.seconds


@pytest.fixture(scope="module")
def working(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[Working]:
    """A node process that has taken the large document."""
    folder = tmp_path_factory.mktemp("large")
    (folder / "node.sqlite").write_bytes(migrated_sqlite.read_bytes())
    database = f"sqlite:///{folder / 'node.sqlite'}"
    site = prepared(folder / "data", database, only=(GOVERNMENT_OFFICE, PROVINCE))
    with NodeProcess(site.settings).start() as node, site.connected() as offices:
        sender = offices[GOVERNMENT_OFFICE]
        large = large_document(sender, folder / "large.xml", recipient=PROVINCE, attachment_size=ATTACHED)
        # What every node has done before: an ordinary document.
        created(sender.system.send(sender.signed(sender.paper(PROVINCE))))
        yield Working(node, offices, large, folder / "data")


@pytest.fixture(scope="module")
def receipt(working: Working) -> dict[str, object]:
    """The receipt of the large document, sent once."""
    with working.measured("accepting 100 MB"):
        answer = working.offices[GOVERNMENT_OFFICE].system.send(working.large.pieces())  # type: ignore[arg-type]
    return created(answer)


def test_it_is_accepted_in_bounded_memory_while_others_are_answered(
    working: Working, receipt: dict[str, object]
) -> None:
    assert (receipt["sha256"], receipt["size"]) == (working.large.sha256, working.large.size)
    assert working.large.size > 100_000_000
    assert files(working.data / "incoming") == frozenset()


def test_it_is_fetched_as_it_was_sent(working: Working, receipt: dict[str, object]) -> None:
    system, digest = working.offices[PROVINCE].system, hashlib.sha256()
    path = f"/v1/documents/{receipt['id']}/content"
    with working.measured("fetching 100 MB"):
        headers = {"Authorization": f"Bearer {system.token}"}
        with system.http.stream("GET", path, headers=headers) as answer:
            for piece in answer.iter_bytes():
                digest.update(piece)
    assert digest.hexdigest() == working.large.sha256
    assert answer.headers["Content-Length"] == str(working.large.size)


def test_parts_of_it_are_the_parts_of_what_was_sent(working: Working, receipt: dict[str, object]) -> None:
    system, size = working.offices[PROVINCE].system, working.large.size
    path = f"/v1/documents/{receipt['id']}/content"
    with working.large.path.open("rb") as file:
        for asked, start, end in (
            ("bytes=0-99", 0, 100),
            (f"bytes=50000000-{50_000_000 + 3 * MEBIBYTE}", 50_000_000, 50_000_001 + 3 * MEBIBYTE),
            ("bytes=-7", size - 7, size),
            (f"bytes={size - 100}-", size - 100, size),
            (f"bytes={size - 1}-{size + 500}", size - 1, size),
        ):
            answer = system.get(path, headers={"Range": asked})
            file.seek(start)
            assert answer.status_code == 206, asked
            assert answer.content == file.read(end - start), asked
            assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{size}"
    beyond = system.get(path, headers={"Range": f"bytes={size}-"})
    refused(beyond, 416, "range-not-satisfiable")
    assert beyond.headers["Content-Range"] == f"bytes */{size}"
    # A download that broke off goes on only with the same document.
    tag = answer.headers["ETag"]
    assert system.get(path, headers={"Range": "bytes=0-9", "If-Range": tag}).status_code == 206


def test_its_attachment_is_unpacked_in_bounded_memory(working: Working, receipt: dict[str, object]) -> None:
    system, digest, size = working.offices[PROVINCE].system, hashlib.sha256(), 0
    [attachment] = created(system.get(f"/v1/documents/{receipt['id']}/attachments"), 200)
    said = (attachment["size"], attachment["sha256"], attachment["media_type"])
    assert said == (ATTACHED, working.large.attachment_sha256, "application/pdf")
    with working.measured("unpacking 75 MB"):
        headers = {"Authorization": f"Bearer {system.token}"}
        path = f"/v1/documents/{receipt['id']}/attachments/1"
        with system.http.stream("GET", path, headers=headers) as answer:
            for piece in answer.iter_bytes():
                digest.update(piece)
                size += len(piece)
    assert (size, digest.hexdigest()) == (ATTACHED, working.large.attachment_sha256)


def test_its_evidence_is_fetched_in_bounded_memory(
    working: Working, receipt: dict[str, object], tmp_path: Path
) -> None:
    system, path = working.offices[PROVINCE].system, f"/v1/documents/{receipt['id']}/evidence"
    headers = {"Authorization": f"Bearer {system.token}"}
    for _ in range(900):
        # A moment after the acceptance no checkpoint may cover it yet, and the node asks to come again.
        with system.http.stream("GET", path, headers=headers) as answer:
            if answer.status_code == 200:
                break
        time.sleep(0.1)
    bundle = tmp_path / "bundle.asice"
    with (
        working.measured("fetching the evidence of 100 MB"),
        system.http.stream("GET", path, headers=headers) as answer,
        bundle.open("wb") as file,
    ):
        for piece in answer.iter_bytes():
            file.write(piece)
    assert answer.headers["Content-Length"] == str(bundle.stat().st_size)
    digest = hashlib.sha256()
    with zipfile.ZipFile(bundle) as archive, archive.open("document.edxml") as document:
        while piece := document.read(MEBIBYTE):
            digest.update(piece)
    assert digest.hexdigest() == working.large.sha256


def test_it_is_refused_in_bounded_memory_too(working: Working) -> None:
    system = working.offices[GOVERNMENT_OFFICE].system
    kept = files(working.data / "bodies")

    def changed() -> Iterator[bytes]:
        for number, piece in enumerate(working.large.pieces()):
            yield piece if number != 50 else (b"AAAA" if piece[:4] != b"AAAA" else b"BBBB") + piece[4:]

    with working.measured("refusing 100 MB"):
        answer = system.send(changed())  # type: ignore[arg-type]
    assert refused(answer, 422, "document-refused") == ["xmldsig.3.2.1.digest-mismatch"]
    with working.measured("refusing 200 MB"):
        answer = system.send(b"<a>" + b"A" * MEBIBYTE for _ in range(200))  # type: ignore[arg-type]
    refused(answer, 413, "document-too-large")
    assert (files(working.data / "bodies"), files(working.data / "incoming")) == (kept, frozenset())
