"""Answers of the older protocols: one JSON object in ASCII, with every key a client reads, whatever happened.

Clients never look at the HTTP status, so it is always 200. An absent key of an answer, or a null anywhere, makes them
drop all of it and report nothing at all; an absent key of an item is skipped. Hence one builder for all answers.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import pybase64
from starlette.responses import Response, StreamingResponse
from typing_extensions import override

from app.registry.agency_list import ListedAgency, ListShape, ReadyList
from app.routers.compat.numbers import Failure

SUCCESS_TEXT: Final = "Thanh cong"
JSON: Final = "application/json"
Item = Mapping[str, str | int | bool | None]

_CAMEL_CASE: Final = {"status_desc": "statusDesc", "created_time": "createdTime", "updated_time": "updatedTime"}
_OK: Final = {"status": "OK", "ErrorCode": "0", "ErrorDesc": SUCCESS_TEXT}


class AsciiJson(Response):
    """JSON in ASCII: two versions of the client read it in two different encodings."""

    media_type = JSON

    @override
    def render(self, content: Any) -> bytes:
        return _octets(content)


def done(**members: str | int) -> Response:
    """Answer that it was done, with what the method gives besides."""
    return AsciiJson({**_OK, **members})


def listed(items: Iterable[Item]) -> Response:
    """Answer a list; what an item has no value for is left out of it."""
    return AsciiJson({**_OK, "data": [present(item) for item in items]})


def shape(
    name: str, item: Callable[[ListedAgency], Item | None], *, success: Mapping[str, str | bool] = _OK
) -> ListShape:
    """Say how a list of all agencies is written; what an item has no value for is left out of it.

    Args:
        item: None leaves the agency out.
        success: the keys by which the protocol says that it was done.
    """
    empty = _octets({**success, "data": []})

    def written(agency: ListedAgency) -> bytes | None:
        shown = item(agency)
        return None if shown is None else _octets(present(shown))

    return ListShape(name, empty[:-2], empty[-2:], written)


def ready(made: ReadyList, *, compressed: bool) -> Response:
    """Answer a list that was made before, without holding its text in memory."""
    headers = {"Vary": "Accept-Encoding", "Content-Length": str(made.gzip_size if compressed else made.size)}
    if compressed:
        headers["Content-Encoding"] = "gzip"
    return StreamingResponse(iter(made.gzip) if compressed else made.plain(), media_type=JSON, headers=headers)


_ENCODER: Final = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"))
"""Made once: `json.dumps` makes one for each of the 120,000 items of a list."""


def _octets(content: Any) -> bytes:
    return _ENCODER.encode(content).encode("ascii")


def failed(failure: Failure) -> Response:
    """Answer that it was not done, in the one shape that every method of every version can read."""
    told = {"status": "FAIL", "ErrorCode": failure.number, "ErrorDesc": failure.text, "DocId": "", "data": ""}
    return AsciiJson(told)


def present(item: Item) -> dict[str, str | int | bool]:
    """Leave out what is null: it would abort the whole list."""
    return {name: value for name, value in item.items() if value is not None}


def in_camel_case(item: Item) -> dict[str, str | int | bool]:
    """Spell an item as the REST contracts do: `statusDesc` for the SDK's `status_desc`; what is null is left out."""
    return {_CAMEL_CASE.get(name, name): value for name, value in present(item).items()}


def encoded(octets: Iterable[bytes], *, size: int, success: Mapping[str, str] = _OK) -> Response:
    """Answer a file as base64 text, streamed; no answer of a large document is held in memory whole.

    Args:
        success: the keys by which the protocol says that it was done.
    """
    head, end = json.dumps({**success, "data": ""}, separators=(",", ":")).encode("ascii")[:-2], b'"}'
    length = len(head) + 4 * ((size + 2) // 3) + len(end)

    def pieces() -> Iterator[bytes]:
        yield head
        yield from base64_of(octets)
        yield end

    return StreamingResponse(pieces(), media_type=JSON, headers={"Content-Length": str(length)})


def base64_of(octets: Iterable[bytes]) -> Iterator[bytes]:
    """Encode pieces of any length as one base64 text without line breaks."""
    held = b""
    for piece in octets:
        held += piece
        whole = len(held) - len(held) % 3
        yield pybase64.b64encode(held[:whole])
        held = held[whole:]
    yield pybase64.b64encode(held)
