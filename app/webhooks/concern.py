"""Whom an event concerns: from an event and the agencies around it to the subscriptions that are told.

An event is told of the agency it belongs to, and where the sender is told too, of the document's sender. A closed
agency's events are its successor's business as well. A subscription is told where its client may act for one of these
agencies now, and it asks for that agency and for that kind.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from app.edxml.organ_id import OrganId
from app.registry import clients, directory, succession
from app.registry.model import Agency, Client, ClientStatus, Scope
from app.store import webhooks as rows
from app.store.database import Transaction
from app.webhooks.topics import TOLD_TO_ALL, TOLD_TO_SENDER

_SEPARATOR: Final = "."
_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A subscription with the client behind it, as far as it decides what is told.

    Attributes:
        agencies: own codes; none: every agency the client acts for.
    """

    webhook: str
    client: Client
    events: frozenset[str]
    agencies: frozenset[str]

    @property
    def listens(self) -> bool:
        """Whether anything may be told at all: the client may sign in, and exchange."""
        return self.client.status is ClientStatus.ACTIVE and Scope.EXCHANGE in self.client.scopes

    def wants(self, topic: str, concerned: Iterable[Agency]) -> bool:
        """Whether an event of this kind that concerns these agencies is told."""
        return (
            self.listens
            and topic in self.events
            and (
                topic in TOLD_TO_ALL
                or any(
                    self.client.may_act_for(agency) and (not self.agencies or agency.organ_id.text in self.agencies)
                    for agency in concerned
                )
            )
        )


@dataclass(frozen=True, slots=True)
class Circle:
    """Agencies by their codes, and who answers for each of them now.

    Attributes:
        agencies: by every code that was asked for.
        answering: by own code.
    """

    agencies: Mapping[str, Agency]
    answering: Mapping[str, Agency]

    @classmethod
    async def of(cls, tx: Transaction, codes: Collection[str], *, on: date) -> "Circle":
        """Read the agencies behind these codes; codes that nobody has are missing."""
        agencies = await directory.resolve(tx, codes, on=on) if codes else {}
        return cls(agencies, await succession.acting(tx, list(agencies.values()), on=on))

    def around(self, codes: Iterable[str | None]) -> tuple[Agency, ...]:
        """Return the agencies of these codes, each with the one that answers for it, each once."""
        found: dict[str, Agency] = {}
        for code in codes:
            if code is not None and (agency := self.agencies.get(code)) is not None:
                for each in (agency, self.answering[agency.organ_id.text]):
                    found[each.organ_id.text] = each
        return tuple(found.values())


class Register:
    """Subscribers by the codes their clients act for, so that an event finds the few it may concern among thousands."""

    def __init__(self, subscribers: Iterable[Subscriber]) -> None:
        self._by_code: dict[OrganId, list[Subscriber]] = defaultdict(list)
        self._by_subtree: dict[str, list[Subscriber]] = defaultdict(list)
        self._everybody: list[Subscriber] = []
        for subscriber in subscribers:
            if not subscriber.listens:
                continue
            self._everybody.append(subscriber)
            for grant in subscriber.client.agencies:
                if grant.subtree:
                    self._by_subtree[grant.code.text].append(subscriber)
                else:
                    self._by_code[grant.code].append(subscriber)

    def told(self, topic: str, concerned: Collection[Agency]) -> list[Subscriber]:
        """Return who is told of an event of this kind, each once, in the order of their ids."""
        if topic in TOLD_TO_ALL:
            asked: Iterable[Subscriber] = self._everybody
        else:
            asked = (each for agency in concerned for code in agency.codes for each in self._around(code))
        found = {subscriber.webhook: subscriber for subscriber in asked if subscriber.wants(topic, concerned)}
        return [found[webhook] for webhook in sorted(found)]

    def _around(self, code: OrganId) -> Iterable[Subscriber]:
        yield from self._by_code.get(code, ())
        parts = code.text.split(_SEPARATOR)
        for length in range(1, len(parts) + 1):
            yield from self._by_subtree.get(_SEPARATOR.join(parts[:length]), ())


class Known:
    """The register as one process knows it; read anew when a subscription or one of their clients has changed.

    Reading thousands of them takes a good part of a second, looking whether one changed a few milliseconds.
    """

    def __init__(self) -> None:
        self._edition: tuple[int, int] | None = None
        self._register = Register(())

    async def current(self, tx: Transaction) -> Register:
        """Return the register of all that are enabled in this transaction's view."""
        edition = await rows.edition(tx)
        if edition != self._edition:
            found: list[Subscriber] = []
            after = None
            # By pages, so that requests are served between them.
            while page := await rows.enabled(tx, after=after, limit=_PAGE):
                found += (await subscribers(tx, page)).values()
                after = page[-1].id
            self._register, self._edition = Register(found), edition
        return self._register


async def subscribers(tx: Transaction, found: Sequence[Any]) -> dict[str, Subscriber]:
    """Return the subscribers of these rows of webhooks, by webhook."""
    known = await clients.find_many(tx, {row.client_id for row in found})
    return {
        row.id: Subscriber(row.id, known[row.client_id], frozenset(row.events), frozenset(row.agencies))
        for row in found
    }


def codes_of(topic: str, *, agency: str | None, sender: str | None) -> tuple[str | None, ...]:
    """Return the codes of the agencies an event of this kind is told of.

    Args:
        agency: the one it belongs to.
        sender: the one that sent the document it speaks of.
    """
    return (agency, sender) if topic in TOLD_TO_SENDER else (agency,)
