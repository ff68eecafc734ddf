"""What each system sends wrongly, counted by client, day and rule, with the fix: for those who have to see to it.

An aid and no evidence: counts gather in the memory of a process and are written by a round of the worker and when the
node closes, so those of a process that dies are lost. The ledger has every refusal. What a system sends wrongly and is
accepted all the same is counted, too: that is what an operator learns nowhere else.

Nobody can fill the table: a client has so many codes a day and days end; whoever could not be told to be a client is
counted together with all others of that kind. Nothing is written while a request is answered, and what cannot be
written is told to no client. Ours.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final, Self

from app.findings import Finding, Severity
from app.registry.unnamed import GONE, on_one_line, unnamed
from app.regulations.calendar import day_of
from app.signing.legacy import is_let_in
from app.store import clients as client_rows
from app.store import mistakes as rows
from app.store.database import Database, Transaction

UNKNOWN: Final = "unknown"
"""Stands for the client of all whose client could not be told; the ledger calls them so, too."""
FURTHER: Final = "further-mistakes"
"""Code under which is counted what there is no room for."""
DAYS_KEPT: Final = 30
CODES_A_DAY_MAX: Final = 60
"""Most codes of a client on one day; with the days, 1,830 rows a client."""
WAITING_MAX: Final = 5_000
"""Most counts that wait in memory to be written, about 1 KB each."""
UNKNOWN_WAITING_MAX: Final = 200
"""Most of these of systems that have proven nothing: anybody can make them."""

_SHOWN_MAX: Final = 20
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something a client sent wrongly, counted.

    Attributes:
        day: in Vietnam; of several days the last.
        code: of the finding; the slug of the problem where no rule found anything.
        refused: how often it was refused for it.
        accepted: how often it was accepted in spite of it.
        asked: what was called the last time, as its route is named; empty where that is not known.
        location: element path, parameter or header of the last one; empty for the whole.
        message: of the last one, without the values it names.
        fix: what to change.
        system_id: the one that was claimed the last time; empty where none was.
    """

    day: date
    code: str
    refused: int
    accepted: int
    first_at: datetime
    last_at: datetime
    asked: str
    location: str
    message: str
    fix: str
    system_id: str

    @classmethod
    def of(cls, row: Any) -> Self:
        """Read a row."""
        return cls(**{name: getattr(row, name) for name in cls.__slots__})

    def with_more(self, other: "Mistake") -> "Mistake":
        """Add counts of the same; of the examples the newer one stays."""
        newer = other if other.last_at >= self.last_at else self
        return replace(
            newer,
            refused=self.refused + other.refused,
            accepted=self.accepted + other.accepted,
            first_at=min(self.first_at, other.first_at),
        )


@dataclass(frozen=True, slots=True)
class Origin:
    """Where something wrong came from.

    Attributes:
        client_id: the client; None where it could not be told.
        system_id: what a system calls itself, or a client at the token endpoint, whether that is proven or not; empty
            where it does not say.
        asked: what was called, of a bounded number of names.
    """

    client_id: str | None
    system_id: str = ""
    asked: str = ""


_Key = tuple[str | None, str, date, str]
"""Client, claimed system id where there is no client, day, code."""


class Mistakes:
    """What waits to be written; for one event loop."""

    def __init__(self, *, waiting_max: int = WAITING_MAX, unknown_max: int = UNKNOWN_WAITING_MAX) -> None:
        self._waiting_max = waiting_max
        self._unknown_max = unknown_max
        self._waiting: dict[_Key, Mistake] = {}
        self._unknown = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def refused(self, origin: Origin, findings: Iterable[Finding], *, at: datetime) -> None:
        """Count the findings that refused something."""
        for finding in _once([each for each in findings if each.refuses]):
            self._count(origin, finding, at, refused=True)

    def accepted(self, origin: Origin, findings: Iterable[Finding], *, at: datetime) -> None:
        """Count the findings in spite of which something was accepted; not what was not known of others."""
        for finding in _once([each for each in findings if each.severity is Severity.WARNING or is_let_in(each)]):
            self._count(origin, finding, at, refused=False)

    async def flush(self, database: Database) -> int:
        """Write what waits; returns how many rows were written.

        Raises:
            Unavailable: the database does not answer; what waits goes on waiting.
        """
        if not self._waiting:
            return 0
        taken, self._waiting, self._unknown = self._waiting, {}, 0
        try:
            return await _write(database, taken)
        except BaseException:
            for key, mistake in taken.items():
                self._add(key, mistake)
            raise

    def forget(self) -> None:
        """Give up what waits."""
        self._waiting, self._unknown = {}, 0

    def _count(self, origin: Origin, finding: Finding, at: datetime, *, refused: bool) -> None:
        code = on_one_line(finding.code, length_max=100)
        system_id = on_one_line(origin.system_id, length_max=64)
        key = (origin.client_id, "" if origin.client_id else system_id, day_of(at), code)
        known = self._waiting.get(key)
        if known is not None:
            # The example of the first one will do until it is written.
            self._waiting[key] = replace(
                known,
                refused=known.refused + int(refused),
                accepted=known.accepted + int(not refused),
                last_at=max(known.last_at, at),
            )
            return
        mistake = Mistake(
            day=key[2],
            code=code,
            refused=int(refused),
            accepted=int(not refused),
            first_at=at,
            last_at=at,
            asked=on_one_line(origin.asked, length_max=100),
            location=on_one_line(finding.location or "", length_max=300),
            message=unnamed(finding.message, length_max=300),
            fix=on_one_line(finding.fix, length_max=500),
            system_id=system_id,
        )
        self._add(key, mistake)

    def _add(self, key: _Key, mistake: Mistake) -> None:
        client, _, day, _ = key
        if key not in self._waiting:
            if client is None and self._unknown >= self._unknown_max:
                key, mistake = (None, "", day, FURTHER), _further(mistake)
            elif len(self._waiting) >= self._waiting_max:
                return
        known = self._waiting.get(key)
        if known is None and client is None:
            self._unknown += 1
        self._waiting[key] = mistake if known is None else known.with_more(mistake)


async def page_of(
    tx: Transaction, client: str, *, before: tuple[date, str] | None = None, limit: int
) -> tuple[Mistake, ...]:
    """Return what a client sent wrongly, newest day first.

    Args:
        client: its id, or `UNKNOWN`.
        before: day and code of the last one of the page before.
    """
    return tuple(Mistake.of(row) for row in await rows.page(tx, client, before=before, limit=limit))


async def summed(tx: Transaction, client: str, *, since: date, limit: int) -> tuple[Mistake, ...]:
    """Return what a client sent wrongly from a day on, of each rule one, the most frequent first."""
    sums = await rows.summed(tx, client, since=since, limit=limit)
    examples = {row.code: row for row in await rows.of_codes(tx, client, [each.code for each in sums], since=since)}
    return tuple(
        replace(Mistake.of(examples[each.code]), refused=each.refused, accepted=each.accepted, first_at=each.first_at)
        for each in sums
    )


async def forget_old(database: Database, *, at: datetime) -> int:
    """Throw away days that are over for long; returns how many rows.

    Raises:
        Unavailable: the database does not answer; nothing was thrown away.
    """
    async with database.write() as tx:
        return await rows.forget(tx, before=day_of(at) - timedelta(days=DAYS_KEPT))


def fitting(
    counted: Mapping[tuple[str, date, str], Mistake], held: Iterable[tuple[str, date, str]], *, codes_max: int
) -> dict[tuple[str, date, str], Mistake]:
    """Return counts by client, day and code so that no client has more codes a day than it may; the rest is one.

    Args:
        held: client, day and code of what is written already.
    """
    codes: dict[tuple[str, date], set[str]] = {}
    for client, day, code in held:
        codes.setdefault((client, day), set()).add(code)
    found: dict[tuple[str, date, str], Mistake] = {}
    for (client, day, code), mistake in counted.items():
        written = codes.setdefault((client, day), set())
        kept = mistake
        # One place is for what there is no room for.
        if code not in written and len(written) >= codes_max - 1:
            kept = _further(mistake)
        written.add(kept.code)
        _merge(found, (client, day, kept.code), kept)
    return found


async def _write(database: Database, taken: Mapping[_Key, Mistake]) -> int:
    claimed = sorted({system_id for client, system_id, _, _ in taken if client is None and system_id})
    counted: dict[tuple[str, date, str], Mistake] = {}
    async with database.read() as tx:
        owners = await _owners(tx, claimed)
        for (client, system_id, day, code), mistake in taken.items():
            owner = client or owners.get(system_id, UNKNOWN)
            kept = mistake if owner != UNKNOWN else replace(mistake, system_id=_beginning(system_id))
            _merge(counted, (owner, day, code), kept)
        held = await rows.keys(tx, sorted({key[0] for key in counted}), since=min(key[1] for key in counted))
    found = fitting(counted, [(row.client, row.day, row.code) for row in held], codes_max=CODES_A_DAY_MAX)
    # In one order, so that processes that write the same rows wait for each other in none but that.
    written = [_row(key[0], found[key]) for key in sorted(found)]
    async with database.write() as tx:
        await rows.add(tx, written)
    return len(written)


async def _owners(tx: Transaction, claimed: Sequence[str]) -> dict[str, str]:
    """Return whose ids these are: of systems, or of clients themselves."""
    if not claimed:
        return {}
    ids = await client_rows.by_ids(tx, [each for each in claimed if _UUID.fullmatch(each)])
    return {row.client_id: row.client_id for row in ids} | await rows.owners(tx, claimed)


def _beginning(claimed: str) -> str:
    """Shorten an id that nobody has where it is long: some systems have id and secret the wrong way round."""
    return claimed if len(claimed) <= _SHOWN_MAX else claimed[:6] + GONE


def _merge(found: dict[tuple[str, date, str], Mistake], key: tuple[str, date, str], mistake: Mistake) -> None:
    known = found.get(key)
    found[key] = mistake if known is None else known.with_more(mistake)


def _row(client: str, mistake: Mistake) -> dict[str, Any]:
    return {"client": client, **{name: getattr(mistake, name) for name in Mistake.__slots__}}


def _once(findings: Sequence[Finding]) -> Iterable[Finding]:
    """Of several findings of one rule in one message, the first."""
    return {finding.code: finding for finding in reversed(findings)}.values()


def _further(mistake: Mistake) -> Mistake:
    return replace(
        mistake,
        code=FURTHER,
        location="",
        message="More than there is room for; the node's own log has each of them.",
        fix="Mend what is counted by itself first.",
    )
