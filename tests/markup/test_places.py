"""Findings say where: lines, columns and element paths that people can follow."""

import pytest
from lxml import etree

from app.markup import BytesSource, element_path, line_and_column, local_name, namespace_of
from app.markup.places import nth


@pytest.mark.parametrize(
    ("octets", "offset", "place"),
    [
        (b"abc", 0, "1:1"),
        (b"abc", 2, "1:3"),
        (b"a\nbc", 2, "2:1"),
        ("đđ<".encode(), 4, "1:3"),
        ("đ\nđ<".encode(), 5, "2:2"),
        (b"a", 9, "1:2"),
    ],
)
def test_line_and_column(octets: bytes, offset: int, place: str) -> None:
    assert line_and_column(BytesSource(octets), offset) == place


def test_columns_go_on_from_block_to_block() -> None:
    assert line_and_column(BytesSource(b"\n" + b"x" * 3_000_000), 2_500_001) == "2:2500001"


def test_paths_number_elements_that_share_a_name() -> None:
    root = etree.fromstring('<e:a xmlns:e="urn:e"><e:To/><b><c/></b><e:To><e:Id/></e:To><?pi x?></e:a>')
    assert [element_path(element) for element in root.iter()] == [
        "/a", "/a/To[1]", "/a/b", "/a/b/c", "/a/To[2]", "/a/To[2]/Id", "/a/pi",
    ]  # fmt: skip
    assert namespace_of(root) == "urn:e"
    assert namespace_of(root[1]) == ""
    assert namespace_of(root[3]) == ""
    assert local_name(root[3]) == "pi"


@pytest.mark.parametrize(
    ("octets", "needle", "skip", "found"),
    [
        (b"a,b,c", b",", 0, 1),
        (b"a,b,c", b",", 1, 3),
        (b"a,b,c", b",", 2, -1),
        (b"a", b",", 0, -1),
        (b"\n" * 200_000, b"\n", 150_000, 150_000),
        (b"xmlns xmlns", b"xmlns", 1, 6),
        (b"xmlns xmlns", b"xmlns", 3, -1),
    ],
)
def test_nth(octets: bytes, needle: bytes, skip: int, found: int) -> None:
    assert nth(octets, needle, skip) == found
