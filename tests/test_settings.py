"""Settings: where they come from, what is refused, and that the README says all of them."""

import os
import re
from pathlib import Path
from typing import Any

import pytest

from app.errors import RequestInvalid
from app.settings import Settings, load

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without settings."""
    for name in [name for name in os.environ if name.upper().startswith("TRUC_")]:
        monkeypatch.delenv(name)


def _file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> Path:
    path = tmp_path / "truc.toml"
    path.write_text(text, encoding="utf-8")
    monkeypatch.setenv("TRUC_CONFIG", str(path))
    return path


def test_everything_has_a_default(tmp_path: Path) -> None:
    settings = load()
    assert settings.port == 8080
    assert settings.effective_database_url == "sqlite:///data/truc.db"
    assert load(data_dir=tmp_path).effective_database_url == f"sqlite:///{tmp_path}/truc.db"
    assert load(database_url="postgresql://a,b/c").effective_database_url == "postgresql://a,b/c"


def test_arguments_come_before_the_environment_and_that_before_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _file(monkeypatch, tmp_path, 'port = 1\nhost = "0.0.0.1"\nlog_level = "error"\nstrict_rules = true\n')
    monkeypatch.setenv("TRUC_HOST", "0.0.0.2")
    monkeypatch.setenv("TRUC_LOG_LEVEL", "warning")
    settings = load(log_level="debug", port=None)
    assert (settings.port, settings.host, settings.log_level, settings.strict_rules) == (1, "0.0.0.2", "debug", True)


@pytest.mark.parametrize("name", ["TRUC_PROT", "TRUC_", "TRUC_PORT_", "TRUC_DATABASE", "truc_prot", "Truc_Prot"])
def test_an_unknown_name_in_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(RequestInvalid, match=re.escape(name)):
        load()


def test_all_unknown_names_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUC_ZZ", "1")
    monkeypatch.setenv("TRUC_AA", "1")
    with pytest.raises(RequestInvalid, match="TRUC_AA, TRUC_ZZ"):
        load()


@pytest.mark.parametrize("name", ["TRUC_TEST_POSTGRES_URL", "TRUC_CLIENT_URL", "TRUC_CLIENT_ID", "TRUC_CLIENT_SECRET"])
def test_names_of_tests_and_of_clients_are_none_of_the_nodes(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "x")
    assert load() == Settings()


def test_names_are_the_same_in_upper_and_lower_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("truc_port", "9")
    assert load().port == 9


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("prot = 1", "prot"),
        ('[section]\nport = "x"', "section"),
        ("TRUC_PORT = 1", "TRUC_PORT"),
        ("port = 70000", "port"),
        ('port = "many"', "port"),
        ("port = ", "truc.toml"),
        ("\x00", "truc.toml"),
    ],
)
def test_a_file_that_is_wrong_is_refused_and_the_place_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, told: str
) -> None:
    _file(monkeypatch, tmp_path, text)
    with pytest.raises(RequestInvalid, match=told):
        load()


def test_a_file_that_is_not_utf_8_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _file(monkeypatch, tmp_path, "").write_bytes(b'host = "\xff"')
    with pytest.raises(RequestInvalid, match=r"truc\.toml"):
        load()


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_a_file_that_is_named_and_not_there_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    """Else a misspelt path would start a node on its defaults: another database, an empty one."""
    monkeypatch.setenv("TRUC_CONFIG", str(tmp_path / name))
    with pytest.raises(RequestInvalid, match="TRUC_CONFIG"):
        load()


def test_an_empty_name_of_a_file_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUC_CONFIG", "")
    assert load() == Settings()


BOUNDS: list[tuple[str, Any, Any]] = [
    ("port", 0, -1),
    ("port", 65_535, 65_536),
    ("document_bytes_max", 1_024, 1_023),
    ("spool_bytes", 0, -1),
    ("token_seconds", 60, 59),
    ("token_seconds", 3_600, 3_601),
    ("idempotency_days", 1, 0),
    ("idempotency_days", 365, 366),
    ("long_poll_seconds_max", 0, -1),
    ("long_poll_seconds_max", 300, 301),
    ("seal_interval_seconds", 1, 1.01),
    ("seal_interval_seconds", 0.001, 0),
    ("ledger_cosignature_seconds", 0, -1),
    ("ledger_cosignature_seconds", 86400, 86401),
    ("month_grace_days", 0, -1),
    ("month_grace_days", 31, 32),
    ("month_reissue_hours", 1, 0),
    ("month_reissue_hours", 744, 745),
    ("deadline_interval_seconds", 3600, 3600.1),
    ("deadline_interval_seconds", 0.01, 0),
    ("verify_threads", 1, 0),
    ("verify_threads", 64, 65),
    ("unpacked_bytes_max", 1_048_576, 1_048_575),
    ("unpacked_ratio_max", 2, 1),
    ("unpacked_ratio_max", 1_032, 1_033),
    ("executable_attachments", "accept", "warn"),
    ("scanner_unavailable", "accept", "ignore"),
    ("scanner_seconds_max", 300, 300.1),
    ("scanner_bytes_max", 1_024, 1_023),
    ("pdf_processes", 0, -1),
    ("pdf_processes", 8, 9),
    ("pdf_seconds_max", 300, 300.1),
    ("pdf_bytes_max", 1_024, 1_023),
    ("webhook_timeout_seconds", 1, 0.9),
    ("webhook_timeout_seconds", 30, 30.1),
    ("webhook_retention_days", 4, 3),
    ("webhook_retention_days", 365, 366),
    ("revocation_timeout_seconds", 1, 0.9),
    ("revocation_timeout_seconds", 300, 300.1),
    ("revocation_interval_seconds", 1, 0.9),
    ("revocation_interval_seconds", 604_800, 604_801),
    ("timestamp_interval_seconds", 3600, 3600.1),
    ("timestamp_interval_seconds", 0.01, 0),
    ("timestamp_policy", "1.2.840.113549.1", "1..2"),
    ("unknown_revocation", "refuse", "ignore"),
    ("log_format", "console", "xml"),
    ("log_level", "debug", "trace"),
    ("strict_rules", "yes", "maybe"),
]


@pytest.mark.parametrize(("name", "inside", "outside"), BOUNDS)
def test_what_is_out_of_bounds_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, inside: Any, outside: Any
) -> None:
    assert load(**{name: inside}) is not None
    with pytest.raises(RequestInvalid, match=name):
        load(**{name: outside})
    monkeypatch.setenv(f"TRUC_{name.upper()}", str(outside))
    with pytest.raises(RequestInvalid, match=name):
        load()


def test_every_number_has_bounds_that_are_tested() -> None:
    numbers = {name for name, field in Settings.model_fields.items() if field.annotation in (int, float)}
    assert numbers <= {name for name, *_ in BOUNDS}


def test_an_unknown_argument_is_refused() -> None:
    with pytest.raises(RequestInvalid, match="prot"):
        load(prot=1)


def test_settings_do_not_change_after_they_were_read() -> None:
    settings = load()
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1  # type: ignore[misc]


def test_every_setting_says_what_it_means_and_its_unit() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name


def _rows_of_readme() -> dict[str, list[str]]:
    rows = {}
    for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if (found := re.fullmatch(r"`(TRUC_[A-Z0-9_]+)`", cells[0])) and len(cells) >= 3:
            rows[found[1]] = cells[1:]
    return rows


def test_the_readme_has_a_line_for_every_setting_and_for_nothing_else() -> None:
    rows = _rows_of_readme()
    assert rows.keys() == {f"TRUC_{name.upper()}" for name in Settings.model_fields}
    assert all(cells[-1] for cells in rows.values())


def test_the_readme_tells_the_defaults() -> None:
    units = {"MiB": 1024 * 1024, "": 1}
    for name, (default, *_) in _rows_of_readme().items():
        value = Settings.model_fields[name.removeprefix("TRUC_").lower()].default
        told = default.strip("`")
        if isinstance(value, bool):
            assert told == str(value).lower(), name
        elif isinstance(value, int | float):
            number, _, unit = told.partition(" ")
            assert float(number) * units[unit] == value, name
        elif value:
            assert told == str(value), name
