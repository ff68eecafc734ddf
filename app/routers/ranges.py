"""Giving a kept body, or the part of it that Range asks for (RFC 9110 §14)."""

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from app.errors import DataFault, PreconditionFailed, RangeNotSatisfiable
from app.node import Node
from app.routers.conditions import content_digest, if_none_match
from app.routers.messages import XML
from app.routers.requests import BODILESS

INLINE_BYTES_MAX = 64 * 1024
"""Bodies and parts up to here are read on the event loop: less than two hops between threads cost under load."""
_SINGLE = re.compile(r"bytes=\s*(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))\s*", re.IGNORECASE)


def body_answer(node: Node, row: Any, request: Request) -> Response:
    """Answer with the body of a document or status report, or with one range of it.

    Several ranges at once, or a Range that cannot be read, get the whole, as RFC 9110 §14.2 allows; so does HEAD, for
    which ranges are not defined, and without a look into the body.

    Raises:
        RangeNotSatisfiable: the range begins behind the end.
        PreconditionFailed: If-Match names other bodies only.
        DataFault: the body is gone from the disk.
    """
    if not node.blobs.path_of(row.sha256).is_file():
        raise DataFault(f"body {row.sha256} is missing from the store")
    tag = f'"{row.sha256}"'
    headers = {"ETag": tag, "Accept-Ranges": "bytes"}
    if not _matches(request.headers.get("if-match"), tag):
        raise PreconditionFailed("If-Match: the body is another one")
    if if_none_match(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    bodiless = request.scope["state"].get(BODILESS, False)
    asked = None if bodiless else request.headers.get("range")
    if asked is not None and request.headers.get("if-range", tag) != tag:
        asked = None
    start, end = span(asked, row.size)
    whole = (start, end) == (0, row.size)
    headers |= {
        "Content-Length": str(end - start),
        "Content-Digest": content_digest(row.sha256),
        "Content-Disposition": f'attachment; filename="{row.id}.edxml"',
    }
    if not whole:
        del headers["Content-Digest"]
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{row.size}"
    how: dict[str, Any] = {"status_code": 200 if whole else 206, "media_type": XML, "headers": headers}
    if bodiless:
        return Response(**how)
    pieces = node.blobs.slices(row.sha256, start=start, length=end - start)
    if end - start <= INLINE_BYTES_MAX:
        return Response(b"".join(pieces), **how)
    # Each MiB is read in a thread, and only once the client has taken the one before.
    return StreamingResponse(pieces, **how)


def _matches(header: str | None, tag: str) -> bool:
    # Strong comparison (RFC 9110 §13.1.1): a weak tag is never the same body.
    return header is None or bool({"*", tag} & {member.strip() for member in header.split(",")})


def span(asked: str | None, size: int) -> tuple[int, int]:
    """Return which bytes, from the first up to but not including the second, a Range header asks for.

    Raises:
        RangeNotSatisfiable: the range begins behind the end.
    """
    found = _SINGLE.fullmatch(asked) if asked else None
    if found is None:
        return 0, size
    first, last, suffix = found.groups()
    if suffix is not None:
        start, end = max(0, size - int(suffix)), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return 0, size
    if start >= size or start >= end:
        raise RangeNotSatisfiable(f"Range: the body has {size} bytes", size=size)
    return start, end
