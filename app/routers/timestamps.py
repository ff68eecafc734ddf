"""Time stamps of receipts over HTTP."""

import base64
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.errors import NotFound
from app.exchange import archive
from app.exchange.stamped_receipts import stamped_receipt
from app.node import Node
from app.registry.model import Scope
from app.routers import clock, problems
from app.routers.access import AtNode, Caller, require
from app.routers.calls import calls
from app.signing.certificates import subject_of
from app.signing.stamped_receipt import StampedReceipt
from app.signing.timestamps import certificates_of

router: APIRouter = calls(tag="Exchange")


class ReceiptTimestamp(BaseModel):
    """That a receipt existed at a time, checkable without this node: receipt → digest → proof → root → token."""

    id: str = Field(description="The document or status report the receipt is of.")
    receipt: str = Field(description="The receipt itself, a compact JWS of the node.")
    digest: str = Field(description="SHA-256 of the receipt's ASCII bytes, hex: the entry of the tree.")
    position: int = Field(description="Its place among the entries, from 0.")
    size: int = Field(description="Number of entries.")
    proof: list[str] = Field(
        description="Siblings on the way from the entry's leaf to the root, lowest first, hex (RFC 6962 §2.1.1)."
    )
    root: str = Field(description="Root of the tree (RFC 6962 §2.1), hex; its 32 bytes are what was stamped.")
    token: str = Field(description="RFC 3161 token over the root, DER in base64.")
    gen_time: datetime = Field(description="When the authority had the root before it, as the token says; UTC.")
    authority: str = Field(description="Who stamped, by name (RFC 4514).")

    @classmethod
    def of(cls, identity: str, found: StampedReceipt) -> "ReceiptTimestamp":
        """Show a stamped receipt."""
        return cls(
            id=identity,
            receipt=found.receipt,
            digest=found.digest.hex(),
            position=found.position,
            size=found.size,
            proof=[each.hex() for each in found.proof],
            root=found.root.hex(),
            token=base64.b64encode(found.token).decode("ascii"),
            gen_time=found.gen_time,
            authority=subject_of(certificates_of(found.token)[0]),
        )


@router.get(
    "/v1/documents/{document:uuid}/timestamp",
    summary="Prove when a document was accepted",
    response_model=ReceiptTimestamp,
    responses=problems.answers(404),
)
async def document_timestamp(
    node: AtNode, caller: Annotated[Caller, require(Scope.EXCHANGE, Scope.AUDIT)], document: UUID
) -> ReceiptTimestamp:
    """Return the time stamp of a document's receipt, for its sender, its recipients and auditors.

    404 with a reason while there is none: the node has no time-stamping authority, or its answer is still awaited.
    """
    found = await archive.dossier(node.desk, str(document), client=caller.client, scopes=caller.scopes, at=clock.now())
    return await _shown(node, found.document)


@router.get(
    "/v1/statuses/{report:uuid}/timestamp",
    summary="Prove when a status report was accepted",
    response_model=ReceiptTimestamp,
    responses=problems.answers(404),
)
async def status_timestamp(
    node: AtNode, caller: Annotated[Caller, require(Scope.EXCHANGE)], report: UUID
) -> ReceiptTimestamp:
    """Return the time stamp of a status report's receipt, for its reporter and the other party; 404 as above."""
    row = await archive.report_content(
        node.desk, str(report), client=caller.client, scopes=caller.scopes, at=clock.now()
    )
    return await _shown(node, row)


async def _shown(node: Node, row: Any) -> ReceiptTimestamp:
    identity, receipt = str(row.id), str(row.receipt)
    found = await stamped_receipt(node.database, identity, receipt)
    if not isinstance(found, StampedReceipt):
        raise NotFound(f"there is no time stamp yet: {found.reason}")
    return ReceiptTimestamp.of(identity, found)
