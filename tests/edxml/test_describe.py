"""A message as plain JSON values."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings

from app.edxml.attachments import inspect
from app.edxml.describe import describe
from app.edxml.model import DocumentMessage, Handling
from app.markup import parse
from tests.edxml.messages import DOCUMENT, DOCUMENTS, STATUS


def test_a_document() -> None:
    described = describe(DOCUMENT)
    assert described["message_type"] == "document"
    assert described["kind"] == "new"
    assert described["code_text"] == "7816/VPCP-TTĐT"
    assert described["document_type_code"] == "cong-van"
    assert described["document_type_label"] == "Công văn"
    assert described["promulgated_on"] == "2026-09-30"
    assert described["urgency"] == "normal"
    assert described["traces"] == [{"organ_id": "000.00.00.G22", "at": "2026-09-30T02:00:00Z"}]
    assert described["attachments"] == [
        {"content_id": "1", "name": "7816.pdf", "description": None, "content_type": "application/pdf"}
    ]


def test_a_document_with_opened_attachments() -> None:
    summaries, _ = inspect(DOCUMENT, parse(b"<a/>"))
    (attachment,) = json.loads(json.dumps(describe(DOCUMENT, attachments=summaries)))["attachments"]
    assert attachment["media_type"] == "application/pdf"
    assert attachment["wrapped"] is False
    assert len(attachment["sha256"]) == 64


def test_a_status() -> None:
    described = describe(STATUS)
    assert described["message_type"] == "status"
    assert described["status"] == "03"
    assert described["status_name"] == "received"
    assert described["reported_at"] == "2026-10-01T01:00:00Z"


@pytest.mark.parametrize(("priority", "urgency"), [(None, "normal"), (3, "express"), (9, None)])
def test_urgency(priority: int | None, urgency: str | None) -> None:
    assert describe(replace(DOCUMENT, handling=Handling(priority=priority)))["urgency"] == urgency


@settings(max_examples=20, deadline=None)
@given(DOCUMENTS)
def test_any_document_becomes_json_without_its_contents(message: DocumentMessage) -> None:
    written = json.dumps(describe(message))
    for attachment in message.attachments:
        assert not attachment.content or len(str(attachment.content)) < 12 or str(attachment.content) not in written
