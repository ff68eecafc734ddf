"""Judging again: what was unknown when a document was accepted becomes known, is written and told, and holds."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography import x509

from app.exchange.rejudge import rejudge, verdict_now
from app.exchange.rejudge_reports import rejudge_reports
from app.findings import Finding, Indication, Severity
from app.ledger.check import check
from app.ledger.divergence import CheckReport
from app.ledger.seal import seal_all
from app.node import Node
from app.registry.model import Scope
from app.store.schema import documents, events
from tests.exchange.mail import Sent, report, send
from tests.support.node import unique
from tests.support.office import (
    PROVINCE,
    Exchange,
    Office,
    created,
    current_seal,
    register_certificate,
)
from tests.support.pki import YEAR, Identity, Pki


def _finding(code: str, severity: Severity) -> Finding:
    return Finding(code, severity, "says", "fix", "source")


UNKNOWN = _finding("rfc5280.6.3.revocation-unknown.no-list", Severity.UNKNOWN)
REVOKED = _finding("rfc5280.6.3.revoked", Severity.ERROR)
LATER = _finding("rfc5280.6.3.revoked-later", Severity.INFO)
NO_PATH = _finding("rfc5280.6.1.no-path", Severity.ERROR)
RULE = _finding("qcvn102.x", Severity.WARNING)
SHA1 = _finding("ours.signature.sha1", Severity.UNKNOWN)


@pytest.mark.parametrize(
    ("earlier", "trust", "indication"),
    [
        ([RULE], [], Indication.TOTAL_PASSED),
        ([RULE], [LATER], Indication.TOTAL_PASSED),
        ([], [REVOKED], Indication.TOTAL_FAILED),
        ([], [REVOKED, UNKNOWN], Indication.TOTAL_FAILED),
        ([], [UNKNOWN], None),
        ([], [NO_PATH], None),
        ([], [NO_PATH, REVOKED], None),
        ([SHA1], [], None),
    ],
)
def test_only_what_became_known_about_revocation_decides(
    earlier: list[Finding], trust: list[Finding], indication: Indication | None
) -> None:
    verdict = verdict_now(earlier, trust)
    assert (verdict.indication if verdict else None) is indication
    if verdict is not None:
        assert set(earlier) <= set(verdict.findings)


class Newcomer:
    """An agency whose certificates come from authorities that publish nothing yet."""

    def __init__(self, exchange: Exchange, stack: ExitStack) -> None:
        self.exchange = exchange
        self.pki = Pki.new(unique("Mới"), slot=700)
        code = f"000.00.00.{unique('N')[-6:].upper()}"
        created(exchange.administrator.post("/v1/trust/anchors", json={"pem": self.pki.root_pem, "name": "Gốc mới"}))
        fields = {"organ_id": code, "name": f"Cơ quan {code}", "tier": "province", "branch": "state"}
        created(exchange.administrator.post("/v1/agencies", json=fields))
        self.seal: Identity = current_seal(self.pki, code, fields["name"])
        register_certificate(exchange.administrator, code, self.seal, self.pki)
        system = stack.enter_context(exchange.running.system(Scope.EXCHANGE, agencies=[code], name=code))
        self.office = Office(code, self.seal, system)

    def publishes(self, *revoked: Identity, at: datetime | None = None) -> None:
        """Let both authorities publish lists, and the administrator take them in."""
        now = datetime.now(UTC).replace(microsecond=0)
        period: dict[str, Any] = {"this_update": now, "next_update": now + YEAR}
        for list_ in (
            self.pki.crl(issuer=self.pki.root, **period),
            self.pki.crl(revoked, at=at or now, reason=x509.ReasonFlags.key_compromise, **period),
        ):
            created(self.exchange.administrator.post("/v1/trust/crls", content=list_))

    def judged_again(self) -> None:
        """Two passes side by side, as of two processes; the worker's own may be a third, which changes nothing."""

        async def passes(node: Node) -> None:
            await asyncio.gather(*(rejudge(node.desk, now=lambda: datetime.now(UTC)) for _ in range(2)))
            await asyncio.gather(*(rejudge_reports(node.desk, now=lambda: datetime.now(UTC)) for _ in range(2)))
            # Else what was laid into inboxes would come into them in a moment of its own.
            await seal_all(node.database, now=datetime.now(UTC))

        self.exchange.running.run(passes)

    def report(self, sent: Sent, office: Office | None = None) -> dict[str, Any]:
        """The newest verification report."""
        system = (office or self.office).system
        return created(system.get(f"/v1/documents/{sent.id}/verification"), 200)

    def events(self, sent: Sent, kind: str) -> list[dict[str, Any]]:
        """Events of a kind about a document, as their bodies say them."""

        async def read(node: Node) -> list[dict[str, Any]]:
            async with node.database.read() as tx:
                query = sa.select(events.c.body).where(events.c.document == sent.id, events.c.kind == kind)
                return [json.loads(body) for body in (await tx.execute(query.order_by(events.c.id))).scalars()]

        return self.exchange.running.run(read)

    def checked(self) -> CheckReport:
        """What a check of the log finds."""
        return self.exchange.running.run(lambda node: check(node.database))


@pytest.fixture
def newcomer(exchange: Exchange) -> Iterator[Newcomer]:
    """On either engine."""
    with ExitStack() as stack:
        yield Newcomer(exchange, stack)


def test_what_was_unknown_and_is_good_is_proven_and_told_to_both_sides(newcomer: Newcomer) -> None:
    sent = send(newcomer.office, PROVINCE)
    assert newcomer.report(sent)["indication"] == "INDETERMINATE"
    newcomer.judged_again()
    assert newcomer.report(sent)["indication"] == "INDETERMINATE", "nothing is known yet"
    newcomer.publishes()
    newcomer.judged_again()
    shown = newcomer.report(sent)
    assert (shown["revision"], shown["indication"]) == (1, "TOTAL-PASSED")
    assert {each["kind"] for each in shown["evidence"]} == {"certificate", "crl"}
    assert all(each["kept"] for each in shown["evidence"])
    times = shown["times"]
    assert times["received_at"] < times["judged_at"]
    [event] = newcomer.events(sent, "document.judged")
    # That it is the digest of the report, the check of the log shows.
    assert len(event["detail"].pop("verification")) == 64
    assert event["detail"] == {"indication": "TOTAL-PASSED", "revision": 1, "codes": []}
    assert event["agency"] == newcomer.office.organ_id
    told = newcomer.events(sent, "notice.available")
    assert {each["agency"] for each in told} == {newcomer.office.organ_id, PROVINCE}
    assert {each["detail"]["notice"] for each in told} == {"judged"}
    [notice] = [each for each in newcomer.office.system.inbox(kind="notice") if each["document"]["id"] == sent.id]
    assert notice["notice"]["kind"] == "judged"
    newcomer.judged_again()
    assert len(newcomer.events(sent, "document.judged")) == 1, "once and for all"
    assert newcomer.checked().consistent


def test_what_was_signed_with_a_revoked_certificate_stays_and_says_so(newcomer: Newcomer) -> None:
    sent = send(newcomer.office, PROVINCE)
    newcomer.publishes(newcomer.seal, at=datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1))
    newcomer.judged_again()
    shown = newcomer.report(sent)
    assert (shown["indication"], shown["signature"]["sub_indication"]) == (
        "TOTAL-FAILED",
        "REVOKED_NO_POE",
    )
    [event] = newcomer.events(sent, "document.judged")
    assert event["detail"]["codes"] == ["rfc5280.6.3.revoked"]
    recipient = newcomer.exchange.offices[PROVINCE]
    assert recipient.system.content(sent.id).content == sent.body, "readable"
    assert newcomer.report(sent, recipient)["indication"] == "TOTAL-FAILED", "and its state is shown"
    assert newcomer.checked().consistent, "and provable"


def test_a_revocation_after_the_receipt_changes_nothing(newcomer: Newcomer) -> None:
    sent = send(newcomer.office, PROVINCE)
    newcomer.publishes(newcomer.seal, at=datetime.now(UTC) + timedelta(seconds=5))
    newcomer.judged_again()
    assert newcomer.report(sent)["indication"] == "TOTAL-PASSED"


def test_an_indication_that_was_changed_by_hand_is_found(newcomer: Newcomer) -> None:
    sent = send(newcomer.office, PROVINCE)
    newcomer.publishes(newcomer.seal, at=datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1))
    newcomer.judged_again()

    def tampered(value: str) -> None:
        async def write(node: Node) -> None:
            async with node.database.write() as tx:
                await tx.execute(documents.update().where(documents.c.id == sent.id).values(indication=value))

        newcomer.exchange.running.run(write)

    tampered("TOTAL-PASSED")
    found = newcomer.checked().divergences
    tampered("TOTAL-FAILED")
    assert [(each.step, each.place) for each in found] == [("(3) documents", sent.id)]
    assert "indication" in found[0].message


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_body_that_is_damaged_holds_up_no_other(newcomer: Newcomer) -> None:
    damaged, whole = send(newcomer.office, PROVINCE), send(newcomer.office, PROVINCE)
    path = newcomer.exchange.running.node.blobs.path_of(damaged.receipt["sha256"])
    path.rename(path.with_suffix(".away"))
    newcomer.publishes()
    newcomer.judged_again()
    assert newcomer.report(whole)["indication"] == "TOTAL-PASSED"
    assert newcomer.report(damaged)["indication"] == "INDETERMINATE", "as it was"
    path.with_suffix(".away").rename(path)
    newcomer.judged_again()
    assert newcomer.report(damaged)["indication"] == "TOTAL-PASSED"


@pytest.mark.parametrize(
    ("revoked", "indication", "codes"), [(False, "TOTAL-PASSED", []), (True, "TOTAL-FAILED", ["rfc5280.6.3.revoked"])]
)
def test_a_status_report_is_judged_again_and_both_sides_are_told(
    newcomer: Newcomer, revoked: bool, indication: str, codes: list[str]
) -> None:
    sent = send(newcomer.exchange[PROVINCE], newcomer.office.organ_id)
    accepted = created(report(newcomer.office, sent, "03"))
    [told] = newcomer.events(sent, "status.accepted")
    assert told["detail"]["indication"] == "INDETERMINATE"
    newcomer.judged_again()
    assert newcomer.events(sent, "status.judged") == [], "nothing is known yet"
    revocation = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    newcomer.publishes(*[newcomer.seal] * revoked, at=revocation)
    newcomer.judged_again()
    [event] = newcomer.events(sent, "status.judged")
    assert event["detail"] == {"report": accepted["id"], "indication": indication, "codes": codes}
    assert event["agency"] == newcomer.office.organ_id
    for office in (newcomer.office, newcomer.exchange[PROVINCE]):
        notices = [each for each in office.system.inbox(kind="notice") if each["document"]["id"] == sent.id]
        assert [each["notice"]["kind"] for each in notices] == ["judged"]
    assert sent.state_at(newcomer.office.organ_id) == "received", "the exchange went on from there"
    newcomer.judged_again()
    assert len(newcomer.events(sent, "status.judged")) == 1, "once and for all"
    assert newcomer.checked().consistent
