"""Asking a malware scanner about a file: the protocol of clamd, over TCP or a socket in the file system.

One connection a file: `zINSTREAM` and a zero octet; then blocks, each behind its length in four octets, most
significant first; then a length of zero. The answer is one line that ends in a zero octet: `stream: OK`,
`stream: <name> FOUND`, or something that ends in `ERROR` (clamd(8), COMMANDS). Everything is bounded: time, octets,
the length of the answer, connections at once.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from app.errors import RequestInvalid

ANSWER_BYTES_MAX: Final = 4096
CONNECTIONS_MAX: Final = 4
"""Files that are scanned at once; clamd has ten threads as it comes."""
_COMMAND: Final = b"zINSTREAM\x00"
_PREFIX: Final = "stream: "
_FOUND: Final = " FOUND"
_LIMIT: Final = "size limit exceeded"


class ScannerUnavailable(Exception):
    """The scanner said nothing that can be relied on: not there, too slow, an error, half an answer."""


class ScanTooLong(Exception):
    """The file is longer than the scanner takes, by its own setting or ours."""


@dataclass(frozen=True, slots=True)
class ScannerAddress:
    """Where the scanner listens.

    Attributes:
        host: name or address; empty where it is a socket in the file system.
        port: TCP port; 0 where it is a socket in the file system.
        path: of the socket; empty for TCP.
    """

    host: str = ""
    port: int = 0
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> "ScannerAddress":
        """Read `tcp://host:port` or `unix:///path`.

        Raises:
            RequestInvalid: it is neither.
        """
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError as error:
            raise RequestInvalid(f"scanner_address: {error}") from error
        if parts.query or parts.fragment or parts.username is not None:
            raise RequestInvalid("scanner_address: nothing may follow the port or the path")
        if parts.scheme == "unix" and not parts.netloc and len(parts.path) > 1:
            return cls(path=parts.path)
        if parts.scheme == "tcp" and parts.hostname and port and parts.path in ("", "/"):
            return cls(host=parts.hostname, port=port)
        raise RequestInvalid("scanner_address: write tcp://host:port or unix:///path/of/clamd.sock")


@dataclass(frozen=True, slots=True)
class Scanner:
    """A scanner that can be asked. For one event loop.

    Attributes:
        seconds_max: from connecting to the answer, for one file.
        bytes_max: longest file that is sent; should be clamd's StreamMaxLength.
    """

    address: ScannerAddress
    seconds_max: float
    bytes_max: int
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CONNECTIONS_MAX), repr=False)

    async def scan(self, slices: Iterator[bytes]) -> str | None:
        """Ask about a file; returns the name of what was found in it, None where nothing was.

        Args:
            slices: the file; the next is taken on a thread, once the one before was sent.

        Raises:
            ScannerUnavailable: it is not known.
            ScanTooLong: it cannot be known.
        """
        async with self._turns:
            try:
                async with asyncio.timeout(self.seconds_max), self._connected() as (reader, writer):
                    return await self._conversed(reader, writer, slices)
            except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
                raise ScannerUnavailable(f"the scanner gave no answer ({type(error).__name__})") from error

    async def _conversed(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, slices: Iterator[bytes]
    ) -> str | None:
        """Send and listen at once: clamd answers as soon as it has had enough, and then reads no further."""
        answer, sending = asyncio.ensure_future(_answer(reader)), asyncio.ensure_future(self._send(writer, slices))
        try:
            await asyncio.wait((answer, sending), return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                with suppress(ConnectionError):
                    await sending
            found = _understood(await answer)
            if found is None and (not sending.done() or sending.exception() is not None):
                raise ScannerUnavailable("the scanner called a file clean before it had all of it")
            return found
        finally:
            answer.cancel()
            sending.cancel()
            await asyncio.gather(answer, sending, return_exceptions=True)

    async def _send(self, writer: asyncio.StreamWriter, slices: Iterator[bytes]) -> None:
        writer.write(_COMMAND)
        sent = 0
        while block := await asyncio.to_thread(next, slices, b""):
            sent += len(block)
            if sent > self.bytes_max:
                raise ScanTooLong(f"the file has more than the {self.bytes_max} octets that are scanned")
            writer.write(len(block).to_bytes(4, "big") + block)
            await writer.drain()
        writer.write(bytes(4))
        await writer.drain()

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        if self.address.path:
            reader, writer = await asyncio.open_unix_connection(self.address.path, limit=ANSWER_BYTES_MAX)
        else:
            reader, writer = await asyncio.open_connection(self.address.host, self.address.port, limit=ANSWER_BYTES_MAX)
        try:
            yield reader, writer
        finally:
            # Not waited for: what was not sent yet is of no use any more.
            writer.transport.abort()


async def _answer(reader: asyncio.StreamReader) -> str:
    return (await reader.readuntil(b"\x00"))[:-1].decode("utf-8", "replace").strip()


def _understood(answer: str) -> str | None:
    if answer == f"{_PREFIX}OK":
        return None
    if answer.startswith(_PREFIX) and answer.endswith(_FOUND):
        return answer.removeprefix(_PREFIX).removesuffix(_FOUND) or "?"
    if _LIMIT in answer:
        raise ScanTooLong("the file is longer than the scanner's StreamMaxLength")
    raise ScannerUnavailable(f"the scanner answered {answer[:100]!a}")
