"""The types of documents, by name. Type and TypeDetail on the wire mean different things to different senders.

The 29 administrative types of NĐ 30/2020/NĐ-CP Phụ lục III, and the types of legal normative documents in the annex of
Sửa đổi 1:2022 QCVN 102:2016/BTTTT. A name both lists have (Nghị quyết, Quyết định, Chỉ thị) is one type here, as the
name alone does not tell which is meant.
"""

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
_ADDITIONS = ("(ca biet)", "ca biet", "(quy pham phap luat)", "(qppl)", "(ubnd)")


def classify(name: str | None) -> str:
    """Give the code of the type with this name, accents, case and spacing aside; `khac` for any other name."""
    folded = fold(name or "")
    for addition in _ADDITIONS:
        folded = folded.removesuffix(addition).rstrip()
    return _BY_NAME.get(folded, OTHER)
