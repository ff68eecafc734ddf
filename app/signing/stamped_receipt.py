"""A receipt with the proof of when it existed at the latest, and how that is followed by somebody who has nothing else.

The receipt's digest is an entry of a Merkle tree (`merkle`), the proof leads from it to the root, and an RFC 3161 token
is about the root. So one token serves thousands of receipts, and each is checked without the others and without the
node (ours, decision 0016).
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from cryptography import x509

from app.errors import RequestInvalid
from app.findings import Finding, Severity
from app.signing import merkle
from app.signing.path import UnknownRevocation
from app.signing.revocations import Revocations
from app.signing.timestamps import OURS, Timestamp, TimestampRefused, verify_token

_PROOF_MAX: Final = 64
"""Steps of a proof that are read; a longer one leads nowhere, for no tree has two to the power of so many entries."""


@dataclass(frozen=True, slots=True)
class StampedReceipt:
    """A receipt and its proof, verified or not.

    Attributes:
        receipt: the compact JWS, as it was given out.
        digest: SHA-256 of its bytes, the entry of the tree.
        position: its place among the entries, from 0.
        size: number of entries.
        proof: siblings on the way up to the root, lowest first (RFC 6962 §2.1.1).
        root: what the token is about.
        token: RFC 3161 token over the root's octets, DER.
        gen_time: what the token says, aware.
    """

    receipt: str
    digest: bytes
    position: int
    size: int
    proof: tuple[bytes, ...]
    root: bytes
    token: bytes
    gen_time: datetime

    @classmethod
    def read(cls, shown: Mapping[str, Any]) -> Self:
        """Read one as the API shows it.

        Raises:
            RequestInvalid: a member is missing, or is not what it should be.
        """
        try:
            return cls(
                receipt=str(shown["receipt"]),
                digest=bytes.fromhex(shown["digest"]),
                position=int(shown["position"]),
                size=int(shown["size"]),
                proof=tuple(bytes.fromhex(each) for each in shown["proof"][:_PROOF_MAX]),
                root=bytes.fromhex(shown["root"]),
                token=base64.b64decode(shown["token"], validate=True),
                gen_time=datetime.fromisoformat(shown["gen_time"]),
            )
        except (ValueError, TypeError, KeyError) as error:
            raise RequestInvalid(f"this is no time stamp of a receipt: {error!r}") from error

    def verify(
        self,
        *,
        anchors: Iterable[x509.Certificate],
        revocations: Revocations,
        unknown_revocation: UnknownRevocation = UnknownRevocation.REFUSE,
    ) -> Timestamp:
        """Follow the proof from the receipt to the authority; the arguments as for `verify_token`.

        What the receipt itself says, and that the node signed it, is for `verify_jws`.

        Raises:
            TimestampRefused: one of the steps does not hold.
        """
        digest = hashlib.sha256(self.receipt.encode("utf-8")).digest()
        if digest != self.digest:
            raise _broken("digest", "The digest is not that of the receipt.")
        if merkle.root_by(self.proof, digest, position=self.position, size=self.size) != self.root:
            raise _broken("proof", "The proof does not lead from the receipt to the root.")
        stamp = verify_token(
            self.token, self.root, anchors=anchors, revocations=revocations, unknown_revocation=unknown_revocation
        )
        if stamp.gen_time != self.gen_time:
            raise _broken("time", f"The token says {stamp.gen_time.isoformat()}, not {self.gen_time.isoformat()}.")
        return stamp


def _broken(defect: str, message: str) -> TimestampRefused:
    fix = "Fetch the time stamp of exactly this receipt once more."
    return TimestampRefused(Finding(f"ours.timestamp.{defect}", Severity.ERROR, message, fix, OURS))
