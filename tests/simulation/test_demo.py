"""The demonstration itself, and the folders it keeps."""

import json
import os
import re
import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from app.simulation.node_process import fresh_folder
from app.simulation.tally import SimulationFailed
from tests.support.pki import NOW


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, str, Path]:
    """Exit code, output and folder of a short run."""
    folder = tmp_path_factory.mktemp("demo")
    # Another node's settings in the environment must not reach the demonstration's node.
    environment = {**os.environ, "TRUC_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"}
    # Where nothing compiled is kept, five programs would compile all of it into the fresh folder below.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "demo", "--once", "--documents", "6", "--data-dir", str(folder / "demo")],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        env=environment,
    )
    return done.returncode, done.stdout + done.stderr, folder / "demo"


@pytest.mark.timeout(300)
def test_it_ends_well(shown: tuple[int, str, Path]) -> None:
    code, text, _ = shown
    assert code == 0, text
    assert "FAILED" not in text


@pytest.mark.timeout(300)
def test_it_shows_table_refusals_and_checks(shown: tuple[int, str, Path]) -> None:
    _, text, _ = shown
    assert re.search(r"│ tỉnh +│ +\d+ │", text)
    assert "log: complete and consistent" in text
    assert "figures: the node publishes exactly what the simulation counted itself" in text
    for tried in ("content changed after signing", "state secret", "unknown agency", "another agency's seal", "SHA-1"):
        assert re.search(rf"{re.escape(tried)}.*│ (422|400) .*│ yes ", text), tried
    assert "sent twice, counted once" in text
    assert re.search(r"VERDICT: THE BUNDLE HOLDS", text)


@pytest.mark.timeout(300)
def test_it_shows_a_node_whose_authorities_are_away(shown: tuple[int, str, Path]) -> None:
    _, text, _ = shown
    assert re.search(r"alarm timestamps\.late +│ after \d+ s", text)
    assert re.search(r"alarm revocations\.stale +│ after \d+ s", text)
    assert re.search(r"revocations fresh again +│ after \d+ s", text)
    assert re.search(r"receipts stamped since, checked with the root alone +│ (\d+) of \1 ", text)


@pytest.mark.timeout(300)
def test_it_leaves_credentials_that_only_their_owner_can_read(shown: tuple[int, str, Path]) -> None:
    _, _, folder = shown
    files = sorted(folder.glob("run-*/credentials/*.json"))
    assert {"administrator", "audit", "statistics", "tinh-nghe-an"} <= {file.stem for file in files}
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert {"url", "client_id", "client_secret"} <= json.loads(file.read_text()).keys()


def test_ended_runs_are_removed_and_nothing_else(tmp_path: Path) -> None:
    kept = tmp_path / "mine.txt"
    kept.write_text("not the demonstration's")
    (tmp_path / "run-by-somebody-else").mkdir()
    with fresh_folder(tmp_path, port=0, at=NOW) as first:
        (first.root / "data").mkdir()
        with fresh_folder(tmp_path, port=0, at=NOW + timedelta(seconds=1)) as second:
            assert first.root.is_dir()
            assert second.root.is_dir()
    with fresh_folder(tmp_path, port=0, at=NOW + timedelta(seconds=2)) as third:
        assert not first.root.exists()
        assert not second.root.exists()
        assert third.root.is_dir()
    assert kept.is_file()
    assert (tmp_path / "run-by-somebody-else").is_dir()


def test_settings_of_another_node_are_not_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUC_DATABASE_URL", "postgresql://production/truc")
    monkeypatch.setenv("TRUC_CONFIG", "/etc/truc.toml")
    with fresh_folder(tmp_path, port=0, at=NOW) as folder:
        ours = {name: value for name, value in folder.environment().items() if name.startswith("TRUC_")}
        assert ours == {"TRUC_DATA_DIR": str(folder.root / "data"), "TRUC_PUBLIC_URL": folder.url}


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SimulationFailed, match=str(port)), fresh_folder(tmp_path, port=port, at=NOW):
            pass
