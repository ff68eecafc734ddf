"""What is so at this moment: how much waits in inboxes, and how much is overdue."""

from dataclasses import dataclass
from datetime import datetime

from app.statistics.reports import Asked
from app.store import participation as rows
from app.store.database import Database


@dataclass(frozen=True, slots=True)
class Present:
    """Counts of the moment `at`, from deliveries by the indexes that hold nothing but these."""

    at: datetime
    not_yet_fetched: int
    overdue: int


async def present(database: Database, asked: Asked, *, at: datetime) -> Present | None:
    """Return what waits and what is overdue for the agency a report is about, or for all; None for other selections.

    Seen as today, an agency has what waits for those it succeeded as well.
    """
    if asked.equal.keys() - {"agency"}:
        return None
    code = asked.equal.get("agency")
    closed = [old for old, heir in (asked.heirs or {}).items() if heir == code]
    recipients = None if code is None else [code, *closed]
    async with database.read() as tx:
        return Present(at, await rows.waiting_now(tx, recipients), await rows.overdue_now(tx, recipients))
