"""What the node trusts, and how fresh it is."""

from typing import Final

from app.console.texts.text import Text

TEXTS: Final[dict[str, Text]] = {
    "trust.title": Text("Chứng thư gốc và thông tin thu hồi", "Trust anchors and revocations"),
    "trust.sources": Text("Nơi lấy thông tin thu hồi", "Sources of revocations"),
    "trust.lead": Text(
        "Nút tự lấy danh sách thu hồi và câu trả lời OCSP; văn bản vẫn gửi nhận được khi nơi lấy không trả lời.",
        "The node fetches lists and OCSP answers by itself; mail flows while a source does not answer.",
    ),
    "trust.kind": Text("Loại", "Kind"),
    "trust.fresh-until": Text("Còn giá trị đến", "Fresh until"),
    "trust.fetched-at": Text("Lấy được lúc", "Fetched at"),
    "trust.failures": Text("Lần lỗi liên tiếp", "Failures in a row"),
    "trust.next-try": Text("Lần hỏi tiếp theo", "Asked again at"),
    "trust.address": Text("Địa chỉ", "Address"),
    "trust.no-sources": Text(
        "Chưa có nơi nào: chứng thư đã đăng ký không ghi địa chỉ. Quản trị viên thêm bằng: truc trust add-source",
        "None yet: the registered certificates name no address. Administrators add one with: truc trust add-source",
    ),
    "trust.anchors": Text("Chứng thư gốc", "Trust anchors"),
    "trust.subject": Text("Chủ thể", "Subject"),
    "trust.until": Text("Có hiệu lực đến", "Valid until"),
    "trust.no-anchors": Text(
        "Chưa có chứng thư gốc nào: mọi chữ ký đều bị từ chối. Thêm bằng: truc trust add-anchor",
        "None yet, so every signature is refused. Add one with: truc trust add-anchor",
    ),
    "source-kind.crl": Text("danh sách thu hồi (CRL)", "revocation list (CRL)"),
    "source-kind.ocsp": Text("máy chủ OCSP", "OCSP responder"),
    "source-state.fresh": Text("còn giá trị", "fresh"),
    "source-state.stale": Text("quá hạn", "out of date"),
    "source-state.failing": Text("không trả lời", "failing"),
    "source-state.never": Text("chưa hỏi", "not asked yet"),
}
"""By key."""
