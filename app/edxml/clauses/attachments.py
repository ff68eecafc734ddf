"""Rules about the manifest and the attachments as the message names them; what is in them `attachments` looks into."""

import unicodedata
from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from app.edxml import vocabulary as v
from app.edxml.model import DocumentMessage
from app.edxml.rule import Breach, Rule, missing, numbered
from app.edxml.walk import shortened
from app.findings import Severity

_NO_FILE_NAME = frozenset('/\\:*?"<>|')


def attachment_path(message: DocumentMessage, index: int) -> str:
    """Give the path of an attachment, from 0."""
    return numbered(f"{v.ATTACHMENTS_PATH}/{v.ATTACHMENT}", index, len(message.attachments))


def attachment_unnamed(message: DocumentMessage, _at: datetime) -> Iterator[Breach]:
    """Every attachment has a name; receivers' readers fail without one."""
    for index, attachment in enumerate(message.attachments):
        if attachment.name is None:
            yield missing(v.ATTACHMENT_NAME, f"{attachment_path(message, index)}/{v.ATTACHMENT_NAME}")


def attachment_empty(message: DocumentMessage, _at: datetime) -> Iterator[Breach]:
    """Every attachment has content; receivers' readers fail without it."""
    for index, attachment in enumerate(message.attachments):
        if attachment.content is None:
            yield missing(
                v.CONTENT_ENCODED, f"{attachment_path(message, index)}/{v.CONTENT_ENCODED}", "Send the file in base64."
            )


def attachment_name_control_characters(message: DocumentMessage, _at: datetime) -> Iterator[Breach]:
    """A file name is one line without control characters."""
    for index, attachment in enumerate(message.attachments):
        if any(unicodedata.category(sign) in ("Cc", "Zl", "Zp") for sign in attachment.name or ""):
            yield Breach(
                f"{v.ATTACHMENT_NAME} {shortened(attachment.name or '')} holds control characters.",
                "Use a plain file name.",
                f"{attachment_path(message, index)}/{v.ATTACHMENT_NAME}",
            )


def attachment_name_not_plain(message: DocumentMessage, _at: datetime) -> Iterator[Breach]:
    """A file name holds no path and nothing that common systems do not take."""
    for index, attachment in enumerate(message.attachments):
        if _NO_FILE_NAME.intersection(attachment.name or ""):
            yield Breach(
                f"{v.ATTACHMENT_NAME} {shortened(attachment.name or '')} is no plain file name.",
                'Leave / \\ : * ? " < > | out of it.',
                f"{attachment_path(message, index)}/{v.ATTACHMENT_NAME}",
            )


def reference_without_attachment(message: DocumentMessage, _at: datetime) -> Iterator[Breach]:
    """What the manifest names is there."""
    present = {attachment.content_id for attachment in message.attachments}
    for index, reference in enumerate(message.references):
        if reference.content_id is None or reference.content_id not in present:
            named = shortened(reference.content_id or "")
            yield Breach(
                f"The manifest names {named}, but no attachment has this {v.CONTENT_ID}.",
                f"Send the attachment, or take the {v.REFERENCE} out.",
                numbered(f"{v.MANIFEST_PATH}/{v.REFERENCE}", index, len(message.references)),
            )


def attachment_without_reference(message: DocumentMessage, _at: datetime) -> Iterator[Breach]:
    """What is there is named in the manifest."""
    named = {reference.content_id for reference in message.references}
    for index, attachment in enumerate(message.attachments):
        if attachment.content_id is None or attachment.content_id not in named:
            yield Breach(
                f"The manifest does not name the attachment {shortened(attachment.content_id or '')}.",
                f"Add a {v.REFERENCE} with the same {v.CONTENT_ID}.",
                f"{attachment_path(message, index)}/{v.CONTENT_ID}",
            )


def content_id_repeated(message: DocumentMessage, _at: datetime) -> Iterator[Breach]:
    """No two attachments share a ContentId."""
    counts = Counter(attachment.content_id for attachment in message.attachments)
    for index, attachment in enumerate(message.attachments):
        if attachment.content_id is not None and counts[attachment.content_id] > 1:
            yield Breach(
                f"Several attachments have the {v.CONTENT_ID} {shortened(attachment.content_id)}.",
                "Give each attachment its own.",
                f"{attachment_path(message, index)}/{v.CONTENT_ID}",
            )


_SOURCE = "QCVN 102:2016/BTTTT, manifest and attachments"

RULES: tuple[Rule[DocumentMessage], ...] = (
    Rule("qcvn102.4.attachment-name-missing", Severity.ERROR, _SOURCE, attachment_unnamed),
    Rule("qcvn102.4.attachment-content-missing", Severity.ERROR, _SOURCE, attachment_empty),
    Rule(
        "ours.edxml.attachment-name-control-characters",
        Severity.ERROR,
        "ours, decision 0007",
        attachment_name_control_characters,
    ),
    Rule("ours.edxml.attachment-name-not-plain", Severity.WARNING, "ours, decision 0007", attachment_name_not_plain),
    Rule("qcvn102.3.attachment-missing", Severity.ERROR, _SOURCE, reference_without_attachment),
    Rule("qcvn102.3.reference-missing", Severity.WARNING, _SOURCE, attachment_without_reference),
    Rule("qcvn102.4.content-id-repeated", Severity.ERROR, _SOURCE, content_id_repeated),
)
