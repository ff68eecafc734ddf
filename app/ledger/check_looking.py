"""Looking at one part of the log by the steps of the check, for somebody else who writes the report."""

from app.ledger.check_parts import DocumentsAsked, EventsAsked, SoundDocuments, SoundEvents
from app.ledger.divergence import CheckReport
from app.ledger.events_check import EventsCheck
from app.ledger.recounted import Recount
from app.ledger.retelling import OpenReceipt, Retelling
from app.store import census
from app.store.database import Transaction


async def sound_events(tx: Transaction, asked: EventsAsked) -> SoundEvents | None:
    """Look at events by steps (1) and (2).

    Raises:
        DataFault: a row is damaged so that it cannot be read at all.
    """
    expected = asked.until + 1 - asked.first
    # One more than there may be, so that one too many is seen.
    rows = await census.events_after(tx, asked.after, expected + 1, until=asked.until)
    report = CheckReport(size=asked.until + 1)
    touched: set[str] | None = set() if asked.touched else None
    recount = Recount() if asked.counted else None
    events = EventsCheck(tx, report, recount, None, touched=touched)
    leaves = await events.compared(rows, first=asked.first)
    if report.found or report.passed_over or len(rows) != expected or len(leaves) != expected:
        return None
    counted = [] if recount is None else list(recount.lines())
    return SoundEvents(report.octets, sorted(touched or ()), counted, b"".join(leaves))


async def sound_documents(
    tx: Transaction, asked: DocumentsAsked, open_receipt: OpenReceipt | None
) -> SoundDocuments | None:
    """Look at documents by steps (3), (4), (5) and (8).

    Raises:
        DataFault: a row is damaged so that it cannot be read at all.
    """
    report = CheckReport()
    Retelling(tx, report, open_receipt).part(await census.part(tx, after=asked.after, until=asked.until))
    if report.found or report.passed_over:
        return None
    return SoundDocuments(report.documents, report.deliveries, report.reports, report.receipts)
