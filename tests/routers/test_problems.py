"""Every error is a problem document, whoever raises it."""

import re
from collections.abc import Iterator

import httpx2
import pytest

from app import errors
from app.errors import TrucError
from app.routers import kinds
from tests.routers.conftest import node_on
from tests.support.agency import AgencySystem
from tests.support.node import RunningNode


@pytest.fixture(scope="module")
def node(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    """A node of this module: how much is logged is said once a process, by whatever node is made last."""
    with node_on("sqlite", request, tmp_path_factory.mktemp("node")) as running:
        yield running


def assert_problem(answer: httpx2.Response, status: int, code: str) -> dict[str, object]:
    """Check the shape that all problems have (RFC 9457 §3)."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, object] = answer.json()
    assert set(problem) >= {
        "type", "title", "title_vi", "status", "detail", "instance", "request_id", "findings",
    }  # fmt: skip
    assert problem["status"] == status
    assert str(problem["type"]).endswith(f"/problems/{code}")
    assert problem["request_id"] == answer.headers["x-request-id"]
    return problem


def _concrete(error: type[TrucError] = TrucError) -> Iterator[type[TrucError]]:
    for child in error.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from _concrete(child)


@pytest.mark.parametrize("error", list(_concrete()), ids=lambda error: error.__name__)
def test_every_error_of_the_tree_has_a_kind_of_its_own(error: type[TrucError]) -> None:
    kind = kinds.kind_of(error)
    assert 400 <= kind.status < 600
    assert error in kinds.TABLE
    assert kind.meaning.endswith(".")
    assert kind.fix.endswith(".")


def test_codes_of_kinds_are_slugs_and_unique() -> None:
    known = kinds.all_kinds()
    assert all(re.fullmatch("[a-z]+(-[a-z]+)*", code) for code in known)
    assert len({kind.title_vi for kind in known.values()}) == len(known)


def test_an_unknown_address_is_a_problem(node: RunningNode) -> None:
    problem = assert_problem(node.http.get("/v1/nothing/here%20"), 404, "not-found")
    assert problem["instance"] == "/v1/nothing/here%20"


def test_a_wrong_method_names_all_that_are_allowed(node: RunningNode) -> None:
    answer = node.http.delete("/v1/agencies")
    assert_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET, HEAD, POST"


def test_an_address_of_its_own_is_not_taken_for_an_id(node: RunningNode) -> None:
    answer = node.http.get("/v1/agencies/import")
    assert_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "POST"


def test_an_unknown_method_is_a_problem(node: RunningNode) -> None:
    assert_problem(node.http.request("PROPFIND", "/healthz"), 405, "method-not-allowed")


def test_json_that_is_none_is_a_problem_with_the_place(admin: AgencySystem) -> None:
    answer = admin.post("/v1/agencies", content=b'{"organ_id": ', headers={"Content-Type": "application/json"})
    problem = assert_problem(answer, 400, "malformed-json")
    assert "13" in str(problem["detail"])


@pytest.mark.parametrize(
    "body", [b"\xff\xfe{}", b"[" * 100_000, b'{"a":' * 50_000], ids=["not UTF-8", "deep", "deep objects"]
)
def test_json_that_breaks_parsers_is_a_problem(admin: AgencySystem, body: bytes) -> None:
    answer = admin.post("/v1/agencies", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


def test_members_that_do_not_fit_are_findings_with_json_pointers(admin: AgencySystem) -> None:
    body = {"organ_id": "G22", "tier": "moon", "branch": "state", "aliases": [{"code": 1}], "x/y~z": 1}
    problem = assert_problem(admin.post("/v1/agencies", json=body), 422, "validation-failed")
    found = {finding["location"]: finding for finding in problem["findings"]}  # type: ignore[attr-defined]
    assert {"/name", "/tier", "/x~1y~0z"} <= set(found)
    assert all(finding["fix"] and finding["source"] for finding in found.values())


def test_a_parameter_out_of_range_is_a_finding(reader: AgencySystem) -> None:
    problem = assert_problem(reader.get("/v1/agencies", params={"limit": 501}), 422, "validation-failed")
    assert problem["findings"][0]["location"] == "query parameter limit"  # type: ignore[index]


def test_a_made_up_cursor_is_a_problem(reader: AgencySystem) -> None:
    assert_problem(reader.get("/v1/agencies", params={"cursor": "x"}), 400, "request-invalid")


def test_a_body_of_another_media_type_is_a_problem(admin: AgencySystem) -> None:
    answer = admin.post("/v1/agencies", content=b"<agency/>", headers={"Content-Type": "application/xml"})
    assert_problem(answer, 415, "unsupported-media-type")
    encoded = admin.post("/v1/agencies", json={}, headers={"Content-Encoding": "gzip"})
    assert_problem(encoded, 415, "unsupported-media-type")


def test_a_body_that_is_too_long_is_a_problem_before_it_is_read(admin: AgencySystem) -> None:
    answer = admin.post("/v1/agencies", content=b" " * 2_000_000, headers={"Content-Type": "application/json"})
    assert_problem(answer, 413, "content-too-large")


def test_a_body_without_announced_length_is_bounded_too(admin: AgencySystem) -> None:
    pieces = (b" " * 65_536 for _ in range(40))
    answer = admin.post("/v1/agencies", content=pieces, headers={"Content-Type": "application/json"})
    assert_problem(answer, 413, "content-too-large")


def test_a_body_that_differs_from_its_digest_is_a_problem(admin: AgencySystem) -> None:
    digest = {"Content-Digest": "sha-256=:" + "A" * 43 + "=:"}
    assert_problem(admin.post("/v1/agencies", json={}, headers=digest), 400, "digest-mismatch")


def test_who_is_asking_is_settled_before_the_body(node: RunningNode) -> None:
    answer = node.http.post("/v1/agencies", content=b"{", headers={"Content-Type": "application/json"})
    assert_problem(answer, 401, "not-authenticated")


def test_a_fault_of_the_node_says_nothing_but_its_id(node: RunningNode, capfd: pytest.CaptureFixture[str]) -> None:
    async def broken() -> None:
        raise ZeroDivisionError("secret of the house")

    node.app.add_api_route("/broken", broken)
    answer = node.http.get("/broken")
    problem = assert_problem(answer, 500, "node-fault")
    assert "secret of the house" not in answer.text
    printed = "".join(capfd.readouterr())
    assert str(problem["request_id"]) in printed
    assert "secret of the house" in printed


def test_a_fault_of_the_tree_is_as_opaque(node: RunningNode) -> None:
    async def broken() -> None:
        raise errors.DataFault("row 17 of table x")

    node.app.add_api_route("/broken/data", broken)
    answer = node.http.get("/broken/data")
    assert_problem(answer, 500, "node-fault")
    assert "row 17" not in answer.text


def test_what_is_unavailable_says_when_to_come_again(node: RunningNode) -> None:
    async def away() -> None:
        raise errors.Unavailable("the database does not answer")

    node.app.add_api_route("/away", away)
    answer = node.http.get("/away")
    assert_problem(answer, 503, "unavailable")
    assert int(answer.headers["retry-after"]) > 0


def test_the_type_of_a_problem_leads_to_its_explanation(node: RunningNode) -> None:
    problem = node.http.get("/v1/nothing").json()
    explained = httpx2.get(problem["type"])
    assert explained.status_code == 200
    assert explained.json()["code"] == "not-found"
    assert explained.json()["type"] == problem["type"]
    page = httpx2.get(problem["type"], headers={"Accept": "text/html"})
    assert page.headers["content-type"].startswith("text/html")
    assert "Không tìm thấy" in page.text
    assert_problem(node.http.get("/problems/unheard-of"), 404, "not-found")
    assert_problem(node.http.get("/problems/not-found", headers={"Accept": "image/png"}), 406, "not-acceptable")
