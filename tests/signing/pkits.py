"""The cases of the NIST Public Key Interoperability Test Suite, and its certificates and lists as a node knows them.

PKITS (NIST, version 1.0.1, 2011) numbers its tests 4.1.1 to 4.16.2; a test that is to be run with several settings is
several cases here, with a number behind (4.8.1.1). The name of each end entity says whether it is valid, where policies
do not decide. The files are those of the package `cryptography_vectors`.
"""

import hashlib
import re
import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final, cast

from asn1crypto import x509 as asn1  # type: ignore[import-untyped]
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from app.errors import RequestInvalid
from app.signing.distinguished_names import issuer_key, subject_key
from app.signing.path import Policies
from app.signing.revocations import RevocationIndex, parse_revocation_list
from app.signing.soundness import Strength
from app.signing.whole_path import ANY_POLICY

AT: Final = datetime(2022, 5, 1, tzinfo=UTC)
"""Within the period of everything in the suite that is not wrong on purpose (2010 to 2030)."""
_DATA: Final = files("cryptography_vectors") / "x509" / "PKITS_data"
_NIST: Final = "2.16.840.1.101.3.2.1.48."


@dataclass(frozen=True)
class Case:
    """One case: the end entity's file, whether it is valid, and with which initial settings."""

    number: str
    target: str
    valid: bool
    policies: Policies = ANY_POLICY


SECTIONS: Final = {
    "4.1": """ValidCertificatePathTest1 InvalidCASignatureTest2 InvalidEESignatureTest3 ValidDSASignaturesTest4
        ValidDSAParameterInheritanceTest5 InvalidDSASignatureTest6""",
    "4.2": """InvalidCAnotBeforeDateTest1 InvalidEEnotBeforeDateTest2 Validpre2000UTCnotBeforeDateTest3
        ValidGeneralizedTimenotBeforeDateTest4 InvalidCAnotAfterDateTest5 InvalidEEnotAfterDateTest6
        Invalidpre2000UTCEEnotAfterDateTest7 ValidGeneralizedTimenotAfterDateTest8""",
    "4.3": """InvalidNameChainingTest1 InvalidNameChainingOrderTest2 ValidNameChainingWhitespaceTest3
        ValidNameChainingWhitespaceTest4 ValidNameChainingCapitalizationTest5 ValidNameUIDsTest6
        ValidRFC3280MandatoryAttributeTypesTest7 ValidRFC3280OptionalAttributeTypesTest8
        ValidUTF8StringEncodedNamesTest9 ValidRolloverfromPrintableStringtoUTF8StringTest10
        ValidUTF8StringCaseInsensitiveMatchTest11""",
    "4.4": """InvalidMissingCRLTest1 InvalidRevokedCATest2 InvalidRevokedEETest3 InvalidBadCRLSignatureTest4
        InvalidBadCRLIssuerNameTest5 InvalidWrongCRLTest6 ValidTwoCRLsTest7 InvalidUnknownCRLEntryExtensionTest8
        InvalidUnknownCRLExtensionTest9 InvalidUnknownCRLExtensionTest10 InvalidOldCRLnextUpdateTest11
        Invalidpre2000CRLnextUpdateTest12 ValidGeneralizedTimeCRLnextUpdateTest13 ValidNegativeSerialNumberTest14
        InvalidNegativeSerialNumberTest15 ValidLongSerialNumberTest16 ValidLongSerialNumberTest17
        InvalidLongSerialNumberTest18 ValidSeparateCertificateandCRLKeysTest19
        InvalidSeparateCertificateandCRLKeysTest20 InvalidSeparateCertificateandCRLKeysTest21""",
    "4.5": """ValidBasicSelfIssuedOldWithNewTest1 InvalidBasicSelfIssuedOldWithNewTest2
        ValidBasicSelfIssuedNewWithOldTest3 ValidBasicSelfIssuedNewWithOldTest4 InvalidBasicSelfIssuedNewWithOldTest5
        ValidBasicSelfIssuedCRLSigningKeyTest6 InvalidBasicSelfIssuedCRLSigningKeyTest7
        InvalidBasicSelfIssuedCRLSigningKeyTest8""",
    "4.6": """InvalidMissingbasicConstraintsTest1 InvalidcAFalseTest2 InvalidcAFalseTest3
        ValidbasicConstraintsNotCriticalTest4 InvalidpathLenConstraintTest5 InvalidpathLenConstraintTest6
        ValidpathLenConstraintTest7 ValidpathLenConstraintTest8 InvalidpathLenConstraintTest9
        InvalidpathLenConstraintTest10 InvalidpathLenConstraintTest11 InvalidpathLenConstraintTest12
        ValidpathLenConstraintTest13 ValidpathLenConstraintTest14 ValidSelfIssuedpathLenConstraintTest15
        InvalidSelfIssuedpathLenConstraintTest16 ValidSelfIssuedpathLenConstraintTest17""",
    "4.7": """InvalidkeyUsageCriticalkeyCertSignFalseTest1 InvalidkeyUsageNotCriticalkeyCertSignFalseTest2
        ValidkeyUsageNotCriticalTest3 InvalidkeyUsageCriticalcRLSignFalseTest4
        InvalidkeyUsageNotCriticalcRLSignFalseTest5""",
    "4.9": """ValidrequireExplicitPolicyTest1 ValidrequireExplicitPolicyTest2 InvalidrequireExplicitPolicyTest3
        ValidrequireExplicitPolicyTest4 InvalidrequireExplicitPolicyTest5 ValidSelfIssuedrequireExplicitPolicyTest6
        InvalidSelfIssuedrequireExplicitPolicyTest7 InvalidSelfIssuedrequireExplicitPolicyTest8""",
    "4.11": """InvalidinhibitPolicyMappingTest1 ValidinhibitPolicyMappingTest2 InvalidinhibitPolicyMappingTest3
        ValidinhibitPolicyMappingTest4 InvalidinhibitPolicyMappingTest5 InvalidinhibitPolicyMappingTest6
        ValidSelfIssuedinhibitPolicyMappingTest7 InvalidSelfIssuedinhibitPolicyMappingTest8
        InvalidSelfIssuedinhibitPolicyMappingTest9 InvalidSelfIssuedinhibitPolicyMappingTest10
        InvalidSelfIssuedinhibitPolicyMappingTest11""",
    "4.12": """InvalidinhibitAnyPolicyTest1 ValidinhibitAnyPolicyTest2 - InvalidinhibitAnyPolicyTest4
        InvalidinhibitAnyPolicyTest5 InvalidinhibitAnyPolicyTest6 ValidSelfIssuedinhibitAnyPolicyTest7
        InvalidSelfIssuedinhibitAnyPolicyTest8 ValidSelfIssuedinhibitAnyPolicyTest9
        InvalidSelfIssuedinhibitAnyPolicyTest10""",
    "4.13": """ValidDNnameConstraintsTest1 InvalidDNnameConstraintsTest2 InvalidDNnameConstraintsTest3
        ValidDNnameConstraintsTest4 ValidDNnameConstraintsTest5 ValidDNnameConstraintsTest6
        InvalidDNnameConstraintsTest7 InvalidDNnameConstraintsTest8 InvalidDNnameConstraintsTest9
        InvalidDNnameConstraintsTest10 ValidDNnameConstraintsTest11 InvalidDNnameConstraintsTest12
        InvalidDNnameConstraintsTest13 ValidDNnameConstraintsTest14 InvalidDNnameConstraintsTest15
        InvalidDNnameConstraintsTest16 InvalidDNnameConstraintsTest17 ValidDNnameConstraintsTest18
        ValidDNnameConstraintsTest19 InvalidDNnameConstraintsTest20 ValidRFC822nameConstraintsTest21
        InvalidRFC822nameConstraintsTest22 ValidRFC822nameConstraintsTest23 InvalidRFC822nameConstraintsTest24
        ValidRFC822nameConstraintsTest25 InvalidRFC822nameConstraintsTest26 ValidDNandRFC822nameConstraintsTest27
        InvalidDNandRFC822nameConstraintsTest28 InvalidDNandRFC822nameConstraintsTest29 ValidDNSnameConstraintsTest30
        InvalidDNSnameConstraintsTest31 ValidDNSnameConstraintsTest32 InvalidDNSnameConstraintsTest33
        ValidURInameConstraintsTest34 InvalidURInameConstraintsTest35 ValidURInameConstraintsTest36
        InvalidURInameConstraintsTest37 InvalidDNSnameConstraintsTest38""",
    "4.14": """ValiddistributionPointTest1 InvaliddistributionPointTest2 InvaliddistributionPointTest3
        ValiddistributionPointTest4 ValiddistributionPointTest5 InvaliddistributionPointTest6
        ValiddistributionPointTest7 InvaliddistributionPointTest8 InvaliddistributionPointTest9
        ValidNoissuingDistributionPointTest10 InvalidonlyContainsUserCertsTest11 InvalidonlyContainsCACertsTest12
        ValidonlyContainsCACertsTest13 InvalidonlyContainsAttributeCertsTest14 InvalidonlySomeReasonsTest15
        InvalidonlySomeReasonsTest16 InvalidonlySomeReasonsTest17 ValidonlySomeReasonsTest18
        ValidonlySomeReasonsTest19 InvalidonlySomeReasonsTest20 InvalidonlySomeReasonsTest21
        ValidIDPwithindirectCRLTest22 InvalidIDPwithindirectCRLTest23 ValidIDPwithindirectCRLTest24
        ValidIDPwithindirectCRLTest25 InvalidIDPwithindirectCRLTest26 InvalidcRLIssuerTest27 ValidcRLIssuerTest28
        ValidcRLIssuerTest29 ValidcRLIssuerTest30 InvalidcRLIssuerTest31 InvalidcRLIssuerTest32 ValidcRLIssuerTest33
        InvalidcRLIssuerTest34 InvalidcRLIssuerTest35""",
    "4.15": """InvaliddeltaCRLIndicatorNoBaseTest1 ValiddeltaCRLTest2 InvaliddeltaCRLTest3 InvaliddeltaCRLTest4
        ValiddeltaCRLTest5 InvaliddeltaCRLTest6 ValiddeltaCRLTest7 ValiddeltaCRLTest8 InvaliddeltaCRLTest9
        InvaliddeltaCRLTest10""",
    "4.16": "ValidUnknownNotCriticalCertificateExtensionTest1 InvalidUnknownCriticalCertificateExtensionTest2",
}
"""Cases with default settings in the order of their numbers; their names say what is expected, `-` is told below."""

WITH_SETTINGS: Final = """
4.8.1.1   ValidCertificatePathTest1          valid    explicit
4.8.1.2   ValidCertificatePathTest1          valid    explicit 1
4.8.1.3   ValidCertificatePathTest1          invalid  explicit 2
4.8.1.4   ValidCertificatePathTest1          valid    explicit 1 2
4.8.2.1   AllCertificatesNoPoliciesTest2     valid
4.8.2.2   AllCertificatesNoPoliciesTest2     invalid  explicit
4.8.3.1   DifferentPoliciesTest3             valid
4.8.3.2   DifferentPoliciesTest3             invalid  explicit
4.8.3.3   DifferentPoliciesTest3             invalid  explicit 1 2
4.8.4     DifferentPoliciesTest4             invalid
4.8.5     DifferentPoliciesTest5             invalid
4.8.6.1   OverlappingPoliciesTest6           valid
4.8.6.2   OverlappingPoliciesTest6           valid    1
4.8.6.3   OverlappingPoliciesTest6           invalid  2
4.8.7     DifferentPoliciesTest7             invalid
4.8.8     DifferentPoliciesTest8             invalid
4.8.9     DifferentPoliciesTest9             invalid
4.8.10.1  AllCertificatesSamePoliciesTest10  valid
4.8.10.2  AllCertificatesSamePoliciesTest10  valid    1
4.8.10.3  AllCertificatesSamePoliciesTest10  valid    2
4.8.11.1  AllCertificatesanyPolicyTest11     valid
4.8.11.2  AllCertificatesanyPolicyTest11     valid    1
4.8.12    DifferentPoliciesTest12            invalid
4.8.13.1  AllCertificatesSamePoliciesTest13  valid    1
4.8.13.2  AllCertificatesSamePoliciesTest13  valid    2
4.8.13.3  AllCertificatesSamePoliciesTest13  valid    3
4.8.14.1  AnyPolicyTest14                    valid    1
4.8.14.2  AnyPolicyTest14                    invalid  2
4.8.15    UserNoticeQualifierTest15          valid
4.8.16    UserNoticeQualifierTest16          valid
4.8.17    UserNoticeQualifierTest17          valid
4.8.18.1  UserNoticeQualifierTest18          valid    1
4.8.18.2  UserNoticeQualifierTest18          valid    2
4.8.19    UserNoticeQualifierTest19          valid
4.8.20    CPSPointerQualifierTest20          valid    explicit
4.10.1.1  ValidPolicyMappingTest1            valid    1
4.10.1.2  ValidPolicyMappingTest1            invalid  2
4.10.1.3  ValidPolicyMappingTest1            invalid  no-mapping
4.10.2.1  InvalidPolicyMappingTest2          invalid
4.10.2.2  InvalidPolicyMappingTest2          invalid  no-mapping
4.10.3.1  ValidPolicyMappingTest3            invalid  1
4.10.3.2  ValidPolicyMappingTest3            valid    2
4.10.4    InvalidPolicyMappingTest4          invalid
4.10.5.1  ValidPolicyMappingTest5            valid    1
4.10.5.2  ValidPolicyMappingTest5            invalid  6
4.10.6.1  ValidPolicyMappingTest6            valid    1
4.10.6.2  ValidPolicyMappingTest6            invalid  6
4.10.7    InvalidMappingFromanyPolicyTest7   invalid
4.10.8    InvalidMappingToanyPolicyTest8     invalid
4.10.9    ValidPolicyMappingTest9            valid
4.10.10   InvalidPolicyMappingTest10         invalid
4.10.11   ValidPolicyMappingTest11           valid
4.10.12.1 ValidPolicyMappingTest12           valid    1
4.10.12.2 ValidPolicyMappingTest12           valid    2
4.10.13   ValidPolicyMappingTest13           valid
4.10.14   ValidPolicyMappingTest14           valid
4.12.3.1  inhibitAnyPolicyTest3              valid
4.12.3.2  inhibitAnyPolicyTest3              invalid  no-any
"""
"""Cases whose settings or policies decide: number, end entity, outcome, and settings; 1 to 6 are NIST-test-policies."""


def _cases() -> Iterator[Case]:
    for section, targets in SECTIONS.items():
        for number, target in enumerate(targets.split(), start=1):
            if target != "-":
                yield Case(f"{section}.{number}", target, target.startswith("Valid"))
    for line in WITH_SETTINGS.strip().splitlines():
        number_text, target, outcome, *settings = line.split()
        policies = Policies(
            accepted=frozenset(_NIST + each for each in settings if each.isdigit()),
            explicit="explicit" in settings,
            mapping_inhibited="no-mapping" in settings,
            any_inhibited="no-any" in settings,
        )
        yield Case(number_text, target, outcome == "valid", policies)


CASES: Final = tuple(sorted(_cases(), key=lambda case: [int(part) for part in case.number.split(".")]))


class InheritingCertificate:
    """A certificate whose DSA key takes its parameters from its issuer's, which `cryptography` cannot read.

    Read here with the parameters written in; everything that is signed, hashed or handed on are the true octets.
    """

    def __init__(self, der: bytes, parameters: Any) -> None:
        self._der = der
        completed = asn1.Certificate.load(der)
        completed.public_key["algorithm"]["parameters"] = parameters
        self._completed = x509.load_der_x509_certificate(completed.dump(force=True))
        self.tbs_certificate_bytes = asn1.Certificate.load(der)["tbs_certificate"].dump()

    def public_bytes(self, encoding: serialization.Encoding) -> bytes:
        assert encoding is serialization.Encoding.DER
        return self._der

    def fingerprint(self, algorithm: Any) -> bytes:
        return hashlib.new(algorithm.name, self._der).digest()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._completed, name)


def certificate(name: str) -> x509.Certificate:
    """Read one of the suite's certificates."""
    der = (_DATA / "certs" / f"{name}.crt").read_bytes()
    with warnings.catch_warnings():
        # One end entity has a negative serial number on purpose.
        warnings.simplefilter("ignore")
        try:
            return x509.load_der_x509_certificate(der)
        except ValueError:
            parent = asn1.Certificate.load((_DATA / "certs" / "DSACACert.crt").read_bytes())
            parameters = parent.public_key["algorithm"]["parameters"].copy()
            return cast(x509.Certificate, InheritingCertificate(der, parameters))


ANCHOR: Final = "TrustAnchorRootCertificate"


@cache
def authorities() -> dict[str, list[x509.Certificate]]:
    """Every authority of the suite, by comparable name: those whose files are not an end entity's."""
    found = defaultdict(list)
    for path in sorted((_DATA / "certs").iterdir(), key=lambda each: each.name):
        name = path.name.removesuffix(".crt")
        if not re.search(r"Test\d+EE$", name) and name != ANCHOR:
            each = certificate(name)
            found[subject_key(each)].append(each)
    return dict(found)


def above(leaf: x509.Certificate) -> tuple[x509.Certificate, ...]:
    """Every authority that might stand above a certificate, by names alone."""
    found: dict[bytes, x509.Certificate] = {}
    waiting = [leaf]
    while waiting:
        for each in authorities().get(issuer_key(waiting.pop()), ()):
            der = each.public_bytes(serialization.Encoding.DER)
            if der not in found:
                found[der] = each
                waiting.append(each)
    return tuple(found.values())


@cache
def revocations() -> RevocationIndex:
    """Every list of the suite that a node takes, in one index; what it refuses, as it should, is not in it."""
    index = RevocationIndex()
    issuers = [certificate(ANCHOR), *(each for named in authorities().values() for each in named)]
    for path in sorted((_DATA / "crls").iterdir(), key=lambda each: each.name):
        try:
            index.add(parse_revocation_list(path.read_bytes(), issuers=issuers, strength=Strength.ANY))
        except RequestInvalid:
            continue
    return index
