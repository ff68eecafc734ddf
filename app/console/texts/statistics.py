"""Statistics and closed months."""

from typing import Final

from app.console.texts.text import Text

TEXTS: Final[dict[str, Text]] = {
    "statistics.title": Text("Thống kê trao đổi văn bản", "Exchange statistics"),
    "statistics.caption": Text("Số liệu {by}, {period}", "Figures {by}, {period}"),
    "statistics.from": Text("Từ tháng", "From month"),
    "statistics.to": Text("Đến tháng", "To month"),
    "statistics.by": Text("Phân theo", "Broken down by"),
    "statistics.total": Text("Tổng cộng", "Total"),
    "statistics.previous": Text("Tháng trước", "Previous month"),
    "statistics.following": Text("Tháng sau", "Next month"),
    "statistics.show": Text("Xem", "Show"),
    "statistics.empty": Text("Không có số liệu cho kỳ này.", "No figures for this period."),
    "statistics.covers": Text(
        "Tính từ {size} sự kiện đầu tiên của sổ nhật ký; tháng theo giờ Việt Nam.",
        "Counted from the first {size} events of the log; months in Vietnamese time.",
    ),
    "statistics.drill": Text(
        "Mỗi con số mở ra đúng những sự kiện mà nó đếm.", "Each figure opens exactly the events that it counts."
    ),
    "statistics.drill-denied": Text(
        "Hệ thống có quyền audit có thể mở từng con số thành danh sách sự kiện.",
        "Clients with the scope audit can open each figure as the list of its events.",
    ),
    "statistics.methods": Text("Phương pháp tính các chỉ tiêu", "How the figures are made"),
    "statistics.methods-intro": Text(
        "Mỗi chỉ tiêu chỉ tính từ các sự kiện đã ghi vào sổ nhật ký, theo tháng dương lịch giờ Việt Nam. Số của tháng "
        "đã qua không sửa: báo cáo trạng thái đến muộn tính vào tháng trục nhận được báo cáo. Mỗi số đếm mở ra đúng "
        "các sự kiện của nó.",
        "Every figure comes from sealed events of the log alone, by calendar months of Vietnam. Months that are over "
        "do not change: a status that comes late counts in the month it is reported. Every count opens the very events "
        "it counts.",
    ),
    "statistics.methods-error": Text(
        "Trung vị và phân vị 95 % được tính từ các khoảng đếm, sai lệch không quá {percent} %.",
        "Median and 95th percentile are told from counts in buckets, at most {percent} % beside the exact one.",
    ),
    "statistics.figure": Text("Chỉ tiêu", "Figure"),
    "statistics.meaning": Text("Ý nghĩa", "Meaning"),
    "statistics.formula": Text("Cách tính", "Formula"),
    "statistics.source": Text("Nguồn", "Source"),
    "statistics.dated": Text("Tính vào", "Counts in"),
    "statistics.direction": Text("Chiều", "Direction"),
    "statistics.view": Text("Cách nhìn", "View"),
    "statistics.now": Text(
        "Lúc này: {waiting} lượt văn bản chưa lấy về, {overdue} lượt đang quá hạn xử lý.",
        "At this moment: {waiting} deliveries not yet fetched, {overdue} overdue.",
    ),
    "statistics.download": Text("Tải về", "Download"),
    "statistics.unknown": Text("không xác định", "not known"),
    "months.title": Text("Các tháng đã chốt số liệu", "Closed months"),
    "months.one": Text("Số liệu đã chốt tháng {month}", "Closed figures of {month}"),
    "months.intro": Text(
        "Số liệu của một tháng được chốt khi tháng đã qua, theo đúng độ dài sổ cái của một mốc đã ký. Sự kiện ghi muộn "
        "của tháng đó làm phát sinh bản sau; các bản trước vẫn xem được.",
        "The figures of a month are frozen when it is over, for the length of the log of a signed checkpoint. Events "
        "of that month sealed later make another version; earlier ones can still be read.",
    ),
    "months.version": Text("Bản", "Version"),
    "months.made": Text("Chốt lúc", "Closed at"),
    "months.size": Text("Số sự kiện được tính", "Events covered"),
    "months.root": Text("Giá trị gốc của sổ cái", "Root of the log"),
    "months.digest": Text("SHA-256 của báo cáo", "SHA-256 of the report"),
    "months.moved": Text("Sau khi chốt đã có thêm sự kiện của tháng này.", "Events of this month were sealed since."),
    "months.closed": Text(
        "Tháng {month} đã chốt: bản {version}, {size} sự kiện.", "{month} is closed: version {version}, {size} events."
    ),
    "months.open": Text("Chưa chốt:", "Not closed yet:"),
    "months.changed": Text("Thay đổi từ bản {before} sang bản {after}", "Changes from version {before} to {after}"),
    "months.more": Text("Còn những thay đổi khác, xem qua API.", "There are more changes; the API lists them all."),
    "months.empty": Text("Chưa có tháng nào được chốt.", "No month is closed yet."),
    "statistics.participation": Text("Cơ quan tham gia trong tháng {month}", "Agencies that took part in {month}"),
    "by.agency": Text("theo cơ quan", "by agency"),
    "by.tier": Text("theo cấp", "by tier"),
    "by.branch": Text("theo khối", "by branch"),
    "by.document_type": Text("theo loại văn bản", "by document type"),
    "by.province": Text("theo tỉnh, bộ", "by province or ministry"),
    "by.tier_pair": Text("theo cấp gửi và cấp nhận", "by tiers of sender and recipient"),
    "by.month": Text("theo tháng", "by month"),
    "column.agency": Text("Cơ quan", "Agency"),
    "column.tier": Text("Cấp", "Tier"),
    "column.branch": Text("Khối", "Branch"),
    "column.document_type": Text("Loại văn bản", "Document type"),
    "column.province": Text("Tỉnh, bộ", "Province, ministry"),
    "column.tier_pair": Text("Cấp gửi, cấp nhận", "Tiers of sender and recipient"),
    "column.peer_tier": Text("Cấp gửi", "Sender's tier"),
    "column.month": Text("Tháng", "Month"),
}
"""By key."""
