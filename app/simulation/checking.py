"""What a recipient checks for itself before it believes a document: the node's word is not enough.

Digest against the inbox, signature over the whole message, certificate up to the country's root and not revoked,
certificate issued to the sender, content readable and its attachments whole; and the node's receipt for the sender.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from app.edxml.attachments import inspect
from app.edxml.model import DocumentMessage, Message
from app.edxml.read import read
from app.errors import TrucError
from app.markup import parse
from app.signing import xmldsig
from app.signing.node_key import public_keys, verify_jws
from app.signing.path import validate
from app.signing.revocations import RevocationIndex
from app.simulation.tally import SimulationFailed

RECEIPT_TYPE = "receipt+jwt"


@dataclass(slots=True)
class Checker:
    """A recipient's own trust.

    Attributes:
        anchor: the country's root, which every agency has from elsewhere than the node.
        revocations: the lists the authorities publish.
        jwks: the node's public keys.
    """

    anchor: x509.Certificate
    revocations: RevocationIndex
    jwks: dict[str, Any] = field(default_factory=dict)
    _good: dict[x509.Certificate, datetime] = field(default_factory=dict)

    def message(self, body: bytes, *, sha256: str, sender_codes: frozenset[str], at: datetime) -> Message:
        """Check a fetched message and read it.

        Args:
            sha256: the digest that the inbox announced.
            sender_codes: every code of the agency that the inbox names as the sender.

        Raises:
            SimulationFailed: the node delivered something that does not hold.
        """
        if hashlib.sha256(body).hexdigest() != sha256:
            raise SimulationFailed(f"a body was delivered that is not the one announced as {sha256}")
        try:
            markup = parse(body)
            presented = xmldsig.present(markup)
            self._trust(presented.certificate, presented.chain, at=at)
            signed = presented.verify()
            reading = read(markup, root=signed.root)
        except TrucError as error:
            raise SimulationFailed(f"a message was delivered that does not hold: {error}") from error
        if reading.message is None or not signed.covers_document:
            raise SimulationFailed("a message was delivered that cannot be read, or is signed in part only")
        holder = _holder(presented.certificate)
        if reading.message.sender.organ_id.text not in sender_codes or holder not in sender_codes:
            raise SimulationFailed(f"a message of {sorted(sender_codes)} is signed by {holder!r}")
        if isinstance(reading.message, DocumentMessage):
            summaries, findings = inspect(reading.message, markup)
            if findings or len(summaries) != len(reading.message.references):
                raise SimulationFailed(f"attachments were delivered that are not whole: {findings}")
        return reading.message

    def receipt(self, token: str, *, sha256: str) -> None:
        """Check that the node signed a receipt for exactly these bytes.

        Raises:
            SimulationFailed: it did not.
        """
        try:
            claims = verify_jws(token, keys=public_keys(self.jwks), typ=RECEIPT_TYPE)
        except TrucError as error:
            raise SimulationFailed(f"a receipt does not hold: {error}") from error
        if claims.get("sha256") != sha256:
            raise SimulationFailed(f"a receipt is for {claims.get('sha256')}, not for {sha256}")

    def _trust(self, leaf: x509.Certificate, chain: tuple[x509.Certificate, ...], *, at: datetime) -> None:
        if leaf in self._good and at < self._good[leaf]:
            return
        verdict = validate(leaf, intermediates=chain, anchors=(self.anchor,), revocations=self.revocations, at=at)
        if not verdict.passed or verdict.valid_until is None:
            raise SimulationFailed(f"a message was delivered under a bad certificate: {verdict.findings[0].message}")
        self._good[leaf] = verdict.valid_until


def _holder(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.USER_ID)
    return str(names[0].value) if names else ""
