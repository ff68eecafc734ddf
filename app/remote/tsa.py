"""Asking a time-stamping authority over HTTP (RFC 3161 §3.4)."""

from typing import Final

from app.remote.call import Failure
from app.remote.fetch import Answer, Fetch

ANSWER_BYTES_MAX: Final = 64 * 1024
"""Longest answer; one with its certificates has three to eight thousand bytes."""
_HEADERS: Final = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}


async def ask(fetch: Fetch, url: str, request: bytes) -> bytes | str:
    """Send a request, in DER; never raises for what the other side does.

    Returns:
        the answer, whatever it says; or in a word why there is none, such as `timed-out` or `status-503`.
    """
    answered = await fetch.post(url, request, _HEADERS, bytes_max=ANSWER_BYTES_MAX)
    match answered:
        case Answer(status=200):
            return answered.body
        case Answer():
            return f"status-{answered.status}"
        case Failure():
            return answered.value
        case _:
            return answered.value
