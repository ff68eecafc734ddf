"""Verification reports, and the words for verdicts."""

from typing import Final

from app.console.texts.text import Text

TEXTS: Final[dict[str, Text]] = {
    "verification.title": Text("Báo cáo kiểm tra chữ ký và văn bản", "Verification report"),
    "verification.open": Text("Xem báo cáo kiểm tra đầy đủ", "Read the whole verification report"),
    "verification.signature-alone": Text("Riêng chữ ký", "The signature alone"),
    "verification.hidden": Text(
        "Bạn không phải bên gửi hoặc bên nhận: tên tệp và lời văn của phát hiện về nội dung không được hiện.",
        "You are no party of this document: names of files and words of findings about the content are not shown.",
    ),
    "verification.received": Text("Nút nhận lúc", "Received"),
    "verification.judged": Text("Kết luận lúc", "Judged"),
    "verification.revision": Text("Lần kết luận (0 là khi tiếp nhận)", "Revision (0: when it was accepted)"),
    "verification.steps": Text("Các bước kiểm tra", "Checks"),
    "verification.number": Text("Bước", "Step"),
    "verification.step": Text("Nội dung kiểm tra", "Check"),
    "verification.outcome": Text("Kết quả", "Outcome"),
    "verification.signature": Text("Chữ ký {number}", "Signature {number}"),
    "verification.indication": Text("Kết luận", "Indication"),
    "verification.form": Text("Dạng chữ ký", "Form"),
    "verification.role": Text("Vai trò", "Role"),
    "verification.agency": Text("Cơ quan", "Agency"),
    "verification.algorithm": Text("Thuật toán", "Algorithm"),
    "verification.claimed": Text("Người ký tự khai lúc (không chứng minh được gì)", "Claimed time (proves nothing)"),
    "verification.best": Text("Thời điểm được chứng minh", "Proven time"),
    "verification.path": Text("Đường dẫn chứng thực", "Certification path"),
    "verification.certificate": Text("Chứng thư", "Certificate"),
    "verification.period": Text("Hiệu lực", "In force"),
    "verification.revocation": Text("Thu hồi", "Revocation"),
    "verification.serial": Text("Số sê-ri", "Serial"),
    "verification.findings": Text("Phát hiện", "Findings"),
    "signature-form.unsigned": Text("không ký số", "not signed"),
    "signature-form.sha1": Text("ký bằng thuật toán SHA-1", "signed over SHA-1"),
    "signature-form.foreign-namespace": Text("chữ ký không kiểm tra được", "not verifiable"),
    "indication.TOTAL-PASSED": Text("Đạt mọi yêu cầu", "Passed"),
    "indication.TOTAL-FAILED": Text("Không đạt", "Failed"),
    "indication.INDETERMINATE": Text("Không đủ căn cứ", "Indeterminate"),
    "severity.fatal": Text("hỏng", "fatal"),
    "severity.error": Text("lỗi", "error"),
    "severity.unknown": Text("chưa rõ", "unknown"),
    "severity.warning": Text("cảnh báo", "warning"),
    "severity.info": Text("lưu ý", "note"),
}
"""By key."""
