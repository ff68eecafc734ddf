"""Folding makes equal what people take for the same word."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.edxml.folding import fold


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Nghệ An", "nghe an"),
        ("  ĐẮK   LẮK\n", "dak lak"),
        ("hòa", "hoa"),
        ("hoà", "hoa"),
        ("Quyết định", "quyet dinh"),
        ("Ủy ban Nhân dân", "uy ban nhan dan"),
        ("7816/VPCP-TTĐT", "7816/vpcp-ttdt"),
        ("", ""),
    ],
)
def test_fold(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text())
def test_composed_and_decomposed_fold_alike(text: str) -> None:
    assert fold(unicodedata.normalize("NFD", text)) == fold(unicodedata.normalize("NFC", text))


@given(st.text(alphabet="aăâbcdđeêghiklmnoôơpqrstuưvxy áàảãạấầẩẫậ"))
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)
