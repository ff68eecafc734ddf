"""Comparing the verification reports that are kept with the events that say what was found."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from app.ledger.divergence import CheckReport

STEP = "(3) documents"
MEMBER = "verification"
"""Member of an event's detail that binds a report to the log; events from before there were reports have none."""


def octets_of(report: Mapping[str, Any]) -> bytes:
    """Write a report as JSON with sorted keys and no blanks, the octets whose SHA-256 the event of it carries.

    Raises:
        ValueError, TypeError: it holds what is no JSON.
    """
    # Not `canonical_json`: a report is no event, and may be deeper than one.
    text = json.dumps(report, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8")


def digest_of(report: Mapping[str, Any]) -> str:
    """Return the hex SHA-256 of a report as it is written by `octets_of`.

    Raises:
        ValueError, TypeError: it holds what is no JSON.
    """
    return hashlib.sha256(octets_of(report)).hexdigest()


def compare(
    report: CheckReport, kept: Mapping[str, Sequence[Any]], told: Mapping[str, Sequence[Mapping[str, Any]]]
) -> None:
    """Note each report that is not the one its event speaks of, or is not there, or that no event speaks of.

    Args:
        kept: rows of verification reports by document.
        told: what the events of acceptance and of judging again say, by document.
    """
    for document in sorted(kept.keys() | told.keys()):
        there = {row.revision: _digest(row.report) for row in kept.get(document, ())}
        said = {each.get("revision", 0): each[MEMBER] for each in told.get(document, ()) if MEMBER in each}
        for revision in sorted(there.keys() | said.keys()):
            if there.get(revision) != said.get(revision):
                message = (
                    f"its verification report {revision} has the digest {there.get(revision)}, its event says "
                    f"{said.get(revision)}"
                )
                report.add(STEP, document, message)


def _digest(report: Any) -> str:
    try:
        return digest_of(report)
    except (ValueError, TypeError):
        return "unreadable"
