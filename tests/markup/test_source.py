"""Sources give the same bytes, from memory or from a file, and say so when they cannot."""

from pathlib import Path

import pytest

from app.errors import DataFault
from app.markup import BytesSource, FileSource


@pytest.mark.parametrize(("offset", "length"), [(0, 10), (0, 4), (3, 4), (8, 10), (10, 1), (0, 0)])
def test_memory_and_file_read_alike(tmp_path: Path, offset: int, length: int) -> None:
    octets = b"0123456789"
    (tmp_path / "f").write_bytes(octets)
    with FileSource(tmp_path / "f") as source:
        assert source.size == BytesSource(octets).size == 10
        assert source.read(offset, length) == BytesSource(octets).read(offset, length) == octets[offset:][:length]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataFault, match="cannot be opened"):
        FileSource(tmp_path / "none")


def test_a_file_that_became_shorter(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"0123456789")
    with FileSource(path) as source:
        path.write_bytes(b"01")
        with pytest.raises(DataFault, match="became shorter"):
            source.read(0, 10)


def test_a_file_that_was_given_back(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"0123456789")
    source = FileSource(path)
    source.close()
    source.close()
    with pytest.raises(DataFault, match="cannot be read"):
        source.read(0, 10)
