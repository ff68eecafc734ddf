"""Canonical JSON as RFC 8785 has it, and the leaf hash as RFC 6962 has it, each against somebody else's reckoning."""

import hashlib
import json
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from app.ledger.canonical import canonical_json, leaf_hash

SAFE_INTEGERS = st.integers(-(2**53) + 1, 2**53 - 1)
KEYS = st.text(st.characters(max_codepoint=0x7F), max_size=12)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | SAFE_INTEGERS | TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=30,
)


@given(VALUES)
def test_it_agrees_with_an_independent_implementation(value: Any) -> None:
    assert canonical_json(value) == rfc8785.dumps(value)


@given(st.dictionaries(KEYS, VALUES, max_size=6))
@settings(max_examples=40)
def test_reading_it_gives_the_value_again(value: dict[str, Any]) -> None:
    assert json.loads(canonical_json(value)) == value


@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=6), st.randoms())
@settings(max_examples=30)
def test_the_order_members_were_put_in_does_not_matter(value: dict[str, Any], random: Any) -> None:
    members = list(value.items())
    random.shuffle(members)
    assert canonical_json(dict(members)) == canonical_json(value)


@given(VALUES)
@settings(max_examples=50)
def test_it_is_its_own_canonical_form(value: Any) -> None:
    octets = canonical_json(value)
    assert canonical_json(json.loads(octets)) == octets


def test_the_shortest_escapes_are_used() -> None:
    """RFC 8785 §3.2.2.2: two-character escapes where JSON has one, else lower-case hex; nothing else is escaped."""
    written = canonical_json('\b\t\n\f\r\x00\x1f\x7f"\\/<>&\u2028é\U0001f4dc')
    assert written == b'"\\b\\t\\n\\f\\r\\u0000\\u001f\x7f\\"\\\\/<>&' + "\u2028é\U0001f4dc".encode() + b'"'


def test_text_is_not_normalised() -> None:
    """RFC 8785 §3.1: Unicode data stays as it is; composed and decomposed Vietnamese are two values."""
    assert canonical_json("ế") != canonical_json("e\u0302\u0301")


class _Code(StrEnum):
    ONE = "one"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (MappingProxyType({"b": MappingProxyType({"c": 1}), "a": (1, "x")}), b'{"a":[1,"x"],"b":{"c":1}}'),
        (_Code.ONE, b'"one"'),
        ({_Code.ONE: _Code.ONE}, b'{"one":"one"}'),
        ([], b"[]"),
        ({}, b"{}"),
        (2**53 - 1, b"9007199254740991"),
        (-(2**53) + 1, b"-9007199254740991"),
        (True, b"true"),
    ],
)
def test_every_kind_of_mapping_and_sequence_is_written(value: Any, written: bytes) -> None:
    assert canonical_json(value) == written


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        float("nan"),
        {"a": 0.5},
        2**53,
        -(2**53),
        "\ud800",
        {"a": ["\udfff"]},
        {"ế": 1},
        {1: "a"},
        {None: "a"},
        b"bytes",
        bytearray(b"bytes"),
        {"a": memoryview(b"x")},
        {"a"},
        range(3),
        datetime(2026, 11, 22, tzinfo=UTC),
        object(),
    ],
    ids=lambda value: f"{type(value).__name__}-{len(str(value))}",
)
def test_what_has_no_place_in_an_event_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"place|ASCII|2\^53|surrogates"):
        canonical_json(value)


def test_depth_is_refused_rather_than_crashed_on() -> None:
    value: Any = 0
    for _ in range(100_000):
        value = [value]
    with pytest.raises(ValueError, match="deep"):
        canonical_json(value)


@given(st.binary(max_size=200))
def test_a_leaf_is_hashed_as_rfc_6962_has_it(body: bytes) -> None:
    """RFC 6962 §2.1: MTH({d(0)}) = SHA-256(0x00 || d(0))."""
    independent = hashlib.new("sha256")
    independent.update(bytes([0]))
    independent.update(body)
    assert leaf_hash(body) == independent.digest().hex()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        # The first entries of the test tree of the reference implementation of RFC 6962.
        ("", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        ("00", "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"),
        ("10", "0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7"),
        ("2021", "07506a85fd9dd2f120eb694f86011e5bb4662e5c415a62917033d4a9624487e7"),
        ("3031", "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"),
    ],
)
def test_leaves_of_the_reference_tree_have_their_hashes(body: str, expected: str) -> None:
    assert leaf_hash(bytes.fromhex(body)) == expected
