"""Clients as pages: administrators see who signs in, what it sends wrongly and what its systems must set."""

import html
import re

from app.worker.upkeep import write_mistakes
from tests.console.conftest import SUBJECT, World
from tests.support.office import GOVERNMENT_OFFICE


def test_an_administrator_sees_what_a_client_sends_wrongly_and_what_its_systems_must_set(world: World) -> None:
    visitor = world.visitor("administrator")
    client = world.exchange[GOVERNMENT_OFFICE].system.client_id
    listing = html.unescape(visitor.get("/clients?limit=500&lang=vi").text)
    assert 'href="/clients" aria-current="page"' in listing
    assert f'href="/clients/{client}"' in listing
    assert "Người dùng auditor" in listing
    assert 'rel="next"' in visitor.get("/clients?limit=1").text

    text = html.unescape(visitor.get(f"/clients/{client}?lang=vi").text)
    # The one document it sent that had been changed after it was signed.
    assert "<code>xmldsig.3.2.1.digest-mismatch</code>" in text
    assert "POST /v1/documents" in text
    # Both documents that were accepted were so in spite of it.
    counts = re.search(r"qcvn102\.2\.1\.trace-missing.*?>0<.*?>2<", text, re.DOTALL)
    assert counts is not None
    assert f"{world.running.url}/vxp" in text
    assert text.count(f'<dd class="mono pick">{GOVERNMENT_OFFICE}</dd>') == 2
    assert "có hiệu lực" in text
    assert "Văn phòng Chính phủ" in text
    for secret in ("Công vắn", SUBJECT, world.credentials["sender"].secret):
        assert secret not in text


def test_what_nobody_known_sends_is_told_apart(world: World) -> None:
    visitor = world.visitor("administrator")
    assert world.running.http.post("/vxp/getReceivedEdocList").json()["status"] == "FAIL"
    world.running.run(write_mistakes)
    text = html.unescape(visitor.get("/clients/unknown?lang=en").text)
    assert "ours.vxp.header-missing" in text
    assert "Call through the SDK" in text


def test_nobody_else_opens_these_pages(world: World) -> None:
    for role in ("auditor", "sender", "statistician"):
        visitor = world.visitor(role)
        assert 'href="/clients"' not in visitor.get("/").text
        for path in ("/clients", "/clients/unknown", f"/clients/{world.credentials['sender'].client_id}"):
            assert visitor.get(path).status_code == 403
    for nobody in ("nobody", "00000000-0000-7000-8000-000000000000", "%00"):
        assert world.visitor("administrator").get(f"/clients/{nobody}").status_code == 404
