"""Sends documents of a corpus over so many connections: by wrk where it is installed, else by a small loop of our own.

    python -m bench.load URL DOCUMENTS INDEX FIRST COUNT CONNECTIONS SECONDS RATE    (the token comes in)

Each document is sent once, each connection sends its next one when the last was answered. Our own loop speaks HTTP over
plain sockets and can also keep a pace: documents then come at a rate, and how long one takes counts from when it was
due.
"""

import json
import select
import shutil
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench.corpus import Corpus

_LUA = Path(__file__).parent / "submit.lua"
PATH, ACCEPTED = "/v1/documents", 201


@dataclass(frozen=True, slots=True)
class Load:
    """What was sent and answered.

    Attributes:
        answered: documents that were answered as they must be.
        failed: answers of any other kind, and connections that broke.
        failure: the last of them.
        seconds: from the first request to the last answer.
        p50: milliseconds within which half of them were answered.
        p99: milliseconds within which ninety-nine of a hundred were.
    """

    answered: int
    failed: int
    failure: str
    seconds: float
    p50: float
    p99: float

    @property
    def a_second(self) -> float:
        """Documents answered a second."""
        return self.answered / self.seconds


@dataclass(frozen=True, slots=True)
class Shot:
    """What is to be sent.

    Attributes:
        first: document of the corpus to begin with.
        count: how many there are at most.
        seconds: when no more are begun.
        rate: documents a second; 0: as fast as they are answered.
    """

    corpus: Corpus
    first: int
    count: int
    connections: int
    seconds: float
    rate: float = 0.0


def generator() -> str:
    """Name what makes the load."""
    return "wrk" if shutil.which("wrk") else "sockets"


def fire(url: str, token: str, shot: Shot) -> Load:
    """Send, and say how it was answered.

    Raises:
        RuntimeError: the generator failed.
    """
    by_wrk = not shot.rate and generator() == "wrk"
    return _by_wrk(url, token, shot) if by_wrk else _by_sockets(url, token, shot)


def _by_wrk(url: str, token: str, shot: Shot) -> Load:
    command = ["wrk", "-t1", f"-c{shot.connections}", f"-d{max(1, round(shot.seconds))}s", "--timeout", "30s"]
    files = (str(shot.corpus.documents), str(shot.corpus.index))
    command += ["-s", str(_LUA), url, "--", *files, str(shot.first), str(shot.count), token, PATH]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, errors="replace")
    found = [line for line in ended.stdout.splitlines() if line.startswith("FOUND\t")]
    if not found:
        raise RuntimeError(f"wrk failed: {ended.stdout}{ended.stderr}")
    _, answered, others, broken, seconds, p50, p99, other = found[0].split("\t", 7)
    return Load(int(answered), int(others) + int(broken), other, float(seconds), float(p50), float(p99))


def _by_sockets(url: str, token: str, shot: Shot) -> Load:
    files = (shot.corpus.documents, shot.corpus.index)
    given = (url, *files, shot.first, shot.count, shot.connections, shot.seconds, shot.rate)
    command = [sys.executable, "-m", "bench.load", *map(str, given)]
    ended = subprocess.run(command, check=False, input=token, capture_output=True, text=True)
    if ended.returncode:
        raise RuntimeError(f"the generator failed: {ended.stderr}")
    return Load(**json.loads(ended.stdout))


class _Connection:
    """One connection, and the request that is under way on it."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.due = 0.0
        self._unsent = memoryview(b"")
        self._answer = bytearray()
        self._whole = 0

    def begin(self, request: bytes, due: float) -> bool:
        """Begin a request; says whether something is left to be sent."""
        self.due, self._unsent, self._whole = due, memoryview(request), 0
        self._answer.clear()
        return self.push()

    def push(self) -> bool:
        """Send what the socket takes; says whether something is left."""
        while self._unsent:
            try:
                self._unsent = self._unsent[self.socket.send(self._unsent) :]
            except BlockingIOError:
                return True
        return False

    def pull(self) -> int:
        """Read what is there; gives the status once the whole answer is, and 0 before.

        Raises:
            ConnectionError: it was closed.
        """
        piece = self.socket.recv(65_536)
        if not piece:
            raise ConnectionResetError("closed by the server")
        self._answer += piece
        if not self._whole:
            head = self._answer.find(b"\r\n\r\n")
            if head < 0:
                return 0
            lines = bytes(self._answer[:head]).lower().split(b"\r\n")
            length = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
            self._whole = head + 4 + length
        return int(self._answer[9:12]) if len(self._answer) >= self._whole else 0

    @property
    def answer(self) -> str:
        """The answer as text."""
        return self._answer.decode("utf-8", "replace")


def send_all(url: str, token: str, shot: Shot) -> Load:
    """Send the documents from this process."""
    parts = urlsplit(url)
    address = (parts.hostname or "127.0.0.1", parts.port or 80)
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/xml\r\nContent-Length: "
    ).encode()
    waiting = deque(head + b"%d\r\n\r\n%b" % (len(body), body) for body in shot.corpus.bodies(shot.first, shot.count))
    connections = [_Connection(address) for _ in range(shot.connections)]
    by_number = {each.socket.fileno(): each for each in connections}
    poll = select.epoll()
    for number in by_number:
        poll.register(number, select.EPOLLIN)
    free, took, failed, failure = deque(connections), [], 0, ""
    began = ended = time.perf_counter()
    count = 0
    while True:
        now = time.perf_counter()
        while free and waiting and now - began < shot.seconds:
            due = began + count / shot.rate if shot.rate else now
            if due > now:
                break
            connection = free.popleft()
            count += 1
            if connection.begin(waiting.popleft(), due):
                poll.modify(connection.socket.fileno(), select.EPOLLIN | select.EPOLLOUT)
        over = not waiting or now - began >= shot.seconds
        if over and len(free) == len(by_number):
            break
        next_due = began + count / shot.rate - now if shot.rate and free and not over else 1.0
        for number, event in poll.poll(max(next_due, 0.0)):
            connection = by_number[number]
            if event & select.EPOLLOUT and not connection.push():
                poll.modify(number, select.EPOLLIN)
            if not event & ~select.EPOLLOUT:
                continue
            try:
                status = connection.pull()
            except ConnectionError as error:
                failed, failure = failed + 1, str(error)
                poll.unregister(number)
                del by_number[number]
                continue
            if not status:
                continue
            ended = time.perf_counter()
            free.append(connection)
            if status == ACCEPTED:
                took.append(ended - connection.due)
            else:
                failed, failure = failed + 1, " ".join(connection.answer.split())[-600:]
    took.sort()
    p50, p99 = (1_000 * took[int(len(took) * part)] if took else 0.0 for part in (0.5, 0.99))
    return Load(len(took), failed, failure, max(ended - began, 1e-9), p50, p99)


def main(given: Sequence[str]) -> None:
    """Send what is told in the arguments."""
    url, documents, index, first, count, connections, seconds, rate = given
    lengths = tuple(int(line.split()[1]) for line in Path(index).read_text(encoding="ascii").splitlines())
    corpus = Corpus(Path(documents), Path(index), lengths)
    shot = Shot(corpus, int(first), int(count), int(connections), float(seconds), float(rate))
    print(json.dumps(asdict(send_all(url, sys.stdin.read().strip(), shot))))


if __name__ == "__main__":
    main(sys.argv[1:])
