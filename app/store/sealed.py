"""Every column that holds what a key of the node sealed."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from app.store.database import Transaction
from app.store.schema import system_keys, webhooks


@dataclass(frozen=True, slots=True)
class Sealed:
    """One sealed value.

    Attributes:
        place: key of `PLACES`.
        id: of its row.
        system_id: where it is the secret of a system.
    """

    place: str
    id: str
    sealed: bytes
    system_id: str | None


@dataclass(frozen=True, slots=True)
class _Place:
    table: sa.Table
    column: str


PLACES: Final = {
    "system key": _Place(system_keys, "secret"),
    "webhook": _Place(webhooks, "secret"),
    "webhook, earlier secret": _Place(webhooks, "earlier_secret"),
}


async def everything(tx: Transaction, *, chunk: int) -> AsyncIterator[Sequence[Sealed]]:
    """Yield all that is sealed, in chunks by place and id."""
    for name, place in PLACES.items():
        column, key = place.table.c[place.column], place.table.c.id
        system_id = system_keys.c.system_id if place.table is system_keys else sa.null()
        query = sa.select(key, column, system_id).where(column.is_not(None)).order_by(key).limit(chunk)
        rows: Sequence[Any] = (await tx.execute(query)).all()
        while rows:
            yield [Sealed(name, row[0], bytes(row[1]), row[2]) for row in rows]
            rows = (await tx.execute(query.where(key > rows[-1][0]))).all()


async def replace(tx: Transaction, earlier: Sealed, sealed: bytes, *, key_number: int) -> bool:
    """Put another sealing of the same secret in its place; False where it was changed meanwhile.

    Args:
        key_number: of the key it is sealed with now.
    """
    place = PLACES[earlier.place]
    values: dict[str, Any] = {place.column: sealed}
    if place.table is system_keys:
        values["key_number"] = key_number
    same = (place.table.c.id == earlier.id) & (place.table.c[place.column] == earlier.sealed)
    return bool((await tx.execute(place.table.update().where(same).values(values))).rowcount)
