"""`truc agency`, `certificate`, `trust` and `client`, on the database itself."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.signing.certificates import pem_of
from app.simulation import country, pki
from tests.cli.conftest import Truc
from tests.support.pki import YEAR

pytestmark = pytest.mark.usefixtures("registry")

CSV = "organ_id,name,tier,branch,aliases\nH41,UBND tỉnh Nghệ An,province,state,000.00.00.H41\n"


def _import(truc: Truc, tmp_path: Path, text: str, *options: str) -> object:
    file = tmp_path / "agencies.csv"
    file.write_text(text, encoding="utf-8")
    return truc("agency", "import", file, *options)


def test_the_national_codes_are_loaded_once(truc: Truc) -> None:
    first = truc("agency", "import", "--reference", "--json").json
    assert first["registered"] == first["rows"] > 190
    again = truc("agency", "import", "--reference", "--json").json
    assert (again["registered"], again["skipped"]) == (0, again["rows"])
    assert truc("agency", "show", "000.00.00.H41", "--json").json["organ_id"] == "H41"


def test_agencies_are_searched_without_accents(truc: Truc, tmp_path: Path) -> None:
    _import(truc, tmp_path, CSV)
    found = truc("agency", "list", "-q", "nghe an", "--json").json
    assert [each["organ_id"] for each in found] == ["H41"]
    assert "Nghệ An" in truc("agency", "list", "--tier", "province").text
    assert truc("agency", "list", "--tier", "nowhere").code == 2


def test_an_agency_is_suspended_and_reinstated(truc: Truc, tmp_path: Path) -> None:
    _import(truc, tmp_path, CSV)
    assert truc("agency", "suspend", "H41", "--reason", "malfunction", "--json").json["status"] == "suspended"
    again = truc("agency", "suspend", "H41")
    assert again.code == 1
    assert again.err.count("\n") == 1
    assert truc("agency", "reinstate", "000.00.00.H41", "--json").json["status"] == "active"


def test_a_faulty_file_registers_nothing_and_names_the_places(truc: Truc, tmp_path: Path) -> None:
    faulty = CSV + "H44,,province,state,\nH49,UBND tỉnh Quảng Ninh,planet,state,\n"
    ended = _import(truc, tmp_path, faulty)
    assert ended.code == 1
    assert " at 3:2: " in ended.err
    assert " at 4:3: " in ended.err
    assert truc("agency", "list", "--json").json == []


def test_a_dry_run_changes_nothing(truc: Truc, tmp_path: Path) -> None:
    assert _import(truc, tmp_path, CSV, "--dry-run", "--json").json["registered"] == 1
    assert _import(truc, tmp_path, CSV + "H41,Again,province,state,\n", "--dry-run").code == 1
    assert truc("agency", "list", "--json").json == []


def test_an_unknown_agency_is_told_in_a_line(truc: Truc) -> None:
    ended = truc("agency", "show", "H99.1")
    assert ended.code == 1
    assert ended.err.count("\n") == 1


def test_a_client_is_created_with_a_secret_shown_once(truc: Truc, tmp_path: Path) -> None:
    _import(truc, tmp_path, CSV)
    made = truc(
        "client", "create", "--name", "Nghệ An", "--scope", "exchange", "--scope", "statistics",
        "--agency", "H41", "--agency", "A41.*", "--json",
    ).json  # fmt: skip
    assert made["scopes"] == ["exchange", "statistics"]
    assert made["agencies"] == ["A41.*", "H41"]
    assert len(made["client_secret"]) >= 32
    listed = truc("client", "list", "--json")
    assert made["client_secret"] not in listed.text
    assert listed.json == [{name: value for name, value in made.items() if name != "client_secret"}]


def test_a_secret_is_rotated_and_a_client_disabled(truc: Truc) -> None:
    made = truc("client", "create", "--name", "x", "--scope", "audit", "--json").json
    rotated = truc("client", "rotate-secret", made["client_id"], "--json").json
    assert rotated["client_secret"] not in ("", None, made["client_secret"])
    assert truc("client", "disable", made["client_id"], "--json").json["status"] == "disabled"
    assert truc("client", "disable", "no-such-client").code == 1


def test_a_system_gets_secrets_that_overlap_and_the_key_they_are_sealed_with_is_rotated(
    truc: Truc, tmp_path: Path, data_dir: Path
) -> None:
    _import(truc, tmp_path, CSV)
    client = truc("client", "create", "--name", "x", "--scope", "exchange", "--agency", "H41", "--json").json
    first = truc("client", "system-key", "add", client["client_id"], "--agency", "H41", "--json").json
    assert (first["system_id"], first["state"]) == ("H41", "in_force")
    added = truc("client", "system-key", "rotate", client["client_id"], first["id"], "--overlap-days", 3)
    assert "shown this once" in added.err
    listed = truc("client", "system-key", "list", client["client_id"], "--json")
    assert [each["state"] for each in listed.json] == ["in_force", "in_force"]
    assert listed.json[0]["valid_until"] is not None
    assert first["secret"] not in listed.text
    assert truc("client", "system-key", "rotate", client["client_id"], "no-such-key").code == 1

    rotated = truc("key", "rotate", "--sealing", "--json").json
    assert rotated == {"number": 2, "previous": 1, "resealed": 2}
    assert truc("key", "rotate", "--sealing", "--ledger").code == 2
    checks = {each["name"]: each for each in truc("doctor", "--json").json["checks"]}
    assert checks["secrets"]["detail"] == "all 2 open; the database does not need sealing.key any more"
    for file in (data_dir / "keys").glob("sealing*.key"):
        file.rename(file.with_suffix(".away"))
    (data_dir / "keys" / "sealing.key").write_bytes(bytes(32))
    (data_dir / "keys" / "sealing.key").chmod(0o600)
    checks = {each["name"]: each for each in truc("doctor", "--json").json["checks"]}
    assert (checks["secrets"]["grade"], checks["secrets"]["detail"][:25]) == ("failure", "2 of 2 cannot be opened: ")
    revoked = truc("client", "system-key", "revoke", client["client_id"], first["id"], "--json").json
    assert revoked["state"] == "revoked"
    assert truc("log", "verify").code == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--name", "x", "--scope", "everything"), 2),
        (("--name", "x"), 2),
        (("--name", "x", "--scope", "exchange", "--agency", "H41"), 1),
    ],
)
def test_a_client_that_cannot_be_is_refused(truc: Truc, arguments: tuple[str, ...], code: int) -> None:
    assert truc("client", "create", *arguments).code == code
    assert truc("client", "list", "--json").json == []


def test_certificates_come_and_go_under_a_trusted_root(truc: Truc, tmp_path: Path) -> None:
    at = datetime.now(UTC).replace(microsecond=0)
    root = pki.make_root("Root", at=at)
    issuer = pki.make_issuer("Issuer", root, at=at)
    seal = issuer.issue(pki.seal_name("UBND tỉnh Nghệ An", "H41"), not_before=at - YEAR, not_after=at + YEAR)
    files = {"root": root.pem, "seal": pem_of(seal.certificate) + issuer.pem}
    for name, text in files.items():
        (tmp_path / f"{name}.pem").write_text(text)
    (tmp_path / "list.crl").write_text(issuer.revocation_list((), at=at))
    _import(truc, tmp_path, CSV)

    early = truc("certificate", "add", "H41", tmp_path / "seal.pem")
    assert early.code == 1
    assert truc("trust", "add-anchor", tmp_path / "root.pem", "--name", "Gốc", "--json").json["name"] == "Gốc"
    assert [each["name"] for each in truc("trust", "list", "--json").json] == ["Gốc"]
    added = truc("certificate", "add", "000.00.00.H41", tmp_path / "seal.pem", "--json").json
    assert (added["organ_id"], added["kind"], added["sha256"]) == ("H41", "seal", seal.sha256)
    assert truc("trust", "add-crl", tmp_path / "list.crl", "--json").json["entries"] == 0
    assert truc("certificate", "suspend", seal.sha256, "--json").json["status"] == "suspended"
    assert truc("certificate", "suspend", seal.sha256).code == 1
    assert truc("certificate", "reinstate", seal.sha256, "--json").json["status"] == "active"
    past = ("--at", f"{at:%Y-%m-%dT%H:%M:%SZ}")
    revoked = truc("certificate", "revoke", seal.sha256, "--reason", "superseded", *past, "--json").json
    assert (revoked["status"], revoked["revocation_reason"]) == ("revoked", "superseded")
    assert revoked["revoked_at"] == f"{at:%Y-%m-%dT%H:%M:%SZ}"
    assert [each["status"] for each in truc("certificate", "list", "H41", "--json").json] == ["revoked"]
    assert truc("certificate", "revoke", seal.sha256).code == 1


def test_a_list_of_certificates_is_imported(truc: Truc, tmp_path: Path) -> None:
    at = datetime.now(UTC).replace(microsecond=0)
    root = pki.make_root("Root", at=at)
    issuer = pki.make_issuer("Issuer", root, at=at)
    seal = issuer.issue(pki.seal_name("UBND tỉnh Nghệ An", "H41"), not_before=at - YEAR, not_after=at + YEAR)
    (tmp_path / "root.pem").write_text(root.pem)
    (tmp_path / "list.csv").write_text(f'organ_id,certificate\nH41,"{pem_of(seal.certificate)}{issuer.pem}"\n')
    _import(truc, tmp_path, CSV)
    early = truc("certificate", "import", tmp_path / "list.csv")
    assert (early.code, "2:2" in early.err) == (1, True)
    truc("trust", "add-anchor", tmp_path / "root.pem", "--name", "Gốc")
    dry = truc("certificate", "import", tmp_path / "list.csv", "--dry-run", "--json").json
    assert (dry["registered"], dry["dry_run"]) == (1, True)
    assert "1 registered" in truc("certificate", "import", tmp_path / "list.csv").err
    assert truc("certificate", "import", tmp_path / "list.csv", "--skip-existing", "--json").json["skipped"] == 1
    assert [each["sha256"] for each in truc("certificate", "list", "H41", "--json").json] == [seal.sha256]


def test_sources_of_revocations_are_named_shown_and_removed(truc: Truc, tmp_path: Path) -> None:
    root = pki.make_root("Root", at=datetime.now(UTC).replace(microsecond=0))
    (tmp_path / "root.pem").write_text(root.pem)
    truc("trust", "add-anchor", tmp_path / "root.pem")
    issuer = truc("trust", "list", "--json").json[0]["subject"]
    added = truc("trust", "add-source", "crl", issuer, "http://ca.example.vn/top.crl", "--json").json
    assert (added["state"], added["origin"]) == ("never", "operator")
    for arguments in (("tape", issuer, "http://ca.example.vn/"), ("crl", "CN=Ai", "http://ca.example.vn/")):
        assert truc("trust", "add-source", *arguments).code == 1
    assert truc("trust", "add-source", "crl", issuer, "http://127.0.0.1/top.crl").code == 1, "a private address"
    assert "never" in truc("trust", "sources").text
    assert [each["sha256"] for each in truc("trust", "sources", "--json").json] == [added["sha256"]]
    assert truc("trust", "remove-source", "0000").code == 1
    assert truc("trust", "remove-source", added["sha256"][:16]).code == 0
    assert truc("trust", "sources", "--json").json == []


def test_what_is_no_certificate_is_refused(truc: Truc, tmp_path: Path) -> None:
    file = tmp_path / "x.pem"
    file.write_text("nothing of the kind")
    assert truc("trust", "add-anchor", file).code == 1
    assert truc("trust", "add-crl", file).code == 1


def test_the_import_file_of_the_simulation_is_one_the_registry_takes(truc: Truc, tmp_path: Path) -> None:
    truc("agency", "import", "--reference")
    file = tmp_path / "country.csv"
    file.write_bytes(country.import_file())
    report = truc("agency", "import", file, "--json")
    assert report.code == 0, report.err
    assert report.json["registered"] == report.json["rows"] > 50
