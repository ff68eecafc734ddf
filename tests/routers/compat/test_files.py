"""What goes through a body: the file, its CRLF and digest, its part of a multipart body, base64 back, fields, texts."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import DigestMismatch, NotFound, RequestInvalid, UnsupportedMediaType
from app.exchange.inbox import InboxKind
from app.routers.compat.answers import base64_of
from app.routers.compat.door import fields_of
from app.routers.compat.hash_file import file_in, fits, unpadded
from app.routers.compat.multipart import file_part
from app.routers.compat.numbers import ascii_of, failure_of
from app.routers.compat.postbox import kind_of

MEASURED = "91237642777857dd87d7dc8e661a7a206ffba8a99277d58c04b8a1f9b5a5f12f"
WRITTEN = "91237642777857dd87d7dc8e661a7a206ffba8a99277d58c4b8a1f9b5a5f12f"


def gathered(pieces: Sequence[bytes], through: Callable[[AsyncIterator[bytes]], AsyncIterator[bytes]]) -> bytes:
    async def body() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    async def gather() -> bytes:
        return b"".join([piece async for piece in through(body())])

    return asyncio.run(gather())


def cut(octets: bytes, at: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(min(each, len(octets)) for each in at), len(octets)]
    return [octets[first:last] for first, last in pairwise(edges)]


def test_a_digest_is_written_without_leading_zeros_and_read_either_way() -> None:
    digest = bytes.fromhex(MEASURED)
    assert unpadded(digest) == WRITTEN
    assert fits(WRITTEN, digest)
    assert fits(MEASURED.upper(), digest)
    assert not fits(WRITTEN[:-1], digest)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60), st.sampled_from([b"", b"\r\n", b"\r\n\r\n", b"\n"]), st.lists(st.integers(0, 70)))
def test_exactly_the_file_comes_out_whoever_sent_it(start: bytes, end: bytes, at: list[int]) -> None:
    file = start + end
    digest = hashlib.sha256(file).digest()
    for claimed in (unpadded(digest), digest.hex()):
        for body in (file + b"\r\n", file):
            assert gathered(cut(body, at), lambda stream, said=claimed: file_in(stream, claimed=said)) == file


@pytest.mark.parametrize("claimed", ["", "00", hashlib.sha256(b"other").hexdigest(), None])
def test_another_file_than_was_signed_is_refused(claimed: str | None) -> None:
    with pytest.raises(DigestMismatch):
        gathered([b"file\r\n"], lambda stream: file_in(stream, claimed=claimed))


def test_one_crlf_is_taken_off_and_no_more() -> None:
    once = unpadded(hashlib.sha256(b"file").digest())
    with pytest.raises(DigestMismatch):
        gathered([b"file\r\n\r\n"], lambda stream: file_in(stream, claimed=once))


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200), st.lists(st.integers(0, 400), max_size=5))
def test_the_first_file_of_a_multipart_body_is_what_counts(file: bytes, at: list[int]) -> None:
    body = (
        b'--b0\r\nContent-Disposition: form-data; name="messageType"\r\n\r\nedoc\r\n'
        b'--b0\r\nContent-Disposition: form-data; name="edocFile"; filename="a.edxml"\r\n'
        b"Content-Type: application/xml\r\n\r\n" + file + b"\r\n"
        b'--b0\r\nContent-Disposition: form-data; name="x"; filename="b"\r\n\r\nother\r\n--b0--\r\n'
    )
    kind = 'multipart/form-data; boundary="b0"'
    if b"\r\n--b0" not in file:
        assert gathered(cut(body, at), lambda stream: file_part(stream, kind)) == file


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"--b\r\n\r\nx\r\n--b--\r\n", "multipart/form-data"),
        (b"no parts at all", "multipart/form-data; boundary=b"),
        (b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n--b--\r\n', "multipart/form-data; boundary=b"),
        (b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\ncut', "multipart/form-data; boundary=b"),
    ],
)
def test_a_body_without_a_whole_file_is_refused(body: bytes, kind: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        gathered([body], lambda stream: file_part(stream, kind))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=10)))
def test_base64_in_pieces_is_base64_of_the_whole(pieces: list[bytes]) -> None:
    assert b"".join(base64_of(pieces)) == base64.b64encode(b"".join(pieces))


def test_a_body_of_texts_is_read_and_what_is_no_text_is_left_out() -> None:
    body = '{"docId":"a","status":" done ","otp":null,"level":1,"typeObjs":[0,1],"tên":"Sở"}'.encode()
    assert fields_of(body) == {"docId": "a", "status": " done ", "level": "1", "tên": "Sở"}
    assert fields_of(b" \r\n") == {}
    for wrong in (b"[]", b"null", b"docId=a", b"\xff", b"[" * 100_000):
        with pytest.raises(RequestInvalid):
            fields_of(wrong)


def test_the_type_of_messages_is_documents_unless_said() -> None:
    assert [kind_of(asked) for asked in ("", " ", "eDoc", "STATUS ")] == [*[InboxKind.DOCUMENT] * 3, InboxKind.STATUS]
    with pytest.raises(RequestInvalid, match="neither edoc nor status"):
        kind_of("mail")


def test_texts_are_ascii_and_errors_without_a_number_have_their_http_status() -> None:
    assert ascii_of("Đơn vị gửi không đúng – “Đ”…\r\n日") == 'Don vi gui khong dung - "D"...  ?'
    failure = failure_of(NotFound("no message has the id 'x'"))
    assert (failure.number, failure.text) == ("404", "Khong tim thay: no message has the id 'x'")
