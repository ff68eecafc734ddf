"""What the calls of the ledger answer in JSON; hashes are hexadecimal, as everywhere in this API."""

import base64
import json
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from app.ledger.proofs import ConsistencyProof, InclusionProof
from app.ledger.published import Entry


class EntryView(BaseModel):
    """One entry of the ledger."""

    index: int = Field(description="Its place, from 0.")
    leaf_hash: str = Field(description="SHA-256 of an octet 0 and the body (RFC 6962 §2.1), hex; from the tree.")
    body: str = Field(description="The event's canonical JSON (RFC 8785) as text; its UTF-8 octets are what is hashed.")
    event: dict[str, Any] = Field(description="The same, read.")

    @classmethod
    def of(cls, entry: Entry) -> "EntryView":
        """Show an entry."""
        return cls(
            index=entry.index, leaf_hash=entry.leaf_hash.hex(), body=entry.body, event=dict(json.loads(entry.body))
        )


class InclusionView(BaseModel):
    """That an entry is the one at its index in a tree (RFC 9162 §2.1.3.2 says how to check it)."""

    index: int = Field(description="Index of the entry.")
    size: int = Field(description="Size of the tree.")
    leaf_hash: str = Field(description="Hash of the entry, hex.")
    hashes: list[str] = Field(description="Audit path, lowest first (RFC 6962 §2.1.1), hex.")
    root: str = Field(description="Root of the tree, hex; compare it with a checkpoint you trust.")
    checkpoint: str | None = Field(description="The signed checkpoint of that size; null where none is kept.")

    @classmethod
    def of(cls, proof: InclusionProof, checkpoint: str | None) -> "InclusionView":
        """Show a proof."""
        return cls(
            index=proof.index,
            size=proof.size,
            leaf_hash=proof.leaf_hash.hex(),
            hashes=[each.hex() for each in proof.hashes],
            root=proof.root.hex(),
            checkpoint=checkpoint,
        )


def proof_file(proof: InclusionProof, checkpoint: str) -> str:
    """Write an inclusion proof and its checkpoint as one text (C2SP tlog-proof)."""
    hashes = "".join(f"{base64.b64encode(each).decode('ascii')}\n" for each in proof.hashes)
    return f"c2sp.org/tlog-proof@v1\nindex {proof.index}\n{hashes}\n{checkpoint}"


class ConsistencyView(BaseModel):
    """That a tree is the beginning of a later one (RFC 9162 §2.1.4.2 says how to check it)."""

    from_size: int = Field(alias="from", description="Size of the earlier tree.")
    to_size: int = Field(alias="to", description="Size of the later tree.")
    from_root: str = Field(description="Root of the earlier tree, hex.")
    to_root: str = Field(description="Root of the later tree, hex.")
    hashes: list[str] = Field(description="In the order of RFC 6962 §2.1.2, hex.")

    @classmethod
    def of(cls, proof: ConsistencyProof) -> "ConsistencyView":
        """Show a proof."""
        return cls(
            **{"from": proof.old, "to": proof.new},
            from_root=proof.old_root.hex(),
            to_root=proof.new_root.hex(),
            hashes=[each.hex() for each in proof.hashes],
        )


class CosignedView(BaseModel):
    """A cosignature that is kept now; the checkpoint has it from now on."""

    size: int = Field(description="Size of the checkpoint.")
    witness: str = Field(description="Verifier key of the witness (C2SP).")
    cosigned_at: datetime = Field(description="When the witness says it saw the checkpoint; UTC.")
