"""What waits, as rows, for lists that say of a message no more than from whom it is and since when it waits."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from app.store.database import Transaction
from app.store.schema import deliveries, documents, status_reports

_shown = deliveries.c


async def behind(
    tx: Transaction, recipients: Sequence[str], *, kind: str, position: int, limit: int
) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    """Return what waits for these recipients behind a ledger index, in the order of the ledger.

    Args:
        kind: `document` or `status`.
    """
    message, sender = (status_reports, "reporter") if kind == "status" else (documents, "sender")
    stands_in = _shown.status_report if kind == "status" else _shown.document
    query = (
        sa.select(
            _shown.id,
            _shown.recipient,
            _shown.position,
            _shown.available_at,
            message.c[sender].label("sender"),
            message.c.accepted_at,
        )
        .join(message, message.c.id == stands_in)
        .where(*_waiting(recipients, kind), _shown.position > position)
        .order_by(_shown.position)
        .limit(limit)
    )
    return (await tx.execute(query)).all()


async def nth(
    tx: Transaction, recipients: Sequence[str], *, kind: str, number: int, newest_first: bool = False
) -> int | None:
    """Return the ledger index of one of the deliveries of a kind that wait, counted from 1; None: fewer wait."""
    query = (
        sa.select(_shown.position)
        .where(*_waiting(recipients, kind))
        .order_by(_shown.position.desc() if newest_first else _shown.position)
        .offset(number - 1)
        .limit(1)
    )
    found: int | None = (await tx.execute(query)).scalar_one_or_none()
    return found


def _waiting(recipients: Sequence[str], kind: str) -> tuple[sa.ColumnElement[bool], ...]:
    one = len(recipients) == 1
    return (
        _shown.in_inbox.is_(sa.true()),
        _shown.position.is_not(None),
        _shown.recipient == recipients[0] if one else _shown.recipient.in_(recipients),
        _shown.kind == kind,
    )
