"""Paths from a certificate up to an anchor: each step's signature looked at, all of it bounded.

Whatever a stranger puts into KeyInfo, at most `SIGNATURES_MAX` signatures are computed.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from asn1crypto import x509 as asn1  # type: ignore[import-untyped]
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from app.findings import Finding
from app.signing.certificate_findings import LAW, certificate_finding
from app.signing.certificates import UNREADABLE, issuer_of
from app.signing.distinguished_names import issuer_key, subject_key
from app.signing.refusal import shortened
from app.signing.soundness import is_issued_by

LENGTH_MAX: Final = 6
"""Most certificates on a path, signer and anchor included; the state's hierarchies have three or four."""
PATHS_MAX: Final = 4
"""Most paths that are tried; cross-certification gives two."""
SIGNATURES_MAX: Final = 48
"""Most signatures that are checked while paths are built, whatever a stranger puts into KeyInfo."""


def paths(
    leaf: x509.Certificate,
    intermediates: Sequence[x509.Certificate],
    anchors: Sequence[x509.Certificate],
    *,
    length_max: int = LENGTH_MAX,
) -> Iterator[tuple[x509.Certificate, ...]]:
    """Give paths to anchors, signer first and anchor last, the shortest trusted one first."""
    budget, given = SIGNATURES_MAX, 0
    candidates = [
        *((subject_key(each), each, True) for each in anchors),
        *((subject_key(each), each, False) for each in intermediates),
    ]
    # Depth first, anchors before others, so the shortest trusted path comes first.
    waiting: list[tuple[x509.Certificate, ...]] = [(leaf,)]
    while waiting and given < PATHS_MAX:
        path = waiting.pop()
        above = issuer_key(path[-1])
        ends: list[tuple[x509.Certificate, ...]] = []
        steps: list[tuple[x509.Certificate, ...]] = []
        for name, candidate, trusted in candidates:
            if name != above or any(is_same_authority(candidate, passed) for passed in path):
                continue
            if budget == 0:
                return
            budget -= 1
            if is_issued_by(path[-1], candidate):
                (ends if trusted else steps).append((*path, candidate))
        for end in ends[: PATHS_MAX - given]:
            given += 1
            yield end
        if len(path) < length_max - 1:
            waiting.extend(reversed(steps))


def is_same_authority(one: x509.Certificate, other: x509.Certificate) -> bool:
    """Whether both are the same authority: name and key; another certificate for it leads nowhere new."""
    return subject_key(one) == subject_key(other) and _key_octets(one) == _key_octets(other)


def _key_octets(certificate: x509.Certificate) -> bytes:
    try:
        return certificate.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    except UNREADABLE:
        loaded = asn1.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))
        octets: bytes = loaded.public_key.dump()
        return octets


def no_path(leaf: x509.Certificate) -> Finding:
    """Say that no path was found."""
    if leaf.issuer == leaf.subject:
        return certificate_finding(
            "rfc5280.6.1.self-signed",
            leaf,
            "is self-signed; nobody this node trusts vouches for it",
            "Use a certificate issued by an authority of the exchange.",
            f"RFC 5280 §6.1; {LAW}",
        )
    return certificate_finding(
        "rfc5280.6.1.no-path",
        leaf,
        f"leads to no trust anchor; its issuer is {shortened(issuer_of(leaf), 120)}",
        "Put the authorities between into KeyInfo/X509Data, or ask the operator to trust the root.",
        f"RFC 5280 §6.1; TT 41/2017/TT-BTTTT Đ8; {LAW}",
    )
