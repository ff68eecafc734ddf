"""Types of documents are recognised by name, however it is written."""

import pytest

from app.edxml.document_types import LABELS, OTHER, TYPES, classify
from app.edxml.folding import fold


def test_the_29_types_of_decree_30_come_first() -> None:
    """NĐ 30/2020/NĐ-CP Phụ lục III."""
    labels = [kind.label for kind in TYPES[:29]]
    assert labels[0] == "Nghị quyết"
    assert labels[17] == "Công văn"
    assert labels[28] == "Thư công"


def test_codes_are_plain_and_unique() -> None:
    codes = [kind.code for kind in TYPES]
    assert len(set(codes)) == len(codes)
    assert OTHER not in codes
    assert all(code == fold(code) and code.replace("-", "").isalpha() for code in codes)
    assert set(LABELS) == {*codes, OTHER}


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.code)
def test_each_type_by_its_own_name(kind) -> None:  # type: ignore[no-untyped-def]
    assert classify(kind.label) == kind.code
    assert classify(kind.label.upper()) == kind.code
    assert classify(fold(kind.label)) == kind.code


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Quyết định (cá biệt)", "quyet-dinh"),
        ("Nghị quyết cá biệt", "nghi-quyet"),
        ("Chỉ thị (UBND)", "chi-thi"),
        ("  công  VĂN ", "cong-van"),
        ("Tờ trình", "to-trinh"),
        ("Bản thoả thuận", "ban-thoa-thuan"),
        ("Thư mời họp", OTHER),
        ("", OTHER),
        (None, OTHER),
    ],
)
def test_names_as_people_write_them(name: str | None, code: str) -> None:
    assert classify(name) == code
