"""What every request gets: an id, a line in the log, safe headers."""

import json
import time
from collections.abc import Iterator

import pytest

from tests.routers.conftest import node_on
from tests.support.agency import AgencySystem
from tests.support.node import RunningNode


@pytest.fixture(scope="module")
def node(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    """A node of this module: how much is logged is said once a process, by whatever node is made last."""
    with node_on("sqlite", request, tmp_path_factory.mktemp("node")) as running:
        yield running


def logged(capfd: pytest.CaptureFixture[str], until: str = "request.answered") -> str:
    """Return what was printed, when this is among it; the line of a request comes after its answer."""
    printed = ""
    for _ in range(500):
        printed += "".join(capfd.readouterr())
        if until in printed:
            break
        time.sleep(0.02)
    return printed


def test_a_sane_id_of_the_caller_is_kept(node: RunningNode) -> None:
    mine = "0192-abc.DEF_4:5"
    assert node.http.get("/healthz", headers={"X-Request-Id": mine}).headers["x-request-id"] == mine


@pytest.mark.parametrize("given", ["short", "x" * 65, "with blank 123", '"quoted-12345"', "{json: 1234567}"])
def test_any_other_id_is_replaced(node: RunningNode, given: str) -> None:
    answered = node.http.get("/healthz", headers={"X-Request-Id": given}).headers["x-request-id"]
    assert answered != given
    assert len(answered) == 36


def test_every_answer_has_safe_headers(node: RunningNode) -> None:
    for path in ("/healthz", "/v1/nothing", "/docs", "/docs/assets/swagger-ui.css", "/openapi.json"):
        headers = node.http.get(path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert "frame-ancestors 'none'" in headers["content-security-policy"], path
        assert headers["referrer-policy"] == "no-referrer", path
        assert "server" not in headers, path
    assert node.http.get("/healthz").headers["cache-control"] == "no-store"


def test_head_is_get_without_the_body(node: RunningNode) -> None:
    whole, head = node.http.get("/healthz"), node.http.head("/healthz")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(whole.content))
    assert node.http.head("/v1/nothing").status_code == 404


def test_each_request_is_one_line_in_the_log_without_secrets(
    reader: AgencySystem, capfd: pytest.CaptureFixture[str]
) -> None:
    token = reader.token
    capfd.readouterr()
    answer = reader.get("/v1/agencies", params={"q": "văn phòng"})
    # The line of the request that got the token may come only now.
    printed = logged(capfd, until=answer.headers["x-request-id"])
    lines = [line for line in printed.splitlines() if answer.headers["x-request-id"] in line]
    assert len(lines) == 1, printed
    for expected in ("request.answered", "GET", "/v1/agencies", "200", "milliseconds", reader.client_id):
        assert expected in lines[0]
    for secret in (token, reader.secret, "văn phòng"):
        assert secret not in printed


def test_requests_are_counted_by_route_not_by_address(fresh_node: RunningNode) -> None:
    for number in range(3):
        fresh_node.http.get(f"/problems/unheard-of-{number}")
    fresh_node.http.get("/v1/nothing")
    figures = fresh_node.http.get("/metrics")
    assert figures.headers["content-type"].startswith("text/plain")
    assert 'truc_http_requests_total{method="GET",route="/problems/{code}",status="404"} 3.0' in figures.text
    assert 'truc_http_requests_total{method="GET",route="(none)",status="404"} 1.0' in figures.text
    assert "unheard-of" not in figures.text


def test_the_log_is_json(node: RunningNode, capfd: pytest.CaptureFixture[str]) -> None:
    node.http.get("/v1/nothing")
    lines = [line for line in logged(capfd).splitlines() if "request.answered" in line]
    assert json.loads(lines[-1])["status"] == 404
