"""Cut long base64 text out of a document before it is parsed, and put it back into what is hashed.

Why this is sound: such a run stands between `>` and `<` and holds only `A-Za-z0-9+/=`, blank, tab and line ends, so
there is no markup in it, and canonicalisation copies those characters unchanged (line ends become LF first, XML 1.0
§2.11, which `Run.slices` repeats). An attribute value cannot end in `<`, so a run is text, CDATA, comment or
processing instruction; `parse` keeps the cut only where every token turned up as the whole text of one childless
element, and otherwise parses the document whole. The tokens start with 128 random bits drawn after the document has
arrived, so a sender cannot write one himself.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from app.markup.limits import MarkupLimits
from app.markup.places import nth
from app.markup.source import Source

_BASE64_TEXT = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/= \t\r\n"
_INDEX_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Run:
    """One long base64 text: where it lies in the source.

    Attributes:
        offset: of its first byte in the source.
        length: in bytes, line ends as they were sent.
        carriage_returns: whether line ends must be normalised when it is read.
    """

    offset: int
    length: int
    carriage_returns: bool = False

    def slices(self, source: Source, *, block_bytes: int = 1024 * 1024) -> Iterator[bytes]:
        """Give the text as a parser would report it, at most `block_bytes` at a time."""
        position, end = self.offset, self.offset + self.length
        after_return = False
        while position < end:
            piece = source.read(position, min(block_bytes, end - position))
            position += len(piece)
            if self.carriage_returns:
                if after_return and piece.startswith(b"\n"):
                    piece = piece[1:]
                    after_return = False
                after_return = piece.endswith(b"\r") if piece else after_return
                piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            yield piece


@dataclass(frozen=True, slots=True)
class Census:
    """What one pass over the source found.

    Attributes:
        runs: in order, none touching another.
        brackets: how many `<` were seen; the pass stops as soon as they are too many.
        bracket_too_many: offset of the first `<` beyond the limit, if any.
    """

    runs: tuple[Run, ...]
    brackets: int
    bracket_too_many: int | None = None


def find_runs(source: Source, *, limits: MarkupLimits, brackets_max: int) -> Census:
    """Pass over the source once and note every base64 text worth cutting out.

    Args:
        source: read in blocks, in order.
        limits: how long a run must be, how long a block is.
        brackets_max: stop at the first `<` beyond this many.
    """
    search = _Search(limits.run_bytes_min)
    position, brackets = 0, 0
    while position < source.size:
        block = source.read(position, limits.block_bytes)
        # Most blocks of a long document hold none, which is told four times faster than how many.
        here = block.count(b"<") if b"<" in block else 0
        if brackets + here > brackets_max:
            too_many = nth(block, b"<", brackets_max - brackets)
            return Census(tuple(search.runs), brackets_max + 1, position + too_many)
        brackets += here
        search.feed(block, position)
        position += len(block)
    return Census(tuple(search.runs), brackets)


class _Search:
    """The state of the pass: whether the text read so far since the last `>` may still become a run."""

    def __init__(self, run_bytes_min: int) -> None:
        self.runs: list[Run] = []
        self._run_bytes_min = run_bytes_min
        self._start: int | None = None
        self._blank = True
        self._returns = False

    def feed(self, block: bytes, position: int) -> None:
        """Take the next block, which starts at `position` of the source."""
        begin = 0
        while (bracket := block.find(b"<", begin)) >= 0:
            # Most gaps between two tags are short; without an open run they cannot hold one.
            if self._start is not None or bracket - begin >= self._run_bytes_min:
                self._extend(block, begin, bracket, position)
                self._close(position + bracket)
            begin = bracket + 1
        self._extend(block, begin, len(block), position)

    def _extend(self, block: bytes, begin: int, end: int, position: int) -> None:
        closing = block.rfind(b">", begin, end)
        if closing >= 0:
            self._start, self._blank, self._returns = position + closing + 1, True, False
            begin = closing + 1
        if self._start is None:
            return
        text = block[begin:end]
        if text.translate(None, _BASE64_TEXT):
            self._start = None
            return
        self._blank = self._blank and not text.strip()
        self._returns = self._returns or b"\r" in text

    def _close(self, end: int) -> None:
        # Blank text is left alone: it is indentation, and between the declaration and the root it is no text at all.
        if self._start is not None and not self._blank and end - self._start >= self._run_bytes_min:
            self.runs.append(Run(self._start, end - self._start, self._returns))
        self._start = None


@dataclass(frozen=True, slots=True)
class Splice:
    """The runs of one document under their tokens.

    Attributes:
        runs: in the order of the document.
        secret: 32 random alphanumeric characters every token starts with.
    """

    runs: tuple[Run, ...]
    secret: str

    @property
    def cut_bytes(self) -> int:
        """How many bytes are cut out in all."""
        return sum(run.length for run in self.runs)

    def token(self, index: int) -> str:
        """Give the token that stands for the run of this index."""
        return f"{self.secret}{index:0{_INDEX_DIGITS}x}"

    def run_of(self, text: str) -> Run | None:
        """Tell which run a text stands for: none unless the text is exactly one token."""
        if len(text) != len(self.secret) + _INDEX_DIGITS or not text.startswith(self.secret):
            return None
        return self.runs[int(text[len(self.secret) :], 16)]

    def skeleton(self, source: Source) -> bytes:
        """Read everything but the runs, a token in the place of each."""
        pieces: list[bytes] = []
        position = 0
        for index, run in enumerate(self.runs):
            pieces.append(source.read(position, run.offset - position))
            pieces.append(self.token(index).encode("ascii"))
            position = run.offset + run.length
        pieces.append(source.read(position, source.size - position))
        return b"".join(pieces)

    def origin(self, offset: int) -> int:
        """Tell which offset of the source an offset in the skeleton stands for."""
        added = 0
        for run in self.runs:
            start = run.offset + added
            if offset <= start:
                break
            token_bytes = len(self.secret) + _INDEX_DIGITS
            if offset < start + token_bytes:
                return run.offset
            added += token_bytes - run.length
        return offset - added

    def restore(self, canonical: bytes, source: Source, *, block_bytes: int) -> Iterator[bytes]:
        """Give canonical octets with every token replaced by the run it stands for."""
        position = 0
        for match in re.finditer(re.escape(self.secret).encode("ascii") + rb"([0-9a-f]{8})", canonical):
            yield canonical[position : match.start()]
            yield from self.runs[int(match[1], 16)].slices(source, block_bytes=block_bytes)
            position = match.end()
        yield canonical[position:]
