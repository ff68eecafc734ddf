"""Comparing what is kept about the inside of attachments with the events that say it was found."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.ledger.canonical import canonical_json
from app.ledger.divergence import CheckReport, Likely

STEP = "(3) documents"
VALID = "valid"
"""Status of a PDF that counts as signed."""


def detail_of(result: Mapping[str, Any]) -> dict[str, int | str]:
    """Say of a result what its event says: how many PDFs, how many of them signed validly, and the result's SHA-256.

    Raises:
        ValueError, KeyError, TypeError: it is no result.
    """
    pdfs = result["pdfs"]
    return {
        "pdf": len(pdfs),
        "pdf_signed": sum(each["status"] == VALID for each in pdfs),
        "result": hashlib.sha256(canonical_json(result)).hexdigest(),
    }


def compare(report: CheckReport, rows: Iterable[Any], told: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Note each document whose result is not the one its event speaks of.

    Args:
        rows: of inspections, the result as the text that is kept.
        told: what the events that tell of them say, by document.
    """
    kept = {row.document: row for row in rows}
    for document in sorted(kept.keys() | told.keys()):
        row, said = kept.get(document), told.get(document, ())
        done = row is not None and row.state == "done"
        if len(said) != done:
            state = row.state if row is not None else "not there"
            likely = Likely.DELETED if row is None else Likely.CHANGED
            report.add(STEP, document, f"its inspection is {state}, {len(said)} events say what was found", likely)
        elif row is not None and done:
            report.compare(STEP, document, kept=_kept(row.result), said=_NOTHING | dict(said[0]))


_NOTHING: dict[str, object] = {"pdf": None, "pdf_signed": None, "result": None}


def _kept(result: Any) -> dict[str, object]:
    try:
        return dict(detail_of(json.loads(result)))
    except (ValueError, KeyError, TypeError, RecursionError):
        return {"result": "unreadable"}
