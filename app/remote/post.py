"""A message to a server outside, of whose answer only the status is kept."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx2

from app.remote.call import Caller, Failure, Limits, Resolve

ANSWER_BYTES_MAX: Final = 16 * 1024
"""Read of an answer, so that a polite server sees its answer taken; what it says is not looked at."""
_DRAIN_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a request ended: with a status, or with the reason there is none.

    Attributes:
        status: HTTP status of the answer.
        failure: why there was none.
        milliseconds: what it took.
    """

    status: int | None
    failure: Failure | None
    milliseconds: int


class Post:
    """Sends messages to servers outside; close it at the end."""

    def __init__(
        self, *, limits: Limits, private: bool, ca_file: Path | None = None, resolve: Resolve | None = None
    ) -> None:
        """Keep what all requests have in common.

        Args:
            private: whether private and loopback addresses may be called, and http used.
            ca_file: PEM file of authorities that are trusted besides those of the system.
            resolve: looks up names; None: the system's resolver.

        Raises:
            RequestInvalid: the file holds no certificates.
        """
        self.private = private
        self._caller = Caller(limits=limits, private=private, plain=private, ca_file=ca_file, resolve=resolve)

    def close(self) -> None:
        """Give the threads back, without waiting for name servers that hang."""
        self._caller.close()

    async def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
        """Send one POST; never raises for what the other side does."""
        begun = time.monotonic()
        answered = await self._caller.call("POST", url, body, headers, take=_status)
        milliseconds = round((time.monotonic() - begun) * 1000)
        if isinstance(answered, Failure):
            return Outcome(None, answered, milliseconds)
        return Outcome(answered, None, milliseconds)


async def _status(answer: httpx2.Response, deadline: asyncio.Timeout) -> int:
    # The status is there, and it counts, however slowly the rest comes.
    deadline.reschedule(None)
    read = 0
    with suppress(httpx2.HTTPError, TimeoutError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            async for piece in answer.aiter_raw():
                read += len(piece)
                if read >= ANSWER_BYTES_MAX:
                    break
    return answer.status_code
