"""Types of documents are recognised by name, however it is written."""

import pytest

from app.edxml.document_types import LABELS, OTHER, TYPES, DocumentTypeName, classify
from app.edxml.folding import fold


def test_the_29_types_of_decree_30_come_first() -> None:
    """NĐ 30/2020/NĐ-CP Phụ lục III."""
    labels = [kind.label for kind in TYPES[:29]]
    assert labels[0] == "Nghị quyết"
    assert labels[17] == "Công văn"
    assert labels[28] == "Thư công"


_DECREE_30 = (
    "Nghị quyết NQ; Quyết định QĐ; Chỉ thị CT; Quy chế QC; Quy định QyĐ; Thông cáo TC; Thông báo TB; Hướng dẫn HD; "
    "Chương trình CTr; Kế hoạch KH; Phương án PA; Đề án ĐA; Dự án DA; Báo cáo BC; Biên bản BB; Tờ trình TTr; "
    "Hợp đồng HĐ; Công văn -; Công điện CĐ; Bản ghi nhớ BGN; Bản thỏa thuận BTT; Giấy ủy quyền GUQ; Giấy mời GM; "
    "Giấy giới thiệu GGT; Giấy nghỉ phép GNP; Phiếu gửi PG; Phiếu chuyển PC; Phiếu báo PB; Thư công -"
)
_NORMATIVE = (
    "Hiến pháp", "Luật", "Bộ luật", "Pháp lệnh", "Lệnh", "Nghị quyết", "Nghị quyết liên tịch", "Nghị định",
    "Quyết định", "Thông tư", "Thông tư liên tịch", "Chỉ thị",
)  # fmt: skip


def test_names_and_abbreviations_are_those_of_the_annex() -> None:
    """NĐ 30/2020/NĐ-CP Phụ lục III, copied by hand."""
    listed = [entry.rpartition(" ") for entry in _DECREE_30.split("; ")]
    assert [(kind.label, kind.abbreviation or "-") for kind in TYPES[:29]] == [(name, mark) for name, _, mark in listed]


def test_normative_types_are_those_of_the_annex_of_the_amended_standard() -> None:
    """Sửa đổi 1:2022 QCVN 102:2016/BTTTT, group A, but for the one of special zones, whose name is a sentence."""
    normative = {kind.label for kind in TYPES if kind.normative}
    assert set(_NORMATIVE) < normative
    assert len(normative) == len(_NORMATIVE) + 1


@pytest.mark.parametrize("kind", [kind for kind in TYPES if kind.abbreviation], ids=lambda kind: kind.code)
def test_each_type_by_its_abbreviation(kind: DocumentTypeName) -> None:
    assert classify(kind.abbreviation) == kind.code
    assert classify(kind.abbreviation.upper()) == kind.code


def test_codes_are_plain_and_unique() -> None:
    codes = [kind.code for kind in TYPES]
    assert len(set(codes)) == len(codes)
    assert OTHER not in codes
    assert all(code == fold(code) and code.replace("-", "").isalpha() for code in codes)
    assert set(LABELS) == {*codes, OTHER}


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.code)
def test_each_type_by_its_own_name(kind: DocumentTypeName) -> None:
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
        ("QUYẾT ĐỊNH (Cá biệt)", "quyet-dinh"),
        ("Quyet dinh (ca biet)", "quyet-dinh"),
        ("Chỉ thị (cá biệt) (UBND)", OTHER),
        ("Nghị quyết (HĐND)", "nghi-quyet"),
        ("18. Công văn", "cong-van"),
        ("2) Quyết định (cá biệt)", "quyet-dinh"),
        ("Quyết định QPPL", "quyet-dinh"),
        ("Công va\u0306n", "cong-van"),
        ("QĐ", "quyet-dinh"),
        ("qd", "quyet-dinh"),
        ("QyĐ", "quy-dinh"),
        ("CT", "chi-thi"),
        ("CTr", "chuong-trinh"),
        ("TTr", "to-trinh"),
        ("HĐ", "hop-dong"),
        ("HD", "huong-dan"),
        ("ĐA", "de-an"),
        ("DA", "du-an"),
        ("CV", "cong-van"),
        ("NĐ", "nghi-dinh"),
        ("TT", "thong-tu"),
        ("Thông tư liên tịch", "thong-tu-lien-tich"),
        ("Nghị định", "nghi-dinh"),
        ("Kết luận", OTHER),
        ("Công văn mật", OTHER),
        ("Thư mời họp", OTHER),
        ("", OTHER),
        (None, OTHER),
    ],
)
def test_names_as_people_write_them(name: str | None, code: str) -> None:
    assert classify(name) == code
