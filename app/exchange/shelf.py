"""Keeping what reports cite, so that it can be fetched and checked again years later.

Written once: every document of an agency cites the same certificates and lists, so what is known to be kept costs
nothing more. It happens before the document's own transaction; what a document that is then not accepted had cited
stays, and harms nobody.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from app.store import evidence as rows
from app.store.database import Database

REMEMBERED_MAX: Final = 20_000
"""Digests known to be kept; each takes about 200 bytes."""


class Material(StrEnum):
    """What a piece of evidence is."""

    CERTIFICATE = "certificate"
    """X.509, DER (RFC 5280 §4)."""
    CRL = "crl"
    """A list of revoked certificates, DER (RFC 5280 §5)."""
    OCSP = "ocsp"
    """An answer about one certificate, DER (RFC 6960)."""
    TIMESTAMP = "timestamp"
    """A token that proves a time, DER (RFC 3161)."""


@dataclass(frozen=True, slots=True)
class Cited:
    """One piece of evidence that a report cites.

    Attributes:
        sha256: of its DER, lower-case hex.
        der: its octets; None where the database has them: a list in use, or an answer that was kept when it came.
        about: RFC 4514 string of the certificate's subject, or of whoever issued the list or answer.
        since: beginning of its period, thisUpdate, or the time it proves.
        until: end of its period, nextUpdate; None where it has none.
    """

    sha256: str
    material: Material
    der: bytes | None = None
    about: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class Shelf:
    """Where cited evidence is put, and the memory of what is there. For one event loop."""

    def __init__(self, *, capacity: int = REMEMBERED_MAX) -> None:
        self._capacity = capacity
        self._kept: OrderedDict[str, None] = OrderedDict()

    async def keep(self, database: Database, cited: Iterable[Cited], *, at: datetime) -> frozenset[str]:
        """Make sure that evidence is kept.

        Returns:
            the digests of what is; a list that was replaced in this very moment may be missing.

        Raises:
            Unavailable: the database does not answer.
        """
        wanted = {each.sha256: each for each in cited}
        unknown = {sha256: each for sha256, each in wanted.items() if sha256 not in self._kept}
        kept = wanted.keys() - unknown.keys()
        if unknown:
            found = await _stored(database, unknown, at=at)
            kept |= found
            self._remember(found)
        return frozenset(kept)

    def _remember(self, digests: Iterable[str]) -> None:
        for sha256 in digests:
            self._kept[sha256] = None
        while len(self._kept) > self._capacity:
            self._kept.popitem(last=False)


async def _stored(database: Database, wanted: dict[str, Cited], *, at: datetime) -> set[str]:
    async with database.read() as tx:
        there = await rows.kept_among(tx, wanted.keys())
    missing = [each for sha256, each in wanted.items() if sha256 not in there]
    if not missing:
        return there
    async with database.write() as tx:
        await rows.keep(
            tx,
            [
                {"sha256": each.sha256, "kind": each.material.value, "der": each.der, "kept_at": at}
                for each in missing
                if each.der is not None
            ],
        )
        lists = [each.sha256 for each in missing if each.der is None and each.material is Material.CRL]
        if lists:
            await rows.keep_lists(tx, lists, at=at)
        return await rows.kept_among(tx, wanted.keys())
