"""Parts of queries that several calls share."""

from typing import Annotated, Literal

from pydantic import Field

from app.registry.model import Branch, Tier

_PRINTABLE = Field(pattern=r"^[^\x00-\x1f\x7f]*$")
"""No code and no DocumentId holds control characters, and PostgreSQL keeps no NUL."""

AgencyText = Annotated[str, _PRINTABLE, Field(max_length=35)]
"""Code of an agency in either form; empty: of none."""

DocumentTypeText = Annotated[str, _PRINTABLE, Field(max_length=40)]
"""Code of a type of document; empty: of none."""

DocumentIdText = Annotated[str, _PRINTABLE, Field(max_length=500)]
"""DocumentId as sent, or the node's id of a document."""

ActorText = Annotated[str, _PRINTABLE, Field(max_length=64)]
"""Id of a client, `operator` or `node`."""

SearchText = Annotated[str, _PRINTABLE, Field(min_length=1, max_length=200)]
"""Words to search for."""

TierOrNone = Tier | Literal[""]
"""A tier; empty: of no agency."""

BranchOrNone = Branch | Literal[""]
"""A branch; empty: of no agency."""

MonthText = Annotated[str, Field(pattern="^(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])$", examples=["2026-11"])]
"""A month, YYYY-MM."""

ProvinceText = Annotated[str, Field(pattern="^([A-Z][0-9]{2})?$", examples=["H41"])]
"""Level-one code of a province, ministry or body; empty: of agencies whose code has none."""
