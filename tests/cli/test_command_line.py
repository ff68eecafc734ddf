"""What holds for every command."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from app import cli
from tests.cli.conftest import Truc

COMMANDS_OF_ISSUES_TO_COME = ("reorganise", "backup", "restore", "verify")


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


ALL = tuple(commands(typer.main.get_command(cli.app)))


@pytest.mark.parametrize("command", ALL, ids=" ".join)
def test_every_command_explains_itself(command: tuple[str, ...], truc: Truc) -> None:
    ended = truc(*command, "--help")
    assert ended.code == 0
    assert "Usage:" in ended.text


def test_the_commands_of_the_contract_are_there() -> None:
    wanted = {
        "serve", "migrate", "doctor", "openapi", "demo", "sign", "inspect", "send", "inbox", "fetch", "ack", "status",
        "agency import", "agency list", "agency show", "agency suspend", "agency reinstate", "agency reorganise",
        "certificate add", "certificate list", "certificate revoke", "trust add-anchor", "trust add-crl", "trust list",
        "client create", "client list", "client rotate-secret", "client disable", "client mistakes",
        "client system-key add", "client system-key list", "client system-key rotate", "client system-key revoke",
        "log verify", "statistics export",
        "statistics recount", "key list", "key rotate", "certificate import", "certificate suspend",
        "certificate reinstate", "trust sources", "trust add-source", "trust remove-source",
        "timestamp", "log export", "retention plan", "retention apply", "retention hold", "retention release",
        "evidence", "verify", "witness", "ledger state", "ledger accept-rollback", "statistics months",
        "statistics show",
    }  # fmt: skip
    assert {" ".join(command) for command in ALL} == wanted


@pytest.mark.parametrize(
    "arguments", [("nonsense",), ("agency", "show"), ("inbox", "--limit", "0"), ("agency", "import")]
)
def test_a_wrong_call_ends_with_2(arguments: tuple[str, ...], truc: Truc) -> None:
    ended = truc(*arguments)
    assert ended.code == 2
    assert not ended.out


def test_a_misspelt_setting_is_told_in_a_line(truc: Truc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUC_DATA_DRI", "x")
    ended = truc("agency", "list")
    assert ended.code == 1
    assert ended.err.startswith("truc: ")
    assert "TRUC_DATA_DRI" in ended.err


def test_help_imports_nothing_it_does_not_need() -> None:
    code = (
        "import sys, app.cli; heavy = {'sqlalchemy', 'fastapi', 'lxml', 'cryptography', 'pydantic', 'httpx2'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
