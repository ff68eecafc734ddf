"""The axis' Java SDK as it is on the wire: its never-cleared map, its two HTTP stacks, its signature, byte for byte."""

import gzip
import hashlib
import hmac
import json
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

AGENT = "JAVASDKAgent/1.0.0 XRoad/VPCP"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
VERSION = "3.0.201608"
TIMESTAMP = "22112026T054120+0428"
WITH_EMPTY_OBJECT = frozenset(
    {"getEdoc", "updateStatus", "deleteAgency", "countReceiveEdoc", "countReceiveStatus", "registerAgency"}
)
"""Methods with a body, which the SDK announces with `Expect: 100-continue`."""


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        continued: whether the server said 100 before the body was sent.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    continued: bool = False

    @property
    def told(self) -> dict[str, Any]:
        """The JSON, which must be ASCII and have the three keys that no version can do without."""
        value: dict[str, Any] = json.loads(self.body.decode("ascii"))
        assert self.status == 200
        assert {"status", "ErrorCode", "ErrorDesc"} <= value.keys()
        assert "null" not in self.body.decode()
        return value

    def ok(self) -> dict[str, Any]:
        """The JSON of a success."""
        told = self.told
        assert (told["status"], told["ErrorCode"], told["ErrorDesc"]) == ("OK", "0", "Thanh cong"), told
        return told

    def fail(self) -> dict[str, Any]:
        """The JSON of a failure, in the shape that is safe for every method and version."""
        told = self.told
        assert list(told) == ["status", "ErrorCode", "ErrorDesc", "DocId", "data"]
        assert (told["status"], told["DocId"], told["data"]) == ("FAIL", "", "")
        assert told["ErrorCode"] != "0"
        assert told["ErrorDesc"]
        return told


@dataclass
class Sdk:
    """A service object: one map for all its calls, as long as it lives."""

    url: str
    system_id: str
    secret: str
    map: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.map = {"systemid": self.system_id, "timestamp": TIMESTAMP}

    def call(self, method: str, body: bytes | None = None, **arguments: str) -> Answer:
        """Call a method over the stack of Apache."""
        if body is None and method in WITH_EMPTY_OBJECT:
            body = b"{}"
        return speak(self.url, self.request(method, body, arguments), body or b"")

    def send(self, file: bytes, **arguments: str) -> Answer:
        """Call sendEdoc over the stack of the JDK: with a CRLF behind the file and an unpadded digest before it."""
        return speak(self.url, self.send_head(file, **arguments), file + b"\r\n")

    def send_head(self, file: bytes, **arguments: str) -> bytes:
        """Write the head of sendEdoc."""
        return self.head_of_file(hashlib.sha256(file).digest(), len(file), **arguments)

    def head_of_file(self, sha256: bytes, size: int, **arguments: str) -> bytes:
        """Write the head of sendEdoc for a file that nobody holds in memory."""
        digest = "".join(f"{byte:x}" for byte in sha256)
        self.map |= {"Content-Type": "application/octet-stream", **arguments, "hash-file": digest}
        merged: dict[str, tuple[str, str]] = {}
        for name, value in self.map.items():
            # This stack merges names that differ in case: the first name, the last value.
            first = merged.get(name.lower(), (name, value))[0]
            merged[name.lower()] = (first, value)
        lines = ["POST /vxp//sendEdoc HTTP/1.1", "Content-Type: application/octet-stream"]
        lines += [f"XroadVnpt-{name}: {value}" for name, value in merged.values()]
        lines += [*self.signature(), "Cache-Control: no-cache", "Pragma: no-cache", f"Host: {self.host}"]
        lines += ["Accept: text/html, image/gif, image/jpeg, */*; q=0.2", "Connection: keep-alive"]
        return head(lines, size + 2)

    def request(self, method: str, body: bytes | None, arguments: Mapping[str, str]) -> bytes:
        """Write the head of any other call."""
        self.map |= {"Content-Type": "application/json", **arguments}
        verb = "GET" if method == "downloadEdoc" else "POST"
        lines = [f"{verb} /vxp/{method} HTTP/1.1"]
        lines += [f"XroadVnpt-{name}: {value}" for name, value in self.map.items()]
        lines += ["Content-Type: application/json", *self.signature()]
        lines += [f"Host: {self.host}", "Connection: Keep-Alive", "Accept-Encoding: gzip,deflate"]
        if body:
            lines.append("Expect: 100-continue")
        return head(lines, len(body or b"") if verb == "POST" else None)

    def signature(self) -> list[str]:
        """Sign the map as it is now."""
        signed = json.dumps(
            {f"XroadVnpt-{name}": value for name, value in self.map.items()}, ensure_ascii=False, separators=(",", ":")
        )
        return [
            f"XroadVnpt-sign-header-key: {';'.join(self.map)}",
            f"XroadVnpt-sign-header: {signed}",
            f"XroadVnpt-hash-header: {mac(self.secret, signed)}",
            f"User-Agent: {AGENT}",
            f"XroadVnpt-version: {VERSION}",
        ]

    @property
    def host(self) -> str:
        """Where it calls."""
        return urlsplit(self.url).netloc


def mac(secret: str, signed: str) -> str:
    """Make the MAC of a signed header."""
    return hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest()


def head(lines: list[str], length: int | None) -> bytes:
    """Write the head of a request."""
    if length is not None:
        lines = [*lines, f"Content-Length: {length}"]
    return "\r\n".join([*lines, "", ""]).encode()


def connect(url: str) -> socket.socket:
    """Open a connection of its own, as each call does."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return socket.create_connection((parts.hostname, parts.port), timeout=60)


def speak(url: str, request: bytes, body: bytes) -> Answer:
    """Send a request over a fresh connection and read the answer."""
    with connect(url) as connection:
        connection.sendall(request)
        continued = False
        if b"Expect: 100-continue" in request:
            continued = connection.recv(65536, socket.MSG_PEEK).startswith(CONTINUE)
            if not continued:
                return read(connection)
            assert connection.recv(len(CONTINUE)) == CONTINUE
        connection.sendall(body)
        return read(connection, continued=continued)


def read(connection: socket.socket, *, continued: bool = False) -> Answer:
    """Read one answer, compressed or not."""
    response = HTTPResponse(connection)
    response.begin()
    headers = {name.lower(): value for name, value in response.getheaders()}
    body = response.read()
    if headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    return Answer(response.status, headers, body, continued)


def read_pieces(connection: socket.socket) -> tuple[int, Iterator[bytes]]:
    """Return how long the body of one answer says it is, and the body as it comes."""
    response = HTTPResponse(connection)
    response.begin()
    return int(response.headers["content-length"]), iter(lambda: response.read(1024 * 1024), b"")
