"""`truc verify`: an evidence bundle, checked offline, said in plain words, with an exit code for scripts."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.signing.ledger_key import LedgerKey
from app.signing.note import COSIGNATURE, NoteSigner
from tests.cli.conftest import Truc
from tests.support.bundle import Made, bundles_made, packed


@dataclass(frozen=True)
class Files:
    """What somebody has who got a bundle."""

    bundle: Path
    audited: Path
    changed: Path
    keys: Path
    root: Path


@pytest.fixture(scope="module")
def files(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Bundles, keys and root of a real node, as files."""
    made: Made = bundles_made(request, tmp_path_factory)
    members = made.members()
    octets = members["document.edxml"]
    contents = {
        "bundle": made.whole,
        "audited": made.audited,
        "changed": packed(members | {"document.edxml": octets.replace("Hà Nội".encode(), "Hà Nam".encode())}),
        "keys": made.keys,
        "root": made.pki.root_pem.encode(),
    }
    folder = tmp_path_factory.mktemp("files")
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return Files(**{name: folder / name for name in contents})


def test_a_true_bundle_ends_with_0_and_says_in_vietnamese_what_it_proves(truc: Truc, files: Files) -> None:
    ended = truc("verify", files.bundle, "--key", files.keys, "--anchors", files.root)
    assert ended.code == 0, ended.text
    for number in range(1, 10):
        assert re.search(rf"^\({number}\) .+: ĐÃ CHỨNG MINH$", ended.text, re.MULTILINE), number
    assert "(10) Những điều gói này không chứng minh: CHƯA CHỨNG MINH" in ended.text
    assert "KẾT LUẬN: GÓI CHỨNG CỨ ĐỨNG VỮNG" in ended.text
    assert re.search(r"\d\d/\d\d/\d{4} \d\d:\d\d:\d\d \(UTC\+7\)  nơi nhận lấy về", ended.text)
    assert not re.search(r"\d{4}-\d\d-\d\dT", ended.text), "people get Vietnamese time"


def test_it_speaks_english_too(truc: Truc, files: Files) -> None:
    ended = truc("verify", files.bundle, "--key", files.keys, "--anchors", files.root, "--lang", "en")
    assert ended.code == 0
    assert "VERDICT: THE BUNDLE HOLDS" in ended.text
    assert "taken over by the recipient" in ended.text


def test_programs_get_everything_in_utc(truc: Truc, files: Files) -> None:
    found = truc("verify", files.bundle, "--key", files.keys, "--anchors", files.root, "--json").json
    assert (found["verdict"], found["holds"]) == ("holds", True)
    assert [each["number"] for each in found["steps"]] == list(range(1, 11))
    assert {each["outcome"] for each in found["steps"][:9]} == {"proven"}
    (leg,) = found["deliveries"]
    assert [each["kind"] for each in leg["events"]] == [
        "delivery.available",
        "delivery.acknowledged",
        "status.accepted",
    ]
    assert leg["events"][0]["at"].endswith("Z")
    assert found["subject"]["sha256"] in found["conclusion"][0]


def test_a_changed_document_ends_with_1_and_says_which_file_it_is(truc: Truc, files: Files) -> None:
    ended = truc("verify", files.changed, "--key", files.keys, "--anchors", files.root, "--lang", "en")
    assert ended.code == 1
    assert "The file document.edxml was changed" in ended.text
    assert "(5) The document's octets: CONTRADICTED" in ended.text
    assert "VERDICT: NOT TO BE RELIED ON" in ended.text
    assert "steps 1, 5, 6" in ended.text


def test_without_anchors_it_ends_with_1_because_nobody_vouches_for_the_signer(truc: Truc, files: Files) -> None:
    ended = truc("verify", files.bundle, "--key", files.keys, "--lang", "en")
    assert ended.code == 1
    assert "Who the signer is, is not proven: no trust anchor was given." in ended.text
    assert "VERDICT: NOT PROVEN. Nothing is contradicted, but something that must be proven is not (steps 6)." in (
        ended.text
    )


def test_an_auditors_bundle_holds_and_says_what_is_left_out(truc: Truc, files: Files) -> None:
    ended = truc("verify", files.audited, "--key", files.keys, "--anchors", files.root, "--lang", "en")
    assert ended.code == 0
    assert "The content is left out" in ended.text
    assert "The document is signed by" not in ended.text


def test_a_witness_that_did_not_sign_is_missed(truc: Truc, files: Files) -> None:
    witness = NoteSigner("witness.example", COSIGNATURE, LedgerKey.generate().signer("x").private).verifier
    ended = truc("verify", files.bundle, "--key", files.keys, "--anchors", files.root, "--witness", witness, "--json")
    assert ended.code == 1
    assert [each["code"] for each in ended.json["steps"][1]["statements"] if each["weight"] == "needed"] == [
        "checkpoint.signed",
        "checkpoint.unwitnessed",
        "checkpoint.stamped",
    ]


def test_what_is_no_bundle_ends_with_1(truc: Truc, files: Files) -> None:
    ended = truc("verify", files.root, "--key", files.keys)
    assert ended.code == 1
    assert "KHÔNG DÙNG LÀM CHỨNG CỨ ĐƯỢC" in ended.text


def test_calling_it_wrongly_ends_with_2_and_files_that_are_not_there_with_1(truc: Truc, files: Files) -> None:
    assert truc("verify", files.bundle).code == 2
    assert truc("verify", files.bundle, "--key", files.keys, "--lang", "fr").code == 2
    missing = truc("verify", files.bundle.with_name("nothing"), "--key", files.keys)
    assert (missing.code, missing.out) == (1, b"")
    wrong = truc("verify", files.bundle, "--key", files.root)
    assert wrong.code == 1
    assert "verifier key" in wrong.err
