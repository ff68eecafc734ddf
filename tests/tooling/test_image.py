"""The image cannot be built where the tests run, so what can be read off the Dockerfile is checked."""

import json
import re
import shlex
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]

Instruction = tuple[str, str]


def _instructions() -> list[Instruction]:
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


def _stages() -> list[list[Instruction]]:
    stages: list[list[Instruction]] = []
    for instruction in _instructions():
        if instruction[0] == "FROM":
            stages.append([])
        stages[-1].append(instruction)
    return stages


def _last(word: str) -> str:
    """Return what the runtime stage says last with this word, the one that counts."""
    found = [rest for name, rest in _stages()[-1] if name == word]
    assert found, f"the runtime stage has no {word}"
    return found[-1]


def _project() -> dict[str, dict[str, str]]:
    project: dict[str, dict[str, str]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return project


def test_bases_are_one_and_pinned_to_the_patch() -> None:
    bases = {rest.split()[0] for word, rest in _instructions() if word == "FROM"}
    assert len(bases) == 1
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-bookworm", bases.pop())


def test_everything_copied_exists_and_is_not_ignored() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = set()
    for word, rest in _instructions():
        if word == "COPY" and not rest.startswith("--from="):
            copied.update(rest.split()[:-1])
    assert copied
    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert copied == allowed


def test_nothing_is_added_from_elsewhere() -> None:
    assert [rest for word, rest in _instructions() if word == "ADD" or "://" in rest] == [_last("HEALTHCHECK")]


def test_stages_copied_from_exist() -> None:
    names = re.findall(r" AS (\w+)", " ".join(rest for word, rest in _instructions() if word == "FROM"))
    sources = {match[1] for word, rest in _instructions() if (match := re.match(r"--from=(\w+)", rest))}
    assert sources
    assert sources <= set(names)


def test_service_is_not_root_and_has_a_fixed_number() -> None:
    user, group = _last("USER").split(":")
    assert int(user) > 999
    assert int(group) > 999
    words = [word for word, _ in _stages()[-1]]
    assert "RUN" not in words[words.index("USER") :]


def test_health_is_asked_on_the_port_that_is_served() -> None:
    health = _last("HEALTHCHECK")
    command = json.loads(health[health.index("CMD") + 3 :])
    assert command[0] == "python"
    compile(command[2], "HEALTHCHECK", "exec")
    port = _last("EXPOSE")
    assert f":{port}/healthz" in command[2]
    arguments = json.loads(_last("CMD"))
    assert arguments[arguments.index("--port") + 1] == port


def test_entry_point_is_a_script_of_the_project() -> None:
    entry = json.loads(_last("ENTRYPOINT"))
    assert entry[0] in _project()["scripts"]


def test_data_live_on_the_volume() -> None:
    volume = _last("VOLUME")
    settings = dict(word.split("=", 1) for word in shlex.split(_last("ENV")))
    assert settings["TRUC_DATA_DIR"] == volume


def test_every_download_is_checked_against_hashes() -> None:
    runs = " ".join(rest for word, rest in _instructions() if word == "RUN")
    for part in re.split(r"&&", runs):
        if re.search(r"\bpip (install|sync)\b", part):
            assert "--require-hashes" in part or "--offline" in part, part


def test_no_secret_is_set_in_the_image() -> None:
    settings = " ".join(rest for word, rest in _instructions() if word in ("ENV", "ARG"))
    assert not re.search(r"(?i)(password|secret|token|api_?key)", settings)


def test_wheel_holds_every_file_of_the_code(tmp_path: Path) -> None:
    """Templates, reference data and migrations too: what the image runs is the wheel."""
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "app", "migrations"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    tracked = {name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).exists()}
    assert tracked
    assert tracked - packed == set()
    assert not any(name.endswith(".pyc") for name in packed)
