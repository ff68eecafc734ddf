"""The API's own description."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from app import cli
from app.main import create_app
from app.routers.openapi import openapi_document, openapi_text
from app.settings import Settings


@pytest.fixture(scope="module")
def app() -> FastAPI:
    """A node as it comes."""
    return create_app(Settings())


@pytest.fixture(scope="module")
def document(app: FastAPI) -> dict[str, Any]:
    """The description, with all references still in place."""
    return openapi_document(app)


def _operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_the_description_is_the_same_every_time_whatever_the_settings(document: dict[str, Any]) -> None:
    other = Settings(public_url="https://truc.example.vn", data_dir=Path("elsewhere"), port=9)
    assert openapi_text(create_app(other)) == json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def test_the_command_prints_it_whatever_the_settings(
    document: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRUC_PUBLIC_URL", "https://truc.example")
    monkeypatch.setattr(sys, "argv", ["truc", "openapi"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    assert capsys.readouterr().out == json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    assert document["openapi"].startswith("3.")


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def walk(part: Any) -> None:
        if isinstance(part, dict):
            if "$ref" in part:
                found: Any = document
                for name in part["$ref"].removeprefix("#/").split("/"):
                    assert name in found, part["$ref"]
                    found = found[name]
            for inner in part.values():
                walk(inner)
        elif isinstance(part, list):
            for inner in part:
                walk(inner)

    walk(document)


def test_every_operation_is_explained(document: dict[str, Any]) -> None:
    for name, operation in _operations(document):
        assert operation["summary"], name
        assert operation["description"], name
        assert operation["tags"], name
        for parameter in operation.get("parameters", []):
            if parameter["in"] != "path":
                assert parameter["description"], f"{name}: {parameter['name']}"


def test_every_model_is_explained(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        assert schema.get("description"), name


def test_every_error_answer_is_a_problem(document: dict[str, Any]) -> None:
    for name, operation in _operations(document):
        for status, answer in operation["responses"].items():
            if status.startswith(("4", "5")):
                (content,) = answer["content"].items()
                oauth = name == "POST /oauth2/token" and status in ("400", "401", "429")
                expected = "application/json" if oauth else "application/problem+json"
                assert content[0] == expected, f"{name} {status}"


PUBLIC = (
    "/v1/ledger/checkpoint",
    "/v1/ledger/keys",
    "/v1/ledger/tile/{level}/",
    "/v1/ledger/proofs/",
    "/v1/ledger/cosignatures",
)
"""Hashes and signatures only (decision 0020)."""


def test_calls_under_v1_are_guarded_and_say_so(document: dict[str, Any]) -> None:
    for name, operation in _operations(document):
        guarded = " /v1/" in name and not any(public in name for public in PUBLIC)
        assert ("security" in operation and operation["security"] != [{}]) >= guarded, name
        if guarded:
            assert {"401", "403"} <= set(operation["responses"]), name


def test_it_holds_no_trace_of_this_machine(document: dict[str, Any]) -> None:
    assert "127.0.0.1" not in json.dumps(document)
