"""A small web server on this machine that can be switched off and on again, as servers of authorities sometimes are.

While it is off nobody listens at its port: connections are refused, as they are when a machine is down.
"""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

from typing_extensions import override

_BODY_BYTES_MAX: Final = 64 * 1024
_SECONDS_MAX: Final = 10.0

Answers = Callable[[bytes], bytes]
"""From the body of a request, empty for a GET, to that of the answer; ValueError for what cannot be answered."""


class AuthorityServer:
    """The server; a context manager, switched on when it is entered.

    Attributes:
        port: the same each time it is switched on.
        served: how many requests were answered.
    """

    def __init__(self) -> None:
        self._places: dict[str, tuple[str, Answers]] = {}
        self._running: tuple[ThreadingHTTPServer, threading.Thread] | None = None
        self.port = 0
        self.served = 0
        self.switch_on()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.switch_off()

    def address(self, path: str) -> str:
        """Return the address of a path, whether anything is there or not."""
        return f"http://127.0.0.1:{self.port}{path}"

    def offer(self, path: str, content_type: str, answers: Answers) -> None:
        """Answer at a path from now on."""
        self._places[path] = content_type, answers

    def switch_on(self) -> None:
        """Listen, at the port of before."""
        if self._running is None:
            server = _Server(("127.0.0.1", self.port), self._handler())
            self.port = server.server_address[1]
            thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True, name="authorities")
            thread.start()
            self._running = server, thread

    def switch_off(self) -> None:
        """Listen no more; what was being answered still is."""
        if self._running is not None:
            server, thread = self._running
            self._running = None
            server.shutdown()
            thread.join()
            server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        authorities = self

        class Handler(BaseHTTPRequestHandler):
            timeout = _SECONDS_MAX

            def do_GET(self) -> None:
                self._answer(b"")

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", "0"))
                if length > _BODY_BYTES_MAX:
                    self.send_error(413)
                    return
                self._answer(self.rfile.read(length))

            def _answer(self, body: bytes) -> None:
                content_type, answers = authorities._places.get(self.path, ("", None))
                if answers is None:
                    self.send_error(404)
                    return
                try:
                    answer = answers(body)
                except ValueError:
                    self.send_error(400)
                    return
                authorities.served += 1
                self.send_response(200)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            @override
            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing: the output is the demonstration's."""

        return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of callers that went away."""
