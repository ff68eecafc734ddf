"""Doing a request once, however often it is sent: the Idempotency-Key.

A key is remembered in the transaction of what it stands for, so there is never one without the other. Only what was
done is remembered: a refused request may be sent again under its key and is judged anew.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from app.errors import IdempotencyKeyReused, RequestInvalid
from app.store import idempotency
from app.store.database import Transaction

KEY_LENGTH_MAX = 255
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Once:
    """The Idempotency-Key of one request.

    Attributes:
        client_id: whose key it is; clients do not see each other's.
        key: as the client chose it, 1 to 255 visible ASCII characters.
        fingerprint: SHA-256, hex, of what makes the request this request.
        expires_at: from when on the key may be forgotten.
    """

    client_id: str
    key: str
    fingerprint: str
    expires_at: datetime

    @classmethod
    def of_body(cls, client_id: str, key: str, *, path: str, body_sha256: str, expires_at: datetime) -> Self:
        """Bind a key to one call with exactly one body.

        Args:
            path: of the call, with the ids in it.
            body_sha256: hex digest of the bytes of the body.

        Raises:
            RequestInvalid: no key a client may choose.
        """
        if not 1 <= len(key) <= KEY_LENGTH_MAX or not all("!" <= sign <= "~" for sign in key):
            raise RequestInvalid(f"Idempotency-Key: use 1 to {KEY_LENGTH_MAX} visible ASCII characters, such as a UUID")
        fingerprint = hashlib.sha256(f"{path}\n{body_sha256}".encode()).hexdigest()
        return cls(client_id, key, fingerprint, expires_at)

    async def earlier(self, tx: Transaction) -> Any | None:
        """Return the answer that was given under this key, None where there is none yet.

        Raises:
            IdempotencyKeyReused: the key belongs to another request.
        """
        row = await idempotency.find(tx, self.client_id, self.key)
        if row is None:
            return None
        if row.fingerprint != self.fingerprint:
            raise IdempotencyKeyReused(
                f"Idempotency-Key {self.key[:_SHOWN]!r} was used for another request; choose a new one for this"
            )
        return row.answer

    async def claim(self, tx: Transaction) -> Any | None:
        """Take the key in a writing transaction, or return the answer given under it.

        A second request under the same key waits here until the first has committed, and then gets its answer.
        `remember` must follow in the same transaction.

        Raises:
            IdempotencyKeyReused: the key belongs to another request.
        """
        claimed = await idempotency.claim(
            tx, client_id=self.client_id, key=self.key, fingerprint=self.fingerprint, expires_at=self.expires_at
        )
        return None if claimed else await self.earlier(tx)

    async def remember(self, tx: Transaction, answer: Mapping[str, Any]) -> bool:
        """Keep the answer in the transaction that brings about what it reports.

        Args:
            answer: JSON; never with a secret in it.

        Returns:
            False where the key got an answer meanwhile; the first one stays.
        """
        return bool(await remember_all(tx, [(self, answer)]))


async def remember_all(tx: Transaction, answers: Sequence[tuple[Once, Mapping[str, Any]]]) -> set[tuple[str, str]]:
    """Keep answers of several requests, each with a key of its own; returns client and key of those that were kept.

    Keys are taken in one order, whoever takes them, so that two transactions never wait for each other's.
    """
    return await idempotency.remember(
        tx,
        [
            {
                "client_id": once.client_id,
                "key": once.key,
                "fingerprint": once.fingerprint,
                "answer": dict(answer),
                "expires_at": once.expires_at,
            }
            for once, answer in sorted(answers, key=lambda each: (each[0].client_id, each[0].key))
        ],
    )
