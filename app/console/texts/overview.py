"""The first page."""

from typing import Final

from app.console.texts.text import Text

TEXTS: Final[dict[str, Text]] = {
    "overview.title": Text("Tổng quan", "Overview"),
    "overview.month": Text("Tháng {month}", "Month {month}"),
    "overview.by-tier": Text("Theo cấp", "By tier"),
    "overview.by-branch": Text("Theo khối", "By branch"),
    "overview.no-figures": Text(
        "Tháng này chưa có văn bản nào được trao đổi.", "No document has been exchanged this month."
    ),
    "overview.node": Text("Sổ nhật ký", "The log"),
    "overview.ledger-size": Text("Sự kiện đã niêm phong", "Sealed events"),
    "overview.backlog": Text("Sự kiện chờ niêm phong", "Events waiting to be sealed"),
    "overview.behind": Text("Sự kiện chờ lâu nhất từ", "The oldest since"),
    "overview.covers": Text(
        "Số liệu tính từ {size} sự kiện đầu tiên của sổ nhật ký.", "The figures cover the first {size} events."
    ),
    "overview.expiring": Text("Chứng thư hết hạn trong {days} ngày", "Certificates that expire within {days} days"),
    "overview.none-expires": Text(
        "Không có chứng thư nào hết hạn trong thời gian này.", "No certificate expires in that time."
    ),
    "overview.more-expire": Text(
        "Chỉ hiện {shown} chứng thư hết hạn sớm nhất.", "Only the {shown} that expire first are shown."
    ),
    "overview.mail": Text("Hộp thư của bạn", "Your mail"),
    "overview.waiting": Text("Chờ tiếp nhận", "Waiting to be taken over"),
    "overview.urgent": Text("trong đó khẩn", "of these urgent"),
    "overview.directory": Text("Danh bạ", "Directory"),
}
"""By key."""
