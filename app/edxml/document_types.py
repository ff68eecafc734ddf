"""The types of documents, by name. Type and TypeDetail on the wire mean different things to different senders.

The 29 administrative types of NĐ 30/2020/NĐ-CP Phụ lục III, and the types of legal normative documents in the annex of
Sửa đổi 1:2022 QCVN 102:2016/BTTTT. A name both lists have (Nghị quyết, Quyết định, Chỉ thị) is one type here, as the
name alone does not tell which is meant.
"""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from types import MappingProxyType

from app.edxml.folding import fold

OTHER = "khac"
"""Code of every name that is none of these."""


@dataclass(frozen=True, slots=True)
class DocumentTypeName:
    """One type.

    Attributes:
        code: stable, lower-case ASCII; what events and statistics carry.
        label: as people write it.
        abbreviation: in số và ký hiệu; empty where there is none.
        normative: whether it is (also) a type of legal normative documents.
    """

    code: str
    label: str
    abbreviation: str = ""
    normative: bool = False


TYPES: tuple[DocumentTypeName, ...] = (
    DocumentTypeName("nghi-quyet", "Nghị quyết", "NQ", normative=True),
    DocumentTypeName("quyet-dinh", "Quyết định", "QĐ", normative=True),
    DocumentTypeName("chi-thi", "Chỉ thị", "CT", normative=True),
    DocumentTypeName("quy-che", "Quy chế", "QC"),
    DocumentTypeName("quy-dinh", "Quy định", "QyĐ"),
    DocumentTypeName("thong-cao", "Thông cáo", "TC"),
    DocumentTypeName("thong-bao", "Thông báo", "TB"),
    DocumentTypeName("huong-dan", "Hướng dẫn", "HD"),
    DocumentTypeName("chuong-trinh", "Chương trình", "CTr"),
    DocumentTypeName("ke-hoach", "Kế hoạch", "KH"),
    DocumentTypeName("phuong-an", "Phương án", "PA"),
    DocumentTypeName("de-an", "Đề án", "ĐA"),
    DocumentTypeName("du-an", "Dự án", "DA"),
    DocumentTypeName("bao-cao", "Báo cáo", "BC"),
    DocumentTypeName("bien-ban", "Biên bản", "BB"),
    DocumentTypeName("to-trinh", "Tờ trình", "TTr"),
    DocumentTypeName("hop-dong", "Hợp đồng", "HĐ"),
    DocumentTypeName("cong-van", "Công văn"),
    DocumentTypeName("cong-dien", "Công điện", "CĐ"),
    DocumentTypeName("ban-ghi-nho", "Bản ghi nhớ", "BGN"),
    DocumentTypeName("ban-thoa-thuan", "Bản thỏa thuận", "BTT"),
    DocumentTypeName("giay-uy-quyen", "Giấy ủy quyền", "GUQ"),
    DocumentTypeName("giay-moi", "Giấy mời", "GM"),
    DocumentTypeName("giay-gioi-thieu", "Giấy giới thiệu", "GGT"),
    DocumentTypeName("giay-nghi-phep", "Giấy nghỉ phép", "GNP"),
    DocumentTypeName("phieu-gui", "Phiếu gửi", "PG"),
    DocumentTypeName("phieu-chuyen", "Phiếu chuyển", "PC"),
    DocumentTypeName("phieu-bao", "Phiếu báo", "PB"),
    DocumentTypeName("thu-cong", "Thư công"),
    DocumentTypeName("hien-phap", "Hiến pháp", normative=True),
    DocumentTypeName("luat", "Luật", normative=True),
    DocumentTypeName("bo-luat", "Bộ luật", normative=True),
    DocumentTypeName("phap-lenh", "Pháp lệnh", normative=True),
    DocumentTypeName("lenh", "Lệnh", normative=True),
    DocumentTypeName("nghi-quyet-lien-tich", "Nghị quyết liên tịch", normative=True),
    DocumentTypeName("nghi-dinh", "Nghị định", normative=True),
    DocumentTypeName("thong-tu", "Thông tư", normative=True),
    DocumentTypeName("thong-tu-lien-tich", "Thông tư liên tịch", normative=True),
    DocumentTypeName(
        "vbqppl-dac-khu", "Văn bản quy phạm pháp luật của đơn vị hành chính - kinh tế đặc biệt", normative=True
    ),
    # Two of the list before NĐ 30/2020 that the annex of Sửa đổi 1:2022 still has.
    DocumentTypeName("ban-cam-ket", "Bản cam kết"),
    DocumentTypeName("giay-chung-nhan", "Giấy chứng nhận"),
)

LABELS = MappingProxyType({**{kind.code: kind.label for kind in TYPES}, OTHER: "Khác"})
"""Vietnamese label of each code."""

_BY_NAME = MappingProxyType({fold(kind.label): kind.code for kind in TYPES})
_OTHER_ABBREVIATIONS = MappingProxyType(
    {
        "CV": "cong-van",
        "NĐ": "nghi-dinh",
        "TT": "thong-tu",
        "TTLT": "thong-tu-lien-tich",
        "NQLT": "nghi-quyet-lien-tich",
    }
)
"""Seen in real traffic and in số và ký hiệu, though no annex lists them for these types."""

_ABBREVIATIONS = MappingProxyType(
    {kind.abbreviation: kind.code for kind in TYPES if kind.abbreviation} | _OTHER_ABBREVIATIONS
)
_BY_ABBREVIATION = MappingProxyType({text.casefold(): code for text, code in _ABBREVIATIONS.items()})
_WITHOUT_ACCENTS = Counter(fold(text) for text in _ABBREVIATIONS)
_BY_FOLDED_ABBREVIATION = MappingProxyType(
    # Without its bar, HĐ (hợp đồng) is HD (hướng dẫn), and ĐA (đề án) is DA (dự án): those stand for what they spell.
    {fold(text): code for text, code in _ABBREVIATIONS.items() if _WITHOUT_ACCENTS[fold(text)] == 1}
)
_ADDITIONS = ("ca biet", "quy pham phap luat", "qppl")
_NUMBER = re.compile(r"[0-9]{1,2}\s*[.):-]\s*")
_REMARK = re.compile(r"\s*\([^()]*\)$")


def classify(name: str | None) -> str:
    """Give the code of the type with this name; `khac` for any other.

    Accents, case and spacing do not matter, nor do a number before the name and remarks behind it in parentheses, such
    as `(cá biệt)`. The abbreviation of số và ký hiệu stands for the name.
    """
    plain = unicodedata.normalize("NFC", name or "")
    bare = _REMARK.sub("", _NUMBER.sub("", plain.strip(), count=1)).strip()
    folded = fold(bare)
    for addition in _ADDITIONS:
        folded = folded.removesuffix(addition).rstrip()
    for found in (
        _BY_NAME.get(folded),
        _BY_ABBREVIATION.get(bare.casefold()),
        _BY_FOLDED_ABBREVIATION.get(folded),
    ):
        if found:
            return found
    return OTHER
