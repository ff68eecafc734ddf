"""What headers ask of a call."""

import hashlib

import pytest

from app.errors import DigestMismatch, NotAcceptable, RequestInvalid
from app.routers.conditions import (
    CSV,
    JSON,
    NDJSON,
    check_digest,
    content_digest,
    declared_sha256,
    etag,
    if_match,
    if_none_match,
    negotiate,
)

BODY = b"<edXML/>"
SHA256 = hashlib.sha256(BODY).hexdigest()


@pytest.mark.parametrize(("header", "version"), [(None, None), ("*", None), ('"3"', 3), (' "3" ', 3)])
def test_if_match_names_a_version(header: str | None, version: int | None) -> None:
    assert if_match(header) == version


@pytest.mark.parametrize("header", ['W/"3"', '"abc"', '"0"', '"03"', '"99999999999"', '""'])
def test_a_tag_that_no_record_has_matches_no_version(header: str) -> None:
    assert if_match(header) == 0


@pytest.mark.parametrize("header", ["3", '"3', '"1", "2"', "", "'3'"])
def test_if_match_that_is_no_entity_tag_is_refused(header: str) -> None:
    with pytest.raises(RequestInvalid):
        if_match(header)


def test_if_none_match_compares_weakly() -> None:
    assert if_none_match('"1", W/"3"', etag(3))
    assert if_none_match("*", etag(3))
    assert not if_none_match('"4"', etag(3))
    assert not if_none_match(None, etag(3))


def test_a_content_digest_is_read_as_it_is_written() -> None:
    assert declared_sha256(content_digest(SHA256)) == SHA256


@pytest.mark.parametrize(
    "header", [None, "sha-512=:AAAA:", "md5=:AAAA:, unixsum=:AA==:", "sha-512=:AAAA:;q=1"], ids=str
)
def test_digests_of_other_algorithms_are_passed_over(header: str | None) -> None:
    assert declared_sha256(header) is None
    check_digest(header, BODY)


def test_a_known_digest_counts_among_others() -> None:
    assert declared_sha256(f"sha-512=:AAAA:, {content_digest(SHA256)}") == SHA256


@pytest.mark.parametrize("header", ["", "sha-256", "sha-256=abc", "sha-256=:AAAA:", "sha-256=:A:", "=:AAAA:", ":", "é"])
def test_a_broken_content_digest_is_refused(header: str) -> None:
    with pytest.raises(RequestInvalid):
        declared_sha256(header)


def test_a_body_that_differs_from_its_digest_is_refused() -> None:
    check_digest(content_digest(SHA256), BODY)
    with pytest.raises(DigestMismatch, match=SHA256):
        check_digest(content_digest(SHA256), BODY + b"\n")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("text/csv", CSV),
        ("text/*", CSV),
        ("text/csv;q=0.5, application/x-ndjson", NDJSON),
        ("text/csv; charset=utf-8; q=0.9, */*;q=0.1", CSV),
        ("application/json;q=0, */*", CSV),
        ("TEXT/CSV", CSV),
        ("text/csv;q=1.0000, application/json;q=0.1", JSON),
        ("text/html,application/xhtml+xml,*/*;q=0.8", JSON),
    ],
)
def test_the_best_form_that_is_accepted_is_chosen(accept: str | None, chosen: str) -> None:
    assert negotiate(accept, (JSON, CSV, NDJSON)) == chosen


@pytest.mark.parametrize("accept", ["text/html", "*/*;q=0", "application/json;q=0", "nonsense", ";q=1"])
def test_no_acceptable_form_is_refused(accept: str) -> None:
    with pytest.raises(NotAcceptable):
        negotiate(accept, (JSON,))
