"""What the simulated country is made of: agencies, certificates, papers, plans, counts."""

import random
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from app.client import Answer
from app.edxml import rules
from app.edxml.attachments import inspect
from app.edxml.model import DocumentKind, DocumentMessage, StatusCode
from app.edxml.organ_id import OrganId, OrganIdForm
from app.edxml.read import read
from app.edxml.write import write
from app.markup import parse
from app.signing.path import validate
from app.signing.revocations import Revocation, RevocationIndex, parse_revocation_list
from app.simulation import country, papers, pki, settlement, traffic
from app.simulation.attempts import Attempt
from app.simulation.papers import Draft, Habits, Spelling
from app.simulation.tally import Pending, SimulationFailed, Tally
from tests.support.pki import NOW, YEAR

HABITS = [
    Habits(spelling, old_codes=old, zips=zips, legal_ids=legal)
    for spelling in Spelling
    for old, zips, legal in ((True, True, False), (False, False, True))
]


def _compose(habits: Habits, **draft: Any) -> DocumentMessage:
    sender, *recipients = country.AGENCIES[:3]
    given = {"addressees": tuple((each, habits.code_of(each)) for each in recipients), "sizes": (2000, 40_000)} | draft
    return papers.compose(Draft(sender, **given), habits, number=5, at=NOW, rng=random.Random(1))


def test_all_four_tiers_and_all_branches_take_part() -> None:
    assert {agency.tier for agency in country.AGENCIES} == {"central", "province", "district", "commune"}
    branches = {"party", "state", "assembly", "court", "procuracy", "front", "mass_organisation"}
    assert {agency.branch for agency in country.AGENCIES} == branches


def test_every_code_is_well_formed_in_both_forms_and_nobody_elses() -> None:
    agencies = (*country.AGENCIES, country.SUSPENDED)
    for agency in agencies:
        assert OrganId.parse(agency.code).form is OrganIdForm.HIERARCHICAL
        assert OrganId.parse(agency.old_code).form is OrganIdForm.QCVN
        assert OrganId.parse(agency.code).level_one == OrganId.parse(agency.old_code).level_one
    codes = Counter(code for agency in agencies for code in (agency.code, agency.old_code))
    assert set(codes.values()) == {1}


def test_every_agency_has_one_system_that_may_act_for_it() -> None:
    from app.registry.model import Grant

    for agency in (*country.AGENCIES, country.SUSPENDED):
        acting = [
            system.name
            for system in country.SYSTEMS
            if any(Grant.parse(grant).covers(OrganId.parse(agency.code)) for grant in system.grants)
        ]
        assert acting == [agency.system]


@pytest.mark.parametrize("habits", HABITS, ids=str)
@pytest.mark.parametrize("kind", DocumentKind, ids=lambda kind: kind.slug)
def test_papers_keep_every_rule_however_they_are_spelt(habits: Habits, kind: DocumentKind) -> None:
    concerned = None if kind is DocumentKind.NEW else _compose(habits)
    message = _compose(habits, kind=kind, concerns=concerned)
    markup = parse(papers.respell(write(message), habits.spelling))
    reading = read(markup)
    assert reading.message == message
    assert reading.findings == rules.check(message, at=NOW) == ()
    summaries, findings = inspect(message, markup)
    assert findings == ()
    assert [each.wrapped for each in summaries] == [habits.zips] * 2
    assert {each.media_type for each in summaries} == {"application/pdf"}


def test_a_seed_gives_the_same_paper() -> None:
    assert _compose(HABITS[0]) == _compose(HABITS[0])


def test_status_messages_keep_every_rule() -> None:
    agency = country.AGENCIES[0]
    about = papers.response_for(_compose(HABITS[0]))
    for status in StatusCode:
        message = papers.report(agency, agency.code, about, status, at=NOW, rng=random.Random(1), reason="Lý do")
        reading = read(parse(write(message)))
        assert reading.message == message
        assert rules.check(message, at=NOW) == ()


def test_a_pdf_is_about_as_long_as_wished() -> None:
    for size in (2000, 100_000):
        made = papers.pdf("tài liệu (1)", size, random.Random(1))
        assert made.startswith(b"%PDF-")
        assert abs(len(made) - size) < 300


def test_a_plan_follows_from_its_seed_and_lets_everybody_send() -> None:
    habits = settlement.make_habits()
    planned = traffic.plan(150, seed=1, habits=habits)
    assert planned == traffic.plan(150, seed=1, habits=habits) != traffic.plan(150, seed=2, habits=habits)
    assert len(planned) + sum(each.follow_up is not None for each in planned) == 150
    assert {each.draft.sender.code for each in planned} == {agency.code for agency in country.AGENCIES}
    assert {each.follow_up for each in planned} == {
        None,
        DocumentKind.UPDATE,
        DocumentKind.REPLACEMENT,
        DocumentKind.REVOCATION,
    }
    for each in planned:
        codes = [agency.code for agency, _ in each.draft.addressees]
        assert codes
        assert len(set(codes)) == len(codes)
        assert each.draft.sender.code not in codes


@pytest.mark.parametrize("count", [1, 2, 7])
def test_a_small_plan_is_a_plan(count: int) -> None:
    planned = traffic.plan(count, seed=3, habits=settlement.make_habits())
    assert len(planned) + sum(each.follow_up is not None for each in planned) == count


def test_habits_differ_between_systems() -> None:
    habits = settlement.make_habits()
    assert set(habits) == {system.name for system in country.SYSTEMS}
    assert {each.spelling for each in habits.values()} == set(Spelling)
    for choice in ("old_codes", "zips", "legal_ids"):
        assert {getattr(each, choice) for each in habits.values()} == {True, False}


def test_certificates_are_good_but_for_those_that_are_not() -> None:
    at = NOW.replace(microsecond=0)
    authorities = settlement.make_authorities(at)
    outsiders = settlement.make_outsiders(authorities, at)
    revocations, lists = settlement.own_revocations(authorities, outsiders, at)
    good = authorities.issuer.issue(pki.seal_name("A", "A"), not_before=at - YEAR, not_after=at + YEAR, with_rsa=True)

    def passes(credential: pki.Credential, *, after: timedelta = timedelta()) -> bool:
        return validate(
            credential.certificate,
            intermediates=credential.chain,
            anchors=[authorities.root.certificate],
            revocations=revocations,
            at=at + after,
        ).passed

    assert passes(good)
    assert passes(outsiders.expired)
    assert not passes(outsiders.expired, after=timedelta(minutes=1))
    assert not passes(outsiders.listed)
    assert not passes(outsiders.lookalike)
    assert len(lists) == 2


def test_a_revocation_list_is_its_issuers() -> None:
    at = NOW.replace(microsecond=0)
    authorities = settlement.make_authorities(at)
    seal = authorities.issuer.issue(pki.seal_name("A", "A"), not_before=at - YEAR, not_after=at + YEAR)
    published = authorities.issuer.revocation_list((seal.certificate,), at=at).encode()
    index = RevocationIndex()
    index.add(parse_revocation_list(published, issuers=[authorities.issuer.certificate]))
    assert isinstance(index.standing(seal.certificate, at=at).known, Revocation)


def test_a_tally_tells_each_difference() -> None:
    tally = Tally()
    tally.count("H41", "sent")
    tally.count("", "refused")
    row = {"agency": "H41", "sent": 1, "received": 0, "acknowledged": 0, "statuses": 0, "refused": 0, "withdrawn": 0}
    assert tally.differences([row]) == ["(unknown) refused: counted 1, the node says 0"]
    assert tally.differences([row, {**row, "agency": "", "sent": 0, "refused": 1}]) == []
    assert tally.differences([{**row, "sent": 2}, {**row, "agency": "", "sent": 0, "refused": 1}]) == [
        "H41 sent: counted 1, the node says 2"
    ]


async def test_mail_that_never_comes_is_a_failure() -> None:
    pending = Pending()
    await pending.settled(stall_seconds=0)
    pending.add()
    with pytest.raises(SimulationFailed, match="1 deliveries"):
        await pending.settled(stall_seconds=0.01)
    pending.done()
    await pending.settled(stall_seconds=0)


def test_an_attempt_wants_exactly_its_refusal() -> None:
    async def never() -> Answer:
        raise AssertionError

    def answer(status: int, problem: str, *codes: str) -> Answer:
        findings = [{"code": code, "severity": "error"} for code in codes]
        return Answer(status, b"", {}, {"type": f"https://node/problems/{problem}", "findings": findings})

    attempt = Attempt("unsigned", never, 422, "document-refused", "ours.signature.missing", None)
    assert attempt.as_expected(answer(422, "document-refused", "another", "ours.signature.missing"))
    assert not attempt.as_expected(answer(422, "document-refused", "another"))
    assert not attempt.as_expected(answer(422, "secret-document", "ours.signature.missing"))
    assert not attempt.as_expected(answer(201, "", "ours.signature.missing"))
