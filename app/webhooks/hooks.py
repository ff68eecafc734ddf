"""What the use cases of this room work with."""

import asyncio
from dataclasses import dataclass, field

from app.remote.post import Post
from app.signing.sealing_key import SealingKey
from app.store.database import Database
from app.webhooks.concern import Known
from app.webhooks.figures import Figures


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator decided about webhooks.

    Attributes:
        public_url: address of the node, which links in messages begin with; no slash at its end.
        retention_days: how long settled messages and their attempts are kept.
    """

    public_url: str
    retention_days: int


@dataclass(frozen=True, slots=True)
class Hooks:
    """The parts of one running node that webhooks use.

    Attributes:
        post: sends requests to servers outside, and knows where they may go.
        known: who is told of what.
        nudged: set when this process has something to send, or somebody new to tell.
    """

    database: Database
    sealing: SealingKey
    post: Post
    policy: Policy
    known: Known = field(default_factory=Known)
    figures: Figures = field(default_factory=Figures)
    nudged: asyncio.Event = field(default_factory=asyncio.Event)
