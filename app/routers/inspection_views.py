"""What was found inside attachments, as the API shows it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from app.routers.problems import FindingView


class InspectionView(BaseModel):
    """How far the looking into a document's PDF attachments has come; it begins after acceptance."""

    state: str = Field(description="`waiting`, `done`, or `failed` where it was given up.", examples=["done"])
    pdfs: int | None = Field(description="PDF attachments that were looked into; null while it is not done.")
    signed: int | None = Field(description="Of them those with a proven signature and no broken one.")
    inspected_at: datetime | None = Field(description="When it was over, UTC.")

    @classmethod
    def of(cls, row: Any | None) -> "InspectionView | None":
        """Show a row; None for a document without PDFs, and one from before they were looked into."""
        if row is None:
            return None
        pdfs = row.result["pdfs"] if row.result is not None else None
        return cls(
            state=row.state,
            pdfs=len(pdfs) if pdfs is not None else None,
            signed=sum(each["status"] == "valid" for each in pdfs) if pdfs is not None else None,
            inspected_at=row.inspected_at,
        )


class PdfSignerView(BaseModel):
    """Whose certificate a signature names; whether that is to be relied on say the findings."""

    subject: str = Field(description="RFC 4514.")
    issuer: str = Field(description="RFC 4514.")
    serial: str = Field(description="Serial number, hex.")
    sha256: str = Field(description="SHA-256 of the certificate, hex.")
    kind: str | None = Field(
        description="`seal` of an agency or `person`: as registered here, else guessed from its names."
    )
    agency: str | None = Field(description="Agency code where the certificate is registered at this node.")


class PdfTimestampView(BaseModel):
    """A timestamp over a signature."""

    at: datetime | None = Field(description="The time it proves; null where it proves none, see its findings.")
    findings: list[FindingView]


class PdfSignatureView(BaseModel):
    """One signature in a PDF."""

    field: str = Field(description="Name of its form field.")
    role: str = Field(description="`approval`, `certification` or `timestamp` (of the whole file).")
    indication: str = Field(description="ETSI EN 319 102-1: TOTAL-PASSED, INDETERMINATE or TOTAL-FAILED.")
    sub_indication: str | None = Field(description="Why not TOTAL-PASSED.", examples=["HASH_FAILURE"])
    intact: bool = Field(description="Whether what it is over is unchanged and its value is that of the certificate.")
    covers: str = Field(description="`whole-file`, `revision` (the file as it then was) or `part`.")
    revision: int = Field(description="Which state of the file it was made over, from 1.")
    later_changes: str = Field(
        description="What was appended since: `none`, `maintenance`, `form-filling` (also further signatures), "
        "`annotations` or `other`."
    )
    signer: PdfSignerView | None = Field(description="Null where no certificate can be read.")
    claimed_at: datetime | None = Field(description="When the signer says it was made; proves nothing.")
    timestamp: PdfTimestampView | None
    judged_at: datetime = Field(description="For when the certificate was judged: the proven time, else of receipt.")
    findings: list[FindingView]


class PdfView(BaseModel):
    """What was found in a PDF attachment."""

    status: str = Field(
        description="`valid`: a signature is proven and none broken; `indeterminate`; `invalid`: one is broken; "
        "`unsigned`; `unreadable`.",
        examples=["valid"],
    )
    revisions: int = Field(description="How many states the file has; 0 where it was not read.")
    signatures: list[PdfSignatureView] = Field(description="In the order they were made.")
    findings: list[FindingView] = Field(description="About the file as a whole.")


def pdf_views(row: Any | None) -> Mapping[int, PdfView]:
    """Give what was found in each PDF, by number of the attachment; nothing while it is not done."""
    if row is None or row.result is None:
        return {}
    return {each["number"]: PdfView.model_validate(each) for each in row.result["pdfs"]}
