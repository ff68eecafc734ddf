"""The command line, run in this process on a data folder of its own."""

import io
import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app import cli


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode("utf-8")

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Truc = Callable[..., Ended]


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder that the commands are told of; nothing else of the environment reaches them."""
    for name in [name for name in os.environ if name.startswith("TRUC_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "data"
    monkeypatch.setenv("TRUC_DATA_DIR", str(folder))
    return folder


@pytest.fixture
def truc(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Truc:
    """Run `truc` with these arguments."""

    def run(*arguments: object, stdin: bytes = b"") -> Ended:
        out, err = io.BytesIO(), io.BytesIO()
        monkeypatch.setattr(sys, "argv", ["truc", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out, encoding="ascii", write_through=True))
        monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(err, encoding="ascii", write_through=True))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        code = ended.value.code
        assert code is None or isinstance(code, int)
        kept = Ended(code or 0, out.getvalue(), err.getvalue().decode("utf-8"))
        assert "Traceback" not in kept.err
        return kept

    return run


@pytest.fixture
def registry(data_dir: Path, migrated_sqlite: Path) -> Path:
    """A data folder with a migrated database."""
    data_dir.mkdir(mode=0o700)
    shutil.copyfile(migrated_sqlite, data_dir / "truc.db")
    return data_dir
