"""What the use cases of this room work with: the stores, the key, the trust, the bells and the policy."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import ParamSpec, TypeVar

from app.edxml.attachments import USUAL_RULES, AttachmentRules
from app.exchange.doorbell import Doorbell
from app.exchange.gather import Gatherer
from app.exchange.scan import Scanning
from app.exchange.shelf import Shelf
from app.registry.mistakes import Mistakes
from app.registry.remembered import Directory
from app.registry.trust import TrustCache
from app.regulations.provisions import Regulations
from app.signing.node_key import NodeKey
from app.signing.path import UnknownRevocation
from app.store.blobs import BlobStore
from app.store.database import Database

P = ParamSpec("P")
T = TypeVar("T")

Clock = Callable[[], datetime]
"""Tells the present moment, UTC. Use cases that take a while to receive ask it when all has arrived."""

INLINE_BYTES_MAX = 64 * 1024
"""Bodies up to here are verified on the event loop: about half a millisecond, less than two hops between threads cost
under load.
"""


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator decided about documents.

    Attributes:
        body_bytes_max: longest message in bytes.
        spool_bytes: bodies longer than this go to disk while they arrive.
        strict: refuse what real senders get wrong, instead of recording a warning, of senders without a policy.
        unknown_revocation: what to do where no revocation list of an issuer is known.
        idempotency_days: how long an Idempotency-Key is remembered.
        issuer: who signs receipts, the node's public address.
        regulations: the dated rules of exchange, and the working calendar.
        attachments: how far files are unpacked, and what programs among them weigh.
    """

    body_bytes_max: int
    spool_bytes: int
    strict: bool
    unknown_revocation: UnknownRevocation
    idempotency_days: int
    issuer: str
    regulations: Regulations
    attachments: AttachmentRules = USUAL_RULES


@dataclass(frozen=True, slots=True)
class Desk:
    """The parts of one running node that the exchange uses.

    Attributes:
        scanning: how attachments are scanned for malware; None where there is no scanner.
        directory: what is remembered of it.
        gatherer: what puts the documents of several requests into one transaction of the database.
        mistakes: where it is counted what systems send wrongly.
    """

    database: Database
    blobs: BlobStore
    key: NodeKey
    trust: TrustCache
    doorbell: Doorbell
    verifiers: Executor
    policy: Policy
    shelf: Shelf = field(default_factory=Shelf)
    scanning: Scanning | None = None
    mistakes: Mistakes = field(default_factory=Mistakes)
    directory: Directory = field(default_factory=Directory)
    gatherer: Gatherer = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "gatherer", Gatherer(self.database, committed=self.doorbell.nudge))

    async def judge(self, size: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run CPU-bound work about a body of this size where it does not hold up other requests."""
        if size <= INLINE_BYTES_MAX:
            return work(*args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self.verifiers, partial(work, *args, **kwargs))
