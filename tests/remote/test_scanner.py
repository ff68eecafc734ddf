"""Asking a scanner: what it says is understood, and what it does not say is never taken for clean."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.errors import RequestInvalid
from app.remote.scanner import Scanner, ScannerAddress, ScannerUnavailable, ScanTooLong
from tests.support.clamd import EICAR, SIGNATURE, Clamd, Mood, clamd

PATIENT, HASTY = 60.0, 0.2


@pytest.fixture
def server() -> Iterator[Clamd]:
    with clamd() as running:
        yield running


def asked(server: Clamd, *slices: bytes, seconds: float = PATIENT, bytes_max: int = 10_000_000) -> str | None:
    async def work() -> str | None:
        return await Scanner(ScannerAddress.parse(server.address), seconds, bytes_max).scan(iter(slices))

    return asyncio.run(work())


def test_a_clean_file_arrives_whole_whatever_its_slices(server: Clamd) -> None:
    assert asked(server, b"a" * 70_000, b"b", b"c" * 1_000_000) is None
    assert asked(server) is None
    assert server.scanned == [b"a" * 70_000 + b"b" + b"c" * 1_000_000, b""]


def test_what_is_found_is_named(server: Clamd) -> None:
    assert asked(server, b"....", EICAR[:20], EICAR[20:]) == SIGNATURE


def test_a_socket_in_the_file_system(tmp_path: Path) -> None:
    with clamd(tmp_path / "clamd.sock") as server:
        assert asked(server, b"clean") is None
        assert asked(server, EICAR) == SIGNATURE


@pytest.mark.parametrize("mood", [Mood.ERROR, Mood.HALF, Mood.DEAF, Mood.NONSENSE, Mood.ENDLESS])
def test_no_clear_answer_is_no_answer(server: Clamd, mood: Mood) -> None:
    server.mood = mood
    with pytest.raises(ScannerUnavailable):
        asked(server, b"clean")


def test_a_file_is_not_clean_before_all_of_it_was_sent(server: Clamd) -> None:
    server.mood = Mood.HASTY

    def slices() -> Iterator[bytes]:
        yield b"the beginning"
        # Nothing more comes while the test lasts.
        released.wait(PATIENT)

    released = threading.Event()

    async def work() -> None:
        try:
            await Scanner(ScannerAddress.parse(server.address), PATIENT, 10_000).scan(slices())
        finally:
            released.set()

    with pytest.raises(ScannerUnavailable, match="before it had all"):
        asyncio.run(work())


def test_silence_is_waited_for_as_long_as_is_said(server: Clamd) -> None:
    server.mood = Mood.SILENT
    with pytest.raises(ScannerUnavailable):
        asked(server, b"clean", seconds=HASTY)


def test_nobody_listens(server: Clamd) -> None:
    with clamd() as gone:
        pass
    with pytest.raises(ScannerUnavailable):
        asked(gone, b"clean")


def test_what_is_too_long_for_the_scanner_or_for_us_is_told(server: Clamd) -> None:
    server.stream_bytes_max = 1_000
    with pytest.raises(ScanTooLong):
        asked(server, *[b"x" * 500_000] * 10)
    with pytest.raises(ScanTooLong):
        asked(server, b"x" * 1_001)
    server.stream_bytes_max = 10_000
    with pytest.raises(ScanTooLong):
        asked(server, b"x" * 600, b"x" * 401, bytes_max=1_000)
    assert asked(server, b"x" * 600, b"x" * 400, bytes_max=1_000) is None


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("tcp://127.0.0.1:3310", ScannerAddress("127.0.0.1", 3310)),
        ("tcp://[::1]:3310", ScannerAddress("::1", 3310)),
        ("tcp://clamd.example.vn:3310/", ScannerAddress("clamd.example.vn", 3310)),
        ("unix:///run/clamav/clamd.ctl", ScannerAddress(path="/run/clamav/clamd.ctl")),
    ],
)
def test_addresses(text: str, address: ScannerAddress) -> None:
    assert ScannerAddress.parse(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "clamd:3310",
        "tcp://clamd",
        "tcp://:3310",
        "tcp://a:99999",
        "http://a:1",
        "unix://host/a",
        "unix:",
        "tcp://a:1?b",
    ],
)
def test_no_addresses(text: str) -> None:
    with pytest.raises(RequestInvalid, match="scanner_address"):
        ScannerAddress.parse(text)
