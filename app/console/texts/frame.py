"""What stands around every page, on the way in, and where something went wrong."""

from typing import Final

from app.console.texts.text import Text

TEXTS: Final[dict[str, Text]] = {
    "frame.title": Text("Trục liên thông văn bản điện tử", "Electronic document exchange"),
    "frame.tagline": Text("Trục liên thông văn bản", "Document exchange"),
    "frame.skip": Text("Đến phần nội dung", "Skip to content"),
    "frame.nav": Text("Điều hướng chính", "Main navigation"),
    "frame.language": Text("English", "Tiếng Việt"),
    "frame.sign-out": Text("Đăng xuất", "Sign out"),
    "frame.zone": Text("Mọi thời điểm theo giờ Việt Nam (UTC+7)", "All times are Vietnamese time (UTC+7)"),
    "frame.api": Text("Tài liệu API", "API documentation"),
    "frame.request": Text("Mã yêu cầu", "Request id"),
    "frame.none": Text("không có", "none"),
    "frame.next": Text("Trang sau", "Next page"),
    "frame.first": Text("Về trang đầu", "First page"),
    "frame.filter": Text("Lọc", "Filter"),
    "frame.clear": Text("Bỏ lọc", "Clear"),
    "frame.all": Text("Tất cả", "All"),
    "frame.remove": Text("Bỏ điều kiện {name}", "Remove {name}"),
    "nav.overview": Text("Tổng quan", "Overview"),
    "nav.documents": Text("Văn bản", "Documents"),
    "nav.agencies": Text("Cơ quan", "Agencies"),
    "nav.log": Text("Nhật ký", "Log"),
    "nav.ledger": Text("Sổ cái", "Ledger"),
    "nav.trust": Text("Tin cậy", "Trust"),
    "nav.clients": Text("Hệ thống", "Clients"),
    "nav.statistics": Text("Thống kê", "Statistics"),
    "sign-in.title": Text("Đăng nhập", "Sign in"),
    "sign-in.lead": Text(
        "Đây là bảng điều khiển của một nút trao đổi văn bản điện tử giữa các cơ quan: ai đã gửi gì, đến đâu, khi nào.",
        "This is the console of a node that exchanges electronic documents between agencies: "
        "who sent what, how far it came, and when.",
    ),
    "sign-in.how": Text(
        "Dùng mã hệ thống và mật khẩu mà quản trị viên của nút đã cấp – cùng cặp mà phần mềm quản lý văn bản dùng để "
        "lấy mã truy cập. Phiên làm việc kéo dài tối đa một giờ và kết thúc ngay khi quyền của hệ thống thay đổi.",
        "Use the client id and secret that the administrator of the node gave you – the same pair that a "
        "document-management system gets tokens with. A session lasts an hour at most, and ends at once when the "
        "client's grants change.",
    ),
    "sign-in.first": Text(
        "Chưa có hệ thống nào? Người vận hành tạo trên máy chủ:",
        "No client yet? The operator makes one on the server:",
    ),
    "sign-in.client": Text("Mã hệ thống (client id)", "Client id"),
    "sign-in.secret": Text("Mật khẩu (client secret)", "Client secret"),
    "sign-in.submit": Text("Đăng nhập", "Sign in"),
    "sign-in.refused": Text(
        "Không đăng nhập được: mã hệ thống không đúng, đã bị khóa, hoặc mật khẩu sai.",
        "Not signed in: the client is unknown or disabled, or the secret is wrong.",
    ),
    "sign-in.braked": Text(
        "Quá nhiều lần thử không thành công. Hãy thử lại sau {seconds} giây.",
        "Too many failed tries. Try again in {seconds} seconds.",
    ),
    "sign-in.insecure": Text(
        "Bảng điều khiển chỉ mở qua HTTPS, hoặc qua HTTP trên chính máy này. "
        "Người vận hành đặt TRUC_PUBLIC_URL thành địa chỉ https:// của nút.",
        "The console opens over HTTPS only, or over HTTP on the node's own machine. "
        "The operator sets TRUC_PUBLIC_URL to the node's https:// address.",
    ),
    "continue.title": Text("Đang mở trang", "Opening the page"),
    "continue.text": Text(
        "Liên kết đến từ nơi khác; trang sẽ mở ngay.", "The link comes from elsewhere; the page opens at once."
    ),
    "continue.link": Text("Mở ngay", "Open it now"),
    "problem.what": Text("Chuyện gì đã xảy ra", "What happened"),
    "problem.next": Text("Cần làm gì", "What to do"),
    "problem.findings": Text("Chi tiết", "In detail"),
    "problem.home": Text("Về trang tổng quan", "Back to the overview"),
    "problem.fault": Text(
        "Lỗi thuộc về nút. Người vận hành tìm được nguyên nhân trong nhật ký máy chủ theo mã yêu cầu dưới đây.",
        "The fault is the node's. Its operator finds the cause in the server's log under the request id below.",
    ),
}
"""By key."""
