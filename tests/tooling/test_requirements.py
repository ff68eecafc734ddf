"""What is installed is pinned by version and hash, and no file ties it to one registry."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PINNED = ("requirements.lock", "requirements-build.lock", "requirements-dev.lock", "uv.txt")


def _requirements(name: str) -> list[str]:
    """Return the requirements of a file, each with its hashes, comments left out."""
    lines = (ROOT / name).read_text().splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#")).replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip()]


def _versions(name: str) -> dict[str, set[str]]:
    versions: dict[str, set[str]] = {}
    for requirement in _requirements(name):
        project, version = re.split(r"==", requirement.split()[0])
        versions.setdefault(project, set()).add(version)
    return versions


@pytest.mark.parametrize("name", PINNED)
def test_pins_name_no_address(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "://" not in text
    assert not re.search(r"^\s*(-i|--(extra-)?index-url|--find-links|-f)\b", text, re.MULTILINE)


@pytest.mark.parametrize("name", PINNED)
def test_every_requirement_is_pinned_and_hashed(name: str) -> None:
    requirements = _requirements(name)
    assert requirements
    for requirement in requirements:
        assert re.match(r"[a-z0-9._-]+==[^\s;]+", requirement), requirement[:80]
        assert re.search(r" --hash=sha256:[0-9a-f]{64}\b", requirement), requirement[:80]


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-build.lock"])
def test_tests_run_with_the_versions_of_production(name: str) -> None:
    tested = _versions("requirements-dev.lock")
    assert {project: tested.get(project) for project in _versions(name)} == _versions(name)


def test_every_declared_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    declared = [re.split(r"[^A-Za-z0-9._-]", text)[0] for text in project["project"]["dependencies"]]
    pinned = _versions("requirements.lock")
    assert [name for name in declared if name.lower().replace("_", "-") not in pinned] == []
