"""All cases of NIST PKITS, through the engine as the node calls it."""

import pytest

from app.signing.path import Purpose, Strength, validate
from tests.signing.pkits import ANCHOR, AT, CASES, Case, above, certificate, revocations


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.number)
def test_pkits(case: Case) -> None:
    leaf = certificate(f"{case.target}EE")
    verdict = validate(
        leaf,
        intermediates=above(leaf),
        anchors=[certificate(ANCHOR)],
        revocations=revocations(),
        at=AT,
        purpose=Purpose.ANY,
        strength=Strength.ANY,
        policies=case.policies,
    )
    assert verdict.passed is case.valid, [finding.message for finding in verdict.findings]
    assert (verdict.valid_until is not None) is case.valid


def test_every_case_is_there_once() -> None:
    """224 tests; those with several settings make it 247 cases."""
    numbers = [case.number for case in CASES]
    assert len({tuple(number.split(".")[:3]) for number in numbers}) == 224
    assert len(set(numbers)) == len(numbers) == 247
