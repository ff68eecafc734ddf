"""Comparing the verification reports that are kept with the events that say what was found."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.ledger.divergence import CheckReport, Likely
from app.ledger.said import Said

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
    report: CheckReport,
    rows: Iterable[Any],
    accepted: Mapping[str, Sequence[Said]],
    judged: Mapping[str, Sequence[Said]],
) -> None:
    """Note each report that is not the one its event speaks of, or is not there, or that no event speaks of.

    Args:
        rows: of verification reports, the report as the text that is kept.
        accepted: the events of acceptance, by document.
        judged: the events of judging again, by document.
    """
    kept: dict[str, dict[int, Any]] = defaultdict(dict)
    for row in rows:
        kept[row.document][row.revision] = row
    # A document whose acceptance no event tells of is another finding.
    for document in sorted(accepted):
        there = kept.get(document, {})
        said = {each.detail.get("revision", 0): each for each in (*accepted[document], *judged.get(document, ()))}
        for revision in sorted(there.keys() | {number for number, each in said.items() if MEMBER in each.detail}):
            _one(report, document, revision, there.get(revision), said.get(revision))


def _one(report: CheckReport, document: str, revision: int, row: Any, said: Said | None) -> None:
    told = said.detail.get(MEMBER) if said is not None else None
    digest, read = (None, None) if row is None else _read(row.report)
    if digest != told or said is None:
        message = f"its verification report {revision} has the digest {digest}, its event says {told}"
        likely = Likely.DELETED if row is None else Likely.INSERTED if told is None else Likely.CHANGED
        report.add(STEP, document, message, likely)
    elif read is not None:
        signature = read.get("signature")
        sub = signature.get("sub_indication") if isinstance(signature, dict) else None
        kept = {"indication": row.indication, "sub_indication": row.sub_indication, "made_at": row.made_at}
        shown = {"indication": read.get("indication"), "sub_indication": sub, "made_at": said.whole.get("at")}
        for name, value in kept.items():
            if value != shown[name]:
                message = f"{name} of verification report {revision} is {value!r}, the report says {shown[name]!r}"
                report.add(STEP, document, message)


def _read(text: Any) -> tuple[str, Mapping[str, Any] | None]:
    try:
        report = json.loads(text)
        return digest_of(report), report if isinstance(report, dict) else None
    except (ValueError, TypeError, RecursionError):
        return "unreadable", None
