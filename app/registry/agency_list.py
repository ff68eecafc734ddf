"""The directory as one long JSON text, ready to be sent, kept until the directory moves.

Older protocols ask for all units at once: 120,000 of them are some 20 MB, which each connected system fetches again and
again. The text is made by one statement over the directory and kept compressed; asked again, it costs one short query
for the directory's version. It is made to the end before the first octet is sent: a client that reads slowly holds
neither a transaction nor anybody else who waits.
"""

import asyncio
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from app.registry.model import AgencyStatus
from app.store import agency_list as rows
from app.store.database import Database
from app.store.versions import Part, current

_ROWS: Final = 2_000
_PIECE_OCTETS: Final = 64 * 1024
_GZIP: Final = 31
"""zlib's window bits for the format of RFC 1952."""


@dataclass(frozen=True, slots=True)
class ListedAgency:
    """What lists say of an agency.

    Attributes:
        aliases: its other codes, in the order of their text.
        email: empty where none is known; so are address and telephone.
    """

    organ_id: str
    name: str
    parent: str | None
    status: AgencyStatus
    aliases: tuple[str, ...]
    email: str
    address: str
    telephone: str
    version: int


@dataclass(frozen=True, slots=True)
class ListShape:
    """How a list is written.

    Attributes:
        name: tells lists apart.
        opening: octets before the first item.
        closing: octets behind the last one.
        item: one agency as JSON; None leaves it out.
    """

    name: str
    opening: bytes
    closing: bytes
    item: Callable[[ListedAgency], bytes | None]


@dataclass(frozen=True, slots=True)
class ReadyList:
    """A list that was made.

    Attributes:
        version: of the directory it shows.
        count: items in it.
        size: octets of the text.
        gzip: the text compressed (RFC 1952), in pieces.
    """

    version: int
    count: int
    size: int
    gzip: tuple[bytes, ...] = field(repr=False)

    @property
    def gzip_size(self) -> int:
        """Octets of the compressed text."""
        return sum(map(len, self.gzip))

    def plain(self) -> Iterator[bytes]:
        """Give the text itself, in pieces of at most 64 KiB."""
        opened = zlib.decompressobj(_GZIP)
        for piece in self.gzip:
            while piece:
                yield opened.decompress(piece, _PIECE_OCTETS)
                piece = opened.unconsumed_tail
        yield opened.flush()


class AgencyLists:
    """The lists of one node; for one event loop."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._ready: dict[str, ReadyList] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def ready(self, shape: ListShape) -> ReadyList:
        """Return a list of the directory as it is now; of many who ask at once, one makes it.

        Raises:
            Unavailable: the database does not answer.
        """
        async with self.database.read() as tx:
            version = await current(tx, Part.AGENCIES)
        if (kept := self._kept(shape, version)) is not None:
            return kept
        async with self._locks[shape.name]:
            # Whoever had the lock before may have made it.
            if (kept := self._kept(shape, version)) is not None:
                return kept
            made = await self._made(shape)
            self._ready[shape.name] = made
            return made

    def _kept(self, shape: ListShape, version: int) -> ReadyList | None:
        kept = self._ready.get(shape.name)
        return kept if kept is not None and kept.version >= version else None

    async def _made(self, shape: ListShape) -> ReadyList:
        writing = _Writing(shape)
        async with self.database.read() as tx:
            # In the same snapshot as the rows.
            version = await current(tx, Part.AGENCIES)
            async for some in rows.everyone(tx, chunk=_ROWS):
                await asyncio.to_thread(writing.add, some)
        await asyncio.to_thread(writing.end)
        return ReadyList(version, writing.count, writing.size, tuple(writing.pieces))


class _Writing:
    """A list that is being made."""

    def __init__(self, shape: ListShape) -> None:
        self.count = 0
        self.size = 0
        self.pieces: list[bytes] = []
        self._shape = shape
        self._compressor = zlib.compressobj(wbits=_GZIP)
        self._held = bytearray()
        self._agency: Any | None = None
        self._aliases: list[str] = []
        self._write(shape.opening)

    def add(self, some: Sequence[Any]) -> None:
        """Take rows; those of one agency come one behind the other, also over the end of a chunk."""
        for row in some:
            if self._agency is None or row.organ_id != self._agency.organ_id:
                self._finish()
                self._agency = row
            if row.alias is not None:
                self._aliases.append(row.alias)

    def end(self) -> None:
        self._finish()
        self._write(self._shape.closing)
        self._held += self._compressor.flush()
        self.pieces.append(bytes(self._held))

    def _finish(self) -> None:
        row, aliases = self._agency, tuple(self._aliases)
        self._agency, self._aliases = None, []
        if row is None:
            return
        written = self._shape.item(
            ListedAgency(
                organ_id=row.organ_id,
                name=row.name,
                parent=row.parent,
                status=AgencyStatus(row.status),
                aliases=aliases,
                email=row.contact.get("email", ""),
                address=row.contact.get("address", ""),
                telephone=row.contact.get("telephone", ""),
                version=row.version,
            )
        )
        if written is not None:
            self._write(b"," + written if self.count else written)
            self.count += 1

    def _write(self, octets: bytes) -> None:
        self.size += len(octets)
        self._held += self._compressor.compress(octets)
        if len(self._held) >= _PIECE_OCTETS:
            self.pieces.append(bytes(self._held))
            self._held.clear()
