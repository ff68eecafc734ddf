"""Set-up costs nothing the second time, and says what is missing when it cannot work."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STAMPED = (".ci/setup", "uv.txt", "requirements-dev.lock", "pyproject.toml")


def _executable(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The files set-up reads, in a folder of their own, and a bin/ with the few programs it may use."""
    for name in STAMPED:
        target = tmp_path / name
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(ROOT / name, target)
    (tmp_path / "bin").mkdir()
    for program in ("cat", "cksum", "dirname", "rm", "tr"):
        found = shutil.which(program)
        assert found is not None
        (tmp_path / "bin" / program).symlink_to(found)
    return tmp_path


def _set_up(clone: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(clone / "bin"), "HOME": str(clone)}
    return subprocess.run(["/bin/sh", ".ci/setup"], cwd=clone, env=environment, capture_output=True, text=True)


def _stamp(clone: Path) -> Path:
    text = b"".join((clone / name).read_bytes() for name in STAMPED)
    summed = subprocess.run(["cksum"], input=text, capture_output=True, check=True).stdout.decode()
    return clone / ".venv" / f".stamp-editable-{summed.replace(' ', '').strip()}"


def test_second_set_up_does_nothing(clone: Path) -> None:
    for name in ("python", "truc"):
        _executable(clone / ".venv" / "bin" / name, "#!/bin/sh\nexit 1\n")
    _stamp(clone).touch()
    done = _set_up(clone)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("changed", STAMPED[1:])
def test_changed_requirements_are_noticed(clone: Path, changed: str) -> None:
    for name in ("python", "truc"):
        _executable(clone / ".venv" / "bin" / name, "#!/bin/sh\nexit 1\n")
    _stamp(clone).touch()
    with (clone / changed).open("a") as file:
        file.write("# changed\n")
    assert _set_up(clone).returncode == 1


def test_missing_python_is_named(clone: Path) -> None:
    done = _set_up(clone)
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed" in done.stderr
    assert "apt-get install python3 python3-pip" in done.stderr


def test_missing_pip_is_named(clone: Path) -> None:
    _executable(clone / "bin" / "python3", '#!/bin/sh\n[ "$1" = -c ]\n')
    done = _set_up(clone)
    assert done.returncode == 1
    assert "has no pip. Debian: apt-get install python3-pip" in done.stderr
    assert not os.path.lexists(clone / ".venv")
