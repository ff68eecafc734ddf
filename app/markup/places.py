"""Say where in a document something is, for findings: `line:column` of the bytes or the path of an element."""

from lxml import etree

from app.markup.source import Source

_BLOCK_BYTES = 1024 * 1024
_STRIDE_BYTES = 64 * 1024
# Bytes that continue a character of UTF-8 and so add no column.
_CONTINUATION = bytes(range(0x80, 0xC0))


def line_and_column(source: Source, offset: int) -> str:
    """Turn an offset into `line:column`, both from 1, the column counted in characters of UTF-8."""
    line, column, position = 1, 1, 0
    while position < offset:
        block = source.read(position, min(_BLOCK_BYTES, offset - position))
        if not block:
            break
        position += len(block)
        line += block.count(b"\n")
        last = block.rfind(b"\n")
        if last >= 0:
            column = 1
            block = block[last + 1 :]
        column += len(block.translate(None, _CONTINUATION))
    return f"{line}:{column}"


def nth(octets: bytes, needle: bytes, skip: int) -> int:
    """Find the occurrence of `needle` after `skip` others; -1 where there are fewer."""
    position = 0
    # Whole blocks are counted first: millions of line ends are too many to step over one by one.
    while len(needle) == 1 and position < len(octets):
        count = octets.count(needle, position, position + _STRIDE_BYTES)
        if count > skip:
            break
        skip -= count
        position += _STRIDE_BYTES
    found = octets.find(needle, position)
    for _ in range(skip):
        if found < 0:
            break
        found = octets.find(needle, found + 1)
    return found


def element_path(element: "etree._Element") -> str:
    """Give the path from the root by local names, numbered from 1 where siblings share a name.

    Example: `/edXML/edXMLEnvelope/edXMLHeader/MessageHeader/To[2]/OrganId`.
    """
    steps = [_step(element)]
    steps.extend(_step(ancestor) for ancestor in element.iterancestors())
    return "/" + "/".join(reversed(steps))


def local_name(element: "etree._Element") -> str:
    """Give the name without its namespace; for a processing instruction its target."""
    tag = element.tag
    if isinstance(tag, str):
        return tag.rpartition("}")[2]
    return str(getattr(element, "target", "?"))


def namespace_of(element: "etree._Element") -> str:
    """Give the namespace, empty where there is none."""
    tag = element.tag
    return tag.rpartition("}")[0][1:] if isinstance(tag, str) else ""


def _step(element: "etree._Element") -> str:
    name = local_name(element)
    if not isinstance(element.tag, str):
        return name
    parent = element.getparent()
    if parent is None or len(parent) == 1:
        return name
    alike = f"{{*}}{name}"
    before = sum(1 for _ in element.itersiblings(alike, preceding=True))
    alone = not before and next(element.itersiblings(alike), None) is None
    return name if alone else f"{name}[{before + 1}]"
