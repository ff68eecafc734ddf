"""A server of a certification authority: real HTTP on this machine, which can be told to misbehave.

It serves what it is given by path, and knows the ways servers fail: silence, an error, rubbish, too much, a redirect.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, Self

from typing_extensions import override

WAIT_SECONDS_MAX: Final = 30.0


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    body: bytes
    content_type: str


Responder = Callable[[bytes], bytes]
"""From the body of a POST to the answer, such as an OCSP responder."""


class AuthorityServer:
    """The server; a context manager.

    Attributes:
        files: answers to GET, by path.
        responders: answers to POST, by path.
        redirects: where a path leads instead.
        status: of every answer.
        endless: megabytes that follow each answer.
        silent: no answer comes while it is set.
        asked: what arrived.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.responders: dict[str, Responder] = {}
        self.redirects: dict[str, str] = {}
        self.status = 200
        self.endless = 0
        self.silent = False
        self.asked: list[Asked] = []
        self._ended = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server._serve(self, b"")

            def do_POST(self) -> None:
                server._serve(self, self.rfile.read(int(self.headers["content-length"])))

            @override
            def log_message(self, *_told: object) -> None:
                return

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            @override
            def handle_error(self, *_about: object) -> None:
                return

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_raised: object) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()

    def url(self, path: str) -> str:
        """The address of a path here."""
        return f"http://127.0.0.1:{self.port}{path}"

    def _serve(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        self.asked.append(Asked(request.command, request.path, body, request.headers.get("content-type", "")))
        if self.silent:
            self._ended.wait(WAIT_SECONDS_MAX)
            return
        if request.path in self.redirects:
            request.send_response(302)
            request.send_header("Location", self.redirects[request.path])
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        responder = self.responders.get(request.path)
        content = responder(body) if responder and request.command == "POST" else self.files.get(request.path)
        if content is None:
            request.send_error(404)
            return
        request.send_response(self.status)
        if not self.endless:
            request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)
        for _ in range(self.endless):
            request.wfile.write(bytes(1_000_000))
