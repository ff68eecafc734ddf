"""Documents as answers show them: the receipt, what validation finds, and a document with how far it came."""

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, Field

from app.edxml.describe import describe
from app.exchange import archive
from app.exchange.submit import Accepted
from app.exchange.verify import Verified
from app.findings import Indication
from app.routers.inspection_views import InspectionView, PdfView
from app.routers.messages import VerificationView
from app.routers.problems import FindingView


class NewDelivery(BaseModel):
    """A delivery as it was made."""

    id: str = Field(description="Delivery id; what is acknowledged.")
    recipient: str = Field(description="Agency code of the recipient in the directory.", examples=["000.00.00.H41"])
    state: str = Field(description="`available`: it lies in the recipient's inbox.")


class DocumentReceipt(BaseModel):
    """What the sender gets for an accepted document."""

    id: str = Field(description="The node's id of the document (UUIDv7).")
    document_id: str = Field(examples=["000.00.00.G22,2026/09/30,7816/VPCP-TTĐT"], description="DocumentId as sent.")
    sender: str = Field(description="Agency code of the sender in the directory.", examples=["000.00.00.G22"])
    sha256: str = Field(description="SHA-256 of exactly the bytes received, hex.")
    size: int = Field(description="Their number.")
    accepted_at: datetime = Field(description="When it was accepted, UTC.")
    kind: str = Field(description="`new`, `revocation`, `update` or `replacement` (BussinessDocType 0 to 3).")
    verification: VerificationView
    deliveries: list[NewDelivery] = Field(description="One per recipient.")
    receipt: str = Field(description="Compact JWS (ES256) signed by the node; check it with /.well-known/jwks.json.")

    @classmethod
    def of(cls, accepted: Accepted) -> "DocumentReceipt":
        """Show an accepted document, the same each time."""
        row = accepted.document
        return cls(
            **{name: row[name] for name in ("id", "document_id", "sender", "sha256", "size", "accepted_at", "kind")},
            verification=VerificationView.kept(row["verification"]),
            deliveries=[
                NewDelivery(id=delivery, recipient=recipient, state="available")
                for delivery, recipient in accepted.deliveries
            ],
            receipt=row["receipt"],
        )


class ValidationReport(BaseModel):
    """What would become of a message."""

    valid: bool = Field(description="Whether it would be accepted now, with everything proven.")
    accepted: bool = Field(
        description="Whether it would be accepted now; what cannot be proven is accepted where a policy says so."
    )
    indication: Indication = Field(description="What would be said of it (ETSI EN 319 102-1).")
    findings: list[FindingView] = Field(description="Everything the rules have to say.")
    document: dict[str, Any] | None = Field(description="What was read of the message; null where it cannot be read.")

    @classmethod
    def of(cls, verified: Verified) -> "ValidationReport":
        """Show what was found in a message."""
        return cls(
            valid=verified.verdict.indication is Indication.TOTAL_PASSED,
            accepted=verified.verdict.acceptable,
            indication=verified.verdict.indication,
            findings=VerificationView.of(verified.verdict).findings,
            document=describe(verified.message) if verified.message is not None else None,
        )


class DeliveryView(BaseModel):
    """How far one delivery came."""

    id: str
    recipient: str = Field(description="Agency code in the directory.")
    addressed_to: str = Field(description="The code the sender wrote.")
    state: str = Field(
        description="Where it stands: the change that was asked for or answered, else the progress.",
        examples=["received"],
    )
    progress: str = Field(description="How far it came, or how it ended.", examples=["received"])
    change: str | None = Field(description="A withdrawal or update that was asked for, or how it was answered.")
    change_by: str | None = Field(
        description="The document or status report that asked for the last change; null for whom it is none of its "
        "business."
    )
    added_by: str | None = Field(
        description="The update that added this recipient; null for the first recipients, and for whom it is none of "
        "its business."
    )
    superseded_by: str | None = Field(
        description="The document that holds instead, for this recipient; null for whom it is none of its business."
    )
    overdue: bool = Field(description="Its due date is over, and it is not completed.")
    available_at: datetime
    acknowledged_at: datetime | None = Field(description="When the recipient took it over.")

    @classmethod
    def of(cls, row: Any, *, whole: bool = True) -> "DeliveryView":
        """Show a delivery's row; `whole` with what is for its own parties only."""
        return cls(
            id=row.id,
            recipient=row.recipient,
            addressed_to=row.addressed_to,
            state=row.change or row.progress,
            progress=row.progress,
            change=row.change,
            change_by=row.change_by if whole else None,
            added_by=row.added_by if whole else None,
            superseded_by=row.superseded_by if whole else None,
            overdue=archive.is_overdue(row),
            available_at=row.available_at,
            acknowledged_at=row.acknowledged_at,
        )


class StatusView(BaseModel):
    """A status report about a document."""

    id: str
    reporter: str
    status_code: str = Field(examples=["03"])
    description: str | None = Field(description="Reason or remark; null for whom it is none of its business.")
    reported_at: datetime | None = Field(description="As the reporter claims.")
    accepted_at: datetime

    @classmethod
    def of(cls, row: Any, *, whole: bool) -> "StatusView":
        """Show a report's row; `whole` with what is for its own parties only."""
        same = ("id", "reporter", "status_code", "reported_at", "accepted_at")
        return cls(**{name: getattr(row, name) for name in same}, description=row.description if whole else None)


class LinkView(BaseModel):
    """What one document says about another."""

    relation: str = Field(description="`revokes`, `updates`, `replaces` or `answers`.")
    direction: str = Field(description="`outgoing`: this document says it; `incoming`: the other one says it of this.")
    document_id: str = Field(description="DocumentId of the other document as it was written.")
    document: str | None = Field(
        description="The node's id of the other document, where the node holds it and the client may know of it."
    )

    @classmethod
    def of(cls, link: archive.LinkedDocument, dossier: archive.Dossier) -> "LinkView":
        """Show a link of a dossier's document."""
        return cls(
            relation=link.relation,
            direction="outgoing" if link.outgoing else "incoming",
            document_id=link.document_id or dossier.document.document_id,
            document=link.document,
        )


class AttachmentView(BaseModel):
    """An attachment, as it was found when the document was verified."""

    number: int = Field(description="From 1, in the order of the document.")
    name: str | None
    media_type: str | None = Field(description="By its first bytes, not by what the sender declared.")
    size: int = Field(description="Length of the file, decoded and unwrapped.")
    sha256: str = Field(description="SHA-256 of the same, hex.")
    pdf: PdfView | None = Field(
        description="What was found in a PDF; null for other files, and until it was looked into (see the document)."
    )


class DocumentView(BaseModel):
    """A document with its state for every recipient. Auditors see everything but what it says."""

    id: str
    document_id: str
    sender: str
    kind: str
    code: str = Field(description="Số/ký hiệu.")
    subject: str | None = Field(description="Trích yếu; null for auditors.")
    document_type: str = Field(description="Code of the type of document.")
    priority: int = Field(description="Độ khẩn, 0 to 4.")
    promulgation_date: date | None
    due_date: date | None
    with_paper: bool
    size: int
    sha256: str
    accepted_at: datetime
    verification: VerificationView
    signature: str = Field(
        description="`valid`, or the form that a policy let in although it proves nothing: `unsigned`, `sha1`, "
        "`foreign-namespace`."
    )
    certificate: str | None = Field(
        description="SHA-256 of the certificate it was signed with, of several the agency's seal; null where it is not "
        "signed verifiably."
    )
    purged_at: datetime | None = Field(
        description="When its content was thrown away by the rules of retention; null while it can be fetched."
    )
    inspection: InspectionView | None = Field(
        description="How far its PDF attachments were looked into; null where it has none."
    )
    deliveries: list[DeliveryView]
    statuses: list[StatusView] = Field(description="Every report, oldest first.")
    links: list[LinkView]

    @classmethod
    def of(cls, dossier: archive.Dossier) -> "DocumentView":
        """Show a dossier as far as the client may see it."""
        row, whole = dossier.document, dossier.may_read_content
        same = ("id", "document_id", "sender", "kind", "code", "document_type", "priority", "promulgation_date")
        more = ("due_date", "with_paper", "size", "sha256", "accepted_at", "signature", "purged_at")
        return cls(
            **{name: getattr(row, name) for name in same + more},
            subject=row.subject if whole else None,
            verification=VerificationView.kept(row.verification),
            inspection=InspectionView.of(dossier.inspection),
            certificate=row.verification["certificate"],
            deliveries=[
                DeliveryView.of(leg, whole=not dossier.is_party or leg.id in dossier.own) for leg in dossier.deliveries
            ],
            statuses=[StatusView.of(report, whole=report.delivery in dossier.own) for report in dossier.reports],
            links=[LinkView.of(link, dossier) for link in dossier.links],
        )
