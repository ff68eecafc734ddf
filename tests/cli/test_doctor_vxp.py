"""`truc doctor --vxp`: what each system of the older protocols has to set, and what it gets wrong."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.regulations.calendar import day_of
from tests.cli.conftest import Truc


@pytest.mark.usefixtures("registry")
def test_the_doctor_tells_what_a_system_has_to_set_and_what_is_wrong_with_it(truc: Truc, registry: Path) -> None:
    assert {each["name"] for each in truc("doctor", "--vxp", "--json").json["checks"]} > {"vxp"}
    units = registry / "units.csv"
    units.write_text("organ_id,name,tier,branch\nH41,Nghệ An,province,state\n", encoding="utf-8")
    assert truc("agency", "import", units).code == 0
    client = truc("client", "create", "--name", "QLVB", "--scope", "exchange", "--agency", "H41", "--json").json
    key = truc("client", "system-key", "add", client["client_id"], "--agency", "H41", "--json").json

    checks = {each["name"]: each for each in truc("doctor", "--vxp", "--json").json["checks"]}
    assert (checks["vxp"]["grade"], "TLS" in checks["vxp"]["fix"]) == ("warning", True)
    assert checks["system H41"]["grade"] == "ok"
    assert "/vxp, systemId H41, unit H41; signed documents only" in checks["system H41"]["detail"]
    assert "system H41" not in {each["name"] for each in truc("doctor", "--json").json["checks"]}

    with sqlite3.connect(registry / "truc.db") as connection:
        connection.execute("UPDATE system_keys SET valid_until = '2026-01-01T00:00:00.000000Z'")
        connection.execute("UPDATE clients SET status = 'disabled'")
    checks = {each["name"]: each for each in truc("doctor", "--vxp", "--json").json["checks"]}
    assert checks["system H41"]["grade"] == "warning"
    for said in ("no secret is in force", "its client is disabled"):
        assert said in checks["system H41"]["detail"]
    truc("client", "system-key", "revoke", client["client_id"], key["id"])
    assert "system H41" not in {each["name"] for each in truc("doctor", "--vxp", "--json").json["checks"]}


def test_the_doctor_and_the_client_s_list_tell_what_it_sends_wrongly(truc: Truc, registry: Path) -> None:
    units = registry / "units.csv"
    units.write_text("organ_id,name,tier,branch\nH41,Nghệ An,province,state\n", encoding="utf-8")
    assert truc("agency", "import", units).code == 0
    client = truc("client", "create", "--name", "QLVB", "--scope", "exchange", "--agency", "H41", "--json").json
    truc("client", "system-key", "add", client["client_id"], "--agency", "H41", "--json")
    day, at = f"{day_of(datetime.now(UTC))}", f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000000Z}"
    with sqlite3.connect(registry / "truc.db") as connection:
        for who, code, refused, accepted in (
            (client["client_id"], "ours.vxp.hash-file-mismatch", 7, 0),
            (client["client_id"], "qcvn102.1.14.spelling", 0, 9),
            ("unknown", "ours.vxp.not-proven", 3, 0),
        ):
            row = (who, day, code, refused, accepted, at, at, "POST /vxp/sendEdoc", "", "said", "mend it", "H41")
            connection.execute(f"INSERT INTO mistakes VALUES ({', '.join('?' * 12)})", row)

    checks = {each["name"]: each for each in truc("doctor", "--vxp", "--json").json["checks"]}
    system = checks["system H41"]
    assert "7× refused lately: ours.vxp.hash-file-mismatch" in system["detail"]
    assert "accepted in spite of 9× qcvn102.1.14.spelling" in system["detail"]
    assert "proxy that rewrites bodies" in system["fix"]
    assert (checks["strangers"]["grade"], "3× ours.vxp.not-proven" in checks["strangers"]["detail"]) == ("ok", True)

    listed = truc("client", "mistakes", client["client_id"], "--json").json
    assert [(each["code"], each["refused"], each["accepted"], each["fix"]) for each in listed] == [
        ("qcvn102.1.14.spelling", 0, 9, "mend it"),
        ("ours.vxp.hash-file-mismatch", 7, 0, "mend it"),
    ]
    assert "mend it" in truc("client", "mistakes", "unknown").text
    assert truc("client", "mistakes", "nobody").code == 1
