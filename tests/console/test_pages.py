"""What pages show: to each role its own, in both languages, escaped; to auditors never what documents say."""

import hashlib
import html
import io
import re
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.node import Node
from app.registry.model import Scope
from tests.console.conftest import ADDRESS, REASON, ROLES, SUBJECT, TRICKY, TRICKY_CODE, Browse, Visitor, World
from tests.exchange.bundles import publish_all
from tests.support.node import running_node
from tests.support.office import (
    COMMUNE,
    GOVERNMENT_OFFICE,
    PARTY,
    PROVINCE,
    current_seal,
    exchange_on,
    register_certificate,
)

ONLOOKERS = ("auditor", "administrator", "statistician", "reader")
"""Roles of those who are no party to any document."""


def paths(world: World) -> list[str]:
    """List every page there is, with the filters that change what it shows."""
    document = world.document
    return [
        "/",
        "/sign-in",
        "/agencies",
        "/agencies?form=1&q=nghe+an&tier=&branch=&status=active",
        "/agencies?parent=000.00.00.H41",
        "/agencies?limit=2",
        f"/agencies/{PROVINCE}",
        f"/agencies/{TRICKY_CODE}",
        "/documents",
        "/documents?box=inbox",
        "/documents?box=outbox",
        f"/documents?box=outbox&agency={PROVINCE}",
        "/documents?box=search",
        f"/documents?box=search&document_id={document['document_id']}",
        f"/documents?box=search&agency={PROVINCE}&role=recipient&from=2026-01-01T00:00:00Z",
        f"/documents/{document['id']}",
        f"/documents/{world.waiting['id']}",
        f"/documents/{document['id']}/verification",
        f"/documents/{document['id']}/verification?revision=9",
        "/log",
        "/log?limit=3",
        f"/log?document_id={document['id']}",
        "/log?from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z",
        "/log.csv",
        "/log.ndjson",
        "/statistics",
        "/statistics?by=agency",
        "/statistics?by=document_type&from=2026-01&to=2026-12",
        "/statistics?by=month&from=2020-01",
        "/statistics.csv?by=agency",
        "/statistics.xlsx?by=agency",
        "/trust",
        "/clients",
        "/clients?limit=2",
        "/clients/unknown",
        f"/clients/{world.credentials['sender'].client_id}",
        "/ledger",
        "/ledger?index=0",
    ]


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("role", ROLES)
def test_every_page_opens_or_says_why_not_and_tells_only_parties_what_a_document_says(
    world: World, role: str, language: str, browse: Browse
) -> None:
    visitor = browse(world.running.url)
    visitor.sign_in(world.credentials[role])
    for path in paths(world):
        mark = "&" if "?" in path else "?"
        page = visitor.get(f"{path}{mark}lang={language}")
        assert page.status_code in (200, 303, 403, 404), f"{path}: {page.status_code} {page.text[-400:]}"
        if role in ONLOOKERS:
            text = html.unescape(page.text)
            for said in (SUBJECT, "mùa lũ", REASON, "cong-van.pdf", "Chánh Văn phòng"):
                assert said not in text, f"{said!r} on {path}"
        if page.headers.get("content-type", "").startswith("text/html") and page.text:
            assert f'<html lang="{language}">' in page.text, path
            assert "<script" not in page.text
            assert "style=" not in page.text
            assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self';")
            assert page.headers["cache-control"] == "no-store"
            assert page.headers["referrer-policy"] == "same-origin"
            assert page.headers["x-frame-options"] == "DENY"
            assert_one_table_header(page.text)


def assert_one_table_header(text: str) -> None:
    """Every table has a caption and scoped headers; every field of a form has a label."""
    for table in re.findall(r"<table.*?</table>", text, re.DOTALL):
        assert "<caption" in table
        assert "<th>" not in table
    for field in re.finditer(r"<(?:input|select)\b(?![^>]*type=\"hidden\")", text):
        before = text[: field.start()]
        assert before.rfind("<label") > before.rfind("</label"), text[field.start() : field.start() + 80]


def test_the_language_is_remembered(world: World, stranger: Visitor, browse: Browse) -> None:
    assert '<html lang="vi">' in stranger.get("/").text
    assert '<html lang="en">' in stranger.get("/?lang=en").text
    assert '<html lang="en">' in stranger.get("/sign-in").text
    assert '<html lang="vi">' in stranger.get("/?lang=vi").text
    assert '<html lang="vi">' in stranger.get("/?lang=fr").text
    page = world.visitor("auditor").get("/log?tier=central&event=document.accepted")
    switch = html.unescape(re.findall(r'<a href="([^"]+)" lang="en"', page.text)[0])
    assert switch == "/log?tier=central&event=document.accepted&lang=en"
    english = browse(world.running.url)
    english.sign_in(world.credentials["auditor"])
    assert "Document accepted" in english.get(switch).text


def test_an_auditor_sees_the_trail_and_is_seen(world: World) -> None:
    visitor = world.visitor("auditor")
    page = visitor.get(f"/documents/{world.document['id']}")
    assert page.status_code == 200
    text = html.unescape(page.text)
    assert "Kiểm tra viên không xem trích yếu" in text
    assert world.document["document_id"] in text
    for happened in ("Tiếp nhận văn bản", "Chuyển vào hộp thư bên nhận", "Bên nhận lấy về", "Báo trạng thái"):
        assert happened in text
    history = world.exchange.auditor.get(f"/v1/documents/{world.document['id']}/history").json()
    for event in history:
        assert event["leaf_hash"] in text or event["event"] == "trail.read"
    assert "đã tiếp nhận" in text
    assert "từ chối tiếp nhận" in text
    for finding in world.document["verification"]["findings"]:
        assert finding["code"] in text
        assert finding["message"] in text
        assert finding["fix"] in text
        assert finding["source"] in text
    world.seal()
    reader = world.credentials["auditor"].client_id
    readings = list(world.exchange.auditor.pages("/v1/audit/events", event="trail.read", actor=reader))
    assert world.document["id"] in {event["document"] for event in readings}


def test_a_verification_report_is_shown_with_what_it_rests_on(world: World) -> None:
    path = f"/documents/{world.document['id']}/verification"
    report = world.exchange[GOVERNMENT_OFFICE].system.get(f"/v1{path}").json()
    for role, language in (("sender", "vi"), ("auditor", "en")):
        visitor = world.visitor(role)
        text = html.unescape(visitor.get(f"{path}?lang={language}").text)
        assert '<div class="verdict good">' in text
        assert report["meaning"][language] in text
        for step in report["steps"]:
            assert step["title_vi" if language == "vi" else "title"] in text
        for certificate in report["certificates"]:
            assert certificate["subject"] in text
        for cited in report["evidence"]:
            assert cited["sha256"] in text
            fetched = visitor.get(f"{path}/evidence/{cited['sha256']}")
            assert hashlib.sha256(fetched.content).hexdigest() == cited["sha256"]
        assert ("cong-van.pdf" in text) == (role == "sender")
        visitor.get("/?lang=vi")


def test_the_page_of_trust_shows_roots_and_where_revocations_come_from(world: World) -> None:
    visitor = world.visitor("administrator")
    for language, state in (("vi", "chưa hỏi"), ("en", "not asked yet")):
        text = html.unescape(visitor.get(f"/trust?lang={language}").text)
        assert world.exchange.pki.root.sha256 in text
        assert ADDRESS in text
        assert state in text
    assert 'href="/trust"' in visitor.get("/?lang=vi").text
    assert 'href="/trust"' not in world.visitor("sender").get("/").text


def test_parties_see_subject_reasons_and_attachments(world: World) -> None:
    for role in ("sender", "recipient", "subtree"):
        text = html.unescape(world.visitor(role).get(f"/documents/{world.document['id']}").text)
        assert SUBJECT in text
        # What one recipient wrote is for the sender and for itself, not for the other recipients.
        assert (REASON in text) == (role != "recipient")
        assert "cong-van.pdf" in text
    assert SUBJECT in world.visitor("recipient").get("/documents?box=inbox").text
    assert SUBJECT in world.visitor("sender").get("/documents?box=outbox").text
    assert "hỏa tốc" in world.visitor("recipient").get("/documents").text


@pytest.mark.parametrize("role", ["sender", "auditor"])
def test_a_document_leads_to_its_evidence(world: World, role: str) -> None:
    visitor, path = world.visitor(role), f"/documents/{world.document['id']}"
    publish_all(world.exchange)
    link = f"{path}/evidence"
    assert f'href="{link}"' in visitor.get(path).text
    bundle = visitor.get(link)
    assert bundle.headers["content-type"] == "application/vnd.etsi.asic-e+zip"
    with zipfile.ZipFile(io.BytesIO(bundle.content)) as archive:
        assert ("document.edxml" in archive.namelist()) == (role == "sender")


def test_a_document_of_others_does_not_exist(world: World, browse: Browse) -> None:
    stranger_to_it = world.running.client(Scope.EXCHANGE, agencies=[PARTY])
    visitor = browse(world.running.url)
    visitor.sign_in(stranger_to_it)
    foreign = visitor.get(f"/documents/{world.document['id']}")
    unknown = visitor.get("/documents/01a20268-cd45-716b-aacc-207fec320086")
    assert foreign.status_code == unknown.status_code == 404

    def general(text: str) -> str:
        return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "", text)

    assert general(foreign.text) == general(unknown.text)


def test_what_others_wrote_is_text(world: World) -> None:
    for path in ("/agencies", f"/agencies/{TRICKY_CODE}", "/agencies?parent=000.00.00.H41", f"/agencies/{PROVINCE}"):
        page = world.visitor("reader").get(path).text
        assert "alert(1)" in page
        assert TRICKY not in page
        assert html.escape(TRICKY, quote=False).split("&amp;")[0].strip() in page
    assert "<b>khẩn" not in world.visitor("recipient").get("/documents?box=inbox").text
    for path in ('/agencies?q="><script>alert(2)</script>', '/log?agency="><img src=x>', "/log?actor=<script>"):
        page = world.visitor("everything").get(path).text
        assert "<script" not in page
        assert "<img src=x" not in page


def test_agencies_are_found_without_accents_and_page_by_page(world: World) -> None:
    visitor = world.visitor("reader")
    page = visitor.get("/agencies?q=nghe an").text
    assert "UBND tỉnh Nghệ An" in page
    assert "Văn phòng Chính phủ" not in page
    found: list[str] = []
    path = "/agencies?limit=2"
    while path:
        page = visitor.get(path).text
        found += re.findall(r'<th scope="row"><a href="/agencies/([^"]+)"', page)
        following = re.findall(r'rel="next" href="([^"]+)"', page)
        path = html.unescape(following[0]) + "&limit=2" if following else ""
    api = [agency["organ_id"] for agency in world.exchange.administrator.pages("/v1/agencies", limit=100)]
    assert found == api


def test_an_agency_has_one_page_under_all_its_codes(world: World) -> None:
    visitor = world.visitor("reader")
    by_alias, by_code = visitor.get("/agencies/H41").text, visitor.get(f"/agencies/{PROVINCE}").text
    for page in (by_alias, by_code):
        assert "<h1>UBND tỉnh Nghệ An" in page
        assert "có hiệu lực" in page
    assert visitor.get("/agencies/H99").status_code == 404
    assert visitor.get("/agencies/%3Cscript%3E").status_code == 404


def test_a_client_of_a_subtree_names_an_agency_first(world: World) -> None:
    visitor = world.visitor("subtree")
    assert "H41.*" in visitor.get("/documents").text
    assert SUBJECT in visitor.get(f"/documents?box=inbox&agency={PROVINCE}").text
    assert visitor.get(f"/documents?box=inbox&agency={GOVERNMENT_OFFICE}").status_code == 403


def test_auditors_find_documents_by_id_agency_and_time(world: World) -> None:
    visitor = world.visitor("auditor")
    link = f'<a href="/documents/{world.document["id"]}">'
    assert link not in visitor.get("/documents").text
    found = {
        "document_id=" + world.document["document_id"]: True,
        "document_id=" + world.document["id"]: True,
        f"agency={GOVERNMENT_OFFICE}": True,
        "agency=G22": True,
        f"agency={COMMUNE}&role=recipient": True,
        f"agency={COMMUNE}": False,
        "document_id=none": False,
        "to=2020-01-01T00:00:00Z": False,
        "from=2020-01-01T00:00:00Z": True,
    }
    for query, expected in found.items():
        assert (link in visitor.get(f"/documents?box=search&{query}").text) == expected, query


def test_the_overview_shows_to_each_what_it_may_see(world: World) -> None:
    shown = {
        "Tháng ": {"auditor", "statistician", "everything"},
        "Sự kiện chờ niêm phong": {"auditor", "statistician", "administrator", "everything"},
        "Chứng thư hết hạn trong 60 ngày": {"administrator", "everything"},
        "Hộp thư của bạn": {"sender", "recipient", "everything"},
        "Danh bạ": set(ROLES),
    }
    for role in ROLES:
        page = world.visitor(role).get("/").text
        for heading, roles in shown.items():
            assert (f"<h2>{heading}" in page or f"</b> {heading}" in page) == (role in roles), (role, heading)


def test_the_overview_names_certificates_before_they_expire(database_url: str, tmp_path: Path, browse: Browse) -> None:
    """On both engines: the query is its own."""
    with running_node(tmp_path / "data", database_url) as running, exchange_on(running, only=(PARTY,)) as exchange:
        now = datetime.now(UTC)
        for name, days in (("Con dấu mới", 61), ("Con dấu giữa", 40), ("Con dấu cũ", 9.5)):
            period = {"not_before": now - timedelta(days=1), "not_after": now + timedelta(days=days)}
            register_certificate(
                exchange.administrator, PARTY, current_seal(exchange.pki, PARTY, name, **period), exchange.pki
            )
        visitor = browse(running.url)
        visitor.sign_in(running.client(Scope.REGISTRY_WRITE))
        page = visitor.get("/").text
        section = page.split("<h2>Chứng thư hết hạn")[1].split("</section>")[0]
        assert "Con dấu cũ" in section
        assert "còn 9 ngày" in section
        assert "Con dấu mới" not in section
        assert section.index("Con dấu cũ") < section.index("Con dấu giữa")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/log?tier=imperial", 400),
        ("/log?cursor=x", 400),
        ("/log?from=yesterday", 400),
        ("/documents/not-a-uuid", 404),
        ("/agencies?limit=0", 400),
        ("/statistics?from=2026-13", 400),
        ("/statistics?from=2026-05&to=2026-01", 400),
        ("/agencies/H41/x", 404),
    ],
)
def test_errors_are_pages_that_say_what_why_and_what_next(world: World, path: str, status: int) -> None:
    page = world.visitor("everything").get(path)
    assert page.status_code == status
    if path == "/agencies/H41/x":
        return
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for heading in ("Chuyện gì đã xảy ra", "Cần làm gì", page.headers["x-request-id"]):
        assert heading in page.text
    assert "Người dùng everything" in page.text


def test_a_fault_of_the_node_is_an_opaque_page(tmp_path: Path, sqlite_url: str, browse: Browse) -> None:
    with running_node(tmp_path / "data", sqlite_url) as running:
        visitor = browse(running.url)
        visitor.sign_in(running.client(Scope.AUDIT))

        async def lose_the_ledger(node: Node) -> None:
            from sqlalchemy import text

            async with node.database.write() as tx:
                await tx.execute(text("DROP TABLE ledger_state"))

        running.run(lose_the_ledger)
        page = visitor.get("/log")
        assert page.status_code >= 500
        assert "Lỗi thuộc về nút" in page.text
        assert page.headers["x-request-id"] in page.text
        assert "ledger_state" not in page.text


def test_the_style_sheet_may_be_kept_for_ever_and_nothing_comes_from_elsewhere(world: World) -> None:
    page = world.visitor("everything").get("/").text
    for address in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert address.startswith(("/", "#")), address
    style = re.findall(r'href="(/static/[^"]+css[^"]*)"', page)[0]
    answer = world.visitor("everything").get(style)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/css")
    assert "immutable" in answer.headers["cache-control"]
    assert "@import" not in answer.text
    assert "url(" not in answer.text
