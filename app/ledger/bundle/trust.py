"""What whoever checks a bundle trusts: the node's public keys, witnesses, roots of certificates."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from cryptography import x509
from joserfc.jwk import ECKey

from app.errors import NotAuthenticated, RequestInvalid
from app.ledger.bundle.bounded_json import JsonRefused, read_object
from app.signing.certificates import parse_certificates
from app.signing.ledger_key import ledger_keys
from app.signing.node_key import public_keys
from app.signing.note import COSIGNATURE, ED25519, VerifierKey

KEYS_OCTETS_MAX: Final = 1024 * 1024
"""Longest file of keys that is read; a node with a hundred keys has 30,000 octets."""
KEYS_VALUES_MAX: Final = 100_000


@dataclass(frozen=True, slots=True)
class Trust:
    """What is trusted from the start.

    Attributes:
        receipts: P-256 keys of the node, under receipts and manifests.
        log: Ed25519 keys of its ledger, under checkpoints.
        witnesses: keys that must have cosigned.
        anchors: roots of certificates.
        lists: revocation lists beside those in the bundle, PEM or DER.
    """

    receipts: tuple[ECKey, ...] = ()
    log: tuple[VerifierKey, ...] = ()
    witnesses: tuple[VerifierKey, ...] = ()
    anchors: tuple[x509.Certificate, ...] = ()
    lists: tuple[bytes, ...] = ()

    @classmethod
    def read(
        cls,
        keys: Iterable[bytes],
        *,
        witnesses: Iterable[str] = (),
        anchors: Iterable[bytes] = (),
        lists: Iterable[bytes] = (),
    ) -> Self:
        """Read what was given as files.

        Args:
            keys: each the JWK Set a node publishes, or a verifier key of its ledger (C2SP signed-note).
            witnesses: verifier keys of witnesses (C2SP tlog-cosignature).
            anchors: certificates, PEM or DER.
            lists: revocation lists, PEM or DER.

        Raises:
            RequestInvalid: something is not what it should be, or there is no key.
        """
        receipts: list[ECKey] = []
        log: list[VerifierKey] = []
        for octets in keys:
            found = _keys(octets)
            receipts += found[0]
            log += found[1]
        if not receipts and not log:
            raise RequestInvalid("no key of the node was given; it publishes them at /.well-known/jwks.json")
        return cls(
            tuple(receipts),
            tuple(log),
            tuple(_witness(each) for each in witnesses),
            tuple(certificate for octets in anchors for certificate in parse_certificates(octets)),
            tuple(lists),
        )


def _keys(octets: bytes) -> tuple[tuple[ECKey, ...], tuple[VerifierKey, ...]]:
    if len(octets) > KEYS_OCTETS_MAX:
        raise RequestInvalid(f"the file of keys has {len(octets)} octets; at most {KEYS_OCTETS_MAX} are read")
    if octets.lstrip().startswith(b"{"):
        try:
            members = read_object(octets, values_max=KEYS_VALUES_MAX)
            return public_keys(members), ledger_keys(members)
        except (JsonRefused, NotAuthenticated, AttributeError) as error:
            raise RequestInvalid(f"the file of keys is no JWK Set: {error}") from error
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RequestInvalid("the file of keys is neither a JWK Set nor a verifier key") from error
    key = VerifierKey.read(text)
    if key.algorithm != ED25519:
        raise RequestInvalid(f"the verifier key of {key.name!r} is a witness's, not a log's")
    return (), (key,)


def _witness(text: str) -> VerifierKey:
    key = VerifierKey.read(text)
    if key.algorithm != COSIGNATURE:
        raise RequestInvalid(f"the verifier key of {key.name!r} is a log's, not a witness's")
    return key
