"""The signature of the VXP protocol, and which of what it covers is meant."""

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import NotAuthenticated
from app.routers.compat.signed_headers import SIGNED_BYTES_MAX, SignedHeaders

VECTOR = (
    b'{"XroadVnpt-systemid":"000.00.00.G22","XroadVnpt-timestamp":"22112026T054119+0076",'
    b'"XroadVnpt-Content-Type":"application/json"}'
)
VECTOR_MAC = b"cc28c1f7954ae5fb0a9af5dfe562c4a11a00cf63fd76a45bbec7fdf607d67f0a"


def signed(message: bytes, mac: bytes = VECTOR_MAC) -> SignedHeaders:
    return SignedHeaders.read([(b"xroadvnpt-sign-header", message), (b"xroadvnpt-hash-header", mac)])


def test_the_vector_that_was_measured_on_the_sdk_is_proven_by_its_secret_alone() -> None:
    read = signed(VECTOR)
    assert read.system_id == "000.00.00.G22"
    assert read.is_proven_by([b"another", b"s3cret"])
    assert not read.is_proven_by([b"s3cre", b"s3cret "])
    assert not read.is_proven_by([])
    assert not signed(VECTOR.replace(b"G22", b"H41")).is_proven_by([b"s3cret"])
    assert not signed(VECTOR, b"\xff" * 64).is_proven_by([b"s3cret"])


def test_names_keep_their_case_and_each_method_takes_its_own_spelling() -> None:
    both = signed(b'{"XroadVnpt-docId":"BBB","XroadVnpt-docid":"AAA","XroadVnpt-STATUS":"done","XroadVnpt-to":["H41"]}')
    assert both.value("docId", "docid") == "BBB"
    assert both.value("docid", "docId") == "AAA"
    assert both.meant({"status": ("status",), "messagetype": ("messagetype",)}) == {"status": "done"}
    assert both.value("to") == '["H41"]'
    assert signed(b'{"XroadVnpt-docid":"AAA"}').value("docId") == "AAA"


@pytest.mark.parametrize(
    ("message", "defect"),
    [
        (b"", "not-json"),
        (b"[]", "not-json"),
        (b'["XroadVnpt-systemid","G22"]', "not-json"),
        (b'[["XroadVnpt-systemid",{"a":1}]]', "not-json"),
        (b'{"XroadVnpt-systemid":"G22"', "not-json"),
        (b"\xff\xfe", "not-json"),
        (b"[" * 100_000, "not-json"),
        (b" " * (SIGNED_BYTES_MAX + 1), "too-long"),
    ],
)
def test_what_is_no_signed_map_proves_nobody(message: bytes, defect: str) -> None:
    with pytest.raises(NotAuthenticated) as refused:
        signed(message)
    assert [finding.code for finding in refused.value.findings] == [f"ours.vxp.header-{defect}"]


def test_a_request_has_each_of_the_two_headers_once() -> None:
    for headers in ([], [(b"xroadvnpt-sign-header", VECTOR)], [(b"xroadvnpt-sign-header", VECTOR)] * 2):
        with pytest.raises(NotAuthenticated, match="exactly one"):
            SignedHeaders.read(headers)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_break_the_reading(message: bytes) -> None:
    with suppress(NotAuthenticated):
        assert signed(message).system_id is not None


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(max_size=10), st.text(max_size=20), max_size=5))
def test_what_was_signed_is_what_is_read(values: dict[str, str]) -> None:
    message = json.dumps({f"XroadVnpt-{name}": value for name, value in values.items()}).encode()
    assert dict(signed(message).pairs) == values
