"""What verdicts rest on, for a bundle: certificates, revocation data and time stamps, each once."""

from collections.abc import Iterable
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import Encoding

from app.exchange.bundle.scratch import Scratch
from app.exchange.shelf import Material
from app.exchange.verification_report import cited_in
from app.ledger.bundle import layout
from app.registry.known import known_about, name_digest
from app.signing.certificates import fingerprint, parse_certificates, subject_of
from app.signing.path import UnknownRevocation
from app.signing.timestamps import TimestampRefused, certificates_of, verify_token
from app.store import bundled, certificates, evidence
from app.store.database import Transaction

REPORTERS_MAX: Final = 2_000
"""Signers of status reports whose authorities are looked for; all of them have the same few."""
LISTS_MAX: Final = 16


async def put_cited(tx: Transaction, scratch: Scratch, reports: Iterable[Any]) -> None:
    """Put in everything that verification reports cite and the node has kept."""
    for sha256 in sorted({sha256 for report in reports for sha256 in cited_in(report)}):
        await _put(tx, scratch, sha256)


async def put_reporters(tx: Transaction, scratch: Scratch, statuses: Iterable[Any]) -> None:
    """Put in the authorities of those who signed status reports, and their lists of revocations as they are now.

    A report brings its signer's certificate itself, and no report of verification says what was known of it.
    """
    signers = {row.verification["certificate"] for row in statuses} - {None}
    chains = await bundled.enrolled_chains(tx, sorted(signers)[:REPORTERS_MAX])
    authorities = {fingerprint(each): each for chain in chains for each in parse_certificates(chain.encode("ascii"))}
    for each in authorities.values():
        _put_certificate(scratch, each)
    lists = await certificates.lists_of(tx, {name_digest(subject_of(each)) for each in authorities.values()})
    for row in sorted(lists, key=lambda row: row.sha256)[:LISTS_MAX]:
        await _put(tx, scratch, row.sha256)


async def put_authority(tx: Transaction, scratch: Scratch, token: bytes, octets: bytes) -> None:
    """Put in what a time stamp is judged by: the path of its authority, and what is known of revocations on it.

    Args:
        token: an RFC 3161 token this node asked for.
        octets: what was stamped.
    """
    try:
        signer, *others = certificates_of(token)
        known = await known_about(tx, signer, intermediates=others)
        stamp = verify_token(
            token,
            octets,
            anchors=known.anchors,
            revocations=known.revocations,
            intermediates=known.intermediates,
            unknown_revocation=UnknownRevocation.ACCEPT,
        )
    except TimestampRefused:
        # Its authority is not trusted here any more; whoever checks the bundle has anchors of their own.
        return
    for each in stamp.path:
        _put_certificate(scratch, each)
    for each in stamp.path[:-1]:
        standing = known.revocations.standing(each, at=stamp.gen_time)
        for piece in standing.evidence:
            await _put(tx, scratch, piece.sha256)


async def _put(tx: Transaction, scratch: Scratch, sha256: str) -> None:
    if not sha256 or any(layout.evidence_name(sha256, kind) in scratch for kind in layout.EVIDENCE_EXTENSIONS):
        return
    row = await evidence.find(tx, sha256)
    if row is not None:
        _put_once(scratch, sha256, row.kind, row.der)
        return
    # A list that no report cites is only among those in use.
    der = await certificates.list_der(tx, sha256)
    if der is not None:
        _put_once(scratch, sha256, Material.CRL.value, der)


def _put_certificate(scratch: Scratch, certificate: Any) -> None:
    der = certificate.public_bytes(Encoding.DER)
    _put_once(scratch, fingerprint(certificate), Material.CERTIFICATE.value, der)


def _put_once(scratch: Scratch, sha256: str, kind: str, der: bytes) -> None:
    name = layout.evidence_name(sha256, kind)
    if name not in scratch:
        scratch.put(name, der)
