"""Cutting long base64 text out must not change what is hashed: compared with the plain parse, document by document."""

import random
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree

from app.errors import DocumentRefused, DocumentTooLarge, SubmissionRejected
from app.markup import BytesSource, FileSource, Markup, MarkupLimits, Run, parse
from app.markup.splice import Splice, find_runs

CUTTING = MarkupLimits(splice_from_bytes=0, run_bytes_min=64, block_bytes=97)
WHOLE = MarkupLimits(splice_from_bytes=1 << 40)
RUN = b"QUJD" * 40


def canonical(markup: Markup, *, exclusive: bool = False) -> bytes:
    octets = etree.tostring(markup.root, method="c14n", exclusive=exclusive, with_comments=False)
    return b"".join(markup.octets(octets))


def outcome(document: bytes, limits: MarkupLimits) -> bytes | str:
    try:
        markup = parse(document, limits=limits)
    except SubmissionRejected as error:
        return type(error).__name__
    try:
        return canonical(markup) + canonical(markup, exclusive=True)
    except etree.C14NError:
        # Namespaces that are relative references have no canonical form (Canonical XML 1.0 §1.3).
        return "no canonical form"


def agree(document: bytes) -> None:
    assert outcome(document, CUTTING) == outcome(document, WHOLE)


def census(document: bytes, limits: MarkupLimits = CUTTING) -> tuple[Run, ...]:
    return find_runs(BytesSource(document), limits=limits, brackets_max=10_000).runs


class TestWhatIsCut:
    def test_the_whole_text_of_an_element(self) -> None:
        document = b"<a><b>" + RUN + b"</b></a>"
        markup = parse(document, limits=CUTTING)
        assert markup.runs == (Run(6, len(RUN)),)
        assert markup.run_of(markup.root[0]) == Run(6, len(RUN))
        assert markup.run_of(markup.root) is None
        assert markup.root[0].text != RUN.decode()
        assert canonical(markup) == document

    def test_many_runs_keep_their_places(self) -> None:
        letters = b"ABCDEFGH"
        document = b"<a>" + b"".join(b"<b>%c%s</b>" % (letter, RUN) for letter in letters) + b"</a>"
        markup = parse(document, limits=CUTTING)
        assert len(markup.runs) == len(letters)
        assert canonical(markup) == document
        assert [b"".join(markup.slices_of(element))[:1] for element in markup.root] == [
            bytes([letter]) for letter in letters
        ]

    def test_line_ends_become_line_feeds(self) -> None:
        """XML 1.0 §2.11: CR LF and a CR alone are passed on as LF."""
        run = b"\r\n".join([b"QUJD" * 19] * 9) + b"\rQUJD\r\r\n"
        agree(b"<a>" + run + b"</a>")
        markup = parse(b"<a>" + run + b"</a>", limits=CUTTING)
        assert len(markup.runs) == 1
        assert markup.runs[0].carriage_returns
        assert b"\r" not in canonical(markup)

    @pytest.mark.parametrize("block_bytes", [1, 2, 3, 5, 77, 78, 79])
    def test_line_ends_across_slices(self, block_bytes: int) -> None:
        run = b"\r\n".join([b"QUJD" * 19] * 3) + b"\r\r\n\n\r"
        source = BytesSource(run)
        read = b"".join(Run(0, len(run), carriage_returns=True).slices(source, block_bytes=block_bytes))
        assert read == run.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    @pytest.mark.parametrize("block_bytes", [1, 7, 64, 200, 4096])
    def test_runs_are_found_across_blocks(self, block_bytes: int) -> None:
        document = b"<a><b>x</b><c>" + RUN + b"</c><d>" + RUN + b"\n</d></a>"
        limits = MarkupLimits(splice_from_bytes=0, run_bytes_min=64, block_bytes=block_bytes)
        assert [run.offset for run in census(document, limits)] == [14, 14 + len(RUN) + 7]


class TestWhatIsNotCut:
    @pytest.mark.parametrize(
        "document",
        [
            b"<a>" + RUN[:40] + b"</a>",
            b"<a>" + RUN + b"-" + RUN + b"</a>",
            b"<a><![CDATA[" + RUN + b"]]></a>",
            b"<a b='" + RUN + b"'/>",
            b"<a>" + RUN + b"&#65;" + RUN + b"</a>",
            b"<a>" + b" \n" * 200 + b"<b/></a>",
            b"<a/>" + b" \n" * 200,
        ],
        ids=["short", "other-letters", "cdata", "attribute", "reference", "blank", "blank-behind-the-root"],
    )
    def test_is_parsed_whole(self, document: bytes) -> None:
        assert census(document) == ()
        agree(document)

    @pytest.mark.parametrize(
        "document",
        [
            b"<a>x<b/>" + RUN + b"</a>",
            b"<a>" + RUN + b"<b/></a>",
            b"<a>" + RUN + b"<!-- x -->" + RUN + b"</a>",
            b"<a>" + RUN + b"<?pi x?></a>",
            b"<a>x > " + RUN + b"</a>",
            b"<a><!-- > " + RUN + b" <b> --></a>",
            b"<a><?pi > " + RUN + b" < ?></a>",
            b"<a><![CDATA[ > " + RUN + b" < ]]></a>",
            b"<a b='>" + RUN + b"<'/>",
            b"<a/>" + RUN + b"<!-- -->",
            b"<a>]]>" + RUN + b"</a>",
        ],
        ids=[
            "tail", "before-a-child", "around-a-comment", "before-an-instruction", "behind-a-bracket", "in-a-comment",
            "in-an-instruction", "in-cdata", "in-an-attribute", "outside-the-root", "behind-a-cdata-end",
        ],
    )  # fmt: skip
    def test_found_but_given_up(self, document: bytes) -> None:
        assert census(document)
        agree(document)

    def test_given_up_in_a_long_document_is_refused(self) -> None:
        limits = MarkupLimits(splice_from_bytes=0, run_bytes_min=64, block_bytes=97, skeleton_bytes_max=300)
        document = b"<a>" + RUN + b"<b/>" + RUN + RUN + b"</a>"
        assert len(document) > 300
        with pytest.raises(DocumentRefused) as caught:
            parse(document, limits=limits)
        assert caught.value.findings[0].code == "ours.markup.skeleton"

    def test_a_sender_cannot_write_a_token(self) -> None:
        """The token is drawn after the document has arrived; here it is known, and the place still must fit."""
        secret = "0" * 32
        forged = (secret + "00000000").encode()
        document = b"<a><b>" + forged + b"</b><c>" + RUN + b"</c></a>"
        markup = parse(document, limits=CUTTING, draw_secret=lambda: secret)
        # Two elements claim one run, so the cut is given up and the tree is the document.
        assert markup.runs == ()
        assert markup.root[0].text == forged.decode()

    def test_tokens_differ_from_parse_to_parse(self) -> None:
        document = b"<a>" + RUN + b"</a>"
        assert parse(document, limits=CUTTING).root.text != parse(document, limits=CUTTING).root.text


class TestReadingTexts:
    def test_a_cut_text_reads_like_any_other(self) -> None:
        document = b"<a><b>" + RUN + b"</b><c>\xc4\x91</c><d/></a>"
        cut, whole = parse(document, limits=CUTTING), parse(document, limits=WHOLE)
        for here, there in zip(cut.root, whole.root, strict=True):
            assert cut.text_of(here) == whole.text_of(there)
            assert b"".join(cut.slices_of(here)) == b"".join(whole.slices_of(there))
            assert cut.text_bytes_of(here) == whole.text_bytes_of(there)

    def test_a_cut_text_that_is_too_long_is_refused(self) -> None:
        markup = parse(b"<a><b>" + RUN + b"</b></a>", limits=CUTTING)
        with pytest.raises(DocumentTooLarge, match="/a/b holds 160 bytes where 100"):
            markup.text_of(markup.root[0], bytes_max=100)

    def test_from_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "document.xml"
        document = b"<a><b>" + RUN + b"</b></a>"
        path.write_bytes(document)
        with FileSource(path) as source:
            assert canonical(parse(source, limits=CUTTING)) == document


def test_an_offset_in_the_skeleton_stands_for_one_in_the_source() -> None:
    splice = Splice((Run(10, 100), Run(120, 50)), "s" * 32)
    assert [splice.origin(offset) for offset in (0, 10, 11, 49, 50, 60, 61, 99, 100)] == [
        0, 10, 10, 10, 110, 120, 120, 120, 170,
    ]  # fmt: skip


# The differential: any document the grammar makes, and any mutation of it, gives the same octets or the same refusal.

_BASE64 = st.integers(50, 200).map(lambda length: ("QUJDREVGR0hJSktM+/" * 12)[:length].encode())
_FRAGMENTS = [
    b"<!-- > ", b"-->", b"<!-- c -->", b"<?p d?>", b"<![CDATA[x]]>", b"\r", b"\r\n", b"&#13;", b" ", RUN,
    b"<c/>", b"</c><c>",
]  # fmt: skip
_ODD = st.sampled_from(
    [
        b"=",
        b"\n",
        b"\r\n",
        b"\r",
        b" ",
        b"\t",
        b">",
        b"&#65;",
        b"&amp;",
        b"&#13;",
        b"\xc4\x91",
        b"<!-- c -->",
        b"<?p d?>",
    ]
)
_TEXT = st.lists(st.one_of(_BASE64, _ODD), max_size=4).map(b"".join)
_CDATA = _TEXT.map(lambda text: b"<![CDATA[" + text.replace(b"]]>", b"") + b"]]>")
_COMMENT = _TEXT.map(lambda text: b"<!--" + text.replace(b"-", b"") + b"-->")


def _element(children: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    attributes = st.sampled_from([b"", b' x="1"', b' xmlns="urn:u"', b' xmlns:p="urn:p" p:y="&gt;>"', b" z='\n>'"])
    return st.tuples(st.sampled_from([b"a", b"b"]), attributes, st.lists(children, max_size=3)).map(
        lambda parts: b"<%s%s>%s</%s>" % (parts[0], parts[1], b"".join(parts[2]), parts[0])
    )


# Most leaves are elements that hold nothing but base64, so that most documents are really cut.
_LEAVES = _BASE64.map(lambda text: b"<c>" + text + b"</c>")
_NODES = st.recursive(st.one_of(_LEAVES, _LEAVES, _LEAVES, _TEXT, _CDATA, _COMMENT), _element, max_leaves=8)
_DOCUMENTS = _element(_NODES)


@settings(max_examples=250, deadline=None)
@given(_DOCUMENTS)
@example(b"<a>" + RUN + b"\r\n" + RUN + b"</a>")
def test_documents_give_the_same_octets_cut_or_whole(document: bytes) -> None:
    agree(document)


@settings(max_examples=250, deadline=None)
@given(_DOCUMENTS, st.randoms(use_true_random=False))
def test_mutated_documents_give_the_same_octets_or_the_same_refusal(document: bytes, chance: random.Random) -> None:
    mutated = bytearray(document)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(mutated) + 1)
        match chance.randrange(6):
            case 0 | 1 | 2:
                # Behind a tag, where it may well stay well-formed.
                behind = mutated.find(b">", at) + 1
                mutated[behind:behind] = chance.choice(_FRAGMENTS)
            case 3:
                del mutated[at : at + chance.randint(1, 20)]
            case 4:
                mutated[at:at] = chance.choice(
                    [b"<", b">", b"]]>", b"&", b"\r", b"<![CDATA[", b"-->", b"\x00", b"\xff", RUN]
                )
            case _:
                other = chance.randrange(len(mutated) + 1)
                mutated[at:at] = mutated[other : other + chance.randint(1, 120)]
    agree(bytes(mutated))
