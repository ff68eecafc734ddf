"""`truc migrate`, `doctor`, `log verify`, `statistics export`."""

import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.signing.node_key import NodeKey
from tests.cli.conftest import Truc
from tests.support.postgres import PostgresServer


@pytest.fixture
def empty_postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A PostgreSQL database without any table."""
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)


def _grades(truc: Truc) -> tuple[int, dict[str, str]]:
    ended = truc("doctor", "--json")
    assert ended.json["ok"] is (ended.code == 0)
    return ended.code, {check["name"]: check["grade"] for check in ended.json["checks"]}


def test_migrating_an_empty_database_and_again(truc: Truc) -> None:
    first = truc("migrate", "--json").json
    assert first["before"] is None
    assert first["after"] is not None
    assert truc("migrate", "--json").json == {"before": first["after"], "after": first["after"]}


def test_the_migrations_give_the_tables_in_the_code(truc: Truc, data_dir: Path) -> None:
    ended = truc("migrate", "--check", "--json")
    assert (ended.code, ended.json) == (0, {"differences": []})
    assert not data_dir.exists()


def test_a_registry_command_makes_the_database_it_needs(truc: Truc, data_dir: Path) -> None:
    ended = truc("agency", "list", "--json")
    assert (ended.code, ended.json) == (0, [])
    assert "migrated" in ended.err
    assert data_dir.stat().st_mode & 0o077 == 0


def test_a_database_that_does_not_answer_is_told_in_a_line(truc: Truc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUC_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    ended = truc("agency", "list")
    assert ended.code == 1
    assert ended.err.count("\n") == 1


@pytest.mark.usefixtures("registry")
def test_serving_on_a_port_that_is_taken_ends_with_1(truc: Truc) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert truc("serve", "--port", taken.getsockname()[1]).code == 1


def test_serving_waits_for_migrations_of_a_shared_database(
    truc: Truc, empty_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUC_DATABASE_URL", empty_postgres_url)
    ended = truc("serve", "--port", 0)
    assert ended.code == 1
    assert "truc migrate" in ended.err
    assert truc("migrate", "--json").json["before"] is None
    assert truc("agency", "list", "--json").json == []


@pytest.mark.usefixtures("registry")
def test_the_doctor_finds_a_fresh_node_well(truc: Truc) -> None:
    code, grades = _grades(truc)
    assert code == 0
    assert grades["database"] == grades["ledger"] == grades["clock"] == grades["settings"] == "ok"
    assert grades["trust store"] == "warning"
    assert grades["revocations"] == "ok"


@pytest.mark.usefixtures("registry")
def test_the_doctor_finds_a_source_of_revocations_that_fails(truc: Truc, registry: Path) -> None:
    with sqlite3.connect(registry / "truc.db") as connection:
        connection.execute(
            "INSERT INTO revocation_sources (sha256, kind, issuer_sha256, issuer, address, origin, failures, problem,"
            " next_try_at) VALUES ('aa', 'crl', 'bb', 'CN=CA', 'http://ca.vn/l.crl', 'operator', 3, 'timed-out',"
            " '2026-11-20T09:30:00.000000Z')"
        )
    code, grades = _grades(truc)
    assert (code, grades["revocations"]) == (0, "warning")


def test_the_doctor_looks_without_changing_anything(truc: Truc, data_dir: Path) -> None:
    code, grades = _grades(truc)
    assert (code, grades["database"]) == (0, "warning")
    assert not data_dir.exists()


def test_the_doctor_finds_a_key_others_can_read(truc: Truc, registry: Path) -> None:
    NodeKey.open(registry / "keys")
    assert _grades(truc)[1]["node key"] == "ok"
    (registry / "keys" / "node-0001.pem").chmod(0o644)
    code, grades = _grades(truc)
    assert (code, grades["node key"]) == (1, "failure")


def test_the_doctor_finds_pending_migrations(truc: Truc, registry: Path) -> None:
    with sqlite3.connect(registry / "truc.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
    ended = truc("doctor")
    assert ended.code == 1
    assert "truc migrate" in ended.text


def test_the_doctor_finds_settings_that_cannot_be(truc: Truc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUC_TOKEN_SECONDS", "1000000")
    code, grades = _grades(truc)
    assert (code, grades) == (1, {"settings": "failure"})


@pytest.mark.usefixtures("registry")
def test_the_doctor_finds_rules_that_cannot_be_read(
    truc: Truc, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert _grades(truc)[1]["regulations"] == "ok"
    own = tmp_path / "rules.toml"
    monkeypatch.setenv("TRUC_REGULATIONS_FILE", str(own))
    assert _grades(truc) == (1, _grades(truc)[1] | {"regulations": "failure"})
    own.write_text("[[waiting]]\nsource = 'Đ1'\nin_force_from = 2026-01-01\nundelivered_hours = 24\n", "utf-8")
    assert "[[waiting]] entry 1: expiry_days is missing" in truc("doctor").text


@pytest.mark.usefixtures("registry")
def test_a_log_is_found_consistent(truc: Truc) -> None:
    truc("client", "create", "--name", "x", "--scope", "audit")
    ended = truc("log", "verify", "--json")
    assert ended.code == 0
    assert (ended.json["consistent"], ended.json["unsealed"]) == (True, 1)


def test_a_log_that_was_tampered_with_is_found_so(truc: Truc, registry: Path) -> None:
    truc("client", "create", "--name", "x", "--scope", "audit")
    with sqlite3.connect(registry / "truc.db") as connection:
        connection.execute("UPDATE ledger_state SET size = 5")
    ended = truc("log", "verify")
    assert ended.code == 1
    assert "divergence" in ended.text


@pytest.mark.usefixtures("registry")
def test_figures_are_written_as_csv_and_json(truc: Truc, tmp_path: Path) -> None:
    file = tmp_path / "figures.csv"
    assert truc("statistics", "export", "--by", "tier", "--from", "2026-01", "--to", "2026-11", "-o", file).code == 0
    assert file.read_text().startswith("month,tier,sent,received,")
    report = truc("statistics", "export", "--format", "json", "--from", "2026-11").json
    assert (report["from"], report["to"], report["items"]) == ("2026-11", "2026-11", [])
    assert truc("statistics", "export", "--from", "2026-13").code == 1
    assert truc("statistics", "export", "--by", "weather").code == 2
    pairs = truc("statistics", "export", "--by", "tier_pair", "--view", "as-is", "--from", "2026-11")
    assert pairs.out.startswith(b"month,peer_tier,tier,received,")
    own = truc("statistics", "export", "--by", "province", "--direction", "sent", "--province", "H41", "--json").json
    assert own["items"] == []
    assert truc("statistics", "export", "--by", "tier_pair", "--direction", "sent").code == 1
    assert truc("statistics", "export", "--direction", "up").code == 2
    assert truc("statistics", "export", "--format", "xlsx", "-o", tmp_path / "figures.xlsx").code == 0
    assert (tmp_path / "figures.xlsx").read_bytes().startswith(b"PK")


def test_figures_are_recounted(truc: Truc, registry: Path) -> None:
    assert truc("statistics", "recount").code == 0
    assert truc("statistics", "recount", "--json").json["consistent"]
    with sqlite3.connect(registry / "truc.db") as connection:
        connection.execute(
            "INSERT INTO figures (month, agency, tier, branch, document_type, unit, peer_tier, sent) "
            "VALUES ('2026-11', 'H41', 'province', 'state', 'cong-van', 'H41', '', 3)"
        )
    ended = truc("statistics", "recount")
    assert ended.code == 1
    assert "sent is 3, a recount gives 0" in ended.text
