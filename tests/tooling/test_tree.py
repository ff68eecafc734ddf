"""What is committed is about the project alone: no path of somebody's machine, no host of a package registry."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# A slash, one of the names, and no sign before it that makes it the middle of an address, a pattern or an element path.
FOLDERS = re.compile(r"(?<![\w./:*<>@{}\])-])/(?:work|root|farm)(?:/[\w.]|\b(?!/))")
# Written in pieces, or this file would be the first to fail.
REGISTRIES = [
    ".".join(name)
    for name in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("deb", "debian", "org"),
        ("proxy", "golang", "org"),
        ("crates", "io"),
    )
]


def _tracked_texts() -> list[tuple[str, str]]:
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
    )
    texts = []
    for name in listed.stdout.decode().split("\0"):
        path = ROOT / name
        if not name or not path.is_file():
            continue
        try:
            texts.append((name, path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return texts


def test_no_file_names_a_path_of_one_machine() -> None:
    found = [
        f"{name}:{number}: {line.strip()[:80]}"
        for name, text in _tracked_texts()
        for number, line in enumerate(text.splitlines(), 1)
        if FOLDERS.search(line)
    ]
    assert found == []


def test_no_file_names_a_package_registry() -> None:
    texts = _tracked_texts()
    assert texts
    assert [(name, host) for name, text in texts for host in REGISTRIES if host in text] == []


def test_every_room_is_a_package() -> None:
    """A folder without `__init__.py` imports all the same, but the import contract does not see into it."""
    folders = {path.parent for path in (ROOT / "app").rglob("*.py")}
    assert [str(folder.relative_to(ROOT)) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


@pytest.mark.parametrize("line", ["cd {}/main", '"{}/x"', "path={}", "see {} for"])
def test_paths_of_a_machine_are_recognised(line: str) -> None:
    assert FOLDERS.search(line.format("/" + "work"))


@pytest.mark.parametrize("line", ["{}/child", "a/{}", "<{}>", "./{}/x", "https://example.vn/{}", "//{}/x"])
def test_other_slashes_are_not(line: str) -> None:
    assert not FOLDERS.search(line.format("work"))
