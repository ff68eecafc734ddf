"""Hardened reading of XML from strangers, shared by edXML and signatures (decision 0002).

Pure: bytes in, values out.
"""

from app.markup.limits import MarkupLimits
from app.markup.parse import parse
from app.markup.places import element_path, line_and_column, local_name, namespace_of
from app.markup.source import BytesSource, FileSource, Source
from app.markup.splice import Run
from app.markup.tree import Markup

__all__ = [
    "BytesSource",
    "FileSource",
    "Markup",
    "MarkupLimits",
    "Run",
    "Source",
    "element_path",
    "line_and_column",
    "local_name",
    "namespace_of",
    "parse",
]
