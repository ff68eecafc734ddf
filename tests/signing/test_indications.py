"""Findings in the words of ETSI EN 319 102-1."""

import pytest

from app.findings import Finding, Indication, Severity
from app.signing.indications import BY_BEGINNING, BY_CODE, SubIndication, cause, indication_of, sub_indication_of


def finding(code: str, severity: Severity = Severity.ERROR) -> Finding:
    return Finding(code, severity, "message", "fix", "source")


def test_nothing_found_is_passed() -> None:
    assert sub_indication_of([]) == (Indication.TOTAL_PASSED, None)


@pytest.mark.parametrize("severity", [Severity.WARNING, Severity.INFO])
def test_what_is_only_worth_knowing_takes_nothing_away(severity: Severity) -> None:
    assert sub_indication_of([finding("rfc5280.6.3.revoked-later", severity)]) == (Indication.TOTAL_PASSED, None)


def test_findings_about_the_content_say_nothing_of_the_signature() -> None:
    assert sub_indication_of([finding("qcvn102.1.6.subject-missing")]) == (Indication.TOTAL_PASSED, None)


@pytest.mark.parametrize(
    ("code", "indication", "sub"),
    [
        ("xmldsig.3.2.1.digest-mismatch", Indication.TOTAL_FAILED, "HASH_FAILURE"),
        ("xmldsig.3.2.2.signature-invalid", Indication.TOTAL_FAILED, "SIG_CRYPTO_FAILURE"),
        ("xmldsig.4.1.shape", Indication.TOTAL_FAILED, "FORMAT_FAILURE"),
        ("rfc5280.4.1.2.5.not-yet-valid", Indication.TOTAL_FAILED, "NOT_YET_VALID"),
        ("rfc5280.4.1.2.5.expired", Indication.INDETERMINATE, "OUT_OF_BOUNDS_NO_POE"),
        ("rfc5280.6.3.revoked", Indication.INDETERMINATE, "REVOKED_NO_POE"),
        ("rfc5280.6.3.revocation-unknown.stale", Indication.INDETERMINATE, "TRY_LATER"),
        ("rfc5280.6.1.no-path", Indication.INDETERMINATE, "NO_CERTIFICATE_CHAIN_FOUND"),
        ("rfc5280.6.1.path-unchecked", Indication.INDETERMINATE, "CERTIFICATE_CHAIN_GENERAL_FAILURE"),
        ("ours.signature.coverage", Indication.INDETERMINATE, "SIG_CONSTRAINTS_FAILURE"),
        ("ours.trust.suspended", Indication.INDETERMINATE, "TRY_LATER"),
        ("ours.trust.not-registered", Indication.INDETERMINATE, "CHAIN_CONSTRAINTS_FAILURE"),
        ("ours.certificate.weak-key", Indication.INDETERMINATE, "CRYPTO_CONSTRAINTS_FAILURE"),
    ],
)
def test_each_defect_has_its_sub_indication(code: str, indication: Indication, sub: str) -> None:
    assert sub_indication_of([finding(code)]) == (indication, sub)


def test_what_is_not_known_is_open() -> None:
    unknown = finding("rfc5280.6.3.revocation-unknown.no-list", Severity.UNKNOWN)
    assert sub_indication_of([unknown]) == (Indication.INDETERMINATE, SubIndication.TRY_LATER)


def test_what_is_broken_counts_before_what_is_open_and_then_the_first() -> None:
    found = [finding("rfc5280.6.3.revoked"), finding("rfc5280.4.1.2.5.expired")]
    assert sub_indication_of(found)[1] is SubIndication.REVOKED_NO_POE
    assert sub_indication_of([*found, finding("xmldsig.3.2.1.digest-mismatch")])[1] is SubIndication.HASH_FAILURE


def test_beginnings_are_tried_from_the_longest_to_the_shortest() -> None:
    beginnings = list(BY_BEGINNING)
    for place, each in enumerate(beginnings):
        assert not any(later.startswith(each) and later != each for later in beginnings[place + 1 :])
    assert all(indication_of(each) is not Indication.TOTAL_PASSED for each in SubIndication)
    assert all(cause(finding(code)) is sub for code, sub in BY_CODE.items())
