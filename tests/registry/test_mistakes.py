"""What clients send wrongly: counted in memory, written by day and rule, bounded, without what documents say."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import Unavailable
from app.findings import Finding, Severity
from app.registry import mistakes
from app.registry.mistakes import CODES_A_DAY_MAX, DAYS_KEPT, FURTHER, UNKNOWN, Mistake, Mistakes, Origin, fitting
from app.registry.unnamed import GONE, on_one_line, unnamed
from app.regulations.calendar import day_of
from app.store.database import Database

AT = datetime(2026, 11, 22, 3, 4, 5, tzinfo=UTC)
CLIENT = "01936b00-0000-7000-8000-000000000001"
OTHER = "01936b00-0000-7000-8000-000000000002"


def finding(code: str = "ours.signature.missing", severity: Severity = Severity.ERROR, **told: str) -> Finding:
    said = {"message": "There is no signature.", "fix": "Sign it.", "source": "ours", "location": "/edXML"} | told
    return Finding(code, severity, **said)


async def written(database: Database, client: str = CLIENT) -> list[tuple[str, int, int]]:
    async with database.read() as tx:
        found = await mistakes.summed(tx, client, since=day_of(AT) - timedelta(days=DAYS_KEPT), limit=100)
    return [(each.code, each.refused, each.accepted) for each in found]


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    try:
        yield database
    finally:
        await database.close()


async def test_counts_of_several_processes_and_days_add_up_with_the_newest_example(database_url: str) -> None:
    one, two = Mistakes(), Mistakes()
    late = AT + timedelta(days=1)
    for at in (AT, AT + timedelta(minutes=1)):
        one.refused(Origin(CLIENT, asked="POST /v1/documents"), [finding(), finding()], at=at)
    one.accepted(Origin(CLIENT), [finding("qcvn102.1.14.spelling", Severity.WARNING)], at=AT)
    two.refused(Origin(CLIENT), [finding(location="/edXML/later")], at=AT + timedelta(minutes=2))
    two.refused(Origin(OTHER), [finding()], at=AT)
    two.accepted(Origin(CLIENT), [finding(severity=Severity.UNKNOWN)], at=late)
    two.accepted(Origin(CLIENT), [finding("ours.trust.unknown", Severity.UNKNOWN)], at=late)
    async with opened(database_url) as database:
        assert (await one.flush(database), await two.flush(database), await two.flush(database)) == (2, 3, 0)
        assert await written(database) == [("ours.signature.missing", 3, 1), ("qcvn102.1.14.spelling", 0, 1)]
        async with database.read() as tx:
            pages = [await mistakes.page_of(tx, CLIENT, limit=1)]
            while pages[-1]:
                last = pages[-1][-1]
                pages.append(await mistakes.page_of(tx, CLIENT, before=(last.day, last.code), limit=1))
            [summed, _] = await mistakes.summed(tx, CLIENT, since=day_of(AT), limit=5)
        shown = [(each.day, each.code, each.refused, each.location) for page in pages for each in page]
        assert shown == [
            (day_of(late), "ours.signature.missing", 0, "/edXML"),
            (day_of(AT), "qcvn102.1.14.spelling", 0, "/edXML"),
            (day_of(AT), "ours.signature.missing", 3, "/edXML/later"),
        ]
        assert (summed.first_at, summed.last_at, summed.day) == (AT, late, day_of(late))

        assert await mistakes.forget_old(database, at=AT + timedelta(days=DAYS_KEPT)) == 0
        assert await mistakes.forget_old(database, at=late + timedelta(days=DAYS_KEPT)) == 3
        assert await written(database, OTHER) == []


async def test_whoever_proves_nothing_is_counted_together_and_fills_nothing(database_url: str) -> None:
    gathered = Mistakes(unknown_max=3)
    for number in range(50):
        gathered.refused(Origin(None, f"made-up-{number}"), [finding("ours.vxp.not-proven")], at=AT)
    gathered.refused(Origin(CLIENT), [finding()], at=AT)
    assert len(gathered) == 5
    async with opened(database_url) as database:
        await gathered.flush(database)
        assert await written(database, UNKNOWN) == [(FURTHER, 47, 0), ("ours.vxp.not-proven", 3, 0)]
        assert await written(database) == [("ours.signature.missing", 1, 0)]


async def test_what_cannot_be_written_waits_and_is_bounded() -> None:
    gathered = Mistakes(waiting_max=2)
    for number in range(5):
        gathered.refused(Origin(CLIENT), [finding(f"ours.made-up.{number}")], at=AT)
    assert len(gathered) == 2
    unreachable = Database("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(Unavailable):
        await gathered.flush(unreachable)
    await unreachable.close()
    assert len(gathered) == 2
    gathered.forget()
    assert await gathered.flush(unreachable) == 0


def test_a_client_has_no_more_codes_a_day_than_it_may() -> None:
    codes = [f"ours.code.{number}" for number in range(CODES_A_DAY_MAX * 2)]
    counted = {
        (CLIENT, day_of(AT), code): Mistake(day_of(AT), code, 1, 0, AT, AT, "", "", "", "", "") for code in codes
    }
    held = [(CLIENT, day_of(AT), f"ours.code.{number}") for number in range(10)]
    found = fitting(counted, held, codes_max=CODES_A_DAY_MAX)
    assert len(found) == CODES_A_DAY_MAX
    assert found[(CLIENT, day_of(AT), FURTHER)].refused == CODES_A_DAY_MAX * 2 - (len(found) - 1)
    assert sum(each.refused for each in found.values()) == CODES_A_DAY_MAX * 2


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Subject 'Về việc bổ nhiệm ông Nguyễn Văn A' is too long.", f"Subject {GONE} is too long."),
        ("the sender's code \"H41's\" is none", f"the sender’s code {GONE} is none"),
        ("hash-file says 5f0a3c41d2e4b7a9c8d1e2f3a4b5c6d7, not this", f"hash-file says {GONE}, not this"),
        ("call 0912345678 or 12", f"call {GONE} or 12"),
        ("SignatureProductionPlace is missing", "SignatureProductionPlace is missing"),
        ("cut off: 'the value goes", f"cut off: {GONE}"),
    ],
)
def test_texts_lose_the_values_they_name(text: str, kept: str) -> None:
    assert unnamed(text, length_max=300) == kept


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60).filter(lambda text: text.strip(" …") != ""), st.integers(1, 80))
def test_whatever_a_finding_quotes_is_not_kept_and_what_is_kept_can_be(value: str, length: int) -> None:
    assert unnamed(f"The code {value!r} is none.", length_max=300) == f"The code {GONE} is none."
    kept = on_one_line(value, length_max=length)
    assert len(kept) <= length
    assert kept.isprintable()
    kept.encode("utf-8")


async def test_what_a_request_says_can_always_be_written(database_url: str) -> None:
    gathered = Mistakes()
    origin = Origin(None, "\x00\ud800" + "x" * 100, "GET /\x00")
    odd = "\x00\ud800" * 400
    gathered.refused(origin, [finding(code=odd, message=odd, fix=odd, location=odd)], at=AT)
    async with opened(database_url) as database:
        assert await gathered.flush(database) == 1
