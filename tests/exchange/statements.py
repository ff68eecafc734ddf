"""The statements that really reach the database: counted, and explained by it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from app.store.database import Database


@dataclass
class Statements:
    """What was executed, in order; an executemany is one statement."""

    texts: list[str] = field(default_factory=list)
    parameters: list[Any] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def kinds(self) -> list[str]:
        """Verb and table of each, to be read in a failure."""
        return [" ".join(text.split())[:60] for text in self.texts]


_listening: ContextVar[Statements | None] = ContextVar("listening", default=None)


@contextmanager
def statements() -> Iterator[Statements]:
    """Hear what this task executes, on whatever engine; what runs beside it is not heard."""
    heard = Statements()

    def hear(_connection: Any, _cursor: Any, text: str, parameters: Any, _context: Any, _many: bool) -> None:
        if _listening.get() is heard and not text.startswith(("BEGIN", "PRAGMA")):
            heard.texts.append(text)
            heard.parameters.append(parameters)

    sa.event.listen(sa.Engine, "before_cursor_execute", hear)
    token = _listening.set(heard)
    try:
        yield heard
    finally:
        _listening.reset(token)
        sa.event.remove(sa.Engine, "before_cursor_execute", hear)


async def plan_of(database: Database, text: str, parameters: Any) -> str:
    """Ask the database how it would execute a statement."""
    explain = "EXPLAIN QUERY PLAN" if database.dialect == "sqlite" else "EXPLAIN"
    async with database.read() as tx:
        rows = (await tx.exec_driver_sql(f"{explain} {text}", parameters)).all()
    return "\n".join(str(row[-1]) for row in rows)
