"""Signed notes and checkpoints: against what other implementations wrote, and against hostile ones."""

import base64
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import NotAuthenticated, RequestInvalid
from app.signing.checkpoint import Checkpoint, open_checkpoint
from app.signing.note import (
    COSIGNATURE,
    ED25519,
    NOTE_OCTETS_MAX,
    SIGNATURES_MAX,
    NoteSigner,
    VerifierKey,
    open_note,
    write_note,
)

AT = datetime(2026, 11, 22, 3, 4, 5, tzinfo=UTC)
TEXT = "log.example/ledger\n7\n" + base64.b64encode(bytes(range(32))).decode() + "\n"


def _signer(name: str = "log.example/ledger", algorithm: int = ED25519, seed: int = 1) -> NoteSigner:
    return NoteSigner(name, algorithm, Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))


LOG, WITNESS = _signer(), _signer("witness.example/w", COSIGNATURE, 2)


def _note(*lines: str, text: str = TEXT) -> str:
    return write_note(text, lines or [LOG.line(text)])


# What others wrote: the example of C2SP signed-note, and those of the Go implementation's documentation.

EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE = """This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
"""
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_SEED = "BgoUAtUUbI2E8kQzMPVAgOv5juF9nHT2JS/F1ccoMXM="
GO_NOTE = """If you think cryptography is the answer to your problem,
then you don't know what your problem is.

— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
"""


@pytest.mark.parametrize(("key", "note"), [(EXAMPLE_KEY, EXAMPLE), (GO_KEY, GO_NOTE)])
def test_notes_of_others_verify_and_their_keys_are_written_as_they_were(key: str, note: str) -> None:
    known = VerifierKey.read(key)
    assert str(known) == key
    opened = open_note(note, [known])
    assert [each.key for each in opened.signatures] == [known]
    assert note == write_note(opened.text, [opened.signatures[0].line])
    with pytest.raises(NotAuthenticated):
        open_note(note.replace("problem", "solution").replace("example m", "other m"), [known])


# Our own.


def test_a_note_opens_with_what_signed_it() -> None:
    opened = open_note(_note(LOG.line(TEXT), WITNESS.line(TEXT, at=AT)), [LOG.verifier, WITNESS.verifier])
    assert opened.text == TEXT
    assert [(each.key, each.at) for each in opened.signatures] == [(LOG.verifier, None), (WITNESS.verifier, AT)]
    assert opened.by(WITNESS.verifier) is opened.signatures[1]
    assert VerifierKey.read(f"{WITNESS.verifier}\n") == WITNESS.verifier


def test_a_cosignature_signs_the_moment_too() -> None:
    line = WITNESS.line(TEXT, at=AT)
    octets = bytearray(base64.b64decode(line.split()[2]))
    octets[11] += 1
    later = f"— {WITNESS.name} {base64.b64encode(octets).decode()}\n"
    with pytest.raises(NotAuthenticated, match="does not match"):
        open_note(_note(later), [WITNESS.verifier])


def test_signatures_by_others_are_passed_over_even_under_a_known_name_or_hash() -> None:
    stranger = _signer(seed=9)
    line = stranger.line(TEXT)
    octets = base64.b64decode(line.split()[2])
    same_hash = base64.b64encode(LOG.verifier.digest + octets[4:]).decode()
    opened = open_note(_note(line, f"— other.example {same_hash}\n", LOG.line(TEXT)), [LOG.verifier])
    assert [each.key for each in opened.signatures] == [LOG.verifier]
    assert open_note(_note(line), [LOG.verifier]).signatures == ()


def test_a_known_key_whose_signature_does_not_hold_spoils_the_note_also_where_it_signed_twice() -> None:
    wrong = LOG.line(f"{TEXT}x\n")
    for lines in ([wrong], [LOG.line(TEXT), wrong], [wrong, LOG.line(TEXT)]):
        with pytest.raises(NotAuthenticated, match="does not match"):
            open_note(_note(*lines), [LOG.verifier])
    twice = open_note(_note(LOG.line(TEXT), LOG.line(TEXT)), [LOG.verifier])
    assert len(twice.signatures) == 1


def test_of_two_cosignatures_of_a_witness_the_first_is_given() -> None:
    lines = [WITNESS.line(TEXT, at=AT), WITNESS.line(TEXT, at=AT.replace(year=2027))]
    opened = open_note(_note(LOG.line(TEXT), *lines), [WITNESS.verifier])
    assert [each.at for each in opened.signatures] == [AT]


def _by_log(signature: bytes) -> str:
    return f"— {LOG.name} {base64.b64encode(LOG.verifier.digest + signature).decode()}\n"


_LINE = LOG.line(TEXT)
_HOSTILE = {
    "nothing": "",
    "no signature": TEXT,
    "no empty line": TEXT + _LINE,
    "nothing behind the empty line": f"{TEXT}\n",
    "no line feed at the end": _note().removesuffix("\n"),
    "CRLF": _note().replace("\n", "\r\n"),
    "a carriage return alone": _note(LOG.line(f"{TEXT}\r\n"), text=f"{TEXT}\r\n"),
    "a control character": _note(LOG.line(f"{TEXT}\x1b[31m\n"), text=f"{TEXT}\x1b[31m\n"),
    "a zero": _note(LOG.line(f"{TEXT}\0\n"), text=f"{TEXT}\0\n"),
    "half a character": _note() + "\ud800",
    "a hyphen for the dash": _note().replace("— ", "- "),
    "two blanks": _note().replace("— ", "—  "),
    "no name": _note().replace("— log.example/ledger", "— "),
    "a plus sign in the name": _note().replace("— log", "— l+g"),
    "another kind of blank in the name": _note().replace("— log", "— l\u2003g"),
    "no base64": _note().replace(_LINE.split()[2], "!!!!"),
    "base64 with a blank behind": _note().replace(_LINE, f"{_LINE[:-1]} \n"),
    "another spelling of the same octets": _note().replace(_LINE, f"{_LINE[:-3]}{chr(ord(_LINE[-3]) + 1)}=\n"),
    "base64 of URLs": _note("— x " + base64.urlsafe_b64encode(b"\xff" * 68).decode() + "\n"),
    "only a hash": _note("— x " + base64.b64encode(b"abcd").decode() + "\n"),
    "a signature that is too short": _note(_by_log(b"x")),
    "a signature with a moment": _note(_by_log(bytes(72))),
    "too many signatures": _note(*[_LINE] * (SIGNATURES_MAX + 1)),
    "too many octets": "Đ" * (NOTE_OCTETS_MAX // 2) + _note(),
}  # fmt: skip


@pytest.mark.parametrize("what", _HOSTILE)
def test_what_is_no_signed_note_is_refused(what: str) -> None:
    with pytest.raises(NotAuthenticated):
        open_note(_HOSTILE[what], [LOG.verifier])


def test_as_many_signatures_as_the_specification_asks_for_are_read() -> None:
    signers = [_signer(f"witness-{seed}", COSIGNATURE, seed) for seed in range(1, 17)]
    note = _note(LOG.line(TEXT), *(each.line(TEXT, at=AT) for each in signers))
    assert len(open_note(note, [each.verifier for each in signers]).signatures) == 16


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_refused_or_opened_as_it_is(text: str) -> None:
    try:
        opened = open_note(text, [LOG.verifier])
    except NotAuthenticated:
        return
    assert opened.signatures == ()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(_note()) - 1), st.characters())
def test_a_note_with_any_character_changed_is_not_the_log_s(place: int, character: str) -> None:
    note = _note()
    changed = note[:place] + character + note[place + 1 :]
    if changed == note:
        return
    with pytest.raises(NotAuthenticated):
        open_checkpoint(changed, log=[LOG.verifier])


_KEY = str(LOG.verifier)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "++",
        _KEY.replace("+", ""),
        _KEY.replace("log", "l g"),
        _KEY.replace("log", "lag"),
        _KEY.upper(),
        _KEY[:-4],
        _KEY + "AAAA",
        _KEY + "é",
        f"{LOG.name}+{LOG.verifier.digest.hex()}+" + base64.b64encode(b"\x02" + LOG.verifier.key).decode(),
        f"{LOG.name}+{LOG.verifier.digest.hex()}+" + "A" * 100_000,
    ],
    ids=lambda text: text[:20],
)
def test_what_is_no_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(RequestInvalid):
        VerifierKey.read(text)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u2003b", "x" * 256])
def test_nothing_is_signed_under_a_name_that_cannot_be_read(name: str) -> None:
    with pytest.raises(RequestInvalid):
        _signer(name)


# Checkpoints.


def test_a_checkpoint_opens_as_it_was_written() -> None:
    checkpoint = Checkpoint(LOG.name, 20_852_163, bytes(range(32)))
    note = _note(LOG.line(checkpoint.text), WITNESS.line(checkpoint.text, at=AT), text=checkpoint.text)
    opened, signed = open_checkpoint(note, log=[LOG.verifier], others=[WITNESS.verifier])
    assert opened == checkpoint
    assert len(signed.signatures) == 2


def test_the_example_of_the_specification_is_read() -> None:
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    read = Checkpoint.read(text)
    assert (read.origin, read.size, read.text) == ("example.com/behind-the-sofa", 20_852_163, text)


def test_extension_lines_are_signed_and_passed_over() -> None:
    text = f"{TEXT}extension\n"
    assert open_checkpoint(_note(LOG.line(text), text=text), log=[LOG.verifier])[0] == Checkpoint.read(TEXT)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "log.example/ledger\n7\n",
        TEXT.removesuffix("\n"),
        TEXT.replace("\n7\n", "\n07\n"),
        TEXT.replace("\n7\n", "\n-7\n"),
        TEXT.replace("\n7\n", "\n+7\n"),
        TEXT.replace("\n7\n", "\n7 \n"),
        TEXT.replace("\n7\n", "\n٧\n"),
        TEXT.replace("\n7\n", "\n" + "9" * 17 + "\n"),
        TEXT.replace("log.example/ledger", ""),
        TEXT.replace("AAEC", "AAE"),
        TEXT.replace("AAEC", "AAECAAEC"),
        TEXT.replace("8=", "9="),
        f"{TEXT}\nextension behind an empty line\n",
    ],
    ids=repr,
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NotAuthenticated):
        Checkpoint.read(text)


def test_a_checkpoint_of_another_log_under_the_log_s_key_is_refused() -> None:
    text = TEXT.replace("log.example", "other.example")
    with pytest.raises(NotAuthenticated, match="not signed by a known key"):
        open_checkpoint(_note(LOG.line(text), text=text), log=[LOG.verifier])


def test_a_witness_alone_makes_no_checkpoint() -> None:
    with pytest.raises(NotAuthenticated, match="not signed by a known key"):
        open_checkpoint(_note(WITNESS.line(TEXT, at=AT)), log=[LOG.verifier], others=[WITNESS.verifier])
