"""One request to a server outside: bounded in time, and to no other machine than was judged.

A name is looked up once; if any of its addresses may not be called, none is, and the connection goes to an address
that was judged, so that a second answer of the DNS changes nothing. TLS and the Host header name the host as it was
given. No proxies, no cookies, no redirects. What is read of an answer is for whoever calls to say: `post`, `fetch`.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Final, TypeVar

import httpx2

from app.errors import RequestInvalid
from app.remote.addresses import literal, refusal
from app.remote.target import Target

ADDRESSES_MAX: Final = 3
"""Addresses of one name that are tried, one after another, while none takes the connection."""
_PLAIN: Final = {"Accept-Encoding": "identity", "Connection": "close"}
_NO_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody; for plain requests, whose transport wants one all the same."""
_LOOK_UP_THREADS: Final = 8
"""A name server that hangs holds one of them, and nothing else of the node."""

T = TypeVar("T")

Take = Callable[[httpx2.Response, asyncio.Timeout], Awaitable[T]]
"""Reads of an answer what is wanted, and may move the end of the time that is left."""

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""From host and port to addresses in the order they should be tried; raises OSError."""


class Failure(StrEnum):
    """Why there was no answer."""

    NAME_UNKNOWN = "name-unknown"
    """The DNS does not know the host, or did not answer."""
    TARGET_REFUSED = "target-refused"
    """The host has an address that must not be called."""
    CONNECTION_FAILED = "connection-failed"
    """Nobody takes the connection."""
    TLS_FAILED = "tls-failed"
    """No TLS, or a certificate that does not prove the host."""
    TIMED_OUT = "timed-out"
    """No answer in time."""
    BROKEN_OFF = "broken-off"
    """The connection ended before the answer, or what came is no HTTP."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long one request may take, in seconds.

    Attributes:
        connect: for TCP and TLS, per address.
        total: for everything from the look-up to the head of the answer.
    """

    connect: float = 5.0
    total: float = 15.0


class Caller:
    """Sends requests to servers outside; close it at the end."""

    def __init__(
        self,
        *,
        limits: Limits,
        private: bool,
        plain: bool,
        ca_file: Path | None = None,
        resolve: Resolve | None = None,
    ) -> None:
        """Keep what all requests have in common.

        Args:
            private: whether private and loopback addresses may be called.
            plain: whether http may be used.
            ca_file: PEM file of authorities that are trusted besides those of the system.
            resolve: looks up names; None: the system's resolver.

        Raises:
            RequestInvalid: the file holds no certificates.
        """
        self.private = private
        self.plain = plain
        self._limits = limits
        self._resolve = resolve or self._look_up
        self._threads = ThreadPoolExecutor(_LOOK_UP_THREADS, thread_name_prefix="call")
        # A file that cannot be used is to be found at the start, not at the first request.
        self._tls = None if ca_file is None else _trusting(ca_file)

    def close(self) -> None:
        """Give the threads back, without waiting for name servers that hang."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def call(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str], *, take: Take[T]
    ) -> "T | Failure":
        """Send one request and return what `take` reads of the answer; never raises for what the other side does."""
        try:
            async with asyncio.timeout(self._limits.total) as deadline:
                target = Target.parse(url, private=self.private, plain=self.plain)
                request = _Request(method, target, body, headers, deadline)
                return await self._send(request, await self._judged(target), take)
        except RequestInvalid:
            return Failure.TARGET_REFUSED
        except TimeoutError:
            return Failure.TIMED_OUT
        except _NameUnknown:
            return Failure.NAME_UNKNOWN
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            return _why(error)

    async def _judged(self, target: Target) -> Sequence[str]:
        if literal(target.host) is not None:
            return (target.host,)
        try:
            found = await self._resolve(target.host, target.port)
        except (OSError, UnicodeError) as error:
            raise _NameUnknown from error
        addresses = [address.partition("%")[0] for address in found]
        # One that must not be called spoils them all: who mixes them has something in mind.
        if not addresses or any(refusal(ip_address(each), private=self.private) for each in addresses):
            raise RequestInvalid("the name stands for an address that must not be called")
        return tuple(dict.fromkeys(addresses))[:ADDRESSES_MAX]

    async def _send(self, request: "_Request", addresses: Sequence[str], take: Take[T]) -> T:
        *early, last = addresses
        for address in early:
            # Nothing was sent on a connection that did not come about, so the next address may be tried.
            with suppress(httpx2.ConnectError, httpx2.ConnectTimeout):
                return await self._send_to(address, request, take)
        return await self._send_to(last, request, take)

    async def _send_to(self, address: str, request: "_Request", take: Take[T]) -> T:
        target = request.target
        host = f"[{address}]" if ":" in address else address
        # A client for each request: a kept connection is known by its address alone, and would serve another host
        # of that address under the certificate of the first.
        async with httpx2.AsyncClient(
            transport=httpx2.AsyncHTTPTransport(verify=await self._context(target), trust_env=False),
            trust_env=False,
            follow_redirects=False,
            timeout=httpx2.Timeout(self._limits.total, connect=self._limits.connect),
        ) as client:
            prepared = client.build_request(
                request.method,
                f"{target.scheme}://{host}:{target.port}{target.resource}",
                content=request.body,
                headers={**request.headers, "Host": target.authority, **_PLAIN},
                extensions={"sni_hostname": target.host},
            )
            answer = await client.send(prepared, stream=True)
            return await take(answer, request.deadline)

    async def _look_up(self, host: str, port: int) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return [str(address[0]) for *_, address in found]

    async def _context(self, target: Target) -> ssl.SSLContext:
        if target.scheme == "http":
            return _NO_TLS
        # Made at the first request, on a thread: reading all authorities takes a while, and most nodes call nobody.
        if self._tls is None:
            self._tls = await asyncio.get_running_loop().run_in_executor(self._threads, _trusting, None)
        return self._tls


class _NameUnknown(Exception):
    """The DNS gave no address."""


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    target: Target
    body: bytes
    headers: Mapping[str, str]
    deadline: asyncio.Timeout


def _trusting(ca_file: Path | None) -> ssl.SSLContext:
    context = httpx2.create_ssl_context(trust_env=False)
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except OSError as error:
            raise RequestInvalid(f"{ca_file} holds no certificates of authorities: {error.strerror}") from error
    return context


def _why(error: Exception) -> Failure:
    match error:
        case httpx2.TimeoutException():
            return Failure.TIMED_OUT
        case httpx2.ConnectError():
            return Failure.TLS_FAILED if _is_tls(error) else Failure.CONNECTION_FAILED
        case _:
            return Failure.BROKEN_OFF


def _is_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False
