"""Sealing again what an earlier key of the node sealed, and finding what no key opens (ours, decision 0026)."""

from dataclasses import dataclass
from typing import Final

from app.errors import DataFault
from app.registry.system_keys import sealed_for
from app.signing.sealing_key import SealingKey, sealed_with
from app.store import sealed
from app.store.database import Database, Transaction
from app.store.sealed import Sealed

_CHUNK: Final = 500


@dataclass(frozen=True, slots=True)
class SealedSecrets:
    """How the secrets in a database are.

    Attributes:
        count: how many there are.
        numbers: of the keys they are sealed with.
        unreadable: those that no key here opens, by what they are and their id.
    """

    count: int
    numbers: frozenset[int]
    unreadable: tuple[str, ...]


async def inspect(tx: Transaction, sealing: SealingKey) -> SealedSecrets:
    """Try to open every secret in the database."""
    count, numbers, unreadable = 0, set(), []
    async for some in sealed.everything(tx, chunk=_CHUNK):
        for each in some:
            count += 1
            numbers.add(sealed_with(each.sealed))
            if _opened(sealing, each) is None:
                unreadable.append(f"{each.place} {each.id}")
    return SealedSecrets(count, frozenset(numbers), tuple(unreadable))


async def reseal(database: Database, sealing: SealingKey) -> int:
    """Seal with the newest key what others sealed; what cannot be opened stays as it is.

    A secret that a running node sealed at the same moment may be left over: it still opens, and the next call takes it.

    Returns:
        How many were sealed again.

    Raises:
        Unavailable: the database does not answer; the next call goes on.
    """
    newest = sealing.number
    async with database.read() as tx:
        older = [
            each
            async for some in sealed.everything(tx, chunk=_CHUNK)
            for each in some
            if sealed_with(each.sealed) != newest
        ]
    done = 0
    for start in range(0, len(older), _CHUNK):
        again = [
            (each, sealing.seal(secret, belongs_to=_bound(each)))
            for each in older[start : start + _CHUNK]
            if (secret := _opened(sealing, each)) is not None
        ]
        async with database.write() as tx:
            for each, newly in again:
                done += await sealed.replace(tx, each, newly, key_number=sealed_with(newly))
    return done


def _opened(sealing: SealingKey, each: Sealed) -> bytes | None:
    try:
        return sealing.unseal(each.sealed, belongs_to=_bound(each))
    except DataFault:
        return None


def _bound(each: Sealed) -> str:
    # Subscriptions bind to their id alone.
    return each.id if each.system_id is None else sealed_for(each.id, each.system_id)
