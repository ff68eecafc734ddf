"""The node's sealing key: made once, kept secret; what it sealed opens for its record alone."""

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.errors import DataFault
from app.signing.sealing_key import FILE_NAME, SealingKey, sealed_with

RECORD = "01936f7e-0000-7000-8000-000000000001"
SECRET = b"\x00\x01secret of a subscriber"


def test_what_was_sealed_opens_after_a_restart(tmp_path: Path) -> None:
    sealed = SealingKey.open(tmp_path / "keys").seal(SECRET, belongs_to=RECORD)
    assert SealingKey.open(tmp_path / "keys").unseal(sealed, belongs_to=RECORD) == SECRET
    assert SECRET not in sealed
    assert stat.S_IMODE((tmp_path / "keys" / FILE_NAME).stat().st_mode) == 0o600


def test_the_same_secret_is_sealed_differently_each_time(tmp_path: Path) -> None:
    key = SealingKey.open(tmp_path)
    assert key.seal(SECRET, belongs_to=RECORD) != key.seal(SECRET, belongs_to=RECORD)


def test_it_opens_for_no_other_record_and_not_when_changed(tmp_path: Path) -> None:
    key = SealingKey.open(tmp_path)
    sealed = key.seal(SECRET, belongs_to=RECORD)
    with pytest.raises(DataFault):
        key.unseal(sealed, belongs_to=RECORD[:-1] + "2")
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(DataFault):
            key.unseal(bytes(changed), belongs_to=RECORD)
    for length in range(len(sealed)):
        with pytest.raises(DataFault):
            key.unseal(sealed[:length], belongs_to=RECORD)


def test_another_node_cannot_open_it(tmp_path: Path) -> None:
    sealed = SealingKey.open(tmp_path / "one").seal(SECRET, belongs_to=RECORD)
    with pytest.raises(DataFault):
        SealingKey.open(tmp_path / "other").unseal(sealed, belongs_to=RECORD)


def test_a_key_that_others_can_read_or_that_is_damaged_is_not_used(tmp_path: Path) -> None:
    SealingKey.open(tmp_path)
    path = tmp_path / FILE_NAME
    path.chmod(0o640)
    with pytest.raises(DataFault, match="0640"):
        SealingKey.open(tmp_path)
    path.chmod(0o600)
    path.write_bytes(b"short")
    with pytest.raises(DataFault, match="5 bytes"):
        SealingKey.open(tmp_path)


def test_after_a_rotation_the_newest_seals_and_those_before_open(tmp_path: Path) -> None:
    before = SealingKey.open(tmp_path)
    first = before.seal(SECRET, belongs_to=RECORD)
    after = SealingKey.rotate(tmp_path)
    second = after.seal(SECRET, belongs_to=RECORD)
    assert (sealed_with(first), sealed_with(second), after.number) == (1, 2, 2)
    assert stat.S_IMODE((tmp_path / "sealing-0002.key").stat().st_mode) == 0o600
    # Who opened the folder before the rotation sees it at once.
    for key in (before, after):
        assert [key.unseal(each, belongs_to=RECORD) for each in (first, second)] == [SECRET, SECRET]
    assert sealed_with(before.seal(SECRET, belongs_to=RECORD)) == 2
    (tmp_path / FILE_NAME).unlink()
    alone = SealingKey.open(tmp_path)
    assert alone.unseal(second, belongs_to=RECORD) == SECRET
    with pytest.raises(DataFault, match="sealing key 1 is not here"):
        alone.unseal(first, belongs_to=RECORD)
    assert not (tmp_path / FILE_NAME).exists()


def test_what_the_first_releases_sealed_still_opens(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(bytes(range(32)))
    (tmp_path / FILE_NAME).chmod(0o600)
    sealed = b"\x01" + b"n" * 12 + AESGCM(bytes(range(32))).encrypt(b"n" * 12, SECRET, RECORD.encode())
    assert SealingKey.open(tmp_path).unseal(sealed, belongs_to=RECORD) == SECRET
    assert (sealed_with(sealed), sealed_with(b""), sealed_with(b"\x07nothing")) == (1, 0, 0)
