"""A document after hardened parsing: its tree, and the true octets behind the texts that were cut out of it.

Owns no meaning: edXML and signatures are read from it in the rooms above.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from app.errors import DocumentTooLarge
from app.markup.places import element_path
from app.markup.source import Source
from app.markup.splice import Run, Splice

_BLOCK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Markup:
    """A parsed document.

    Attributes:
        root: comments are gone, processing instructions are kept, there are no entities and no document type. The text
            of an element may be a token that stands for a run: read it with `text_of` or `slices_of` where length
            is not known to be small.
        source: the bytes it was parsed from; must stay readable as long as runs are.
        splice: the runs that were cut out; none when the document was parsed whole.
    """

    root: "etree._Element"
    source: Source
    splice: Splice

    @property
    def runs(self) -> tuple[Run, ...]:
        """The base64 texts that are not in the tree, in document order."""
        return self.splice.runs

    def octets(self, canonical: bytes) -> Iterator[bytes]:
        """Turn canonical octets of (part of) the tree into those of the document.

        Args:
            canonical: what canonicalisation gave for the root or any element of it.

        Returns:
            the pieces in order, each at most 1 MiB or as long as `canonical`.
        """
        if not self.splice.runs:
            return iter((canonical,))
        return self.splice.restore(canonical, self.source, block_bytes=_BLOCK_BYTES)

    def run_of(self, element: "etree._Element") -> Run | None:
        """Tell whether this element's text was cut out, and where it lies."""
        if not self.splice.runs or element.text is None:
            return None
        return self.splice.run_of(element.text)

    def text_bytes_of(self, element: "etree._Element") -> int:
        """Tell how long the element's own text is, in bytes of UTF-8 (line ends counted as sent in a run)."""
        run = self.run_of(element)
        return run.length if run else len((element.text or "").encode())

    def slices_of(self, element: "etree._Element") -> Iterator[bytes]:
        """Give the element's own text in UTF-8, at most 1 MiB at a time where it was cut out."""
        run = self.run_of(element)
        return run.slices(self.source) if run else iter(((element.text or "").encode(),))

    def text_of(self, element: "etree._Element", *, bytes_max: int = 1024 * 1024) -> str:
        """Give the element's own text whole, also where it was cut out.

        Raises:
            DocumentTooLarge: it is longer than `bytes_max`.
        """
        run = self.run_of(element)
        if run is None:
            return element.text or ""
        if run.length > bytes_max:
            raise DocumentTooLarge(f"{element_path(element)} holds {run.length} bytes where {bytes_max} are expected")
        return b"".join(run.slices(self.source)).decode("ascii")
