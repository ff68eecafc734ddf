"""Steps 4, 5, 6 and 8: the receipt and since when it exists, the document's octets, and its signatures."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from cryptography import x509

from app.edxml.model import DocumentMessage
from app.errors import RequestInvalid, SubmissionRejected
from app.findings import Severity
from app.ledger.bundle import layout, link_steps
from app.ledger.bundle.case import CLOCKS_APART_MAX, RECEIPT_TYP, Case, moment_of
from app.ledger.bundle.knowledge import Knowledge, is_unknown_authority
from app.ledger.bundle.log_steps import refused_stamp, shown
from app.ledger.bundle.signed import doubts, open_signed, why
from app.ledger.bundle.steps import Tally
from app.ledger.events import EventKind
from app.signing.certificates import fingerprint, issuer_of, subject_of
from app.signing.path import UnknownRevocation
from app.signing.presented import PresentedSignature
from app.signing.revocations import Revocation
from app.signing.stamped_receipt import StampedReceipt
from app.signing.timestamps import TimestampRefused, verify_token

STAMP_OCTETS_MAX: Final = 1024 * 1024
"""Longest time stamp of a receipt that is read; one has some ten thousand octets."""
_VALID: Final = "valid"
"""What receipts say of a document whose signature is of a form that proves something."""


def check_receipt(case: Case, tally: Tally) -> None:
    """Take step 4."""
    if layout.RECEIPT not in case.container:
        tally.missing("container.absent", file=layout.RECEIPT)
        return
    claims = case.signed_by_node(tally, layout.RECEIPT, typ=RECEIPT_TYP)
    if claims is None:
        return
    case.receipt = claims
    agrees = True
    if (manifest := case.manifest) is not None:
        names = ("document", "document_id", "sha256")
        pairs: dict[str, tuple[object, object]] = {name: (claims.get(name), getattr(manifest, name)) for name in names}
        pairs["iss"] = (claims.get("iss"), manifest.node)
        agrees = tally.agrees("agrees.not", f"{layout.RECEIPT} / {layout.MANIFEST}", pairs)
    accepted = case.accepted
    if accepted is None:
        tally.missing("receipt.no-event")
        return
    said, detail = accepted.said, accepted.detail
    made_at = moment_of(claims.get("accepted_at"))
    pairs = {
        "document": (claims.get("document"), said.get("document")),
        "jti": (claims.get("jti"), said.get("document")),
        "sender": (claims.get("sender"), said.get("agency")),
        "accepted_at": (claims.get("accepted_at"), said.get("at")),
        "iat": (claims.get("iat"), int(made_at.timestamp()) if made_at is not None else None),
        "recipients": (_length(claims.get("deliveries")), detail.get("recipients")),
        **{
            name: (claims.get(name), detail.get(name))
            for name in ("document_id", "sha256", "size", "kind", "certificate")
        },
        # Events from before other signatures were let in do not say it.
        "signature": (claims.get("signature"), detail.get("signature", _VALID)),
    }
    agrees = tally.agrees("agrees.not", f"{layout.RECEIPT} / {accepted.kind}", pairs) and agrees
    if agrees:
        tally.proven(
            "receipt.agrees", document_id=claims["document_id"], sender=claims["sender"], at=claims["accepted_at"]
        )


def _length(listed: object) -> int | None:
    return len(listed) if isinstance(listed, list) else None


def check_octets(case: Case, tally: Tally) -> None:
    """Take step 5."""
    manifest = case.manifest
    digest = _digest(case)
    if manifest is None or digest is None:
        tally.missing("octets.no-digest")
        return
    present = layout.DOCUMENT in case.container
    if present is not (manifest.content is layout.Content.INCLUDED):
        tally.contradicted("octets.content", content=manifest.content.value)
        return
    if not present:
        purged = any(each.detail.get("report") is None for each in case.of_kind(EventKind.CONTENT_PURGED))
        if manifest.content is layout.Content.PURGED and not purged and not case.is_pending:
            tally.contradicted("octets.not-purged")
            return
        tally.proven(f"octets.{manifest.content.value}", sha256=digest)
        return
    hashed, size = hashlib.sha256(), 0
    for piece in case.container.pieces(layout.DOCUMENT):
        hashed.update(piece)
        size += len(piece)
    if hashed.hexdigest() != digest:
        tally.contradicted("octets.other", sha256=hashed.hexdigest(), digest=digest)
    else:
        tally.proven("octets.proven", sha256=digest, size=size)


def _digest(case: Case) -> str | None:
    """Return the digest the receipt and the log agree on; that of one of them where only one is proven."""
    of_receipt = case.receipt.get("sha256") if case.receipt is not None else None
    of_event = case.accepted.detail.get("sha256") if case.accepted is not None else None
    digest = of_receipt or of_event
    return digest if isinstance(digest, str) else None


def check_signature(case: Case, tally: Tally, known: Knowledge) -> None:
    """Take step 6."""
    at = moment_of((case.receipt or {}).get("accepted_at"))
    if case.receipt is None or at is None:
        tally.missing("signature.no-receipt")
        return
    case.moment = at
    if case.receipt.get("signature") != _VALID:
        tally.missing("signature.legacy", form=case.receipt.get("signature"))
        return
    if layout.DOCUMENT not in case.container:
        _judge_withheld(case, tally, known, at)
        return
    try:
        document = open_signed(case, layout.DOCUMENT)
    except SubmissionRejected as error:
        tally.contradicted("signature.refused", why=why(error))
        return
    case.signers = tuple(each.certificate for each in document.signatures)
    if not document.is_covered:
        tally.contradicted("signature.part")
        return
    for number, each in enumerate(document.signatures, start=1):
        tally.proven("signature.holds", number=number, subject=subject_of(each.certificate), method=each.method.name)
    message = document.message
    if not isinstance(message, DocumentMessage) or message.document_id != case.receipt.get("document_id"):
        tally.contradicted("signature.other-id", document_id=case.receipt.get("document_id"))
    else:
        link_steps.check_signed(case, tally, message)
    if fingerprint(case.signers[-1]) != case.receipt.get("certificate"):
        tally.contradicted("signature.other-certificate", certificate=fingerprint(case.signers[-1]))
    trusted = [_judged(case, tally, known, each, at) for each in document.signatures]
    case.signature_holds = all(trusted)


def _judge_withheld(case: Case, tally: Tally, known: Knowledge, at: datetime) -> None:
    """Judge the certificate the receipt names, where the signature itself is not here to be verified."""
    tally.open("signature.withheld")
    leaf = known.certificates.get(str((case.receipt or {}).get("certificate")))
    if leaf is None:
        tally.open("signature.no-certificate")
        return
    case.signers = (leaf,)
    _judge(tally, known, leaf, (), at)


def _judged(case: Case, tally: Tally, known: Knowledge, presented: PresentedSignature, received_at: datetime) -> bool:
    """Judge a signer's certificate at the earliest moment that is proven for its signature."""
    at = received_at
    for token in presented.timestamp_tokens if known.anchors else ():
        try:
            stamp = verify_token(
                token.token,
                token.imprint_octets,
                anchors=known.anchors,
                revocations=known.revocations,
                intermediates=known.certificates.values(),
                unknown_revocation=UnknownRevocation.ACCEPT,
            )
        except TimestampRefused as error:
            refused_stamp(tally, "xades:SignatureTimeStamp", error)
            continue
        if stamp.proven and stamp.gen_time < at:
            at = stamp.gen_time
    case.moment = min(case.moment or at, at)
    return _judge(tally, known, presented.certificate, presented.chain, at)


def _judge(
    tally: Tally, known: Knowledge, leaf: x509.Certificate, chain: Sequence[x509.Certificate], at: datetime
) -> bool:
    verdict = known.judge(leaf, chain, at=at)
    about: dict[str, Any] = {"subject": subject_of(leaf), "sha256": fingerprint(leaf), "at": shown(at)}
    if not verdict.passed and is_unknown_authority(verdict):
        tally.missing("signer.no-path" if known.anchors else "signer.no-root", issuer=issuer_of(leaf), **about)
        return False
    if not verdict.passed:
        tally.contradicted("signer.refused", why=doubts(verdict), **about)
        return False
    root = subject_of(verdict.path[-1])
    if not known.anchors:
        tally.missing("signer.no-anchors", root=root, **about)
        return False
    if any(each.severity is Severity.UNKNOWN for each in verdict.findings):
        tally.missing("signer.unknown", why=doubts(verdict), **about)
        return False
    for standing in verdict.standings:
        if isinstance(standing.known, Revocation):
            # Later than the signature, else the verdict had not passed.
            tally.aside("signer.revoked-later", when=shown(standing.known.at), **about)
    tally.proven("signer.trusted", root=root, **about)
    return True


def check_time(case: Case, tally: Tally, known: Knowledge) -> None:
    """Take step 8."""
    if layout.TIMESTAMP not in case.container:
        tally.open("time.none")
        return
    members = case.object_of(layout.TIMESTAMP, octets_max=STAMP_OCTETS_MAX)
    try:
        stamped = StampedReceipt.read(members)
    except RequestInvalid as error:
        tally.contradicted("time.unreadable", why=error)
        return
    same = case.manifest is None or members.get("id") == case.manifest.document
    if not same or layout.RECEIPT not in case.container or stamped.receipt != case.text_of(layout.RECEIPT):
        tally.contradicted("time.other-receipt")
        return
    if not known.anchors:
        tally.open("stamp.no-anchors", file=layout.TIMESTAMP)
        return
    try:
        stamp = stamped.verify(
            anchors=known.anchors, revocations=known.revocations, unknown_revocation=UnknownRevocation.ACCEPT
        )
    except TimestampRefused as error:
        refused_stamp(tally, layout.TIMESTAMP, error)
        return
    accepted_at = moment_of((case.receipt or {}).get("accepted_at"))
    if accepted_at is not None and stamp.gen_time < accepted_at - CLOCKS_APART_MAX:
        # A receipt cannot be stamped before it was written.
        tally.contradicted("time.before", at=shown(stamp.gen_time), accepted_at=shown(accepted_at))
        return
    named = {"authority": (members.get("authority"), subject_of(stamp.tsa))}
    if not tally.agrees("agrees.not", f"{layout.TIMESTAMP} / token", named):
        return
    case.stamp = stamp.gen_time
    if stamp.proven:
        tally.proven("time.stamped", at=shown(stamp.gen_time), authority=subject_of(stamp.tsa))
    else:
        tally.open("stamp.unknown", file=layout.TIMESTAMP, at=shown(stamp.gen_time))


def certificates_said(report: Mapping[str, Any]) -> list[str]:
    """Return the digests of signers' certificates that a verification report names, in its order."""
    signatures = report.get("signatures")
    listed = signatures if isinstance(signatures, list) else []
    return [str(each.get("certificate")) for each in listed if isinstance(each, dict)]
