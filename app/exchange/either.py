"""The use case of a message of which only its content says whether it is a document or a status.

For the doors of older protocols, which name the kind in a header that their clients get wrong: a StatusCode makes it a
status message, as for every reader of edXML. What follows is what `submit` and `report` do.
"""

from collections.abc import AsyncIterable

from app.edxml.model import StatusMessage
from app.exchange import report, submit
from app.exchange.desk import Clock, Desk
from app.exchange.refuse import Declared, refusals_recorded
from app.exchange.report import Reported
from app.exchange.submit import Accepted
from app.exchange.verify import verify
from app.ledger.events import EventKind
from app.registry.model import Client


async def take(
    desk: Desk, stream: AsyncIterable[bytes], *, declared: Declared, client: Client, now: Clock
) -> Accepted | Reported:
    """Accept a document or a status report from one of the client's agencies.

    Args:
        now: asked once all of the body has arrived; that moment is the time of receipt.

    Returns:
        Only when all of it is durable; the first answer where the same bytes were accepted before.

    Raises:
        SubmissionRejected: any of its kinds; recorded.
        AgencyNotGranted: the client does not act for the sender; recorded.
        DocumentIdTaken: the sender used this DocumentId for other bytes; recorded.
        TransitionNotAllowed: the delivery cannot make the move that is reported; recorded.
        Unavailable: the disk or the database does not answer; nothing was accepted.
    """
    async with refusals_recorded(
        desk, EventKind.DOCUMENT_REFUSED, stream, declared=declared, client=client, now=now
    ) as submission:
        verified = await verify(desk, submission.body, at=submission.received_at)
        if isinstance(verified.message, StatusMessage):
            submission.kind = EventKind.STATUS_REFUSED
            return await report.settle(desk, submission, verified, client=client, once=None)
        return await submit.settle(desk, submission, verified, client=client, once=None)
