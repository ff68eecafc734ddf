"""Asks for one address over and over, on so many connections: by wrk where it is installed, else over plain sockets.

python -m bench.asking URL CONNECTIONS SECONDS    (the token comes in)
"""

import re
import select
import shutil
import socket
import subprocess
import sys
import time
from urllib.parse import urlsplit


def ask(url: str, token: str, *, connections: int, seconds: int) -> int:
    """Give how many were answered with 200.

    Raises:
        RuntimeError: the generator failed, or something was answered otherwise.
    """
    if shutil.which("wrk"):
        command = [
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{seconds}s",
            "--timeout",
            "30s",
            "-H",
            f"Authorization: Bearer {token}",
            url,
        ]
        ended = subprocess.run(command, check=False, capture_output=True, text=True)
        found = re.search(r"(\d+) requests in", ended.stdout)
        if found is None or "Non-2xx" in ended.stdout or "Socket errors" in ended.stdout:
            raise RuntimeError(f"wrk: {ended.stdout}{ended.stderr}")
        return int(found[1])
    command = [sys.executable, "-m", "bench.asking", url, str(connections), str(seconds)]
    ended = subprocess.run(command, check=False, input=token, capture_output=True, text=True)
    if ended.returncode:
        raise RuntimeError(ended.stderr)
    return int(ended.stdout)


def main(url: str, connections: int, seconds: float) -> None:
    """Ask from this process."""
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    token = sys.stdin.read().strip()
    request = f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    poll, opened, answers = select.epoll(), {}, {}
    for _ in range(connections):
        connection = socket.create_connection((parts.hostname or "", parts.port or 80))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened[connection.fileno()], answers[connection.fileno()] = connection, b""
        poll.register(connection.fileno(), select.EPOLLIN)
        connection.sendall(request)
    answered, ends = 0, time.monotonic() + seconds
    while time.monotonic() < ends:
        for number, _ in poll.poll(1.0):
            answers[number] += opened[number].recv(1024 * 1024)
            head, found, body = answers[number].partition(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head.lower())
            if not found or length is None or len(body) < int(length[1]):
                continue
            if not head.startswith(b"HTTP/1.1 200"):
                raise SystemExit(answers[number].decode("utf-8", "replace"))
            answered, answers[number] = answered + 1, b""
            opened[number].sendall(request)
    print(answered)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
