"""Marks of secrecy over HTTP, wherever they are put: refused, and nothing of the message is kept but its digest."""

import hashlib
import json
import secrets
from typing import Any

import pytest

from app.edxml.model import DocumentCode, DocumentType, Handling
from tests.exchange.remains import events_since, holds, remains
from tests.support.office import GOVERNMENT_OFFICE, PROVINCE, Exchange, zipped

PLACES: dict[str, dict[str, Any]] = {
    "OtherInfo/SphereOfPromulgation": {"handling": Handling(sphere="Độ mật: Tối mật")},
    "DocumentType/TypeName": {"document_type": DocumentType(2, 14, "Báo cáo tuyệt mật")},
    "Code/CodeNotation": {"code": DocumentCode("12", "BC-VPCP-Mật")},
    "Subject": {"subject": "ＴＯＩ ＭẬＴ - Báo cáo"},
    "Content": {"content": "Báo cáo số 3 (m.ậ.t) gửi các đơn vị"},
    "OtherInfo/Appendixes/Appendix": {"handling": Handling(appendixes=("Phụ lục (Mật)",))},
}


@pytest.mark.parametrize("place", PLACES)
def test_a_mark_is_refused_where_it_stands_and_nothing_is_kept(shared: Exchange, place: str) -> None:
    office, marker = shared[GOVERNMENT_OFFICE], secrets.token_hex(16)
    message = office.paper(PROVINCE, **({"content": marker, "subject": marker} | PLACES[place]))
    body, before = office.signed(message), remains(shared)
    answer = office.system.send(body)
    problem = answer.json()
    assert (answer.status_code, problem["type"].rpartition("/")[2]) == (422, "secret-document")
    [found] = problem["findings"]
    assert (found["code"], found["severity"]) == ("qd28.1.2.secret-mark", "error")
    assert found["location"] == f"/edXML/edXMLEnvelope/edXMLHeader/MessageHeader/{place}"
    assert "Luật Bảo vệ bí mật nhà nước 2018 Đ8" in found["source"]
    assert found["fix"]
    assert marker not in json.dumps(problem)
    [event] = events_since(shared, before, outcome="refused")
    assert event["detail"] == {
        "problem": "secret-document",
        "codes": ["qd28.1.2.secret-mark"],
        "sha256": hashlib.sha256(body).hexdigest(),
        "size": len(body),
    }
    assert (event["agency"], bool(event["time"])) == (GOVERNMENT_OFFICE, True)
    assert remains(shared).less_events() == before.less_events()
    assert holds(shared, marker.encode()) == []


def test_a_marked_file_name_is_refused_and_ordinary_words_are_not(shared: Exchange) -> None:
    office = shared[GOVERNMENT_OFFICE]
    attachment = office.paper(PROVINCE).attachments[0]
    for name, status in (("TOI_MAT-12.pdf", 422), ("(Mật) bao-cao.pdf", 422), ("mat-bang-quy-hoach.pdf", 201)):
        named = type(attachment)("1", name, None, "application/zip", zipped("a.pdf", b"%PDF-1.7"))
        answer = office.system.send(office.signed(office.paper(PROVINCE, attachments=(named,))))
        assert answer.status_code == status, answer.text
    for subject in ("V/v bảo vệ bí mật nhà nước", "Bí mật kinh doanh - hướng dẫn", "Mật độ dân số (mật mã, mật ong)"):
        assert office.system.send(office.signed(office.paper(PROVINCE, subject=subject))).status_code == 201, subject
