"""Names of document types as they are printed on documents, each with the code the published figures have for it.

Written out from NĐ 30/2020/NĐ-CP Đ7 (29 types) and Luật Ban hành VBQPPL, not taken from the node's table.
"""

from typing import Final

ADMINISTRATIVE: Final = {
    "Nghị quyết": "nghi-quyet",
    "Quyết định": "quyet-dinh",
    "Chỉ thị": "chi-thi",
    "Quy chế": "quy-che",
    "Quy định": "quy-dinh",
    "Thông cáo": "thong-cao",
    "Thông báo": "thong-bao",
    "Hướng dẫn": "huong-dan",
    "Chương trình": "chuong-trinh",
    "Kế hoạch": "ke-hoach",
    "Phương án": "phuong-an",
    "Đề án": "de-an",
    "Dự án": "du-an",
    "Báo cáo": "bao-cao",
    "Biên bản": "bien-ban",
    "Tờ trình": "to-trinh",
    "Hợp đồng": "hop-dong",
    "Công văn": "cong-van",
    "Công điện": "cong-dien",
    "Bản ghi nhớ": "ban-ghi-nho",
    "Bản thỏa thuận": "ban-thoa-thuan",
    "Giấy ủy quyền": "giay-uy-quyen",
    "Giấy mời": "giay-moi",
    "Giấy giới thiệu": "giay-gioi-thieu",
    "Giấy nghỉ phép": "giay-nghi-phep",
    "Phiếu gửi": "phieu-gui",
    "Phiếu chuyển": "phieu-chuyen",
    "Phiếu báo": "phieu-bao",
    "Thư công": "thu-cong",
}
"""The 29 types."""

NORMATIVE: Final = {
    "Luật": "luat",
    "Pháp lệnh": "phap-lenh",
    "Nghị định": "nghi-dinh",
    "Thông tư": "thong-tu",
    "Thông tư liên tịch": "thong-tu-lien-tich",
    "Nghị quyết liên tịch": "nghi-quyet-lien-tich",
}
"""Types of legal normative documents that are sent out, beside those of the same name above."""

AS_PEOPLE_WRITE: Final = {"CÔNG VĂN": "cong-van", "Bản thoả thuận": "ban-thoa-thuan", "Sổ tay": "khac"}
"""Other spellings, and what is no type at all."""

CODES: Final = {**ADMINISTRATIVE, **NORMATIVE, **AS_PEOPLE_WRITE}

COMMON: Final = ("Công văn", "Báo cáo", "Quyết định", "Thông báo", "Kế hoạch", "Giấy mời", "Tờ trình")
"""What most documents are."""
