"""Health, figures and the description pages."""

import base64
import hashlib
import re
from pathlib import Path

import pytest

from tests.routers.test_problems import assert_problem
from tests.support.node import RunningNode, running_node


def test_a_healthy_node_says_so(node: RunningNode) -> None:
    assert node.http.get("/healthz").json() == {"status": "ok"}
    answer = node.http.get("/readyz")
    assert answer.status_code == 200, answer.text
    assert answer.json()["ready"] is True
    assert set(answer.json()["checks"]) == {"database", "blobs", "ledger", "checkpoints", "background", "revocations"}
    assert all(check["ok"] for check in answer.json()["checks"].values())


def test_a_node_without_tables_is_alive_but_not_ready(empty_database_url: str, tmp_path: Path) -> None:
    with running_node(tmp_path / "data", empty_database_url) as node:
        assert node.http.get("/healthz").status_code == 200
        problem = assert_problem(node.http.get("/readyz"), 503, "unavailable")
        assert problem["checks"]["database"]["ok"] is False  # type: ignore[index]
        assert "database" in str(problem["detail"])
        assert node.http.get("/readyz").headers["retry-after"]


def test_a_disk_that_takes_nothing_is_not_ready(fresh_node: RunningNode) -> None:
    incoming = fresh_node.settings.data_dir / "incoming"
    incoming.rmdir()
    problem = assert_problem(fresh_node.http.get("/readyz"), 503, "unavailable")
    assert problem["checks"]["blobs"] == {"ok": False, "detail": "the disk takes nothing"}  # type: ignore[index]


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_description_pages_load_nothing_from_elsewhere(node: RunningNode, path: str) -> None:
    page = node.http.get(path)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "unsafe-eval" not in page.headers["content-security-policy"]
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert loaded
    for address in loaded:
        assert address.startswith(("/", "data:")), address
        if address.startswith("/"):
            assert node.http.get(address).status_code == 200, address


def test_the_script_of_the_page_is_the_one_its_policy_allows(node: RunningNode) -> None:
    page = node.http.get("/docs")
    (script,) = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = page.headers["content-security-policy"]
    assert f"'sha256-{digest}'" in policy
    assert "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]


def test_swagger_ui_is_new_enough_for_openapi_3_1(node: RunningNode) -> None:
    script = node.http.get("/docs/assets/swagger-ui-bundle.js").text
    found = re.search(r'PACKAGE_VERSION:"(\d+)\.', script)
    assert found is not None
    assert int(found[1]) >= 5
