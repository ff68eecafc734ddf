"""Parts of a process that dies at a given step: each statement, each commit and each file is one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app.signing.ledger_key import LedgerKey
from app.signing.signed_trees import SignedTree, SignedTrees
from app.store.database import Database, Transaction


class Died(Exception):
    """The process ended here."""


class Steps:
    """Counts what a process does, and ends it.

    Args:
        last: number of the step it does not come to do any more; 0 never ends it.
    """

    def __init__(self, last: int = 0) -> None:
        self.last = last
        self.done = 0

    def take(self) -> None:
        """Do one more."""
        self.done += 1
        if self.done == self.last:
            raise Died


class DyingDatabase(Database):
    """A database whose process dies at a step: at a statement, before a commit or behind it."""

    def __init__(self, real: Database, steps: Steps) -> None:
        self.url, self.dialect, self.changes = real.url, real.dialect, real.changes
        self._real = real
        self._steps = steps

    def read(self) -> Any:
        """Open a transaction for reading."""
        return self._real.read()

    def glance(self) -> Any:
        """Open a transaction for a short look."""
        return self._real.glance()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        """Open a transaction that may not come to its end."""

        def execute(*_arguments: Any) -> None:
            self._steps.take()

        async with self._real.write() as tx:
            sa.event.listen(tx.sync_connection, "before_cursor_execute", execute)
            try:
                yield tx
            finally:
                sa.event.remove(tx.sync_connection, "before_cursor_execute", execute)
            self._steps.take()
        self._steps.take()


class DyingTrees(SignedTrees):
    """A memory of signed trees whose process dies before or behind a write; says what was to be signed."""

    def __init__(self, folder: Path, steps: Steps) -> None:
        super().__init__(folder)
        self._steps = steps
        self.wanted: list[SignedTree] = []

    def advance(self, origin: str, *, seen: SignedTree | None, to: SignedTree) -> bool:
        """Remember, or not."""
        self._steps.take()
        advanced = super().advance(origin, seen=seen, to=to)
        self.wanted += [to] if advanced else []
        self._steps.take()
        return advanced


def dying_key(folder: Path, steps: Steps) -> tuple[LedgerKey, DyingTrees]:
    """Open a key that dies with its process."""
    key, trees = LedgerKey.open(folder), DyingTrees(folder, steps)
    key.signed = trees
    return key, trees
