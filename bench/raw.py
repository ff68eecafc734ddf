"""The least that answering a GET can cost in this server: plain ASGI, one answer of a given length.

python -m bench.raw --port PORT --octets 1000
"""

import argparse
from typing import Any

import uvicorn

from app.main import SERVER_OPTIONS

_body = b""


async def application(scope: Any, _receive: Any, send: Any) -> None:
    """Answer anything."""
    if scope["type"] != "http":
        return
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(_body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": _body})


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--octets", type=int, required=True)
    asked = parser.parse_args()
    _body = b"x" * asked.octets
    uvicorn.run(application, host="127.0.0.1", port=asked.port, **SERVER_OPTIONS | {"lifespan": "off"})
