"""What the codes of a verification report mean, in Vietnamese and English: one table for API, commands and pages."""

from typing import Final, Literal, NamedTuple

Language = Literal["vi", "en"]


class Words(NamedTuple):
    """A meaning in both languages; nothing here is markup."""

    vi: str
    en: str

    def said(self, language: Language) -> str:
        """Give it in one of them."""
        return self.vi if language == "vi" else self.en


WORDS: Final[dict[str, dict[str, Words]]] = {
    "indication": {
        "TOTAL-PASSED": Words(
            "ĐẠT: mọi kiểm tra bắt buộc đều đạt; chữ ký được chứng minh là hợp lệ.",
            "PASSED: every required check succeeded; the signature is proven valid.",
        ),
        "TOTAL-FAILED": Words(
            "KHÔNG ĐẠT: ít nhất một kiểm tra không đạt. Không được dựa vào chữ ký này.",
            "FAILED: at least one check failed. This must not be relied on.",
        ),
        "INDETERMINATE": Words(
            "CHƯA ĐƯỢC CHỨNG MINH: chưa đủ căn cứ để kết luận. Không được coi là hợp lệ.",
            "NOT PROVEN: too little is known to decide. It must not be taken for valid.",
        ),
    },
    "sub-indication": {
        "FORMAT_FAILURE": Words(
            "Chữ ký không có hoặc không đúng dạng quy định, nên không tính được gì.",
            "There is no signature, or it does not have the form of its standard, so nothing could be computed.",
        ),
        "HASH_FAILURE": Words(
            "Nội dung không phải là nội dung đã ký: giá trị băm khác nhau.",
            "What was signed is not what is there: a digest differs.",
        ),
        "SIG_CRYPTO_FAILURE": Words(
            "Giá trị chữ ký không do khóa của người ký tạo ra.",
            "The signature value was not made with the signer's key.",
        ),
        "REVOKED": Words(
            "Đã chứng minh được rằng chữ ký được tạo sau khi chứng thư bị thu hồi.",
            "The signature was proven to be made after the certificate was revoked.",
        ),
        "NOT_YET_VALID": Words(
            "Chữ ký có trước khi chứng thư bắt đầu có hiệu lực.",
            "The signature is older than its certificate's period.",
        ),
        "SIG_CONSTRAINTS_FAILURE": Words(
            "Chữ ký trái một quy định của trục, chẳng hạn về phạm vi phải ký.",
            "The signature breaks a rule of the exchange, such as what it has to cover.",
        ),
        "CHAIN_CONSTRAINTS_FAILURE": Words(
            "Chứng thư trái quy định: mục đích sử dụng, tên, chính sách hoặc chưa đăng ký.",
            "The certificates break a rule: usage, purpose, names, policies or registration.",
        ),
        "CERTIFICATE_CHAIN_GENERAL_FAILURE": Words(
            "Không kiểm tra được chuỗi chứng thư vì lý do khác.",
            "The certificates could not be validated for another reason.",
        ),
        "CRYPTO_CONSTRAINTS_FAILURE": Words(
            "Thuật toán hoặc khóa quá yếu, không còn chứng minh được gì.",
            "An algorithm or a key is too weak to prove anything.",
        ),
        "NO_SIGNING_CERTIFICATE_FOUND": Words(
            "Không biết chứng thư của người ký.", "The signer's certificate is not known."
        ),
        "NO_CERTIFICATE_CHAIN_FOUND": Words(
            "Chứng thư không dẫn đến tổ chức chứng thực nào được tin cậy.",
            "No path leads from the certificate to an authority that is trusted.",
        ),
        "REVOKED_NO_POE": Words(
            "Chứng thư của người ký đã bị thu hồi, và không có gì chứng minh chữ ký có trước đó.",
            "The signer's certificate was revoked, and nothing proves that the signature is older.",
        ),
        "REVOKED_CA_NO_POE": Words(
            "Chứng thư của tổ chức chứng thực đã bị thu hồi, và không có gì chứng minh chữ ký có trước đó.",
            "An authority's certificate was revoked, and nothing proves that the signature is older.",
        ),
        "OUT_OF_BOUNDS_NO_POE": Words(
            "Chứng thư đã hết hạn, và không có gì chứng minh chữ ký có trước đó.",
            "The certificate had expired, and nothing proves that the signature is older.",
        ),
        "SIGNED_DATA_NOT_FOUND": Words("Không tìm thấy nội dung đã ký.", "What was signed is not there."),
        "TIMESTAMP_ORDER_FAILURE": Words("Các mốc thời gian mâu thuẫn nhau.", "The times contradict each other."),
        "TRY_LATER": Words(
            "Chưa biết chứng thư còn hiệu lực hay không; sẽ biết sau, và khi đó nút kiểm tra lại.",
            "Whether the certificate is in force is not known yet; once it is, the node judges again.",
        ),
    },
    "legacy": {
        "unsigned": Words(
            "Văn bản KHÔNG ĐƯỢC KÝ. Không có gì chứng minh ai gửi và nội dung có bị sửa hay không.",
            "The message is NOT SIGNED. Nothing proves who sent it or that it is unchanged.",
        ),
        "sha1": Words(
            "Chữ ký dùng SHA-1, có thể bị giả mạo. Nó không chứng minh được gì.",
            "The signature is over SHA-1, which can be forged. It proves nothing.",
        ),
        "foreign-namespace": Words(
            "Phần tử Signature không theo chuẩn XMLDSig nên không kiểm tra được. Nó không chứng minh được gì.",
            "The Signature is not one of XMLDSig and cannot be checked. It proves nothing.",
        ),
    },
    "step": {
        "markup": Words("XML đúng dạng và trong giới hạn", "XML within bounds"),
        "signature": Words("Chữ ký có mặt và đúng dạng", "Signatures present, of the allowed form"),
        "trust": Words("Chứng thư được tin cậy và còn hiệu lực", "Certificates trusted and in force"),
        "integrity": Words("Nội dung nguyên vẹn như khi ký", "Content exactly as it was signed"),
        "reading": Words("Đọc được theo chuẩn edXML", "Readable as edXML"),
        "rules": Words("Đúng quy chuẩn và tệp kèm đọc được", "Rules kept, attachments readable"),
        "secrecy": Words("Không có dấu hiệu bí mật nhà nước", "No mark of a state secret"),
        "signer": Words("Chứng thư là của cơ quan gửi", "The certificate is the sending agency's"),
        "route": Words("Chuyển được đến nơi nhận", "It can be delivered"),
    },
    "outcome": {
        "passed": Words("đạt", "passed"),
        "failed": Words("không đạt", "failed"),
        "indeterminate": Words("chưa được chứng minh", "not proven"),
        "not-run": Words("không thực hiện", "not run"),
    },
    "role": {
        "seal": Words("cơ quan, tổ chức", "agency seal"),
        "person": Words("cá nhân", "person"),
    },
    "best-signing-time": {
        "receipt": Words(
            "lúc nút nhận được; thời điểm người ký tự khai không chứng minh được gì",
            "when the node received it; what the signer claims proves nothing",
        ),
        "timestamp": Words("theo dấu thời gian tin cậy (RFC 3161)", "by a trusted timestamp (RFC 3161)"),
        "asking": Words(
            "lúc kiểm tra; không có gì chứng minh chữ ký có trước đó",
            "when it was asked about; no older time is proven",
        ),
    },
    "revocation": {
        "good": Words("không bị thu hồi", "not revoked"),
        "revoked": Words("đã bị thu hồi", "revoked"),
        "revoked-later": Words("bị thu hồi sau khi ký; chữ ký có trước đó", "revoked later, after it was used"),
        "unknown": Words("không biết có bị thu hồi hay không", "not known whether it was revoked"),
        "anchor": Words("gốc tin cậy, không kiểm tra thu hồi", "trust anchor, not asked about"),
    },
    "material": {
        "certificate": Words("chứng thư", "certificate"),
        "crl": Words("danh sách thu hồi (CRL)", "revocation list (CRL)"),
        "ocsp": Words("trả lời OCSP", "OCSP answer"),
        "timestamp": Words("dấu thời gian", "timestamp"),
    },
}
"""By group, then by code."""


def words(group: str, code: str) -> Words:
    """Give the meaning of a code; one without an entry stands for itself."""
    return WORDS[group].get(code) or Words(code, code)
