"""Known attacks on signed documents, each stopped by its finding, parsed whole and spliced, with bounded work.

The attacks are in `attacks`. What is judged here is what needs no node; what a node's registry, clients and clock stop
is in the tests that `docs/attacks.md` names.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import FrameType
from typing import Any

import pytest

from app.errors import SubmissionRejected
from app.exchange.verify import NOT_COVERED
from app.findings import Finding
from app.signing.path import UnknownRevocation, validate
from app.signing.profile import SIGNATURES_MAX
from app.signing.revocations import RevocationIndex, parse_revocation_list
from app.signing.xmldsig import present_all
from tests.signing.attacks import BODY, EVIL, WHOLE, Attack, attacks, cut, revoked
from tests.signing.documents import document, present, read, signed
from tests.support.attacks_page import AT_THE_NODE, PAGE, page
from tests.support.pki import NOW, shared_pki

CANONICAL_FORMS_MAX = 24
"""Of each signature SignedInfo, its properties and the whole document, twice where a part is made a document first."""

CALLS_MAX = 15_000
"""For one signature, most of them to judge its certificate's path, which a node remembers."""

ways = pytest.mark.parametrize("spliced", [False, True], ids=["whole", "spliced"])


@cache
def known() -> RevocationIndex:
    """What is known about revocations: one certificate is on the list."""
    pki, found = shared_pki(), RevocationIndex()
    found.add(parse_revocation_list(pki.crl([revoked()]), issuers=[pki.issuing.certificate]))
    found.add(parse_revocation_list(pki.crl(issuer=pki.root), issuers=pki.anchors))
    return found


def judged(octets: bytes, *, spliced: bool) -> Finding | None:
    """The first finding that refuses a document, in the order a node looks; None if nothing does."""
    pki = shared_pki()
    try:
        presented = present_all(read(octets, spliced=spliced))
        for each in presented:
            verdict = validate(
                each.certificate,
                intermediates=(*each.chain, pki.issuing.certificate),
                anchors=pki.anchors,
                revocations=known(),
                at=NOW,
                unknown_revocation=UnknownRevocation.REFUSE,
            )
            for finding in verdict.findings:
                if finding.refuses:
                    return finding
        for each in reversed(presented):
            if not each.verify().covers_document:
                return NOT_COVERED
    except SubmissionRejected as error:
        return error.findings[0]
    return None


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Count every call, of Python and of C, and how often markup is written out, which is the costly thing."""
    work: Counter[str] = Counter()

    def count(_frame: FrameType, event: str, argument: Any) -> None:
        if event in ("call", "c_call"):
            work["calls"] += 1
            work["forms"] += getattr(argument, "__name__", "") == "tostring"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield work
    finally:
        sys.setprofile(before)


@pytest.mark.parametrize("attack", attacks(), ids=lambda attack: attack.name.replace(" ", "-"))
def test_attack_is_refused_for_the_right_reason_with_little_work(attack: Attack) -> None:
    octets = attack.make()
    signatures = min(octets.count(b"<ds:Signature "), SIGNATURES_MAX)
    for spliced in (False, True):
        with counted() as work:
            finding = judged(octets, spliced=spliced)
        assert finding is not None
        assert finding.code == attack.code
        assert all((finding.message, finding.fix, finding.source))
        # Counted, not timed. Spliced, the source is read in blocks of 97 bytes, which are a few calls each.
        assert work["calls"] <= 5_000 + CALLS_MAX * signatures + len(octets) * (0.6 if spliced else 0.05)
        assert work["forms"] <= CANONICAL_FORMS_MAX


@ways
def test_what_nobody_attacked_is_accepted(spliced: bool) -> None:
    assert judged(WHOLE, spliced=spliced) is None
    assert judged(signed(document(subject="Khác")), spliced=spliced) is None


def test_the_table_is_what_is_tested() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.support.attacks_page"


@pytest.mark.parametrize(("code", "where"), sorted({(code, where) for _, code, where in AT_THE_NODE}))
def test_what_is_tried_at_the_node_is_tried_there(code: str, where: str) -> None:
    assert code in (PAGE.parents[1] / "tests" / where).read_text(encoding="utf-8")


def test_attacks_have_names_of_their_own() -> None:
    assert len({(attack.kind, attack.name) for attack in attacks()}) == len(attacks())


@ways
@pytest.mark.parametrize("place", ["sibling", "wrapper"])
def test_wrapping_proves_the_moved_element_only(place: str, spliced: bool) -> None:
    """The signature holds, over what was signed; the evil element is not among it and the document is not covered."""
    head, body, tail = cut(BODY, "<edXML:edXMLBody ", "</edXML:edXMLBody>")
    wrapper = EVIL.replace(b"</edXML:edXMLBody>", body + b"</edXML:edXMLBody>")
    evil = head + (EVIL + body if place == "sibling" else wrapper) + tail
    found = present(evil, spliced=spliced).verify()
    assert not found.covers_document
    (element,) = found.elements
    assert element.get("Id") == "body"
    assert element[0].get("version") == "1.0"


@ways
def test_comment_in_signed_text_does_not_shorten_it(spliced: bool) -> None:
    octets = WHOLE.replace(b"000.00.00.G22", b"000.00<!-- -->.00.G22")
    root = present(octets, spliced=spliced).verify().root
    texts = [element.text for element in root.iter("{*}OrganId")]
    assert texts == ["000.00.00.G22"]


@ways
def test_many_namespaces_cost_the_exclusive_form_nothing(spliced: bool) -> None:
    many = "".join(f' xmlns:n{number}="urn:{number}"' for number in range(1_900))
    crowd = document(root_attributes=many, extra="<x/>" * 20_000)
    assert present(signed(crowd), spliced=spliced).verify().covers_document
