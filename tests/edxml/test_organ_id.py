"""Agency codes in every form that is in use, and clear refusals of what is none."""

import pytest

from app.edxml.organ_id import LENGTH_MAX, OrganId, OrganIdForm
from app.errors import RequestInvalid


@pytest.mark.parametrize(
    ("text", "form", "level_one"),
    [
        ("000.00.00.G22", OrganIdForm.QCVN, "G22"),
        ("000.46.24.H44", OrganIdForm.QCVN, "H44"),
        ("000.12.30.A36", OrganIdForm.QCVN, "A36"),
        ("H41", OrganIdForm.HIERARCHICAL, "H41"),
        ("G12.18", OrganIdForm.HIERARCHICAL, "G12"),
        ("H37.DN.001", OrganIdForm.HIERARCHICAL, "H37"),
        ("A01." + "1" * 31, OrganIdForm.HIERARCHICAL, "A01"),
        ("0100109106", OrganIdForm.ENTERPRISE, None),
        ("0100109106-001", OrganIdForm.ENTERPRISE, None),
        ("Z01ABC123", OrganIdForm.SCHEME, None),
        ("28.22.H17", OrganIdForm.NONCONFORMING, None),
        ("01.02.G22", OrganIdForm.NONCONFORMING, None),
        ("001.00.20.TT2", OrganIdForm.NONCONFORMING, None),
        ("vxp.saas.03", OrganIdForm.NONCONFORMING, None),
        ("h41.3", OrganIdForm.NONCONFORMING, None),
        ("Z00ABC", OrganIdForm.NONCONFORMING, None),
    ],
)
def test_forms(text: str, form: OrganIdForm, level_one: str | None) -> None:
    organ_id = OrganId.parse(text)
    assert organ_id.text == str(organ_id) == text
    assert organ_id.form is form
    assert organ_id.level_one == level_one
    assert organ_id.conforms == (form is not OrganIdForm.NONCONFORMING)


def test_upper_and_lower_case_are_different_codes() -> None:
    assert OrganId.parse("H41.A") != OrganId.parse("h41.a")
    assert OrganId.parse("H41.A") == OrganId.parse("H41.A")
    assert min(OrganId.parse("H41"), OrganId.parse("G22")).text == "G22"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "qd20.4.organ-id-empty"),
        ("H41." + "1" * (LENGTH_MAX - 3), "qd20.4.organ-id-too-long"),
        ("x" * 10_000, "qd20.4.organ-id-too-long"),
        ("H41 3", "qd20.4.organ-id-malformed"),
        (" H41", "qd20.4.organ-id-malformed"),
        ("H41\n", "qd20.4.organ-id-malformed"),
        ("H41..3", "qd20.4.organ-id-malformed"),
        (".H41", "qd20.4.organ-id-malformed"),
        ("H41.", "qd20.4.organ-id-malformed"),
        ("H28.*", "qd20.4.organ-id-malformed"),
        ("000.00.00,H41", "qd20.4.organ-id-malformed"),
        ("12/UBND", "qd20.4.organ-id-malformed"),
        ("H４１", "qd20.4.organ-id-malformed"),
        ("Đ41", "qd20.4.organ-id-malformed"),
        ("H41\x00", "qd20.4.organ-id-malformed"),
    ],
)
def test_refusals_carry_a_finding(text: str, code: str) -> None:
    with pytest.raises(RequestInvalid) as caught:
        OrganId.parse(text)
    (finding,) = caught.value.findings
    assert finding.code == code
    assert finding.refuses
    assert finding.fix
    assert len(finding.message) < 200
