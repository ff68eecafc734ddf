"""Marks of secrecy are found where they are put; ordinary words are left alone."""

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.edxml.model import (
    Attachment,
    DocumentCode,
    DocumentMessage,
    DocumentType,
    Handling,
    Organization,
    Reference,
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
        ("Báo cáo số 12 (MẬT) về tình hình", "Mật"),
        ("ＭẬＴ－ Báo cáo", "Mật"),
        ("（ＴỐＩ　ＭẬＴ）Báo cáo", "Tối mật"),
        ("(T\u200bố\u00adi\u00a0m\u2060ật) Báo cáo", "Tối mật"),
        ("(tối\tmật)\nBáo cáo", "Tối mật"),
        ("M.Ậ.T - Báo cáo", "Mật"),
        ("T.U.Y.Ệ.T M.Ậ.T: Báo cáo", "Tuyệt mật"),
        ("(T-ố-i m-ậ-t) Báo cáo", "Tối mật"),
        ("(Mậ\u0442) Báo cáo", "Mật"),
        ("(\u041c\u1eact) Báo cáo", "Mật"),
        ("(\U0001d40c\u1eac\U0001d413) Báo cáo", "Mật"),
        ("(tỐi MậT) báo cáo", "Tối mật"),
        ("V/v bảo vệ bí mật nhà nước", None),
        ("V/v tăng cường công tác bảo vệ bí mật nhà nước trên không gian mạng", None),
        ("BÍ MẬT KINH DOANH: hướng dẫn bảo hộ", None),
        ("Bí mật - kinh doanh", None),
        ("BẢO MẬT: hướng dẫn", None),
        ("V/v cấp chứng thư số của Ban Cơ yếu Chính phủ", None),
        ("V/v quản lý mật mã dân sự (mật mã)", None),
        ("MẬT MÃ - Kế hoạch năm 2026", None),
        ("MẬT ĐỘ DÂN SỐ: báo cáo", None),
        ("MẬT ONG - xúc tiến thương mại", None),
        ("Quy định danh mục bí mật nhà nước (độ Mật, Tối mật và Tuyệt mật)", None),
        ("Giải mật tài liệu lưu trữ (giải mật)", None),
        ("Công tác cơ mật viện triều Nguyễn", None),
        ("M.T.T.Q - Báo cáo", None),
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
        ("MẬT-VPCP", "Mật"),
        ("BC/TỐI MẬT-VPCP", "Tối mật"),
        ("MAT-VPCP", None),
        ("VPCP-MAT", "Mật"),
        ("QĐ-Bảo mật", None),
        ("BC-Bí mật-VPCP", None),
        ("BC-M", None),
        ("KH-TM", None),
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


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Tối mật - Báo cáo.pdf", "Tối mật"),
        ("TOI_MAT_BC12.pdf", "Tối mật"),
        ("tuyetmat.docx", None),
        ("(MAT) bao-cao.pdf", "Mật"),
        ("Phụ lục [Mật].xlsx", "Mật"),
        ("MẬT.pdf", "Mật"),
        ("mat-bang-quy-hoach.pdf", None),
        ("MAT_BANG.pdf", None),
        ("quy-dinh-bao-mat.pdf", None),
        ("danh muc tai lieu toi mat.pdf", None),
        ("Mật độ xây dựng.xlsx", None),
        ("cong-van.pdf", None),
        (".pdf", None),
    ],
)
def test_names_of_attachments(text: str, found: str | None) -> None:
    plain = Attachment("1", "a.pdf", content="QUJD")
    for message, location in (
        (replace(PLAIN, attachments=(Attachment("2", text),)), "Attachment/AttachmentName"),
        (replace(PLAIN, attachments=(plain, Attachment("2", text))), "Attachment[2]/AttachmentName"),
        (replace(PLAIN, references=(Reference("1", name=text),)), "Reference/AttachmentName"),
    ):
        assert level(message) == found, location
        finding = find_mark(message)
        assert finding is None or (finding.location or "").endswith(location)


@pytest.mark.parametrize(
    ("message", "location"),
    [
        (replace(PLAIN, attachments=(Attachment("1", "a.pdf", "(Mật) Báo cáo"),)), "Attachment/Description"),
        (replace(PLAIN, references=(Reference("1", description="TỐI MẬT"),)), "Reference/Description"),
        (replace(PLAIN, handling=Handling(appendixes=("Phụ lục I", "Phụ lục II (Mật)"))), "Appendixes/Appendix[2]"),
    ],
)
def test_what_else_is_said_of_the_files(message: DocumentMessage, location: str) -> None:
    finding = find_mark(message)
    assert finding is not None
    assert (finding.location or "").endswith(location)


@given(st.sampled_from(["(Mật) ", "TỐI MẬT - ", "[Tuyệt mật] "]), st.data())
@settings(max_examples=40, deadline=None)
def test_a_mark_is_found_however_it_is_written(mark: str, data: st.DataObject) -> None:
    hidden = data.draw(st.lists(st.sampled_from(["", "\u200b", "\u2060", "\u00ad"]), min_size=len(mark)))
    cased = mark.upper() if data.draw(st.booleans()) else mark
    text = "".join(sign + hide for sign, hide in zip(cased, hidden, strict=False))
    assert (
        find_mark(with_subject(unicodedata.normalize("NFKD" if data.draw(st.booleans()) else "NFC", text) + "Báo cáo"))
        is not None
    )


@given(st.text(max_size=80))
@settings(max_examples=100, deadline=None)
def test_any_text_is_looked_through(text: str) -> None:
    for make in (with_subject, with_sphere, with_notation, with_type):
        find_mark(make(text))


def test_an_unmarked_document_and_a_status_carry_none() -> None:
    assert find_mark(PLAIN) is None
    assert find_mark(StatusMessage(G22, ResponseFor(), StatusCode.RECEIVED, description="(Mật)")) is None
