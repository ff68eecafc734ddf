"""An administrator's act: who does it, when, and whether it was done before.

Every use case of this room that changes something takes an `Act` and gives a `Done`: the state change, its events and
the memory of its Idempotency-Key are one transaction.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter

from app.ids import new_id
from app.ledger.canonical import JsonValue
from app.ledger.events import Event, EventKind, Standing
from app.registry.once import Once
from app.store.database import Transaction

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Act:
    """The circumstances of a change.

    Attributes:
        actor: client id, or `operator` on the node's own command line.
        at: when it is decided, UTC.
        once: the request's Idempotency-Key, where it has one.
    """

    actor: str
    at: datetime
    once: Once | None = None

    def event(self, kind: EventKind, standing: Standing | None = None, **detail: JsonValue) -> Event:
        """Make an event of this act.

        Args:
            detail: ids, digests and codes; those that are None are left out.
        """
        kept = {name: value for name, value in detail.items() if value is not None}
        return Event(id=new_id(), kind=kind, at=self.at, actor=self.actor, standing=standing, detail=kept)

    async def before(self, tx: Transaction, kind: type[T]) -> "Done[T] | None":
        """Return what this request brought about when it was first sent, None where it is new.

        To be called first in the writing transaction: from here on, nobody else does the same request.

        Raises:
            IdempotencyKeyReused: the key belongs to another request.
        """
        return _again(kind, await self.once.claim(tx)) if self.once is not None else None

    async def told(self, tx: Transaction, kind: type[T]) -> "Done[T] | None":
        """Return the same in a reading transaction, for acts that have much to decide before they write.

        Raises:
            IdempotencyKeyReused: the key belongs to another request.
        """
        return _again(kind, await self.once.earlier(tx)) if self.once is not None else None

    async def done(self, tx: Transaction, value: T) -> "Done[T]":
        """Remember what the act brought about, to be told again when the request is.

        Args:
            value: without secrets, for it is stored.
        """
        if self.once is not None:
            await self.once.remember(tx, _adapter(type(value)).dump_python(value, mode="json"))
        return Done(value)


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """What an act brought about.

    Attributes:
        value: as it was right after the act.
        replayed: whether an earlier request under the same Idempotency-Key did it, and this is its answer again.
    """

    value: T
    replayed: bool = field(default=False, kw_only=True)


def _again(kind: type[T], answer: Any | None) -> Done[T] | None:
    return None if answer is None else Done(_adapter(kind).validate_python(answer), replayed=True)


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
