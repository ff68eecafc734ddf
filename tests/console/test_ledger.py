"""The ledger for auditors: from an event in a document's history to its entry, and what stands under the checkpoint."""

import html
import re

from app.ledger.publish import publish
from app.node import Node
from app.routers import clock
from tests.console.conftest import World


async def _publish(node: Node) -> None:
    await publish(node.publisher, now=clock.now())


def test_an_event_leads_to_its_entry_and_its_proof(world: World) -> None:
    world.seal()
    world.running.run(_publish)
    auditor = world.visitor("auditor")
    history = auditor.get(f"/documents/{world.document['id']}").text
    address = html.unescape(re.findall(r'href="(/ledger\?index=[0-9]+)"', history)[0])
    shown = html.unescape(auditor.get(address).text)
    leaf = re.findall(r'<code class="hash">([0-9a-f]{64})</code>', history)
    assert f'"document":"{world.document["id"]}"' in shown
    assert any(each in shown for each in leaf)
    proof = auditor.http.get(html.unescape(re.findall(r'href="(/v1/ledger/proofs/[^"]+)"', shown)[0])).json()
    assert proof["root"] in shown
    assert all(each in shown for each in proof["hashes"])


def test_the_page_tells_how_to_check_it(world: World) -> None:
    world.running.run(_publish)
    shown = html.unescape(world.visitor("auditor").get("/ledger").text)
    key = world.running.http.get("/v1/ledger/keys").text.strip()
    assert shown.count(key) >= 2
    assert f"truc witness {world.running.url}" in shown
    assert "Chưa khai báo bên làm chứng nào" in shown
    assert "Sổ cái chứng minh rằng điều đã ghi không bị thay đổi" in shown


def test_an_entry_that_is_not_there_is_a_page_that_says_so(world: World) -> None:
    page = world.visitor("auditor").get("/ledger?index=99999999")
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
