"""What waits, as rows, for lists that say of a message no more than from whom it is and since when it waits."""

from collections.abc import Sequence
from functools import cache
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
    alone = len(recipients) == 1
    asked = {
        "whose": recipients[0] if alone else list(recipients),
        "of_kind": kind,
        "behind": position,
        "at_most": limit,
    }
    return (await tx.execute(_behind(alone=alone, reports=kind == "status"), asked)).all()


@cache
def _behind(*, alone: bool, reports: bool) -> sa.Select[*tuple[Any, ...]]:
    """Make the statement once for each form, as of the inbox's pages."""
    message, sender = (status_reports, "reporter") if reports else (documents, "sender")
    return (
        sa.select(
            _shown.id,
            _shown.recipient,
            _shown.position,
            _shown.available_at,
            message.c[sender].label("sender"),
            message.c.accepted_at,
        )
        .join(message, message.c.id == (_shown.status_report if reports else _shown.document))
        .where(*_waiting(alone=alone), _shown.position > sa.bindparam("behind", type_=_shown.position.type))
        .order_by(_shown.position)
        .limit(sa.bindparam("at_most", type_=sa.Integer))
    )


async def nth(
    tx: Transaction, recipients: Sequence[str], *, kind: str, number: int, newest_first: bool = False
) -> int | None:
    """Return the ledger index of one of the deliveries of a kind that wait, counted from 1; None: fewer wait."""
    alone = len(recipients) == 1
    query = (
        sa.select(_shown.position)
        .where(*_waiting(alone=alone))
        .order_by(_shown.position.desc() if newest_first else _shown.position)
        .offset(number - 1)
        .limit(1)
    )
    asked = {"whose": recipients[0] if alone else list(recipients), "of_kind": kind}
    found: int | None = (await tx.execute(query, asked)).scalar_one_or_none()
    return found


def _waiting(*, alone: bool) -> tuple[sa.ColumnElement[bool], ...]:
    whose = sa.bindparam("whose", type_=_shown.recipient.type, expanding=not alone)
    return (
        _shown.in_inbox.is_(sa.true()),
        _shown.position.is_not(None),
        _shown.recipient == whose if alone else _shown.recipient.in_(whose),
        _shown.kind == sa.bindparam("of_kind", type_=_shown.kind.type),
    )
