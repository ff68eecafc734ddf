"""Steps 7 and 9: what the node found when it verified the document, and what became of its deliveries."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from app.edxml.model import StatusMessage
from app.errors import SubmissionRejected
from app.ledger.bundle import layout
from app.ledger.bundle.bounded_json import JsonRefused, read_object
from app.ledger.bundle.case import RECEIPT_TYP, Case, Entry, moment_of
from app.ledger.bundle.document_steps import certificates_said
from app.ledger.bundle.knowledge import Knowledge, is_unknown_authority
from app.ledger.bundle.signed import doubts, open_signed, why
from app.ledger.bundle.steps import Tally
from app.ledger.events import EventKind
from app.ledger.verified import MEMBER
from app.signing.certificates import fingerprint, subject_of
from app.signing.presented import PresentedSignature

REPORT_OCTETS_MAX: Final = 16 * 1024 * 1024
"""Longest verification report that is read; one with a thousand attachments has some hundred thousand octets."""
PASSED: Final = "TOTAL-PASSED"
_FAILED: Final = "TOTAL-FAILED"
_VALID: Final = "valid"


def check_reports(case: Case, tally: Tally, known: Knowledge) -> None:
    """Take step 7."""
    told = _told(case)
    if case.accepted is None:
        tally.missing("reports.no-event")
        return
    if not told:
        tally.open("reports.none")
    kept = {int(name[13:].partition(".")[0]): name for name in case.names_of(layout.Role.VERIFICATION)}
    extracts = {int(name[13:].partition(".")[0]): name for name in case.names_of(layout.Role.VERIFICATION_EXTRACT)}
    for revision in sorted((kept.keys() | extracts.keys()) - told.keys()):
        (tally.aside if case.is_pending else tally.contradicted)("reports.untold", revision=revision)
    for revision, (event, digest) in sorted(told.items()):
        if revision in kept:
            octets = case.container.read(kept[revision], octets_max=REPORT_OCTETS_MAX)
            if hashlib.sha256(octets).hexdigest() != digest:
                tally.contradicted("reports.digest", file=kept[revision])
                continue
            _check_report(case, tally, known, kept[revision], octets, event, revision)
        elif revision in extracts and layout.DOCUMENT not in case.container:
            octets = case.container.read(extracts[revision], octets_max=REPORT_OCTETS_MAX)
            _check_report(case, tally, known, extracts[revision], octets, event, revision)
        else:
            tally.missing("reports.absent", revision=revision)
    _compare_with_signature(case, tally)


def _told(case: Case) -> dict[int, tuple[Entry, str]]:
    """Return which reports the events speak of, by revision; events from before there were reports name none."""
    judged = [(0, case.accepted)] if case.accepted is not None else []
    for each in case.of_kind(EventKind.DOCUMENT_JUDGED):
        revision = each.detail.get("revision")
        if isinstance(revision, int) and not isinstance(revision, bool):
            judged.append((revision, each))
    return {revision: (each, str(each.detail[MEMBER])) for revision, each in judged if MEMBER in each.detail}


def _check_report(
    case: Case, tally: Tally, known: Knowledge, name: str, octets: bytes, event: Entry, revision: int
) -> None:
    try:
        report = read_object(octets)
    except JsonRefused as error:
        tally.contradicted("reports.unreadable", file=name, why=error)
        return
    examined = report.get("examined")
    pairs: dict[str, tuple[object, object]] = {"indication": (report.get("indication"), event.detail.get("indication"))}
    if case.receipt is not None and isinstance(examined, dict):
        pairs["sha256"] = (examined.get("sha256"), case.receipt.get("sha256"))
    agrees = tally.agrees("agrees.not", f"{name} / {event.kind}", pairs)
    listed = report.get("evidence")
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, dict) and each.get("kept") is True and each.get("sha256") not in known.digests:
            tally.missing("reports.no-evidence", file=name, sha256=each.get("sha256"))
            agrees = False
    case.reports[revision] = report
    if agrees:
        whole = layout.role_of(name) is layout.Role.VERIFICATION
        note = tally.proven if whole else tally.open
        note("reports.agree" if whole else "reports.extract", file=name, indication=report.get("indication"))


def _compare_with_signature(case: Case, tally: Tally) -> None:
    """Compare the newest report with what was found here."""
    if not case.reports:
        return
    newest = case.reports[max(case.reports)]
    if case.signature_holds is not None:
        said, found = certificates_said(newest), [fingerprint(each) for each in case.signers]
        if said != found:
            tally.contradicted("reports.other-signers", said=", ".join(said), found=", ".join(found))
    indication = newest.get("indication")
    if indication == _FAILED:
        tally.contradicted("reports.failed")
    elif indication != PASSED:
        tally.aside("reports.open", indication=indication)


def check_deliveries(case: Case, tally: Tally, known: Knowledge) -> None:
    """Take step 9."""
    accepted = case.accepted
    if accepted is None:
        tally.missing("deliveries.no-events")
        return
    _check_legs(case, tally, accepted)
    told = {str(each.detail.get("report")): each for each in case.of_kind(EventKind.STATUS_ACCEPTED)}
    receipts = {name[9:-4]: name for name in case.names_of(layout.Role.STATUS_RECEIPT)}
    contents = {name[9:-6]: name for name in case.names_of(layout.Role.STATUS)}
    for report in sorted((receipts.keys() | contents.keys()) - told.keys()):
        (tally.aside if case.is_pending else tally.contradicted)("statuses.untold", report=report)
    for report, event in told.items():
        if report not in receipts:
            tally.missing("statuses.no-receipt", report=report)
            continue
        claims = case.signed_by_node(tally, receipts[report], typ=RECEIPT_TYP)
        if claims is not None:
            _check_status(case, tally, known, event, claims, contents.get(report))


def _check_legs(case: Case, tally: Tally, accepted: Entry) -> None:
    """Compare the deliveries the receipt names with those the log tells of."""
    promised = case.receipt.get("deliveries") if case.receipt is not None else None
    made = {
        str(each.said.get("delivery")): each.said.get("agency") for each in case.of_kind(EventKind.DELIVERY_AVAILABLE)
    }
    if not isinstance(promised, list):
        tally.missing("deliveries.no-receipt")
        return
    agrees = True
    for each in promised:
        leg = each if isinstance(each, dict) else {}
        if made.get(str(leg.get("id"))) != leg.get("recipient"):
            note = tally.missing if case.is_pending and str(leg.get("id")) not in made else tally.contradicted
            note("deliveries.not-made", delivery=leg.get("id"), recipient=leg.get("recipient"))
            agrees = False
    if agrees:
        tally.proven("deliveries.made", count=len(promised), events=len(case.events), at=accepted.said.get("at"))


def _check_status(
    case: Case, tally: Tally, known: Knowledge, event: Entry, claims: Mapping[str, Any], content: str | None
) -> None:
    report = str(event.detail.get("report"))
    accepted_at = moment_of(event.said.get("at"))
    pairs: dict[str, tuple[object, object]] = {
        "iss": (claims.get("iss"), case.manifest.node if case.manifest is not None else claims.get("iss")),
        "jti": (claims.get("jti"), event.detail.get("report")),
        "iat": (claims.get("iat"), int(accepted_at.timestamp()) if accepted_at is not None else None),
        "report": (claims.get("report"), event.detail.get("report")),
        "document": (claims.get("document"), event.said.get("document")),
        "reporter": (claims.get("reporter"), event.said.get("agency")),
        "accepted_at": (claims.get("accepted_at"), event.said.get("at")),
        "status_code": (claims.get("status_code"), event.detail.get("status")),
        **{name: (claims.get(name), event.detail.get(name)) for name in ("sha256", "certificate", "recipient")},
        "signature": (claims.get("signature"), event.detail.get("signature", _VALID)),
    }
    if not tally.agrees("agrees.not", f"{layout.status_receipt_name(report)} / {event.kind}", pairs):
        return
    words = {"report": report, "status": claims["status_code"], "reporter": claims["reporter"]}
    if content is None:
        tally.proven("statuses.by-digest", **words)
        return
    digest = hashlib.sha256()
    for piece in case.container.pieces(content):
        digest.update(piece)
    if digest.hexdigest() != claims.get("sha256"):
        tally.contradicted("statuses.other", file=content)
    elif claims.get("signature") != _VALID:
        tally.open("statuses.legacy", form=claims.get("signature"), **words)
    elif (signature := _signed(case, tally, content, claims)) is not None:
        tally.proven("statuses.proven", **words)
        _judge_reporter(tally, known, signature, event, words)


def _signed(case: Case, tally: Tally, content: str, claims: Mapping[str, Any]) -> PresentedSignature | None:
    """Verify the report's signature with the certificate it brings, which must be the one the receipt names."""
    try:
        status = open_signed(case, content)
    except SubmissionRejected as error:
        tally.contradicted("statuses.refused", file=content, why=why(error))
        return None
    signature, message = status.signatures[-1], status.message
    if not status.is_covered or fingerprint(signature.certificate) != claims.get("certificate"):
        tally.contradicted("statuses.refused", file=content, why="it is signed with another certificate, or in part")
        return None
    # Receipt and event are the node's word; what the reporter signed is which document it is on, and what it says.
    said = (message.response_for.document_id, message.status.value) if isinstance(message, StatusMessage) else None
    if said != (case.manifest.document_id if case.manifest is not None else None, claims.get("status_code")):
        tally.contradicted("statuses.other-words", file=content, status=claims.get("status_code"))
        return None
    return signature


def _judge_reporter(
    tally: Tally, known: Knowledge, signature: PresentedSignature, event: Entry, words: Mapping[str, Any]
) -> None:
    """Judge the reporter's certificate as far as there is evidence; the node keeps none for status reports alone."""
    at = moment_of(event.said.get("at"))
    if at is None or not known.anchors:
        return
    verdict = known.judge(signature.certificate, signature.chain, at=at)
    against = doubts(verdict)
    about = {"subject": subject_of(signature.certificate), "at": event.said.get("at"), "why": against, **words}
    if not verdict.passed and not is_unknown_authority(verdict):
        tally.contradicted("statuses.signer", **about)
    elif against:
        tally.aside("statuses.signer", **about)
