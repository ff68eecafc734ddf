"""What was found in a PDF as a line of JSON, between the process that looked into it and the node."""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from app.findings import Finding, Severity
from app.signing.pdf_found import Changes, Coverage, PdfExamination, PdfSignature, PdfTimestamp, Role


def written(examination: PdfExamination) -> str:
    """Write what was found as one line of JSON. Not as a pickle: whoever reads it does not trust this process."""
    return json.dumps(asdict(examination), default=_plain)


def read(line: bytes) -> PdfExamination:
    """Read what `written` wrote.

    Raises:
        ValueError, KeyError, TypeError: it is something else.
    """
    told = json.loads(line)
    return PdfExamination(
        revisions=int(told["revisions"]),
        signatures=tuple(_signature(each) for each in told["signatures"]),
        findings=_findings(told),
    )


def _plain(value: object) -> str:
    match value:
        case bytes():
            return b64encode(value).decode("ascii")
        case datetime():
            return value.isoformat()
        case _:
            raise TypeError(f"{type(value).__name__} is no part of an examination")


def _signature(told: Mapping[str, Any]) -> PdfSignature:
    stamp = told["timestamp"]
    return PdfSignature(
        field=str(told["field"]),
        role=Role(told["role"]),
        intact=told["intact"] is True,
        coverage=Coverage(told["coverage"]),
        revision=int(told["revision"]),
        changes=Changes(told["changes"]),
        claimed_at=_moment(told["claimed_at"]) if told["claimed_at"] else None,
        timestamp=stamp and PdfTimestamp(_octets(stamp["token"]), _octets(stamp["octets"]), _certificates(stamp)),
        certificates=_certificates(told),
        findings=_findings(told),
    )


def _certificates(told: Mapping[str, Any]) -> tuple[bytes, ...]:
    return tuple(_octets(each) for each in told["certificates"])


def _octets(text: str) -> bytes:
    return b64decode(text, validate=True)


def _findings(told: Mapping[str, Any]) -> tuple[Finding, ...]:
    return tuple(Finding(**each | {"severity": Severity(each["severity"])}) for each in told["findings"])


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment without zone")
    return moment
