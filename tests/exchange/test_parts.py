"""A document's bytes, whole and in parts, over HTTP (RFC 9110 §13, §14); large ones are in `test_large`."""

import base64
import hashlib

import pytest

from tests.exchange.mail import Sent, send
from tests.support.agency import AgencySystem
from tests.support.office import DISTRICT, PROVINCE, Exchange, refused


@pytest.fixture
def sent(shared: Exchange) -> Sent:
    """A document the province may fetch."""
    return send(shared[DISTRICT], PROVINCE)


@pytest.fixture
def system(shared: Exchange) -> AgencySystem:
    """Who fetches it."""
    return shared[PROVINCE].system


def test_a_download_that_broke_off_is_finished_with_the_same_body_only(system: AgencySystem, sent: Sent) -> None:
    path, size = f"/v1/documents/{sent.id}/content", len(sent.body)
    whole = system.get(path)
    tag = whole.headers["ETag"]
    assert (whole.status_code, whole.content, whole.headers["Accept-Ranges"]) == (200, sent.body, "bytes")
    digest = base64.b64encode(hashlib.sha256(sent.body).digest()).decode()
    assert whole.headers["Content-Digest"] == f"sha-256=:{digest}:"
    assert "Content-Encoding" not in system.get(path, headers={"Accept-Encoding": "gzip, br"}).headers
    rest = system.get(path, headers={"Range": "bytes=100-", "If-Range": tag})
    assert (rest.status_code, rest.content) == (206, sent.body[100:])
    assert rest.headers["Content-Range"] == f"bytes 100-{size - 1}/{size}"
    assert (rest.headers["Content-Length"], rest.headers["ETag"]) == (str(size - 100), tag)
    # Content-Digest is that of what is sent, which nobody has kept of parts.
    assert "Content-Digest" not in rest.headers
    for other in ('"other"', f"W/{tag}", "Sat, 21 Nov 2026 08:00:00 GMT"):
        again = system.get(path, headers={"Range": "bytes=100-", "If-Range": other})
        assert (again.status_code, again.content) == (200, sent.body), other


def test_conditions_go_before_ranges(system: AgencySystem, sent: Sent) -> None:
    path = f"/v1/documents/{sent.id}/content"
    tag = system.get(path).headers["ETag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        fresh = system.get(path, headers={"If-None-Match": known, "Range": "bytes=0-9"})
        assert (fresh.status_code, fresh.content, fresh.headers["ETag"]) == (304, b"", tag)
    for held in (tag, f'"other", {tag}', "*"):
        assert system.get(path, headers={"If-Match": held, "Range": "bytes=0-9"}).status_code == 206
    for other in ('"other"', f"W/{tag}"):
        refused(system.get(path, headers={"If-Match": other}), 412, "precondition-failed")


def test_a_part_that_is_not_there_is_refused_with_the_size(system: AgencySystem, sent: Sent) -> None:
    answer = system.get(f"/v1/documents/{sent.id}/content", headers={"Range": f"bytes={len(sent.body)}-"})
    refused(answer, 416, "range-not-satisfiable")
    assert answer.headers["Content-Range"] == f"bytes */{len(sent.body)}"


def test_head_tells_of_the_whole_and_sends_nothing(system: AgencySystem, sent: Sent) -> None:
    headers = {"Authorization": f"Bearer {system.token}", "Range": "bytes=0-9"}
    head = system.http.head(f"/v1/documents/{sent.id}/content", headers=headers)
    assert (head.status_code, head.content, head.headers["Content-Length"]) == (200, b"", str(len(sent.body)))
    whole = system.get(f"/v1/documents/{sent.id}/content").headers
    for name in ("ETag", "Content-Digest", "Content-Type", "Accept-Ranges", "Content-Disposition"):
        assert head.headers[name] == whole[name]
