"""Fetching from a server outside: one bounded answer, body included.

What is fetched is signed by those it comes from and judged by whoever asked, so http will do, as authorities write it
into their certificates (RFC 5280 §8). Redirects are followed a few steps for a GET, each target judged like the first;
a POST is answered where it was sent, or not at all.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

import httpx2

from app.remote.call import Caller, Failure, Limits, Resolve

REDIRECTS_MAX: Final = 3
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


class Unfetched(StrEnum):
    """Why an answer that came is none."""

    TOO_LONG = "too-long"
    """It is longer than what was asked for may be; what had come was thrown away."""
    REDIRECTED = "redirected"
    """It leads from one place to the next, and none has it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered.

    Attributes:
        status: HTTP status, whichever; 200 is for the caller to insist on.
        body: all of it.
    """

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class _Elsewhere:
    location: str


class Fetch:
    """Fetches from servers outside; close it at the end."""

    def __init__(
        self,
        *,
        limits: Limits,
        private: bool,
        bytes_max: int,
        ca_file: Path | None = None,
        resolve: Resolve | None = None,
    ) -> None:
        """Keep what all requests have in common.

        Args:
            limits: `total` is for all of an answer, body included, and for each step of a redirect.
            private: whether private and loopback addresses may be called.
            bytes_max: longest answer.
            ca_file: PEM file of authorities that are trusted besides those of the system.
            resolve: looks up names; None: the system's resolver.

        Raises:
            RequestInvalid: the file holds no certificates.
        """
        self.private = private
        self.bytes_max = bytes_max
        self._caller = Caller(limits=limits, private=private, plain=True, ca_file=ca_file, resolve=resolve)

    def close(self) -> None:
        """Give the threads back, without waiting for name servers that hang."""
        self._caller.close()

    async def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, bytes_max: int | None = None
    ) -> Answer | Failure | Unfetched:
        """Send one GET; never raises for what the other side does.

        Args:
            bytes_max: longest answer, where it is another than usual.
        """
        for _ in range(1 + REDIRECTS_MAX):
            answered = await self._one("GET", url, b"", headers or {}, bytes_max)
            if not isinstance(answered, _Elsewhere):
                return answered
            url = urljoin(url, answered.location)
        return Unfetched.REDIRECTED

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, bytes_max: int | None = None
    ) -> Answer | Failure | Unfetched:
        """Send one POST; never raises for what the other side does.

        Args:
            bytes_max: longest answer, where it is another than usual.
        """
        answered = await self._one("POST", url, body, headers, bytes_max)
        return Unfetched.REDIRECTED if isinstance(answered, _Elsewhere) else answered

    async def _one(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str], bytes_max: int | None
    ) -> Answer | _Elsewhere | Failure | Unfetched:
        most = self.bytes_max if bytes_max is None else bytes_max

        async def take(answer: httpx2.Response, _deadline: asyncio.Timeout) -> Answer | _Elsewhere | Unfetched:
            location = answer.headers.get("location")
            if answer.status_code in _REDIRECTS and location is not None:
                return _Elsewhere(location)
            promised = answer.headers.get("content-length", "")
            if promised.isdecimal() and int(promised) > most:
                return Unfetched.TOO_LONG
            read = bytearray()
            # As it was sent: a short answer that unpacks into a long one is not for us to unpack.
            async for piece in answer.aiter_raw():
                read += piece
                if len(read) > most:
                    return Unfetched.TOO_LONG
            return Answer(answer.status_code, bytes(read))

        return await self._caller.call(method, url, body, headers, take=take)
