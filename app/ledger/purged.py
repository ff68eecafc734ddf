"""What was thrown away by the rules of retention, as the check of the log sees it: each mark has its event.

A body may be missing only where an event says so, for the same digest; and what an event says is gone is marked so.
"""

from collections.abc import Iterable
from typing import Any, Final

from app.ledger.divergence import CheckReport
from app.ledger.events import instant_text
from app.ledger.said import said_by
from app.store import retention
from app.store.database import Transaction

STEP: Final = "(7) bodies"
_CHUNK: Final = 1_000


async def check_purged(tx: Transaction, report: CheckReport) -> None:
    """Compare the marks of documents and status reports with the events that tell of them."""
    marked = 0
    for statuses in (False, True):
        after = ""
        while rows := await retention.marked(tx, statuses=statuses, after=after, limit=_CHUNK):
            told = _told(await retention.purges_of(tx, sorted({row.document for row in rows})), statuses=statuses)
            for row in rows:
                said = told.get(row.id, [])
                if len(said) != 1:
                    report.add(STEP, row.id, f"it is marked as purged, {len(said)} events say so")
                    continue
                kept = {"sha256": row.sha256, "purged_at": instant_text(row.purged_at)}
                report.compare(STEP, row.id, kept=kept, said=said[0])
            marked += len(rows)
            after = rows[-1].id
    events = await retention.count_purges(tx)
    if events != marked:
        report.add(STEP, "all", f"{events} bodies were purged by the log, {marked} are marked so")


def _told(events: Iterable[Any], *, statuses: bool) -> dict[str, list[dict[str, object]]]:
    """Return what events say of each document, or of each status report."""
    told: dict[str, list[dict[str, object]]] = {}
    for event in events:
        said = said_by(event)
        if ("report" in said.detail) is not statuses:
            continue
        of = str(said.detail["report"] if statuses else said.whole.get("document"))
        told.setdefault(of, []).append({"sha256": said.detail.get("sha256"), "purged_at": said.whole.get("at")})
    return told
