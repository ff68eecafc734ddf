"""How much markup one document may hold. Every number is a refusal, never a truncation."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MarkupLimits:
    """Bounds that are checked before or right after the parser has seen a document (ours, decision 0002).

    The defaults leave room for a message to a thousand recipients with dozens of attachments: about ten thousand
    elements, fewer attributes, a depth below twenty.

    Attributes:
        body_bytes_max: longest document, in bytes.
        depth_max: deepest nesting of elements, the root counting as one. The parser itself gives up at 256.
        elements_max: most elements in a document.
        attributes_per_element_max: most attributes on one element.
        attributes_max: most attributes in a document.
        namespaces_max: most namespace declarations in a document; inclusive canonicalisation is dear in them.
        skeleton_bytes_max: most bytes the parser is given, that is everything but the long base64 runs. Memory is
            some three times this, or a thousand bytes an element, whichever is larger.
        splice_from_bytes: documents shorter than this are parsed whole.
        run_bytes_min: shortest base64 text that is cut out.
        block_bytes: bytes read at a time.
    """

    body_bytes_max: int = 128 * 1024 * 1024
    depth_max: int = 64
    elements_max: int = 50_000
    attributes_per_element_max: int = 64
    attributes_max: int = 20_000
    namespaces_max: int = 2_000
    skeleton_bytes_max: int = 16 * 1024 * 1024
    splice_from_bytes: int = 1024 * 1024
    run_bytes_min: int = 32 * 1024
    block_bytes: int = 1024 * 1024
