"""Trust anchors: the root certificates this node believes without asking further."""

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from app.errors import AlreadyExists, RequestInvalid
from app.findings import Finding, Severity
from app.ledger.events import EventKind, record
from app.registry.acts import Act, Done
from app.registry.model import TrustAnchor
from app.signing.certificates import fingerprint, key_defect, parse_certificate, subject_of, validity_of
from app.store import certificates as rows
from app.store.database import Database, Transaction
from app.store.versions import Part, move

NAME_LENGTH_MAX = 200


async def add_anchor(database: Database, content: bytes, *, name: str, act: Act) -> Done[TrustAnchor]:
    """Trust a root from now on.

    Args:
        content: one self-signed certificate of an authority, PEM or DER.
        name: what administrators call it.

    Raises:
        AlreadyExists: it is an anchor already.
        RequestInvalid: no root certificate, one that is weak or not in force; the findings say which.
        IdempotencyKeyReused: the key belongs to another request.
        Unavailable: the database does not answer; nothing was kept.
    """
    root = parse_certificate(content)
    validity = validity_of(root)
    findings = _check(root)
    if not validity.holds(act.at):
        findings.append(_finding("not-in-force", "The certificate is not in force now.", "RFC 5280 §4.1.2.5"))
    if not 1 <= len(name.strip()) <= NAME_LENGTH_MAX or not name.isprintable():
        findings.append(_finding("name", f"The name must have 1 to {NAME_LENGTH_MAX} printable characters.", "ours"))
    if findings:
        raise RequestInvalid(findings[0].message, findings=findings)
    anchor = TrustAnchor(fingerprint(root), name.strip(), subject_of(root), validity.not_before, validity.not_after)
    row = {
        "sha256": anchor.sha256,
        "name": anchor.name,
        "subject": anchor.subject,
        "not_before": anchor.not_before,
        "not_after": anchor.not_after,
        "der": root.public_bytes(Encoding.DER),
        "added_at": act.at,
    }
    async with database.write() as tx:
        if earlier := await act.before(tx, TrustAnchor):
            return earlier
        await move(tx, Part.TRUST)
        if not await rows.insert_anchor(tx, row):
            raise AlreadyExists("the certificate is a trust anchor already")
        await record(tx, [act.event(EventKind.ANCHOR_ADDED, sha256=anchor.sha256)])
        # Leaving the block commits the anchor and its event with the moved version.
        return await act.done(tx, anchor)


async def list_anchors(tx: Transaction, *, after: str | None = None, limit: int) -> tuple[TrustAnchor, ...]:
    """Return trust anchors by digest.

    Args:
        after: digest of the last one of the page before.
    """
    found = await rows.anchors(tx, after=after, limit=limit)
    return tuple(TrustAnchor(row.sha256, row.name, row.subject, row.not_before, row.not_after) for row in found)


def _check(root: x509.Certificate) -> list[Finding]:
    findings = []
    if not _self_signed(root):
        findings.append(_finding("not-self-signed", "The certificate is not signed with its own key.", "RFC 5280 §6.1"))
    if not _is_authority(root):
        findings.append(
            _finding(
                "not-an-authority",
                "The certificate is not one of an authority: basicConstraints CA and keyCertSign are required.",
                "RFC 5280 §4.2.1.9, §4.2.1.3",
            )
        )
    if defect := key_defect(root):
        findings.append(_finding("weak-key", f"The certificate is too weak: {defect}.", "ours"))
    return findings


def _self_signed(root: x509.Certificate) -> bool:
    try:
        root.verify_directly_issued_by(root)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _is_authority(root: x509.Certificate) -> bool:
    try:
        constraints = root.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return False
    try:
        usage = root.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return constraints.ca
    return constraints.ca and usage.key_cert_sign


def _finding(defect: str, message: str, source: str) -> Finding:
    return Finding(f"ours.anchor.{defect}", Severity.ERROR, message, "Give the root certificate itself.", source)
