"""A check that several processes share finds what one alone finds, in the same order."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import pytest

from app.errors import Unavailable
from app.exchange.receipts import RECEIPT_TYPE
from app.ledger.check import CheckReport, check
from app.ledger.check_parts import Receipts, Split
from app.ledger.check_readers import readers
from app.ledger.verified_before import VerifiedBefore
from app.node import KEYS_FOLDER
from app.signing.ledger_key import LedgerKey
from app.signing.node_key import NodeKey
from app.store.database import Database
from tests.ledger.conftest import Kept

ANOTHER = "'" + "f" * 64 + "'"
FEW = Split(events=8, events_of_documents=12, worth_it=0)
"""Parts so small that a small ledger has many."""

TAMPERED = (
    # Within a part and at either end of one.
    "UPDATE events SET position = 100000 WHERE position = 7",
    "DELETE FROM events WHERE position = 16",
    "UPDATE events SET body = replace(body, '\"v\":2', '\"v\":3') WHERE position = 20",
    "UPDATE events SET tier = 'central', leaf_hash = leaf_hash WHERE position = 33",
    f"UPDATE events SET leaf_hash = {ANOTHER} WHERE position = 34",
    "UPDATE events SET position = -1 WHERE position = 40",
    "UPDATE deliveries SET acknowledged_at = NULL, progress = 'arrived'",
    "UPDATE documents SET size = size + 1 WHERE id = (SELECT id FROM documents ORDER BY id DESC LIMIT 1)",
    "UPDATE status_reports SET receipt = 'no' WHERE id = (SELECT id FROM status_reports ORDER BY id DESC LIMIT 1)",
    "DELETE FROM status_reports WHERE id = (SELECT id FROM status_reports ORDER BY id LIMIT 1)",
    f"UPDATE checkpoints SET root = {ANOTHER}",
)


def _checked(kept: Kept, split: Split, *, since: VerifiedBefore | None = None, **heard: object) -> CheckReport:
    key = NodeKey.open(kept.folder / KEYS_FOLDER)
    split = replace(split, url=kept.url, receipts=Receipts(kept.folder / KEYS_FOLDER, RECEIPT_TYPE))

    async def work() -> CheckReport:
        database = Database(kept.url)
        try:
            return await check(
                database,
                open_receipt=partial(key.verify_jws, typ=RECEIPT_TYPE),
                log_keys=LedgerKey.open(kept.folder / KEYS_FOLDER).verifiers,
                since=since,
                split=split,
                **heard,
            )
        finally:
            await database.close()

    return asyncio.run(work())


def test_processes_that_share_a_check_of_a_sound_log_count_all_of_it_and_tell_how_far_they_are(left: Kept) -> None:
    told: list[tuple[str, int]] = []
    shared = _checked(left, replace(FEW, jobs=3), progress=lambda step, done, _: told.append((step, done)))
    assert shared.consistent, shared.divergences
    assert shared == _checked(left, FEW)
    assert shared.receipts > 0
    for step, most in (("events", shared.size), ("documents", shared.documents)):
        done = [several for name, several in told if name == step]
        assert len(done) > 1
        assert (done, done[-1]) == (sorted(done), most)


def test_what_they_find_is_what_one_finds_in_the_same_order(engine_name: str, request: pytest.FixtureRequest) -> None:
    kept: Kept = request.getfixturevalue({"sqlite": "copied", "postgresql": "kept_on_postgres"}[engine_name])
    kept.execute(*TAMPERED)
    alone, shared = _checked(kept, FEW), _checked(kept, replace(FEW, jobs=2))
    assert alone.found > len(TAMPERED)
    assert shared == alone
    steps = {each.step[:3] for each in alone.divergences}
    assert steps >= {"(1)", "(2)", "(3)", "(4)", "(5)", "(8)", "(11"}


def test_a_check_that_one_began_is_gone_on_with_by_several(copied: Kept) -> None:
    states: list[VerifiedBefore] = []

    def keep(made: Callable[[], VerifiedBefore], *, now: bool = False) -> None:
        states.append(made())

    whole = _checked(copied, FEW, keep=keep)
    kept: Sequence[VerifiedBefore] = [each for each in states if 0 < each.size < whole.size or each.after is not None]
    for begun in (kept[0], kept[-1]):
        gone_on = _checked(copied, replace(FEW, jobs=2), since=begun)
        assert gone_on.consistent, gone_on.divergences
        assert (gone_on.since, gone_on.octets, gone_on.documents) == (begun.size, whole.octets, whole.documents)


def test_a_process_that_does_not_come_to_answer_is_an_error_and_not_a_pass() -> None:
    async def work() -> None:
        async with readers(Split(jobs=2, url="mysql://nobody"), snapshot=None):
            pass

    with pytest.raises(Unavailable, match="not verified"):
        asyncio.run(work())
