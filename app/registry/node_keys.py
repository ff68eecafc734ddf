"""Writing down that another key of the node signs."""

from app.ledger.events import EventKind, record
from app.registry.acts import Act
from app.store.database import Database


async def note_rotation(database: Database, act: Act, *, kid: str, previous: str | None, kept_in: str) -> None:
    """Record a rotation that was done.

    Args:
        kid: of the key that signs now.
        previous: of the one that signed before; what an event does not name went wrong before it was written down.
        kept_in: `file` or `token`.

    Raises:
        Unavailable: the database does not answer; the key signs all the same.
    """
    async with database.write() as tx:
        await record(tx, [act.event(EventKind.NODE_KEY_ROTATED, kid=kid, previous=previous, kept_in=kept_in)])


async def note_ledger_rotation(database: Database, act: Act, *, kid: str, previous: str | None) -> None:
    """Record that another key signs checkpoints.

    Args:
        kid: name of the log and hash of the key, as in the published set.
        previous: of the one that signed before.

    Raises:
        Unavailable: the database does not answer; the key signs all the same.
    """
    async with database.write() as tx:
        await record(tx, [act.event(EventKind.LEDGER_KEY_ROTATED, kid=kid, previous=previous)])


async def note_sealing_rotation(database: Database, act: Act, *, number: int, previous: int, resealed: int) -> None:
    """Record that another key seals secrets.

    Args:
        number: of the key that seals now.
        previous: of the one before.
        resealed: how many secrets were sealed again with it.

    Raises:
        Unavailable: the database does not answer; the key seals all the same.
    """
    async with database.write() as tx:
        event = act.event(EventKind.SEALING_KEY_ROTATED, number=number, previous=previous, resealed=resealed)
        await record(tx, [event])
