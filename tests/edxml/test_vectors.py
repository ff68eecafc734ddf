"""Every vector: one change from a valid message, and exactly the findings it must give.

`tests/vectors/<subject>_<defect>/` holds `input.edxml` and `expected.json`: the clause in words, the time of checking,
whether strict, and the findings in their order.
"""

import json
from datetime import datetime
from pathlib import Path

import pytest

from app.edxml import rules
from app.edxml.attachments import inspect
from app.edxml.model import DocumentMessage
from app.edxml.read import read
from app.edxml.secrecy import find_mark
from app.errors import SubmissionRejected
from app.findings import Finding
from app.markup import MarkupLimits, parse

VECTORS = Path(__file__).parents[1] / "vectors"
NAMES = sorted(path.parent.name for path in VECTORS.glob("*/input.edxml"))
CUTTING = MarkupLimits(splice_from_bytes=0, run_bytes_min=64, block_bytes=1000)


def findings_of(document: bytes, *, at: datetime, strict: bool, limits: MarkupLimits) -> list[Finding]:
    """Everything that is found in a document apart from its signature, in the order of verification."""
    try:
        markup = parse(document, limits=limits)
    except SubmissionRejected as error:
        return list(error.findings)
    reading = read(markup)
    findings = list(reading.findings)
    assert (reading.message is None) == any(finding.refuses for finding in findings)
    if reading.message is None:
        return findings
    findings += rules.check(reading.message, at=at, strict=strict)
    if isinstance(reading.message, DocumentMessage):
        findings += inspect(reading.message, markup)[1]
    mark = find_mark(reading.message)
    return [*findings, mark] if mark else findings


@pytest.mark.parametrize("limits", [MarkupLimits(), CUTTING], ids=["whole", "cut"])
@pytest.mark.parametrize("name", NAMES)
def test_vector(name: str, limits: MarkupLimits) -> None:
    expected = json.loads((VECTORS / name / "expected.json").read_text(encoding="utf-8"))
    found = findings_of(
        (VECTORS / name / "input.edxml").read_bytes(),
        at=datetime.fromisoformat(expected["at"]),
        strict=expected.get("strict", False),
        limits=limits,
    )
    assert [
        {"code": finding.code, "severity": finding.severity.value, "location": finding.location} for finding in found
    ] == expected["findings"]
    for finding in found:
        assert finding.message
        assert finding.fix
        assert finding.source


def test_there_are_many_vectors() -> None:
    assert len(NAMES) >= 100
