"""A subscriber's server: real HTTP on this machine, answers as it is told to, and verifies as the specification says.

Verification is written from Standard Webhooks 1.0.0 alone and shares nothing with the node.
"""

import base64
import hashlib
import hmac
import json
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from typing_extensions import override

WAIT_SECONDS_MAX = 30.0


@dataclass(frozen=True)
class Received:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> str:
        """Id of the message."""
        return self.headers["webhook-id"]

    @property
    def value(self) -> dict[str, Any]:
        """The body."""
        value: dict[str, Any] = json.loads(self.body)
        return value

    def verifies(self, key: str) -> bool:
        """Whether one of the signatures is of this key, `whsec_…` or `whpk_…`."""
        kind, _, text = key.partition("_")
        octets = base64.b64decode(text)
        signed = b".".join((self.message.encode(), self.headers["webhook-timestamp"].encode(), self.body))
        for signature in self.headers["webhook-signature"].split(" "):
            version, _, value = signature.partition(",")
            match kind, version:
                case "whsec", "v1":
                    expected = base64.b64encode(hmac.new(octets, signed, hashlib.sha256).digest()).decode()
                    if hmac.compare_digest(expected, value):
                        return True
                case "whpk", "v1a":
                    try:
                        Ed25519PublicKey.from_public_bytes(octets).verify(base64.b64decode(value), signed)
                    except InvalidSignature:
                        continue
                    return True
        return False


class Receiver:
    """The server; a context manager.

    Attributes:
        answers: statuses of the next requests; 200 when there are none left.
        headers: sent with every answer.
        held: while cleared, requests get no answer.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.answers: deque[int] = deque()
        self.headers: dict[str, str] = {}
        self.body = b""
        self.held = threading.Event()
        self.held.set()
        self.received: list[Received] = []
        self._arrived = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver._serve(self)

            @override
            def log_message(self, *_told: object) -> None:
                return

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            @override
            def handle_error(self, *_about: object) -> None:
                return

        self._server = Server(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port: int = self._server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/events"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_raised: object) -> None:
        self.held.set()
        self._server.shutdown()
        self._server.server_close()

    def wait(self, count: int, *, of: Callable[[Received], bool] = lambda _: True) -> list[Received]:
        """Wait until so many requests of some kind have arrived; returns them all."""
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        with self._arrived:
            while len(found := [each for each in self.received if of(each)]) < count:
                assert self._arrived.wait(deadline - time.monotonic()), f"{len(found)} of {count} arrived"
            return found

    def wait_for(self, kind: str, count: int = 1) -> list[Received]:
        """Wait until so many messages of this type have arrived."""
        return self.wait(count, of=lambda each: each.value["type"] == kind)

    def _serve(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["content-length"]))
        headers = {name.lower(): value for name, value in request.headers.items()}
        with self._arrived:
            self.received.append(Received(request.path, headers, body))
            status = self.answers.popleft() if self.answers else 200
            self._arrived.notify_all()
        self.held.wait(WAIT_SECONDS_MAX)
        request.send_response(status)
        for name, value in self.headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(self.body)))
        request.end_headers()
        request.wfile.write(self.body)
