"""The registry's rows as the check of the log wants them: whole tables, with the events that tell of them."""

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any, Final

import sqlalchemy as sa

from app.store import schema
from app.store.census import texts
from app.store.database import Transaction

TABLES: Final[dict[str, sa.Table]] = {
    "agencies": schema.agencies,
    "certificates": schema.certificates,
    "trust_anchors": schema.trust_anchors,
    "authorities": schema.authorities,
    "crls": schema.crls,
    "evidence": schema.evidence,
    "clients": schema.clients,
    "system_keys": schema.system_keys,
    "webhooks": schema.webhooks,
    "reorganisations": schema.reorganisations,
}
"""Tables whose rows are compared, each by the only column of its primary key."""


async def happened(tx: Transaction, kinds: Collection[str], *, chunk: int) -> AsyncIterator[Sequence[Any]]:
    """Yield kind and body of the events of these kinds: sealed ones in their order, then those that wait."""
    events = schema.events.c
    query = sa.select(events.position, events.id, events.kind, events.body).where(events.kind.in_(kinds))
    after = -1
    sealed = query.where(events.position.is_not(None)).order_by(events.position).limit(chunk)
    while rows := (await tx.execute(sealed.where(events.position > after))).all():
        yield rows
        after = rows[-1].position
    yield (await tx.execute(query.where(events.position.is_(None)).order_by(events.id))).all()


async def rows(tx: Transaction, name: str, *, chunk: int) -> AsyncIterator[Sequence[Any]]:
    """Yield all rows of one of `TABLES` as text, in chunks by key."""
    table = TABLES[name]
    (key,) = table.primary_key.columns
    query = sa.select(*texts(tx, table)).order_by(key).limit(chunk)
    found = (await tx.execute(query)).all()
    while found:
        yield found
        found = (await tx.execute(query.where(key > getattr(found[-1], key.name)))).all()
