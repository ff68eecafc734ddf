"""What headers ask of a call: versions (If-Match), digests (RFC 9530), forms of the answer (Accept), repeated requests.

Pure readings of headers; what follows from them is decided where the state is known.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from typing import Annotated

from fastapi import Depends, Header, Response

from app.errors import DigestMismatch, NotAcceptable, RequestInvalid

JSON = "application/json"
CSV = "text/csv"
NDJSON = "application/x-ndjson"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

REPLAYED_HEADER = "Idempotent-Replayed"

_ETAG = re.compile(r'\s*(W/)?"([\x21\x23-\x7e]*)"\s*')
_DIGEST_MEMBER = re.compile(r"\s*([a-z*][a-z0-9_.*-]*)\s*=\s*:([A-Za-z0-9+/]*={0,2}):\s*(?:;.*)?")
_HEADER_CHARACTERS_MAX = 2000


def etag(version: int) -> str:
    """Write the version of a record as a strong entity tag."""
    return f'"{version}"'


def mark(response: Response, *, version: int | None = None, replayed: bool = False) -> None:
    """Put on an answer which version it shows, and whether it is an earlier answer again."""
    if version is not None:
        response.headers["ETag"] = etag(version)
    if replayed:
        response.headers[REPLAYED_HEADER] = "true"


def if_match(
    tag: Annotated[
        str | None,
        Header(
            alias="If-Match", description="ETag of the version the change is meant for; 412 if it is another by now."
        ),
    ] = None,
) -> int | None:
    """Read If-Match; dependency of calls that change a record.

    Returns:
        The version; None: whatever it is; 0, which no record has: a tag that cannot match, such as a weak one
        (RFC 9110 §13.1.1).

    Raises:
        RequestInvalid: not an entity tag, or several.
    """
    if tag is None or tag.strip() == "*":
        return None
    found = _ETAG.fullmatch(tag)
    if found is None:
        raise RequestInvalid('If-Match: expected one entity tag such as "3", or *')
    weak, version = found.groups()
    return int(version) if not weak and re.fullmatch("[1-9][0-9]{0,8}", version) else 0


ExpectedVersion = Annotated[int | None, Depends(if_match)]
"""Parameter of a handler that changes a record: `expected: ExpectedVersion`."""


KnownVersion = Annotated[
    str | None,
    Header(alias="If-None-Match", description="ETags of the versions at hand; 304 if one is the present one."),
]
"""Parameter of a handler that reads a record: `known: KnownVersion = None`."""


def if_none_match(header: str | None, tag: str) -> bool:
    """Tell whether the client has this version already: 304 is the answer (weak comparison, RFC 9110 §13.1.2)."""
    if header is None:
        return False
    known = {member.strip().removeprefix("W/") for member in header[:_HEADER_CHARACTERS_MAX].split(",")}
    return "*" in known or tag in known


IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="Unique text of visible ASCII characters; a retry with the same key gets the first answer.",
    ),
]


def content_digest(sha256: str) -> str:
    """Write a hex SHA-256 as the value of Content-Digest (RFC 9530 §2)."""
    return f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode('ascii')}:"


def declared_sha256(header: str | None) -> str | None:
    """Return the hex SHA-256 that Content-Digest declares; None where it declares none, whatever else it does.

    Raises:
        RequestInvalid: not a dictionary of byte sequences (RFC 8941), or a SHA-256 of another length.
    """
    if header is None:
        return None
    sha256 = None
    for member in header[:_HEADER_CHARACTERS_MAX].split(","):
        found = _DIGEST_MEMBER.fullmatch(member)
        if found is None:
            raise RequestInvalid("Content-Digest: expected a form such as sha-256=:BASE64:")
        if found[1] == "sha-256":
            sha256 = _decoded_sha256(found[2])
    return sha256


def check_digest(header: str | None, body: bytes) -> None:
    """Compare a body with its Content-Digest, where one was sent.

    Raises:
        RequestInvalid: the header cannot be read.
        DigestMismatch: the body is another.
    """
    declared = declared_sha256(header)
    if declared is not None and declared != (arrived := hashlib.sha256(body).hexdigest()):
        raise DigestMismatch(f"Content-Digest declares SHA-256 {declared}, but {arrived} arrived")


def negotiate(accept: str | None, offered: Sequence[str]) -> str:
    """Choose the form of the answer by Accept (RFC 9110 §12.5.1): best quality first, then the order of the offer.

    Args:
        offered: media types, the default one first.

    Raises:
        NotAcceptable: none of them is acceptable.
    """
    if accept is None or not accept.strip():
        return offered[0]
    ranges = [_media_range(member) for member in accept[:_HEADER_CHARACTERS_MAX].split(",") if member.strip()]
    qualities = {media_type: _quality(media_type, ranges) for media_type in offered}
    best = max(offered, key=lambda media_type: qualities[media_type])
    if qualities[best] <= 0:
        raise NotAcceptable(f"Accept: {accept[:100]!r} leaves none of {', '.join(offered)}")
    return best


def takes_gzip(accept_encoding: str | None) -> bool:
    """Whether an answer may be compressed (RFC 9110 §12.5.3)."""
    named = [each.replace(" ", "").lower() for each in (accept_encoding or "").split(",")]
    # `gzip;q=0` refuses it; any other weight is as good as none where the alternative is no coding at all.
    return any(re.fullmatch(r"(x-)?gzip(;q=(1|0?\.[0-9]*[1-9]).*)?", each) for each in named)


def _decoded_sha256(text: str) -> str:
    try:
        octets = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise RequestInvalid("Content-Digest: sha-256 is not base64") from error
    if len(octets) != hashlib.sha256().digest_size:
        raise RequestInvalid(f"Content-Digest: sha-256 has {len(octets)} bytes instead of 32")
    return octets.hex()


def _media_range(member: str) -> tuple[str, float]:
    media_range, *parameters = (part.strip().lower() for part in member.split(";"))
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            quality = float(value) if re.fullmatch(r"\s*(0(\.[0-9]{0,3})?|1(\.0{0,3})?)\s*", value) else 0.0
    return media_range, quality


def _quality(media_type: str, ranges: Sequence[tuple[str, float]]) -> float:
    # The most specific range that matches decides, even to refuse: `text/*, text/csv;q=0`.
    for wanted in (media_type, media_type.partition("/")[0] + "/*", "*/*"):
        matching = [quality for media_range, quality in ranges if media_range == wanted]
        if matching:
            return max(matching)
    return 0.0
