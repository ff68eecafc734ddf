"""What an event is: a closed list of kinds, ids and digests and codes, one form of time."""

import ast
import json
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

import app.ledger.events
from app.ids import new_id
from app.ledger.canonical import canonical_json, leaf_hash
from app.ledger.events import BODY_OCTETS_MAX, Event, EventKind, Outcome, Standing, instant_text, record
from app.statistics.measures import durations_column, measures_column
from app.store.database import Database
from app.store.schema import events

AT = datetime(2026, 11, 22, 3, 4, 5, 678900, tzinfo=UTC)
STANDING = Standing("000.00.00.H41", "province", "state")


def _event(**changes: Any) -> Event:
    fields = {"id": new_id(), "kind": EventKind.DOCUMENT_ACCEPTED, "at": AT, "actor": "client"} | changes
    return Event(**fields)


def _members_and_sentences(enum: str) -> dict[str, str]:
    tree = ast.parse(Path(app.ledger.events.__file__).read_text(encoding="utf-8"))
    [found] = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == enum]
    body = found.body[1:]
    sentences = {}
    for line, below in zip(body, [*body[1:], None], strict=True):
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name):
            said = below.value.value if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) else ""
            sentences[line.targets[0].id] = str(said)
    return sentences


@pytest.mark.parametrize(("enum", "members"), [("EventKind", EventKind), ("Outcome", Outcome)])
def test_every_member_has_its_sentence(enum: str, members: Any) -> None:
    sentences = _members_and_sentences(enum)
    assert sentences.keys() == set(members.__members__)
    assert {name for name, said in sentences.items() if not re.fullmatch(r"[A-Z][^.]*\..*", said, re.DOTALL)} == set()


def test_kinds_are_named_thing_and_happening_and_fit_their_column() -> None:
    for kind in EventKind:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*", kind.value)
        assert len(kind.value) <= 40


def test_the_body_holds_what_is_known_and_nothing_else() -> None:
    event = _event(standing=STANDING, document_type="cong-van", document=new_id(), detail={"sha256": "ab"})
    body = json.loads(event.body())
    assert body == {
        "v": 2,
        "id": event.id,
        "kind": "document.accepted",
        "at": "2026-11-22T03:04:05.678900Z",
        "actor": "client",
        "outcome": "accepted",
        "agency": "000.00.00.H41",
        "tier": "province",
        "branch": "state",
        "document_type": "cong-van",
        "document": event.document,
        "detail": {"sha256": "ab"},
    }
    assert event.body() == canonical_json(body)


def test_an_event_of_nobody_has_no_agency_in_its_body() -> None:
    assert json.loads(_event(kind=EventKind.ANCHOR_ADDED).body()).keys() == {
        "v", "id", "kind", "at", "actor", "outcome", "detail",
    }  # fmt: skip


@given(st.datetimes(timezones=st.timezones()))
def test_moments_have_one_form_whatever_their_zone(moment: datetime) -> None:
    try:
        utc = moment.astimezone(UTC)
    except OverflowError:
        return
    text = instant_text(moment)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", text)
    assert datetime.fromisoformat(text) == utc


def test_two_writings_of_one_moment_are_one_text() -> None:
    hanoi = AT.astimezone(timezone(timedelta(hours=7)))
    assert instant_text(hanoi) == instant_text(AT) == "2026-11-22T03:04:05.678900Z"


async def test_what_is_recorded_is_kept_with_its_leaf_hash_and_its_columns(database_url: str) -> None:
    database = Database(database_url)
    event = _event(standing=STANDING, document_type="cong-van", detail={"signed": True, "paper": False})
    async with database.write() as tx:
        await record(tx, [event])
        await record(tx, [])
    async with database.read() as tx:
        [row] = (await tx.execute(sa.select(events))).all()
    await database.close()
    assert row.body.encode() == event.body()
    assert row.leaf_hash == leaf_hash(event.body())
    assert (row.id, row.at, row.kind, row.actor) == (event.id, AT, "document.accepted", "client")
    assert (row.agency, row.tier, row.branch) == ("000.00.00.H41", "province", "state")
    assert row.measures == " sent signed electronic_only "
    assert row.position is None


def test_every_figure_and_span_of_an_event_fits_its_column() -> None:
    reached = ["arrived", "received", "assigned", "in_progress", "completed"]
    details: list[dict[str, Any]] = [
        {"signed": True, "paper": False, "kind": "replacement", "on_time": False},
        {"status": "06", "reached": reached, "on_time": True, "seconds": 10**17},
        {"status": "02", "reached": ["refused"], "seconds": 10**17},
        {"status": "13", "change": "requested", "reached": [], "seconds": 10**17},
        {"status": "15", "change": "accepted", "reached": reached[:2], "seconds": 10**17},
    ]
    told = [(kind.value, detail) for kind in EventKind for detail in details]
    assert max(len(measures_column(*each) or "") for each in told) <= events.c.measures.type.length
    assert max(len(durations_column(*each) or "") for each in told) <= events.c.durations.type.length


async def test_an_event_that_fits_no_entry_of_a_log_is_not_recorded(database_url: str) -> None:
    """C2SP tlog-tiles writes the length of an entry in two octets."""
    database = Database(database_url)
    room = BODY_OCTETS_MAX - len(_event(detail={"codes": ""}).body())
    longest, longer = _event(detail={"codes": "x" * room}), _event(detail={"codes": "x" * room + "x"})
    assert len(longest.body()) == 65_535
    async with database.write() as tx:
        await record(tx, [longest])
        with pytest.raises(ValueError, match="65536 octets"):
            await record(tx, [longer])
    await database.close()
