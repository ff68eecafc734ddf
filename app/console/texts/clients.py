"""Clients, the secrets of their systems, and what they send wrongly."""

from typing import Final

from app.console.texts.text import Text

TEXTS: Final[dict[str, Text]] = {
    "clients.title": Text("Hệ thống kết nối", "Clients"),
    "clients.lead": Text(
        "Phần mềm và người dùng được đăng nhập vào nút này. Tạo và thay đổi bằng lệnh truc client hoặc qua API.",
        "Systems and people that may sign in to this node. They are made and changed by truc client or the API.",
    ),
    "clients.caption": Text("Theo thứ tự tạo", "In the order they were made"),
    "clients.empty": Text("Chưa có hệ thống nào.", "There is no client yet."),
    "client.name": Text("Tên", "Name"),
    "client.scopes": Text("Quyền", "May do"),
    "client.agencies": Text("Cơ quan được đại diện", "Agencies it acts for"),
    "client.status": Text("Trạng thái", "Status"),
    "client.created": Text("Tạo lúc", "Made"),
    "client.signs-in": Text("Đăng nhập bằng", "Signs in by"),
    "client.by-secret": Text(
        "mật khẩu, hoặc khóa của chứng thư cơ quan", "secret, or the key of an agency's certificate"
    ),
    "client.by-key": Text("khóa của chứng thư cơ quan", "the key of an agency's certificate"),
    "client.last": Text("Hoạt động gần nhất trong nhật ký", "Last seen in the log"),
    "client.never": Text("chưa từng", "never"),
    "client.log-link": Text("Nhật ký của hệ thống", "Its events in the log"),
    "client.subtree": Text("mọi cơ quan có mã bắt đầu như vậy", "every agency whose code begins so"),
    "client.nobody": Text("không cơ quan nào mang mã này hôm nay", "nobody has this code today"),
    "client.more-agencies": Text("Hiện {shown} trong {all} cơ quan.", "{shown} of {all} are shown."),
    "client.no-agencies": Text("Hệ thống không đại diện cho cơ quan nào.", "It acts for no agency."),
    "client.keys": Text("Khóa kết nối VXP", "Secrets of its systems (VXP)"),
    "client.no-keys": Text(
        "Không có khóa nào. Hệ thống dùng SDK của trục quốc gia cần một khóa: truc client system-key add.",
        "None. A system that uses the axis' SDK needs one: truc client system-key add.",
    ),
    "client.key-from": Text("Có hiệu lực từ", "From"),
    "client.key-until": Text("Đến", "Until"),
    "client.key-id": Text("Mã khóa", "Id"),
    "client.no-end": Text("không thời hạn", "without end"),
    "client.settings": Text("Hệ thống VXP phải đặt", "What a VXP system must set"),
    "client.settings-lead": Text(
        "Phần mềm dùng SDK của trục quốc gia chỉ đổi địa chỉ, mã hệ thống và mật khẩu.",
        "Software with the axis' SDK changes the address, the system id and the secret, nothing else.",
    ),
    "client.endpoint": Text("Địa chỉ (endpoint)", "Endpoint"),
    "client.secret-once": Text(
        "đúng như lúc cấp, không giải mã; đang dùng được: {count}",
        "exactly as it was given, not decoded; usable now: {count}",
    ),
    "client.setting-clock": Text(
        "Đồng hồ: giao thức không kiểm tra giờ gửi, nhưng văn bản, trạng thái và chứng thư thì có; đồng bộ bằng NTP.",
        "Clock: the protocol checks no time, but documents, statuses and certificates do; keep it right by NTP.",
    ),
    "client.setting-tls": Text(
        "Java phải tin chứng thư TLS của nút: đặt javax.net.ssl.trustStore nếu cần.",
        "Java has to trust the node's TLS certificate: set javax.net.ssl.trustStore where it does not.",
    ),
    "client.setting-proxy": Text(
        "Máy chủ trung gian không được cắt tiêu đề dài và không sửa nội dung gửi.",
        "Proxies in between must not cut long headers, and must not rewrite bodies.",
    ),
    "client.setting-more": Text("Đầy đủ trong tài liệu", "All of it is in"),
    "client.unknown": Text("Yêu cầu không rõ của hệ thống nào", "Requests of nobody known"),
    "client.unknown-lead": Text(
        "Ai cũng có thể gửi yêu cầu mà không chứng minh mình là ai; những gì như vậy được đếm chung tại đây. "
        "Mã hệ thống là do bên gửi tự khai.",
        "Anybody can send requests without proving who they are; those are counted together here. System ids are what "
        "the sender claims.",
    ),
    "mistakes.title": Text("Những gì hệ thống gửi sai", "What it sends wrongly"),
    "mistakes.lead": Text(
        "Trong {days} ngày qua, theo quy tắc, nhiều nhất trước; chậm vài giây. Sổ cái ghi đủ từng lần từ chối.",
        "Of the last {days} days by rule, the most frequent first; a few seconds behind. "
        "The ledger has each refusal of a message.",
    ),
    "mistakes.refused": Text("Bị từ chối", "Refused"),
    "mistakes.accepted": Text("Vẫn được nhận", "Accepted still"),
    "mistakes.what": Text("Sai gì", "What is wrong"),
    "mistakes.last": Text("Lần cuối", "Last"),
    "mistakes.system-id": Text("Mã VXP (systemId)", "System id"),
    "mistakes.empty": Text("Không có gì sai trong thời gian này.", "Nothing wrong in that time."),
    "client-status.active": Text("hoạt động", "active"),
    "client-status.disabled": Text("bị khóa", "disabled"),
    "key-state.waiting": Text("chưa đến hạn", "waiting"),
    "key-state.in_force": Text("có hiệu lực", "in force"),
    "key-state.ended": Text("hết hiệu lực", "ended"),
    "key-state.revoked": Text("đã thu hồi", "revoked"),
    "scope.exchange": Text("trao đổi văn bản", "exchange"),
    "scope.registry.read": Text("xem danh bạ", "directory"),
    "scope.registry.write": Text("quản trị", "administration"),
    "scope.audit": Text("kiểm tra", "audit"),
    "scope.statistics": Text("thống kê", "statistics"),
}
"""By key."""
