"""A stand-in for clamd: its protocol as clamd(8) tells it, one virus it knows, and everything that may go wrong."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + rb"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
"""The test file of EICAR, in two pieces so that no scanner takes this file for it."""
SIGNATURE = "Eicar-Test-Signature"


class Mood(Enum):
    """How it behaves."""

    WELL = "it does what its manual says"
    ERROR = "it answers that something broke"
    SILENT = "it takes everything and never answers"
    HALF = "it breaks off in the middle of its answer"
    HASTY = "it calls a file clean after its first block"
    DEAF = "it hangs up at once"
    NONSENSE = "it speaks another protocol"
    ENDLESS = "its answer has no end"


@dataclass
class Clamd:
    """A running stand-in.

    Attributes:
        address: as the setting wants it.
        stream_bytes_max: StreamMaxLength.
        scanned: files that came whole.
    """

    address: str
    mood: Mood = Mood.WELL
    stream_bytes_max: int = 25 * 1024 * 1024
    scanned: list[bytes] = field(default_factory=list)


@contextmanager
def clamd(path: Path | None = None) -> Iterator[Clamd]:
    """Listen on a free port, or on a socket in the file system."""
    listener = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
    listener.bind(str(path) if path else ("127.0.0.1", 0))
    listener.listen()
    running = Clamd(f"unix://{path}" if path else f"tcp://127.0.0.1:{listener.getsockname()[1]}")
    open_ones: list[socket.socket] = []
    thread = threading.Thread(target=_serve, args=(listener, running, open_ones), name="clamd")
    thread.start()
    try:
        yield running
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in open_ones:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        thread.join(10)
        assert not thread.is_alive()


def _serve(listener: socket.socket, running: Clamd, open_ones: list[socket.socket]) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        open_ones.append(connection)
        with connection, suppress(OSError):
            _converse(connection, running)


def _converse(connection: socket.socket, running: Clamd) -> None:
    if running.mood is Mood.DEAF:
        return
    command = _exactly(connection, len(b"zINSTREAM\x00"))
    if command != b"zINSTREAM\x00":
        connection.sendall(b"UNKNOWN COMMAND\x00")
        return
    content = b""
    while size := int.from_bytes(_exactly(connection, 4), "big"):
        if len(content) + size > running.stream_bytes_max:
            connection.sendall(b"INSTREAM size limit exceeded. ERROR\x00")
            # Politely: who hangs up on what was sent already resets the connection, and its answer may be lost.
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65_536):
                pass
            return
        content += _exactly(connection, size)
        if running.mood is Mood.HASTY:
            connection.sendall(b"stream: OK\x00")
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65_536):
                pass
            return
    running.scanned.append(content)
    match running.mood:
        case Mood.ERROR:
            connection.sendall(b"stream: Can't allocate memory ERROR\x00")
        case Mood.SILENT:
            connection.recv(1)
        case Mood.HALF:
            connection.sendall(b"stream: O")
        case Mood.NONSENSE:
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n\x00")
        case Mood.ENDLESS:
            while True:
                connection.sendall(b"stream: " * 1000)
        case _:
            connection.sendall(f"stream: {SIGNATURE} FOUND\0".encode() if EICAR in content else b"stream: OK\x00")


def _exactly(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        piece = connection.recv(size - len(received))
        if not piece:
            raise ConnectionError("the client hung up")
        received += piece
    return received
