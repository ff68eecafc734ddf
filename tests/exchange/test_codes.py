"""Under which codes agencies exchange, and how what a sender gets wrong is taken: by whom, from when on, until when."""

import secrets
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from app.edxml.model import Organization, StatusCode
from app.edxml.organ_id import OrganId
from tests.exchange.conftest import QUIET
from tests.exchange.mail import enlist, report, send
from tests.support.node import running_node
from tests.support.office import PROVINCE, Exchange, Office, created, exchange_on, refused

TODAY = (datetime.now(UTC) + timedelta(hours=7)).date()
YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
XML = {"Content-Type": "application/xml"}
LONG = "x" * 12
"""A CodeNumber of more characters than the annex allows."""


def change(exchange: Exchange, office: Office, **fields: Any) -> None:
    """Change an agency as an administrator does."""
    created(exchange.administrator.patch(f"/v1/agencies/{office.organ_id}", json=fields), 200)


def _agency(code: str) -> dict[str, str]:
    return {"organ_id": code, "name": f"Cơ quan {code}", "tier": "province", "branch": "state"}


def finding(answer: Any) -> dict[str, Any]:
    """Return the one finding that refuses."""
    [found] = [each for each in answer.json()["findings"] if each["severity"] in ("error", "fatal")]
    return dict(found)


def named(office: Office, code: str, *recipients: str) -> bytes:
    """Write a document of an agency that calls itself so."""
    message = office.paper(*recipients)
    return office.signed(replace(message, sender=replace(message.sender, organ_id=OrganId.parse(code))))


def test_each_form_counts_in_its_time_and_the_other_is_named(exchange: Exchange, stack: ExitStack) -> None:
    """The old form until yesterday, one from tomorrow on, and one that is in force: three aliases of one agency."""
    office, old, new, other = enlist(exchange, stack), *(f"H41.{secrets.token_hex(3).upper()}" for _ in range(3))
    aliases = [{"code": old, "valid_to": str(YESTERDAY)}, {"code": new, "valid_from": str(TOMORROW)}, other]
    change(exchange, office, aliases=aliases)
    for code in (office.organ_id, other):
        assert send(exchange[PROVINCE], code).receipt["deliveries"][0]["recipient"] == office.organ_id
        created(office.system.send(named(office, code, PROVINCE)))
    for code in (old, new):
        to = exchange[PROVINCE].system.send(exchange[PROVINCE].signed(exchange[PROVINCE].paper(code)))
        assert refused(to, 422, "document-refused") == ["ours.route.code-not-in-force"]
        by = office.system.send(named(office, code, PROVINCE))
        assert refused(by, 422, "document-refused") == ["ours.route.sender-code-not-in-force"]
        for answer, place in ((to, "To[1]/OrganId"), (by, "From/OrganId")):
            found = finding(answer)
            assert office.organ_id in found["fix"]
            assert found["location"].endswith(place)
            assert found["source"]
    change(exchange, office, aliases=[{"code": old, "valid_to": str(TODAY)}])
    assert send(exchange[PROVINCE], old).receipt["deliveries"][0]["recipient"] == office.organ_id


def test_a_report_may_name_the_sender_by_a_code_of_former_days(shared: Exchange, stack: ExitStack) -> None:
    office, recipient, old = enlist(shared, stack), enlist(shared, stack), f"H41.{secrets.token_hex(3).upper()}"
    sent = send(office, recipient.organ_id)
    change(shared, office, aliases=[{"code": old, "valid_to": str(YESTERDAY)}])
    assert report(recipient, sent, "01", owner=old).status_code == 201


def test_who_is_no_agency_takes_part_under_the_code_of_its_register(shared: Exchange, stack: ExitStack) -> None:
    """QĐ 20/2020/QĐ-TTg Đ5, Đ6: enterprises, cooperatives and business households; others by a scheme."""
    number = f"{secrets.randbelow(10**8):08}"
    enterprise = enlist(shared, stack, organ_id=f"01{number}", branch="other", tier="commune")
    others = [f"01{number}-001", f"0010{number}", f"Z01HTX{number}", f"Z99{number}.PHONG-1"]
    for code in others:
        fields = {"organ_id": code, "name": f"Hợp tác xã {code}", "tier": "commune", "branch": "other"}
        created(shared.administrator.post("/v1/agencies", json=fields | {"parent": enterprise.organ_id}))
    codes = [enterprise.organ_id, *others]
    sent = send(shared[PROVINCE], *codes)
    assert [each["recipient"] for each in sent.receipt["deliveries"]] == codes
    body = enterprise.signed(enterprise.paper(PROVINCE))
    tried = created(enterprise.system.post("/v1/documents/validate", content=body, headers=XML), 200)
    for findings in (tried["findings"], sent.seen_by(sent.office)["verification"]["findings"]):
        assert "qd20.4.organ-id-nonconforming" not in [each["code"] for each in findings]
    created(enterprise.system.send(body))


def test_what_is_for_a_person_goes_to_the_agency_that_keeps_the_account(exchange: Exchange) -> None:
    """Sửa đổi 1:2022: the OrganId is that of the agency that manages the account; the name may be the person's."""
    office = exchange[PROVINCE]
    to = Organization(OrganId.parse(PROVINCE), name="Ông Nguyễn Văn Mẫu")
    answer = created(office.system.send(office.signed(office.paper(PROVINCE, recipients=(to,)))))
    assert [each["recipient"] for each in answer["deliveries"]] == [PROVINCE]


class TestLeniency:
    """A code of no form and a number over the annex's length, from agencies that are taken differently."""

    CODES = ("qcvn102.1.3.code-number-too-long", "qd20.4.organ-id-nonconforming")

    def of_no_form(self) -> str:
        """Make a code as seen in real traffic."""
        return f"28.22.{secrets.token_hex(3)}"

    def wrong(self, office: Office, odd: str) -> bytes:
        """Write a document with both."""
        message = office.paper(PROVINCE, odd)
        return office.signed(replace(message, code=replace(message.code, number=LONG)))

    def weights(self, office: Office, body: bytes) -> set[str]:
        """Return what both weigh when the document is only tried, and that it would be accepted accordingly."""
        tried = created(office.system.post("/v1/documents/validate", content=body, headers=XML), 200)
        found = {each["code"]: each["severity"] for each in tried["findings"] if each["code"] in self.CODES}
        assert found.keys() == set(self.CODES)
        assert tried["valid"] == ("error" not in found.values())
        return set(found.values())

    def test_the_policy_of_the_day_decides(self, shared: Exchange, stack: ExitStack) -> None:
        office, odd = enlist(shared, stack, organ_id=f"H41.{secrets.token_hex(3).upper()}"), self.of_no_form()
        created(shared.administrator.post("/v1/agencies", json=_agency(odd)))
        begins, ended = {"valid_from": str(TODAY)}, {"valid_to": str(YESTERDAY)}
        for policies, taken in (
            ([], "lenient"),
            ([{"mode": "strict"}], "strict"),
            ([{"mode": "strict"} | ended], "lenient"),
            ([{"mode": "strict", "valid_from": str(TOMORROW)}], "lenient"),
            ([{"mode": "strict"} | begins, {"mode": "lenient"} | ended], "strict"),
            ([{"mode": "lenient"} | begins, {"mode": "strict"} | ended], "lenient"),
        ):
            change(shared, office, policies=policies)
            body = self.wrong(office, odd)
            assert self.weights(office, body) == {"warning" if taken == "lenient" else "error"}
            answer = office.system.send(body)
            if taken == "lenient":
                record = created(office.system.get(f"/v1/documents/{created(answer)['id']}"), 200)
                found = [each for each in record["verification"]["findings"] if each["severity"] == "warning"]
            else:
                refused(answer, 422, "document-refused")
                found = [each for each in answer.json()["findings"] if each["severity"] == "error"]
            assert sorted(each["code"] for each in found if each["code"] in self.CODES) == sorted(self.CODES)
            for each in found:
                assert each["fix"]
                assert each["source"]
                assert each["location"].startswith("/edXML/edXMLEnvelope/edXMLHeader/")

    def test_reports_are_weighed_like_documents(self, shared: Exchange, stack: ExitStack) -> None:
        recipient = enlist(shared, stack, organ_id=f"H41.{secrets.token_hex(3).upper()}")
        sender = enlist(shared, stack, organ_id=self.of_no_form())
        sent = send(sender, recipient.organ_id)
        change(shared, recipient, policies=[{"mode": "strict"}])
        answer = report(recipient, sent, StatusCode.ARRIVED)
        assert refused(answer, 422, "document-refused") == ["qd20.4.organ-id-nonconforming"]
        assert finding(answer)["location"].endswith("ResponseFor/OrganId")
        change(shared, recipient, policies=[])
        assert report(recipient, sent, StatusCode.ARRIVED).status_code == 201

    def test_periods_do_not_overlap_and_run_forward(self, exchange: Exchange) -> None:
        path = f"/v1/agencies/H41.{secrets.token_hex(3).upper()}"
        created(exchange.administrator.post("/v1/agencies", json=_agency(path.rpartition("/")[2])))
        for policies, code in (
            ([{"mode": "strict"}, {"mode": "lenient", "valid_from": str(TODAY)}], "ours.agency.policies-overlap"),
            (
                [
                    {"mode": "strict", "valid_to": str(TODAY)},
                    {"mode": "lenient", "valid_from": str(TODAY)},
                ],
                "ours.agency.policies-overlap",
            ),
            (
                [{"mode": "strict", "valid_from": str(TODAY), "valid_to": str(YESTERDAY)}],
                "ours.agency.dates-reversed",
            ),
        ):
            answer = exchange.administrator.patch(path, json={"policies": policies})
            assert refused(answer, 422, "request-invalid") == [code]
            assert finding(answer)["location"] == "policies"
        unknown = exchange.administrator.patch(path, json={"policies": [{"mode": "harsh"}]})
        refused(unknown, 422, "validation-failed")
        given = [{"mode": "strict", "valid_from": str(TODAY)}, {"mode": "lenient", "valid_to": str(YESTERDAY)}]
        shown = created(exchange.administrator.patch(path, json={"policies": given}), 200)["policies"]
        assert [each["mode"] for each in shown] == ["lenient", "strict"]
        assert created(exchange.administrator.get(path), 200)["policies"] == shown


def test_the_setting_counts_for_agencies_without_a_policy(tmp_path: Any, migrated_sqlite: Any) -> None:
    url = f"sqlite:///{tmp_path / 'node.sqlite'}"
    (tmp_path / "node.sqlite").write_bytes(migrated_sqlite.read_bytes())
    with (
        running_node(tmp_path / "data", url, strict_rules=True, **QUIET) as running,
        exchange_on(running) as exchange,
    ):
        office = exchange[PROVINCE]
        message = office.paper(PROVINCE)
        body = office.signed(replace(message, code=replace(message.code, number=LONG)))
        assert refused(office.system.send(body), 422, "document-refused") == [TestLeniency.CODES[0]]
        change(exchange, office, policies=[{"mode": "lenient", "valid_from": str(TODAY)}])
        created(office.system.send(body))
