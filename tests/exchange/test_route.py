"""Where documents go: one delivery an agency, whatever code was written; closed agencies lead to their successors."""

from contextlib import ExitStack
from datetime import date

import pytest

from app.edxml.organ_id import OrganId
from app.exchange.route import SUCCESSION_MAX, missing_successors, route
from app.registry.model import Agency, AgencyStatus, Branch, Tier
from tests.exchange.mail import close, enlist, enlist_many, report, send
from tests.support.office import DISTRICT, GOVERNMENT_OFFICE, PROVINCE, Exchange, created, refused

DAY = date(2026, 11, 22)


def agency(code: str, *, status: AgencyStatus = AgencyStatus.ACTIVE, successor: str | None = None) -> Agency:
    return Agency(
        OrganId.parse(code),
        f"Cơ quan {code}",
        Tier.PROVINCE,
        Branch.STATE,
        status=status,
        successor=OrganId.parse(successor) if successor else None,
    )


def closed(code: str, successor: str | None) -> Agency:
    return agency(code, status=AgencyStatus.CLOSED, successor=successor)


def routed(addressees: list[str], *agencies: Agency) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """(recipient, written code) of each route, (code, location) of each finding."""
    routing = route(addressees, {code.text: each for each in agencies for code in each.codes}, on=DAY)
    routes = [(each.recipient.organ_id.text, each.addressed_to) for each in routing.routes]
    found = [
        (each.code.rpartition(".")[2], (each.location or "").partition("MessageHeader/")[2])
        for each in routing.findings
    ]
    return routes, found


def test_each_addressee_gets_a_route_in_the_order_of_the_document() -> None:
    assert routed(["H03", "H01", "H02"], *map(agency, ("H01", "H02", "H03"))) == (
        [("H03", "H03"), ("H01", "H01"), ("H02", "H02")],
        [],
    )


def test_everybody_who_cannot_be_reached_is_named() -> None:
    assert routed(
        ["H01", "H99", "H02", "H03"], agency("H01"), agency("H02", status=AgencyStatus.SUSPENDED), closed("H03", None)
    ) == (
        [("H01", "H01")],
        [
            ("recipient-unknown", "To[2]/OrganId"),
            ("recipient-suspended", "To[3]/OrganId"),
            ("recipient-closed", "To[4]/OrganId"),
        ],
    )


def test_a_closed_agency_leads_to_the_last_of_its_successors() -> None:
    assert routed(["H01"], closed("H01", "H02"), closed("H02", "H03"), agency("H03")) == (
        [("H03", "H01")],
        [("redirected", "To[1]/OrganId")],
    )


def test_a_closed_agency_and_its_successor_are_one_delivery() -> None:
    for addressees in (["H01", "H02"], ["H02", "H01"]):
        routes, found = routed(addressees, closed("H01", "H02"), agency("H02"))
        assert routes == [("H02", addressees[0])]
        assert [code for code, _ in found] == ["redirected"]


def test_a_successor_that_cannot_be_reached_refuses() -> None:
    assert routed(["H01"], closed("H01", "H02"), agency("H02", status=AgencyStatus.SUSPENDED))[1] == [
        ("recipient-suspended", "To[1]/OrganId")
    ]
    assert routed(["H01"], closed("H01", "H02"))[1] == [("recipient-closed", "To[1]/OrganId")]


@pytest.mark.parametrize("length", [SUCCESSION_MAX, SUCCESSION_MAX + 1])
def test_a_chain_of_successors_is_followed_so_far_and_no_further(length: int) -> None:
    chain = [closed(f"H{number:02}", f"H{number + 1:02}") for number in range(length)]
    routes, found = routed(["H00"], *chain, agency(f"H{length:02}"))
    if length == SUCCESSION_MAX:
        assert routes == [(f"H{length:02}", "H00")]
    else:
        assert (routes, found) == ([], [("recipient-closed", "To[1]/OrganId")])


def test_successors_in_a_circle_come_to_an_end() -> None:
    assert routed(["H01"], closed("H01", "H02"), closed("H02", "H01")) == ([], [("recipient-closed", "To[1]/OrganId")])


def test_only_successors_of_closed_agencies_are_looked_up() -> None:
    known = {
        "H01": closed("H01", "H02"),
        "H03": agency("H03", successor="H04"),
        "H05": closed("H05", "H01"),
    }
    assert missing_successors(known) == {"H02"}


def test_mail_for_a_closed_agency_reaches_its_successor(exchange: Exchange, stack: ExitStack) -> None:
    first, second, last = (enlist(exchange, stack) for _ in range(3))
    close(exchange, first, second)
    close(exchange, second, last)
    sent = send(exchange[DISTRICT], first.organ_id, PROVINCE)

    assert [leg["recipient"] for leg in sent.receipt["deliveries"]] == [last.organ_id, PROVINCE]
    redirected = [
        finding for finding in sent.receipt["verification"]["findings"] if finding["code"] == "ours.route.redirected"
    ]
    [finding] = redirected
    assert (finding["severity"], finding["location"].rpartition("MessageHeader/")[2]) == ("info", "To[1]/OrganId")
    assert first.organ_id in finding["message"]
    assert last.organ_id in finding["message"]
    [leg, _] = sent.seen_by(exchange[DISTRICT])["deliveries"]
    assert (leg["recipient"], leg["addressed_to"]) == (last.organ_id, first.organ_id)
    [item] = last.receive()
    assert item["document"]["id"] == sent.id
    assert last.system.content(sent.id).content == sent.body
    created(report(last, sent, "03"))
    refused(first.system.content(sent.id), 404, "not-found")


def test_a_closed_agency_sends_nothing(exchange: Exchange, stack: ExitStack) -> None:
    gone, successor = enlist(exchange, stack), enlist(exchange, stack)
    close(exchange, gone, successor)
    answer = gone.system.send(gone.signed(gone.paper(PROVINCE)))
    assert refused(answer, 422, "document-refused") == ["ours.route.sender-closed"]


def test_an_alias_is_delivered_under_the_code_of_the_directory(exchange: Exchange) -> None:
    sent = send(exchange[PROVINCE], "G22", GOVERNMENT_OFFICE, "H41.20")
    assert [leg["recipient"] for leg in sent.receipt["deliveries"]] == [GOVERNMENT_OFFICE, DISTRICT]


def test_fifty_recipients_are_told_in_the_same_order_each_time(exchange: Exchange) -> None:
    codes = enlist_many(exchange, 50)
    sender = exchange[PROVINCE]
    sent = send(sender, *reversed(codes))
    assert [leg["recipient"] for leg in sent.receipt["deliveries"]] == codes[::-1]
    assert sender.system.send(sent.body).json() == sent.receipt
    assert [leg["recipient"] for leg in sent.seen_by(sender)["deliveries"]] == codes[::-1]
