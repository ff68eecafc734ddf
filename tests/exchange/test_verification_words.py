"""Every code of a report is explained in both languages."""

from enum import StrEnum

import pytest

from app.exchange.shelf import Material
from app.exchange.steps import Outcome, Step
from app.exchange.verification_report import ASKING, RECEIPT
from app.exchange.verification_words import WORDS, words
from app.findings import Indication
from app.registry.model import CertificateKind
from app.routers.verifications import MEDIA_TYPES
from app.signing.indications import SubIndication
from app.signing.legacy import LegacyForm
from app.signing.revocations import EvidenceKind
from tests.support.verification_page import PAGE, page

CODES: dict[str, type[StrEnum] | tuple[str, ...]] = {
    "indication": Indication,
    "sub-indication": SubIndication,
    "legacy": LegacyForm,
    "step": Step,
    "outcome": Outcome,
    "role": CertificateKind,
    "best-signing-time": (RECEIPT, ASKING, "timestamp"),
    "revocation": ("good", "revoked", "revoked-later", "unknown", "anchor"),
    "material": Material,
}


@pytest.mark.parametrize("group", CODES)
def test_every_code_has_words_in_both_languages_and_none_is_left_over(group: str) -> None:
    codes = CODES[group]
    known = set(codes) if isinstance(codes, tuple) else {each.value for each in codes}
    assert set(WORDS[group]) == known
    for code in known:
        vi, en = words(group, code)
        assert vi.strip(), code
        assert en.strip(), code
        assert vi != en, code


def test_groups_are_the_ones_that_are_tested() -> None:
    assert set(WORDS) == set(CODES)


def test_a_code_nobody_explained_stands_for_itself() -> None:
    assert words("revocation", "held") == ("held", "held")


def test_every_kind_of_evidence_has_a_media_type() -> None:
    assert set(MEDIA_TYPES) == {each.value for each in Material} >= {each.value for each in EvidenceKind}


def test_the_page_explains_every_code() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.support.verification_page"
