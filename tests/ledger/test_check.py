"""Checking: whatever is changed behind the log's back is found, by the step that is there for it.

One change from a sound node each; that a change of any column alone is found is what `test_tampering` shows. A history
that was rewritten together with all that follows from it is found by a checkpoint that somebody else keeps, there too.
"""

import asyncio
import json
from pathlib import Path

import pytest

from app.edxml.model import StatusCode
from app.exchange.states import MOVES, Progress
from app.ledger.canonical import canonical_json, leaf_hash
from app.ledger.check import CheckReport, check
from app.ledger.delivery_standing import FORWARD
from app.ledger.divergence import DIVERGENCES_MAX, Divergence, Likely
from app.store.database import Database
from app.store.figures import buckets_of
from app.store.schema import MEASURES
from tests.ledger.conftest import Kept, Tampered
from tests.ledger.recording import refusal, sending, sign_in, write

ORDER, LEAF, DOCUMENTS, DELIVERIES, REPORTS, FIGURES, BODIES, RECEIPTS = (
    "(1) order",
    "(2) leaf",
    "(3) documents",
    "(4) deliveries",
    "(5) reports",
    "(6) figures",
    "(7) bodies",
    "(8) receipts",
)
TREE, CHECKPOINTS = "(10) tree", "(11) checkpoints"

OTHER_ID = "01900000-0000-7000-8000-000000000001"
PAST = "2020-01-01T00:00:00.000000Z"
SHA = "f" * 64


def _one(table: str, column: str = "id", where: str = "true") -> str:
    return f"(SELECT {column} FROM {table} WHERE {where} ORDER BY id LIMIT 1)"


def _set(table: str, values: str, where: str = "true") -> str:
    return f"UPDATE {table} SET {values} WHERE id = {_one(table, where=where)}"


def _id(kept: Kept | Tampered, uuid: str = OTHER_ID) -> str:
    return f"'{uuid.replace('-', '') if kept.url.startswith('sqlite') else uuid}'"


def _copied(table: str, kept: Kept | Tampered, **changes: str) -> str:
    found = kept.rows(
        f"SELECT name FROM pragma_table_info('{table}')"
        if kept.url.startswith("sqlite")
        else f"SELECT column_name FROM information_schema.columns WHERE table_name = '{table}'"
    )
    columns = [name for (name,) in found]
    values = ", ".join({"id": _id(kept), **changes}.get(name, name) for name in columns)
    source = f"SELECT {values} FROM {table} WHERE id = {_one(table)}"
    return f"INSERT INTO {table} ({', '.join(columns)}) {source}"


def _find(kept: Kept | Tampered, step: str, *statements: str) -> CheckReport:
    kept.execute(*statements)
    report = kept.checked(bodies=False)
    assert not report.consistent
    assert step in {each.step for each in report.divergences}, report.divergences
    return report


def test_a_sound_node_is_consistent_and_all_of_it_is_looked_at(left: Kept) -> None:
    report = left.checked()
    assert report.consistent, report.divergences
    assert (report.documents, report.reports, report.deliveries) == (3, 7, 13)
    assert report.bodies == report.receipts == 10
    assert report.unsealed == 0
    [(events,)] = left.rows("SELECT count(*) FROM events")
    [(figures,)] = left.rows("SELECT count(*) FROM figures")
    spreads = sum(len(buckets_of(counts)) for (counts,) in left.rows("SELECT counts FROM durations"))
    assert spreads
    assert (report.size, report.figures) == (events, figures + spreads)
    states = left.rows("SELECT progress, change FROM deliveries WHERE status_report IS NULL ORDER BY id")
    assert sorted(map(str, states)) == sorted(
        map(
            str,
            [
                ("withdrawn", None),
                ("refused", None),
                ("received", "withdrawal_requested"),
                ("available", None),
                ("available", None),
                ("available", None),
            ],
        )
    )


_EVERYWHERE = [
    (ORDER, "DELETE FROM events WHERE position = 5"),
    (ORDER, "UPDATE events SET position = -1 WHERE position = 0"),
    (LEAF, _set("events", "actor = 'somebody'")),
    (DOCUMENTS, _set("documents", f"accepted_at = '{PAST}'")),
    (DOCUMENTS, f"DELETE FROM documents WHERE id = {_one('documents')}"),
    (DELIVERIES, _set("deliveries", "in_inbox = NOT in_inbox")),
    (DELIVERIES, _set("deliveries", "position = NULL")),
    (REPORTS, _set("status_reports", f"id = '{OTHER_ID}'")),
    (FIGURES, "UPDATE figures SET sent = sent + 1"),
    (RECEIPTS, "UPDATE documents SET receipt = ''"),
]


def test_each_step_finds_changes_on_postgresql(kept_on_postgres: Kept) -> None:
    """One after another, each with the divergences of those before it; below, each alone on SQLite."""
    before = set(kept_on_postgres.checked(bodies=False).divergences)
    for step, statement in _EVERYWHERE:
        kept_on_postgres.execute(statement)
        after = set(kept_on_postgres.checked(bodies=False).divergences)
        assert step in {each.step for each in after - before}, (statement, after - before)
        before = after


def test_progress_is_told_to_its_end(left: Kept) -> None:
    told: dict[str, tuple[int, int]] = {}

    async def work() -> None:
        database = Database(left.url)
        await check(database, progress=lambda step, done, total: told.update({step: (done, total)}))
        await database.close()

    asyncio.run(work())
    assert told.keys() == {"events", "documents"}
    assert all(done == total for done, total in told.values())


_LINK_INVENTED = f"""INSERT INTO document_links (document, ordinal, relation, concerned_document_id)
SELECT id, 7, 'answers', 'x' FROM documents WHERE id = {_one("documents")}"""


@pytest.mark.parametrize(
    "statement",
    [
        f"DELETE FROM documents WHERE id = {_one('documents')}",
        "DELETE FROM document_links",
        "UPDATE document_links SET relation = 'revokes'",
        "UPDATE document_links SET concerned_document_id = 'another'",
        _LINK_INVENTED,
    ],
    ids=["deleted", "links-deleted", "link-relation", "link-target", "link-inserted"],
)
def test_a_document_or_link_that_is_gone_changed_or_added_is_found(kept: Tampered, statement: str) -> None:
    _find(kept, DOCUMENTS, statement)


def test_an_invented_document_is_found(kept: Tampered) -> None:
    _find(kept, DOCUMENTS, _copied("documents", kept, document_id="'invented'"))


def test_a_document_under_another_id_is_found(kept: Tampered) -> None:
    _find(kept, DOCUMENTS, _set("documents", f"id = {_id(kept)}"))


def test_contents_of_two_documents_swapped_are_found(kept: Tampered) -> None:
    (one, sha_one), (two, sha_two), *_ = kept.rows("SELECT document_id, sha256 FROM documents ORDER BY id")
    report = _find(
        kept,
        DOCUMENTS,
        f"UPDATE documents SET sha256 = '{sha_two}' WHERE document_id = '{one}'",
        f"UPDATE documents SET sha256 = '{sha_one}' WHERE document_id = '{two}'",
    )
    assert report.found == 2


def test_a_deleted_document_is_found_while_others_wait_to_be_sealed(copied: Kept) -> None:
    """Neither a document whose event waits nor one that was put there hides that one is gone."""
    _write(copied)
    _find(copied, DOCUMENTS, f"DELETE FROM documents WHERE id = {_one('documents')}")


_SENT = "status_report IS NULL"
_TAKEN = "status_report IS NULL AND acknowledged_at IS NOT NULL"
_COVERED = "change IS NOT NULL"


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ("recipient = '000.00.00.A01'", "status_report IS NOT NULL"),
        ("progress = 'completed'", _SENT),
        ("progress = 'available'", _COVERED),
        ("progress = 'withdrawn'", _COVERED),
        ("change = NULL", _COVERED),
        ("change = 'change_accepted'", _COVERED),
        ("change = 'update_requested'", _SENT),
        (f"acknowledged_at = '{PAST}'", _TAKEN),
        (f"acknowledged_at = '{PAST}'", "acknowledged_at IS NULL"),
        ("acknowledged_at = NULL", _TAKEN),
        ("in_inbox = NOT in_inbox", "in_inbox"),
        ("in_inbox = NOT in_inbox", "NOT in_inbox"),
        ("position = NULL", _SENT),
        ("position = position + 1000", _SENT),
        ("status_report = NULL", "status_report IS NOT NULL"),
        (f"status_report = {_one('status_reports')}", _SENT),
        (f"status_report = {_one('status_reports', 'max(cast(id AS text))')}", "status_report IS NOT NULL"),
    ],
    ids=lambda value: value.split(" ")[0] if "=" in value else value.replace(" ", "-"),
)
def test_a_changed_delivery_is_found(kept: Tampered, values: str, where: str) -> None:
    values = values.replace(f"'{OTHER_ID}'", _id(kept))
    if "max(" in values:
        last = "(SELECT id FROM status_reports ORDER BY id DESC LIMIT 1)"
        values = f"status_report = {last}"
    _find(kept, DELIVERIES, _set("deliveries", values, where))


def test_a_delivery_of_another_document_is_found(kept: Tampered) -> None:
    other = "(SELECT id FROM documents ORDER BY id DESC LIMIT 1)"
    _find(kept, DELIVERIES, _set("deliveries", f"document = {other}", _SENT))


@pytest.mark.parametrize("where", [_SENT, "status_report IS NOT NULL"])
def test_a_deleted_delivery_is_found(kept: Tampered, where: str) -> None:
    _find(kept, DELIVERIES, f"DELETE FROM deliveries WHERE id = {_one('deliveries', where=where)}")


@pytest.mark.parametrize("position", ["NULL", "position", "100000"])
def test_an_invented_delivery_is_found(kept: Tampered, position: str) -> None:
    _find(kept, DELIVERIES, _copied("deliveries", kept, position=position))


def test_two_deliveries_that_changed_places_are_found(kept: Tampered) -> None:
    (one, here), (two, there), *_ = kept.rows("SELECT id, position FROM deliveries ORDER BY id")
    _find(
        kept,
        DELIVERIES,
        f"UPDATE deliveries SET position = {there} WHERE id = '{one}'",
        f"UPDATE deliveries SET position = {here} WHERE id = '{two}'",
    )


def test_a_status_report_on_another_document_is_found(kept: Tampered) -> None:
    other = "(SELECT id FROM documents ORDER BY id DESC LIMIT 1)"
    _find(kept, REPORTS, _set("status_reports", f"document = {other}"))


def test_a_deleted_status_report_is_found(kept: Tampered) -> None:
    _find(kept, REPORTS, f"DELETE FROM status_reports WHERE id = {_one('status_reports')}")


def test_an_invented_status_report_is_found(kept: Tampered) -> None:
    _find(kept, REPORTS, _copied("status_reports", kept, sha256=f"'{SHA}'"))


@pytest.mark.parametrize(
    "values",
    [
        "agency = NULL",
        "measures = NULL",
        "body = replace(body, 'accepted', 'refused')",
        "body = ''",
    ],
    ids=lambda values: values.replace(" ", ""),
)
def test_a_changed_event_is_found(kept: Tampered, values: str) -> None:
    where = "kind = 'document.accepted'"
    _find(kept, LEAF, _set("events", values, where))


_DAMAGED = ["", "{}", "[]", "null", "7", "not JSON", '{"b": 1}', "[" * 100_000, '{"detail":7}', '{"x":1.5}', "NaN"]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        *(("document.accepted", body) for body in _DAMAGED),
        *((kind, body) for kind in ("delivery.available", "status.accepted") for body in ("", "[]", '{"detail":7}')),
    ],
    ids=lambda value: value[:20] or "empty",
)
def test_a_body_replaced_together_with_its_hash_is_found(kept: Tampered, kind: str, body: str) -> None:
    values = f"body = '{body}', leaf_hash = '{leaf_hash(body.encode())}'"
    _find(kept, LEAF, _set("events", values, f"kind = '{kind}'"))


def test_bodies_of_two_events_swapped_are_found(kept: Tampered) -> None:
    (one, a, hash_a), (two, b, hash_b) = kept.rows(
        "SELECT id, body, leaf_hash FROM events WHERE kind = 'token.issued' ORDER BY id LIMIT 2"
    )
    report = _find(
        kept,
        LEAF,
        f"UPDATE events SET body = '{b}', leaf_hash = '{hash_b}' WHERE id = '{one}'",
        f"UPDATE events SET body = '{a}', leaf_hash = '{hash_a}' WHERE id = '{two}'",
    )
    steps = [each.step for each in report.divergences]
    assert steps[0] == LEAF
    assert set(steps) == {LEAF, TREE, CHECKPOINTS}
    [tile] = [each for each in report.divergences if each.step == TREE]
    assert tile.likely is Likely.REORDERED


def test_two_deliveries_whose_events_changed_places_are_found(kept: Tampered) -> None:
    (one, here), (two, there) = kept.rows(
        "SELECT id, position FROM events WHERE kind = 'delivery.available' ORDER BY id LIMIT 2"
    )
    _find(
        kept,
        DELIVERIES,
        f"UPDATE events SET position = NULL WHERE id = '{one}'",
        f"UPDATE events SET position = {here} WHERE id = '{two}'",
        f"UPDATE events SET position = {there} WHERE id = '{one}'",
    )


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM events WHERE position = 0",
        "DELETE FROM events WHERE position = 5",
        "DELETE FROM events WHERE position = (SELECT max(position) FROM events)",
        "UPDATE events SET position = NULL WHERE position = 5",
        "UPDATE events SET position = -1 WHERE position = 0",
        "UPDATE events SET position = -1 WHERE position = (SELECT max(position) FROM events)",
        "UPDATE events SET position = 100000 WHERE position = 5",
        "UPDATE ledger_state SET size = size + 1",
        "UPDATE ledger_state SET size = size - 1",
        "UPDATE ledger_state SET size = 0",
        "DELETE FROM ledger_state",
    ],
)
def test_a_gap_or_a_wrong_length_is_found(kept: Tampered, statement: str) -> None:
    _find(kept, ORDER, statement)


@pytest.mark.parametrize("position", ["(SELECT size FROM ledger_state)", "-7", "100000"])
def test_an_invented_event_is_found(kept: Tampered, position: str) -> None:
    _find(kept, ORDER, _copied("events", kept, position=position))


def test_a_log_that_was_cut_short_is_found_by_what_it_no_longer_tells_of(kept: Tampered) -> None:
    cut = "(SELECT max(position) FROM events WHERE kind = 'document.accepted')"
    report = _find(
        kept,
        DOCUMENTS,
        f"UPDATE ledger_state SET size = {cut}",
        f"DELETE FROM events WHERE position >= {cut}",
    )
    assert {each.step for each in report.divergences} >= {DOCUMENTS, DELIVERIES, FIGURES}


def test_each_changed_figure_is_found(kept: Tampered) -> None:
    where = "agency = '000.00.00.H41' AND document_type = 'cong-van' AND peer_tier = ''"
    values = ", ".join(f"{measure} = {measure} + 1" for measure in MEASURES)
    report = _find(kept, FIGURES, f"UPDATE figures SET {values} WHERE {where}")
    assert sorted(each.message.split()[0] for each in report.divergences) == sorted(MEASURES)


_NONE = ", ".join("0" for _ in MEASURES)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM figures WHERE agency = '000.00.00.H41'",
        "UPDATE figures SET month = '2020-01' WHERE agency = '000.00.00.H41'",
        f"INSERT INTO figures VALUES ('2020-01', 'X01', 'central', 'state', 'luat', 'X01', '', {_NONE})",
    ],
)
def test_figures_that_are_gone_moved_or_added_are_found(kept: Tampered, statement: str) -> None:
    _find(kept, FIGURES, statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE durations SET counts = '[]'",
        "UPDATE durations SET counts = 'some'",
        "UPDATE durations SET measure = 'to_moon' WHERE measure = 'to_fetch'",
        "UPDATE durations SET peer_tier = 'moon'",
        "DELETE FROM durations",
        "INSERT INTO durations VALUES ('2020-01', 'X01', 'central', 'state', 'luat', 'X01', '', 'to_fetch', '[7,1]')",
    ],
)
def test_spans_of_time_that_are_gone_moved_or_added_are_found(kept: Tampered, statement: str) -> None:
    _find(kept, FIGURES, statement)


def test_events_of_the_first_version_count_in_the_figures_of_then_alone(kept: Tampered) -> None:
    """Whatever else they say, as nodes wrote it before: the recount leaves the finer figures out."""
    [(position, body), *_] = kept.rows(
        "SELECT position, body FROM events WHERE kind = 'status.accepted' AND measures LIKE '% arrived %' ORDER BY 1"
    )
    older = canonical_json(json.loads(body) | {"v": 1}).decode()
    rewritten = (
        f"body = '{older}', leaf_hash = '{leaf_hash(older.encode())}', measures = ' statuses ', durations = NULL"
    )
    report = _find(kept, FIGURES, f"UPDATE events SET {rewritten} WHERE position = {position}")
    assert {each.step for each in report.divergences} == {FIGURES, TREE, CHECKPOINTS}
    finer = [each.message.split()[0] for each in report.divergences if "a recount" in each.message]
    assert "arrived" in finer
    assert "statuses" not in finer


@pytest.mark.parametrize("table", ["documents", "status_reports"])
def test_receipts_that_were_changed_or_swapped_are_found(kept: Tampered, table: str) -> None:
    (one, mine), (two, other), *_ = kept.rows(f"SELECT id, receipt FROM {table} ORDER BY id")
    kept.execute(f"UPDATE {table} SET receipt = '{other}' WHERE id = '{one}'")
    swapped = _find(kept, RECEIPTS, f"UPDATE {table} SET receipt = '{mine}' WHERE id = '{two}'")
    assert {each.step for each in swapped.divergences} == {RECEIPTS}
    report = _find(kept, RECEIPTS, f"UPDATE {table} SET receipt = 'x' || substr(receipt, 2)")
    assert report.found >= 3


def test_bodies_that_were_changed_or_are_missing_are_found(bodies: Kept) -> None:
    paths = sorted(path for path in (bodies.folder / "bodies").rglob("*") if path.is_file())
    octets = bytearray(paths[0].read_bytes())
    octets[len(octets) // 2] ^= 1
    paths[0].write_bytes(octets)
    paths[1].unlink()
    report = bodies.checked()
    assert [each.step for each in report.divergences] == [BODIES, BODIES]
    assert [each.place for each in report.divergences] == [paths[0].name, paths[1].name]
    assert "hashes to" in report.divergences[0].message
    assert "missing" in report.divergences[1].message
    assert bodies.checked(bodies=False).consistent


def test_a_body_nobody_refers_to_is_no_divergence(bodies: Kept) -> None:
    """A crash between the body and its row leaves an orphan; the log says nothing of it."""
    orphan = bodies.folder / "bodies" / "ff" / "ff" / SHA
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"orphan")
    assert bodies.checked().consistent


def _write(kept: Kept) -> None:
    async def work() -> None:
        database = Database(kept.url)
        await write(database, sending(), events=[sign_in(), refusal()])
        await database.close()

    asyncio.run(work())


def test_events_that_wait_for_their_index_are_told_and_no_divergence(copied: Kept) -> None:
    _write(copied)
    report = check_without_receipts(copied)
    assert report.consistent, report.divergences
    assert report.unsealed == 5
    assert report.documents == 4


def check_without_receipts(kept: Kept) -> CheckReport:
    """Check rows that no node signed receipts for."""

    async def work() -> CheckReport:
        database = Database(kept.url)
        try:
            return await check(database)
        finally:
            await database.close()

    return asyncio.run(work())


def test_a_document_invented_together_with_an_event_that_waits_is_found_by_its_receipt(copied: Kept) -> None:
    _write(copied)
    _find(copied, RECEIPTS)


def test_only_the_first_divergences_are_listed_and_all_are_counted() -> None:
    report = CheckReport()
    for number in range(DIVERGENCES_MAX + 5):
        report.add(ORDER, number, "gone")
    assert report.found == DIVERGENCES_MAX + 5
    assert len(report.divergences) == DIVERGENCES_MAX
    assert report.divergences[0] == Divergence(ORDER, "0", "gone")
    assert not report.consistent


def test_how_far_a_status_says_a_delivery_came_is_told_alike_by_check_and_exchange() -> None:
    """The check tells it a second time on purpose; here the two must agree."""
    said = {
        move.cause.value: move.to_progress.value
        for move in MOVES
        if isinstance(move.cause, StatusCode) and isinstance(move.to_progress, Progress)
    }
    assert said == FORWARD | {"02": "refused", "15": "withdrawn"}


def test_no_event_of_the_traffic_holds_what_people_wrote(left: Kept) -> None:
    """Ids, digests and codes: no subject, no name, no reason, no place, no file name, no address."""
    forbidden = ["kết nối", "Nguyễn", "Cơ quan", "Hà Nội", "Gửi nhầm", "Sai nơi", "pdf", "TL.", "Lý do", "127.0.0.1"]
    for (body,) in left.rows("SELECT body FROM events"):
        assert [word for word in forbidden if word.lower() in body.lower()] == []
        for word in _texts(json.loads(body)):
            assert len(word) <= 120
            assert " " not in word


def _texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner)]
    return [value] if isinstance(value, str) else []


def test_a_node_without_any_traffic_is_consistent(database_url: str, tmp_path: Path) -> None:
    assert check_without_receipts(Kept(database_url, tmp_path)).consistent
