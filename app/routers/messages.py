"""What the calls of the exchange have in common: reading a message from a request, and the words for describing one."""

from typing import Annotated, Any

from fastapi import Depends, Request
from pydantic import BaseModel, Field

from app.exchange.refuse import Declared
from app.findings import Indication, Verdict
from app.routers.conditions import declared_sha256
from app.routers.problems import FindingView

XML = "application/xml"

MESSAGE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "One edXML message, exactly the bytes that were signed; streamed, not encoded.",
        "content": {
            XML: {
                "schema": {"type": "string", "format": "binary"},
                "example": '<?xml version="1.0" encoding="UTF-8"?>\n'
                '<edXML xmlns="http://www.mic.gov.vn/TBT/QCVN_102_2016">…</edXML>',
            }
        },
    },
    "parameters": [
        {
            "name": "Content-Digest",
            "in": "header",
            "required": False,
            "description": "SHA-256 of the body (RFC 9530); compared where it is sent.",
            "schema": {"type": "string", "pattern": "^sha-256=:[A-Za-z0-9+/]{43}=:$"},
        }
    ],
}
"""`openapi_extra` of the calls that take a message."""

MESSAGE_CONTENT: dict[str, Any] = {
    XML: {"schema": {"type": "string", "format": "binary", "description": "Exactly the bytes that were sent."}}
}
"""`content` of the answers that give one."""


def declared_of(request: Request) -> Declared:
    """Read what a request says of its body.

    Raises:
        RequestInvalid: Content-Digest cannot be read.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    length = request.headers.get("content-length", "")
    return Declared(
        media_type=media_type or None,
        size=int(length[:20]) if length.isascii() and length.isdigit() else None,
        encoded=request.headers.get("content-encoding", "identity").strip().lower() != "identity",
        sha256=declared_sha256(request.headers.get("content-digest")),
    )


DeclaredBody = Annotated[Declared, Depends(declared_of)]
"""Parameter of a handler that takes a message: `declared: DeclaredBody`."""


class VerificationView(BaseModel):
    """Outcome of a verification (ETSI EN 319 102-1)."""

    indication: Indication = Field(description="TOTAL-PASSED for everything that was accepted.")
    findings: list[FindingView] = Field(description="What the rules found; warnings and information do not refuse.")

    @classmethod
    def of(cls, verdict: Verdict) -> "VerificationView":
        """Show a verdict."""
        return cls(indication=verdict.indication, findings=[FindingView.of(each) for each in verdict.findings])

    @classmethod
    def kept(cls, record: dict[str, Any]) -> "VerificationView":
        """Show what was kept with a message."""
        return cls(indication=Indication(record["indication"]), findings=record["findings"])
