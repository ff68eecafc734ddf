"""The short way of checking an event lets nothing pass that the long way would not."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.ledger.canonical import canonical_json, leaf_hash
from app.ledger.divergence import CheckReport
from app.ledger.leaf_check import compare, sound
from app.statistics.measures import durations_column, measures_column
from app.store.census import LeafRow

TEXTS = ("client_id", "H41", 'op","agency":"H41', "a\\b", "có dấu", "", "x y", "\n", "\u2028")
DETAILS: tuple[Any, ...] = (
    {},
    {"sha256": "ab", "size": 7},
    {"b": 1, "a": 2},
    {"deep": {"b": [1, {"a": None}]}, "x": True},
    {"minus": -1},
    {"text": 'quo"te', "tab": "\t"},
    {"seconds": 12},
    {"big": 2**53},
    {"half": 0.5},
    {"khóa": 1},
)


def _row(detail: object, texts: list[str | None], written: str | None = None) -> LeafRow:
    actor, agency, tier, document = texts
    columns = {"actor": actor or "", "agency": agency, "tier": tier, "document": document}
    fixed = {"id": "i", "at": "2026-11-22T03:04:05.000000Z", "kind": "delivery.acknowledged", "outcome": "accepted"}
    whole = {name: value for name, value in {**columns, **fixed, "v": 2, "detail": detail}.items() if value is not None}
    body = json.dumps(whole, ensure_ascii=False, sort_keys=True, separators=(",", ":")) if written is None else written
    told = detail if isinstance(detail, dict) else {}
    rest = dict.fromkeys(("branch", "document_type", "peer_tier", "delivery"))
    counted = {"measures": measures_column(fixed["kind"], told), "durations": durations_column(fixed["kind"], told)}
    return LeafRow(position=0, **columns, **fixed, **rest, **counted, body=body, leaf_hash=leaf_hash(body.encode()))


def _long_way(row: LeafRow) -> bool:
    report = CheckReport()
    compare(report, row)
    return report.consistent


_texts = st.lists(st.none() | st.sampled_from(TEXTS), min_size=4, max_size=4)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(DETAILS), _texts, _texts, st.data())
def test_what_passes_the_short_way_passes_the_long_way(
    detail: Any, texts: list[str | None], others: list[str | None], data: st.DataObject
) -> None:
    row = _row(detail, texts)
    at = data.draw(st.integers(0, len(row.body)))
    sign = data.draw(st.sampled_from(["", " ", '"', "0", "-", ",", "\\", '"a":1,']))
    shown = _row(detail, others)
    for body in (row.body, row.body[:at] + sign + row.body[at:], row.body[:at] + sign + row.body[at + 1 :]):
        for each in (row, shown):
            changed = each._replace(body=body)
            assert not sound(changed) or _long_way(changed), body


def test_a_plain_event_passes_the_short_way() -> None:
    for detail in DETAILS[:2]:
        row = _row(detail, ["client", "H41", None, "d"])
        assert canonical_json(json.loads(row.body)) == row.body.encode()
        assert sound(row)


def test_members_that_are_out_of_order_or_there_twice_do_not_pass() -> None:
    for written in (
        '{"b":1,"a":2}',
        '{"a":1,"a":1}',
        '{"a":-0}',
        '{"a":1.0}',
        '{"a":1e3}',
        '{"a": 1}',
        '{"a":"\\u0041"}',
    ):
        row = _row({}, ["client", "H41", None, "d"])
        changed = row._replace(body=row.body.replace('"detail":{}', f'"detail":{written}'))
        assert not sound(changed), written
        assert not _long_way(changed), written
