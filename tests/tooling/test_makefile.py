"""`make` alone tells everything `make` can do, and what it starts exists."""

import itertools
import os
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()


def _targets() -> list[str]:
    return re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE)


def test_help_is_the_default_and_lists_every_target() -> None:
    shown = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.findall(r"^  make ([a-z-]+) +\S", shown, re.MULTILINE) == _targets()


def test_no_target_is_mistaken_for_a_file() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert phony is not None
    assert sorted(phony[1].split()) == sorted(_targets())


def test_scripts_of_make_exist() -> None:
    scripts = set(re.findall(r"sh (\.ci/\w+)", MAKEFILE))
    assert scripts
    assert [script for script in scripts if not (ROOT / script).is_file()] == []


def test_submissions_are_checked_by_an_executable_script() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    script = (ROOT / ".ci" / "run").read_text()
    assert sorted(re.findall(r"^make --no-print-directory (check|test)\b", script, re.MULTILINE)) == ["check", "test"]


def test_a_submission_fails_where_either_the_checks_or_the_tests_do(tmp_path: Path) -> None:
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    for checks, tests in itertools.product((0, 1), repeat=2):
        rules = f"setup:\n\t@true\ncheck:\n\t@echo checked; exit {checks}\ntest:\n\t@echo tested; exit {tests}\n"
        (tmp_path / "Makefile").write_text(rules)
        done = subprocess.run([tmp_path / ".ci" / "run"], capture_output=True, text=True, check=False)
        assert (done.returncode == 0) == (checks == tests == 0)
        assert "tested" in done.stdout
        assert ("checked" in done.stderr) == bool(checks)


def test_shell_scripts_are_posix() -> None:
    for script in sorted((ROOT / ".ci").iterdir()):
        shell = "bash" if script.name == "run" else "sh"
        checked = subprocess.run([shell, "-n", str(script)], capture_output=True, text=True)
        assert checked.returncode == 0, f"{script.name}: {checked.stderr}"
        assert re.search(r"^set -eu$", script.read_text(), re.MULTILINE), script.name
