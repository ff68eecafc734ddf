"""The real case: on 1 July 2025 Hòa Bình (H28) became part of Phú Thọ (H44), and its districts ended."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from app.edxml.model import DocumentKind, StatusCode
from app.ledger.check import check
from app.ledger.seal import seal_all
from app.node import Node
from app.registry.acts import Act
from app.registry.model import Scope
from app.registry.reference import load_reference
from app.registry.reorganisation.shipped import shipped
from tests.support.agency import AgencySystem
from tests.support.node import RunningNode, running_node
from tests.support.office import (
    Office,
    business,
    created,
    current_seal,
    outcomes,
    refused,
    register_certificate,
)
from tests.support.pki import shared_pki

EVE = date(2025, 6, 30)
DAY = date(2025, 7, 1)
OFFICE, HOA_BINH, PHU_THO, DISTRICT, COMMUNE = "G09", "H28", "H44", "H28.20", "H28.20.05"


@dataclass(frozen=True)
class Before:
    """The order of June 2025 with somebody at work in it, and what was sent in it."""

    running: RunningNode
    administrator: AgencySystem
    statistician: AgencySystem
    offices: dict[str, Office]
    sent: dict[str, Any]
    answer: dict[str, Any]

    def reorganise(self) -> None:
        """Let the shipped plan take effect."""
        body = {"Content-Type": "application/json"}
        plan = dict(shipped(DAY).written)
        answer = created(self.administrator.post("/v1/reorganisations", json=plan, headers=body))
        assert answer["state"] == "applied"
        assert {each["organ_id"]: each["count"] for each in answer["effects"]["waiting_deliveries"]["items"]} == {
            HOA_BINH: 1,
            DISTRICT: 1,
        }


@pytest.fixture
def before(database_url: str, tmp_path: Path) -> Iterator[Before]:
    """All level-one codes as of June 2025; a ministry writes to Hòa Bình and a district, Hòa Bình to the ministry."""
    pki = shared_pki()
    with ExitStack() as stack:
        running = stack.enter_context(running_node(tmp_path / "data", database_url, log_level="error"))
        act = Act("operator", datetime.now(UTC))
        running.run(lambda node: load_reference(node.database, as_of=EVE, act=act))
        administrator = stack.enter_context(running.system(Scope.REGISTRY_WRITE))
        created(administrator.post("/v1/trust/anchors", json={"pem": pki.root_pem, "name": "Gốc kiểm thử"}))
        for code, parent, tier in ((DISTRICT, HOA_BINH, "district"), (COMMUNE, DISTRICT, "commune")):
            fields = {"organ_id": code, "name": f"UBND {code}", "tier": tier, "branch": "state", "parent": parent}
            created(administrator.post("/v1/agencies", json=fields))
        offices = {}
        for code in (OFFICE, HOA_BINH, PHU_THO, DISTRICT, COMMUNE):
            seal = current_seal(pki, code, f"Cơ quan {code}")
            register_certificate(administrator, code, seal, pki)
            system = stack.enter_context(running.system(Scope.EXCHANGE, agencies=[code], name=code))
            offices[code] = Office(code, seal, system)
        statistician = stack.enter_context(running.system(Scope.STATISTICS))
        office, hoa_binh = offices[OFFICE], offices[HOA_BINH]
        sent = created(office.system.send(office.signed(office.paper("000.00.00.H28", DISTRICT))))
        answer = created(hoa_binh.system.send(hoa_binh.signed(hoa_binh.paper(OFFICE))))
        assert hoa_binh.receive()
        yield Before(running, administrator, statistician, offices, sent, answer)


def test_phu_tho_answers_for_hoa_binh_and_the_past_stays_hoa_binhs(before: Before) -> None:
    office, phu_tho, hoa_binh = (before.offices[code] for code in (OFFICE, PHU_THO, HOA_BINH))
    month = f"{datetime.now(UTC):%Y-%m}"
    query = {"from": month, "to": month, "by": "agency"}
    counted = _figures(before, query)
    assert (counted[HOA_BINH]["received"], counted[HOA_BINH]["sent"]) == (1, 1)
    _mail_nobody_would_take_over_is_pointed_out(before)
    assert not phu_tho.receive(wait=0)
    before.reorganise()

    # (1) A document to a closed code arrives at the successor, and the sender is told at once and in its inbox.
    late = created(office.system.send(office.signed(office.paper("000.00.00.H28"))))
    assert [each["recipient"] for each in late["deliveries"]] == [PHU_THO]
    assert "ours.route.redirected" in {each["code"] for each in late["verification"]["findings"]}
    told = [each for each in office.receive(kind="notice") if each["document"]["id"] == late["id"]]
    assert [each["notice"]["kind"] for each in told] == ["redirected"]
    district = created(office.system.send(office.signed(office.paper(DISTRICT))))
    assert [each["recipient"] for each in district["deliveries"]] == [PHU_THO], "from district over province to heir"

    # (2) What waited for the closed agencies shows in the successor's inbox, which takes it over for them.
    before.running.run(_sealed)
    waiting = {each["document"]["id"]: each for each in phu_tho.receive()}
    assert waiting.keys() >= {before.sent["id"], late["id"], district["id"]}
    legs = [each["delivery_id"] for each in phu_tho.receive() if each["document"]["id"] == before.sent["id"]]
    assert len(legs) == 2, "Hòa Bình's and its district's"
    ids = {"delivery_ids": legs}
    assert outcomes(phu_tho.system.post("/v1/inbox/acknowledgements", json=ids).json()["items"]) == ["acknowledged"] * 2
    assert not [each for each in hoa_binh.receive(wait=0) if each["document"]["id"] == before.sent["id"]]

    # (3) It reports on them, one after the other, and revokes what the closed agency sent.
    told = {**waiting[before.sent["id"]]["document"]}
    for reported_for in (HOA_BINH, DISTRICT, HOA_BINH):
        report = created(phu_tho.system.report(phu_tho.status(told, StatusCode.RECEIVED, owner=OFFICE)))
        assert (report["recipient"], report["state"]) == (reported_for, "received")
    revocation = phu_tho.paper(
        OFFICE,
        business=business(DocumentKind.REVOCATION, document_id=before.answer["document_id"]),
    )
    created(phu_tho.system.send(phu_tho.signed(revocation)))
    described = phu_tho.system.get(f"/v1/documents/{before.answer['id']}").json()
    assert [each["state"] for each in described["deliveries"]] == ["withdrawal_requested"]

    # (4) Evidence of the past can be read by the successor, and stays under the old code.
    for document in (before.sent, before.answer):
        path = f"/v1/documents/{document['id']}"
        for part in ("", "/content", "/receipt", "/history"):
            assert phu_tho.system.get(f"{path}{part}").status_code == 200, part
    history = phu_tho.system.get(f"/v1/documents/{before.sent['id']}/history").json()
    taken = {each["agency"] for each in history if each["event"] == "delivery.acknowledged"}
    assert taken == {HOA_BINH, DISTRICT}
    assert before.answer["id"] in {each["id"] for each in phu_tho.system.get("/v1/outbox").json()["items"]}

    # (5) The closed agency signs nothing new, and keeps reading what is its own.
    again = hoa_binh.system.send(hoa_binh.signed(hoa_binh.paper(OFFICE)))
    assert refused(again, 422, "document-refused") == ["ours.route.sender-closed"]
    assert hoa_binh.system.get(f"/v1/documents/{before.sent['id']}/content").status_code == 200
    assert phu_tho.system.get("/v1/inbox", params={"agency": HOA_BINH}).status_code == 200
    stranger = before.offices[COMMUNE].system.get("/v1/inbox", params={"agency": HOA_BINH})
    refused(stranger, 403, "agency-not-granted")

    # (6) Figures of what was stay where they were counted.
    figures = _figures(before, query)
    assert (figures[HOA_BINH]["received"], figures[HOA_BINH]["sent"]) == (1, 1)
    assert figures[PHU_THO]["received"] == 2
    assert before.running.run(lambda node: check(node.database)).consistent


async def _sealed(node: Node) -> None:
    await seal_all(node.database, now=datetime.now(UTC))


def _mail_nobody_would_take_over_is_pointed_out(before: Before) -> None:
    step = {"action": "close", "agency": DISTRICT, "children": "none"}
    plan = dict(shipped(DAY).written) | {"steps": [step]}
    tried = before.administrator.post("/v1/reorganisations", json=plan, params={"dry_run": True}).json()
    assert tried["applicable"]
    found = [each["code"] for each in tried["effects"]["findings"]["items"]]
    assert found == ["ours.reorganisation.waiting-unanswered"]
    waiting = {"organ_id": DISTRICT, "count": 1, "answered_by": None}
    assert tried["effects"]["waiting_deliveries"]["items"] == [waiting]


def _figures(before: Before, query: dict[str, str]) -> dict[str, dict[str, Any]]:
    before.running.run(_sealed)
    items = before.statistician.get("/v1/statistics/exchange", params=query).json()["items"]
    return {each["agency"]: each for each in items}
