"""Reports of documents that were sent: what they say, what they cite, and who may read them."""

from typing import Any

import pytest

from app.exchange.verification_report import TYPE, VERSION
from tests.support.office import GOVERNMENT_OFFICE, PROVINCE, Exchange, created

XML = {"Content-Type": "application/xml"}


def report_of(exchange: Exchange, document: str, organ_id: str = GOVERNMENT_OFFICE, **params: Any) -> dict[str, Any]:
    answer = exchange[organ_id].system.get(f"/v1/documents/{document}/verification", params=params)
    assert answer.status_code == 200, answer.text
    report: dict[str, Any] = answer.json()
    return report


def outcomes(report: dict[str, Any]) -> dict[str, str]:
    return {step["step"]: step["outcome"] for step in report["steps"]}


@pytest.fixture
def sent(exchange: Exchange) -> dict[str, Any]:
    """A document that passed."""
    office = exchange[GOVERNMENT_OFFICE]
    return created(office.system.send(office.signed(office.paper(PROVINCE))))


class TestOfAnAcceptedDocument:
    """The report that was written when it was accepted."""

    def test_every_step_passed_and_the_signature_is_proven(self, exchange: Exchange, sent: dict[str, Any]) -> None:
        report = report_of(exchange, sent["id"])
        assert (report["type"], report["version"], report["document"]) == (TYPE, VERSION, sent["id"])
        assert (report["indication"], report["sub_indication"], report["proven"]) == ("TOTAL-PASSED", None, True)
        assert set(outcomes(report).values()) == {"passed"}
        assert [step["number"] for step in report["steps"]] == list(range(1, 10))
        (signature,) = report["signatures"]
        seal = exchange[GOVERNMENT_OFFICE].seal
        assert (signature["certificate"], signature["agency"], signature["role"]) == (
            seal.sha256,
            GOVERNMENT_OFFICE,
            "seal",
        )
        assert (signature["indication"], signature["intact"]) == ("TOTAL-PASSED", True)
        assert (signature["best_signing_time"], signature["best_signing_time_by"]) == (
            report["times"]["received_at"],
            "receipt",
        )
        assert report["examined"]["sha256"] == sent["sha256"]
