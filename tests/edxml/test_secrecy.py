"""Marks of secrecy are found where they are put; ordinary words are left alone."""

import unicodedata

import pytest

from app.edxml.model import (
    DocumentCode,
    DocumentMessage,
    DocumentType,
    Handling,
    Organization,
    ResponseFor,
    StatusCode,
    StatusMessage,
)
from app.edxml.organ_id import OrganId
from app.edxml.secrecy import find_mark
from app.findings import Severity

G22 = Organization(OrganId.parse("000.00.00.G22"))
PLAIN = DocumentMessage(G22, (Organization(OrganId.parse("H41")),), "id", subject="V/v thử nghiệm")


def level(message: DocumentMessage) -> str | None:
    finding = find_mark(message)
    if finding is None:
        return None
    assert finding.severity is Severity.ERROR
    assert finding.code == "qd28.1.2.secret-mark"
    # The finding is kept when nothing else of the document may be: the marked text must not be in it.
    assert len(message.subject or "") < 10 or str(message.subject) not in finding.message
    return finding.message.partition(" marked ")[2].partition(" in ")[0]


def with_subject(text: str) -> DocumentMessage:
    return DocumentMessage(G22, PLAIN.recipients, "id", subject=text)


def with_sphere(text: str) -> DocumentMessage:
    return DocumentMessage(G22, PLAIN.recipients, "id", handling=Handling(sphere=text))


def with_notation(text: str) -> DocumentMessage:
    return DocumentMessage(G22, PLAIN.recipients, "id", code=DocumentCode("1", text))


def with_type(text: str) -> DocumentMessage:
    return DocumentMessage(G22, PLAIN.recipients, "id", document_type=DocumentType(name=text))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("(Mật) V/v thử nghiệm", "Mật"),
        ("[TỐI MẬT] Báo cáo", "Tối mật"),
        ("Báo cáo năm 2026 (tuyệt mật)", "Tuyệt mật"),
        ("Báo cáo năm 2026 [Mật].", "Mật"),
        ("«MẬT» Báo cáo", "Mật"),
        ("*** TỐI MẬT *** Báo cáo", "Tối mật"),
        ("(TOI MAT) bao cao", "Tối mật"),
        ("(m ậ t) Báo cáo", "Mật"),
        ("(T U Y Ệ T M Ậ T) Báo cáo", "Tuyệt mật"),
        ("(Độ mật: Tối mật) Báo cáo", "Tối mật"),
        ("Báo cáo (tài liệu mật)", "Mật"),
        ("MẬT - Báo cáo", "Mật"),
        ("Tối mật: Báo cáo", "Tối mật"),
        ("Báo cáo năm 2026 - TUYỆT MẬT", "Tuyệt mật"),
        ("Mật", "Mật"),
        ("(Mật", "Mật"),
        ("Mật)", "Mật"),
        ("V/v bảo vệ bí mật nhà nước", None),
        ("V/v xử lý tài liệu mật, tối mật và tuyệt mật tại cơ quan", None),
        ("Mật ong - xuất khẩu năm 2026", None),
        ("mật: ong và sáp", None),
        ("V/v hủy con dấu (mất)", None),
        ("Hội nghị (mặt)", None),
        ("Mật độ dân số", None),
        ("Báo cáo (bí mật)", None),
        ("Báo cáo (không mật)", None),
        ("Báo cáo tình hình (tháng 9)", None),
        ("(" + "x" * 5000 + ") mật " + ")" * 4000, None),
    ],
)
def test_subject(text: str, found: str | None) -> None:
    assert level(with_subject(text)) == found
    assert level(with_subject(unicodedata.normalize("NFD", text))) == found
    assert level(DocumentMessage(G22, PLAIN.recipients, "id", content=text)) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Mật", "Mật"),
        ("  TUYỆT   MẬT ", "Tuyệt mật"),
        ("toi mat", "Tối mật"),
        ("Độ mật: Mật", "Mật"),
        ("Mức độ mật: Tuyệt mật", "Tuyệt mật"),
        ("Mật, không sao chụp", "Mật"),
        ("Lưu hành nội bộ - Tối mật", "Tối mật"),
        ("Lưu hành nội bộ", None),
        ("Không mật", None),
        ("Bảo mật", None),
        ("Độ mật: Thường", None),
    ],
)
def test_sphere(text: str, found: str | None) -> None:
    assert level(with_sphere(text)) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("VPCP-NC-Mật", "Mật"),
        ("VPCP-NC/TỐI MẬT", "Tối mật"),
        ("BC-UBND (tuyệt mật)", "Tuyệt mật"),
        ("VPCP-TTĐT", None),
        ("QĐ-BMật", None),
        ("MẬT-VPCP", None),
    ],
)
def test_notation(text: str, found: str | None) -> None:
    assert level(with_notation(text)) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Mật", "Mật"),
        ("Công văn mật", "Mật"),
        ("Báo cáo (Tối mật)", "Tối mật"),
        ("QUYẾT ĐỊNH TUYỆT MẬT", "Tuyệt mật"),
        ("Văn bản mật", "Mật"),
        ("Công văn", None),
        ("Quy chế bảo mật", None),
        ("Quyết định giải mật", None),
    ],
)
def test_type(text: str, found: str | None) -> None:
    assert level(with_type(text)) == found


def test_an_unmarked_document_and_a_status_carry_none() -> None:
    assert find_mark(PLAIN) is None
    assert find_mark(StatusMessage(G22, ResponseFor(), StatusCode.RECEIVED, description="(Mật)")) is None
