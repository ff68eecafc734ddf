"""Walls that import-linter cannot see: who begins a write, who writes to the log, who looks at the clock or the dice.

`make check` proves who imports whom; here the code is read for what it calls.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import app

ROOT = Path(app.__file__).parent

WRITERS = {
    "exchange": "the way of a document",
    "registry": "acts of administrators",
    "ledger/seal.py": "sealing",
    "ledger/publish.py": "checkpoints",
    "ledger/closing.py": "closed months",
    "ledger/cosigning.py": "what witnesses sign under them",
    "ledger/lease.py": "who seals",
    "ledger/rollback.py": "an operator's word that a backup was restored",
    "webhooks": "subscriptions, messages to them, and what became of those",
    "store/migrations.py": "the schema itself",
    "routers/sign_in.py": "sign-ins are events, and the registry knows nothing of tokens",
}
"""Who may begin a writing transaction, by the beginning of its path, and for what."""

PURE = ("edxml", "signing", "markup", "statistics", "ledger", "store", "exchange", "registry", "webhooks", "remote")
"""Rooms that take time as an argument."""

CLOCKS = {
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns", "clock.now",
}  # fmt: skip


@cache
def _parsed() -> dict[str, ast.Module]:
    paths = sorted(ROOT.rglob("*.py"))
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def _modules() -> Iterator[tuple[str, ast.Module]]:
    yield from _parsed().items()


def _calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Yield each call with the dotted end of what is called: `database.write`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            last = owner.attr if isinstance(owner, ast.Attribute) else owner.id if isinstance(owner, ast.Name) else ""
            yield f"{last}.{node.func.attr}", node


@cache
def _called() -> dict[str, frozenset[str]]:
    return {name: frozenset(called for called, _ in _calls(tree)) for name, tree in _modules()}


def _callers_of(*wanted: str) -> set[str]:
    return {name for name, called in _called().items() if not called.isdisjoint(wanted)}


def test_only_these_begin_a_write() -> None:
    found = _callers_of("database.write")
    assert {name for name in found if not name.startswith(tuple(WRITERS))} == set()
    assert all(any(name.startswith(writer) for name in found) for writer in WRITERS)


def test_events_are_written_by_the_ledger_alone_and_recorded_where_state_changes() -> None:
    assert _callers_of("journal.append") == {"ledger/events.py"}
    assert _callers_of("journal.seal", "figures.add", "deliveries.place") == {"ledger/seal.py"}


def test_no_store_function_begins_or_ends_a_transaction() -> None:
    ending = {"tx.commit", "tx.rollback", "tx.begin", "tx.close", "connection.commit", "connection.rollback"}
    assert _callers_of(*ending) <= {"store/database.py"}, "the one place that opens transactions"


def test_rooms_below_the_edge_take_time_as_an_argument() -> None:
    found = {
        (name, called) for name, calls in _called().items() if name.split("/")[0] in PURE for called in calls & CLOCKS
    }
    assert found == set()


def test_a_writing_transaction_waits_for_nothing_but_the_database() -> None:
    """No network, no signing, no thread: what others wait for must not wait itself (style, TRANSACTIONS)."""
    waiting = {
        "asyncio.to_thread", "asyncio.sleep", "asyncio.wait_for", "desk.judge", "loop.run_in_executor", "key.sign_jws",
        "blobs.keep_bytes", "blobs.keep_file", "body.keep",
    }  # fmt: skip
    found = set()
    for name, tree in _modules():
        if "database.write" not in _called()[name]:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.AsyncWith):
                opened = {called for item in node.items for called, _ in _calls(item.context_expr)}
                if "database.write" in opened:
                    found |= {(name, called) for line in node.body for called, _ in _calls(line) if called in waiting}
    assert found == set()


def test_every_module_says_first_what_it_owns() -> None:
    assert [name for name, tree in _modules() if not ast.get_docstring(tree) and tree.body] == []
