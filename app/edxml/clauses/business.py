"""Rules about what a message does (2.2 of the annex): each kind names what it is about."""

from collections.abc import Iterator
from datetime import datetime

from app.edxml import vocabulary as v
from app.edxml.model import DocumentKind, DocumentMessage
from app.edxml.rule import Breach, Rule, missing, numbered
from app.findings import Severity


def reason_missing(message: DocumentMessage, _at: datetime) -> Iterator[Breach]:
    """Who revokes, updates or replaces says why."""
    if message.business and message.kind is not DocumentKind.NEW and message.business.reason is None:
        yield missing(v.BUSINESS_DOC_REASON, f"{v.BUSINESS_PATH}/{v.BUSINESS_DOC_REASON}", "Give the reason.")


def revoked_document_unnamed(message: DocumentMessage, _at: datetime) -> Iterator[Breach]:
    """A revocation names what it revokes, in ResponseFor or in Bussiness."""
    if message.kind is not DocumentKind.REVOCATION or message.business is None:
        return
    if message.business.document_id is None and not any(answer.document_id for answer in message.response_for):
        yield Breach(
            "The revocation does not name the document it revokes.",
            f"Give its {v.DOCUMENT_ID} in {v.RESPONSE_FOR}.",
            f"{v.MESSAGE_PATH}/{v.RESPONSE_FOR}/{v.DOCUMENT_ID}",
        )


def updated_document_unnamed(message: DocumentMessage, _at: datetime) -> Iterator[Breach]:
    """An update names the document it changes."""
    if message.business and message.kind is DocumentKind.UPDATE and message.business.document_id is None:
        yield missing(v.DOCUMENT_ID, f"{v.BUSINESS_PATH}/{v.DOCUMENT_ID}", "Name the document that is updated.")


def update_unexplained(message: DocumentMessage, _at: datetime) -> Iterator[Breach]:
    """An update says whether the content or the receivers change, and then which receivers."""
    if message.business is None or message.kind is not DocumentKind.UPDATE:
        return
    path = f"{v.BUSINESS_PATH}/{v.BUSINESS_DOCUMENT}"
    update = message.business.update
    if update is None:
        yield missing(v.BUSINESS_DOCUMENT, path, "Say what the update changes.")
    elif update.receivers_changed and not update.receivers:
        yield Breach(
            f"{v.RECEIVERS_CHANGED} is 1, but no receiver is listed.",
            f"List the receivers that are added or dropped in {v.RECEIVER_LIST}.",
            f"{path}/{v.RECEIVER_LIST}",
        )


def receiver_change_repeated(message: DocumentMessage, _at: datetime) -> Iterator[Breach]:
    """No receiver is both added and dropped, or listed twice."""
    update = message.business.update if message.business else None
    seen: set[str] = set()
    for index, receiver in enumerate(update.receivers if update else ()):
        code = receiver.organ_id.text
        if code in seen:
            yield Breach(
                f"The receiver {code!r} is listed more than once.",
                "List each receiver once.",
                f"{v.BUSINESS_PATH}/{v.BUSINESS_DOCUMENT}/{v.RECEIVER_LIST}/{v.RECEIVER}[{index + 1}]",
            )
        seen.add(code)


def replaced_documents_unnamed(message: DocumentMessage, _at: datetime) -> Iterator[Breach]:
    """A replacement names what it replaces."""
    if message.business and message.kind is DocumentKind.REPLACEMENT and not message.business.replacements:
        yield missing(
            v.REPLACEMENT_LIST,
            f"{v.BUSINESS_PATH}/{v.REPLACEMENT_LIST}",
            "Name each document that is replaced, with its receivers.",
        )


def replacement_without_receivers(message: DocumentMessage, _at: datetime) -> Iterator[Breach]:
    """A replacement says for whom a document is replaced."""
    replacements = message.business.replacements if message.business else ()
    for index, replacement in enumerate(replacements):
        if not replacement.organ_ids:
            step = numbered(v.REPLACEMENT, index, len(replacements))
            yield missing(v.ORGAN_ID_LIST, f"{v.BUSINESS_PATH}/{v.REPLACEMENT_LIST}/{step}/{v.ORGAN_ID_LIST}")


_SOURCE = "QCVN 102:2016/BTTTT 2.2"

RULES: tuple[Rule[DocumentMessage], ...] = (
    Rule("qcvn102.2.2.reason-missing", Severity.WARNING, _SOURCE, reason_missing),
    Rule("qcvn102.2.2.revoked-document-unnamed", Severity.ERROR, _SOURCE, revoked_document_unnamed),
    Rule("qcvn102.2.2.updated-document-unnamed", Severity.ERROR, _SOURCE, updated_document_unnamed),
    Rule("qcvn102.2.2.update-unexplained", Severity.WARNING, _SOURCE, update_unexplained),
    Rule("qcvn102.2.2.receiver-change-repeated", Severity.ERROR, _SOURCE, receiver_change_repeated),
    Rule("qcvn102.2.2.replaced-documents-unnamed", Severity.ERROR, _SOURCE, replaced_documents_unnamed),
    Rule("qcvn102.2.2.replacement-without-receivers", Severity.WARNING, _SOURCE, replacement_without_receivers),
)
