"""Checking evidence bundles: a true one holds, whatever is changed in one is found, and nothing in one breaks it."""

import io
import json
import re
import struct
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import app.ledger.bundle as room
from app.errors import RequestInvalid
from app.exchange.receipts import RECEIPT_TYPE
from app.ledger.bundle import layout
from app.ledger.bundle.bounded_json import JsonRefused, read_json
from app.ledger.bundle.case import RECEIPT_TYP, moment_of
from app.ledger.bundle.container import Container
from app.ledger.bundle.steps import Outcome, Step, printable
from app.ledger.bundle.trust import Trust
from app.ledger.bundle.words import OUTCOMES, STATEMENTS, STEPS, sentence, vietnamese
from app.ledger.canonical import canonical_json
from app.signing import merkle
from app.signing.certificates import load, subject_of
from app.signing.checkpoint import Checkpoint
from app.signing.ledger_key import LedgerKey, ledger_keys
from app.signing.note import COSIGNATURE, NoteSigner
from tests.support.bundle import ANSWERED, Made, bundles_made, checked, codes, json_of, outcomes, packed
from tests.support.pki import NOW, YEAR, Pki

KINDS = {
    "mimetype": (r"mimetype", Step.CONTAINER),
    "list of media types": (r"META-INF/manifest\.xml", Step.CONTAINER),
    "manifest": (r"manifest\.json", Step.CONTAINER),
    "signature of the manifest": (r"manifest\.jws", Step.CONTAINER),
    "keys": (r"keys\.json", Step.CONTAINER),
    "checkpoint": (r"checkpoint\.txt", Step.CHECKPOINT),
    "stamp of the checkpoint": (r"checkpoint\.tst", Step.CHECKPOINT),
    "events": (r"events/.*", Step.EVENTS),
    "proofs": (r"proofs\.json", Step.EVENTS),
    "receipt": (r"receipt\.jws", Step.RECEIPT),
    "document": (r"document\.edxml", Step.OCTETS),
    "certificates": (r"evidence/.*\.cer", Step.SIGNATURE),
    "revocation lists": (r"evidence/.*\.crl", Step.SIGNATURE),
    "reports": (r"verification/.*", Step.REPORTS),
    "stamp of the receipt": (r"timestamp\.json", Step.TIME),
    "status reports": (r"statuses/.*\.edxml", Step.DELIVERIES),
    "receipts of status reports": (r"statuses/.*\.jws", Step.DELIVERIES),
}
"""Every kind of file of a bundle, and the step that finds it out where even the node's signature was forged."""

quick = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Bundles of a real node."""
    return bundles_made(request, tmp_path_factory)


def flipped(octets: bytes, at: int) -> bytes:
    """Change one octet."""
    return octets[:at] + bytes([octets[at] ^ 0x01]) + octets[at + 1 :]


def of_kind(made: Made, kind: str) -> list[str]:
    """Names of the files of a kind."""
    return [name for name in made.members() if re.fullmatch(KINDS[kind][0], name)]


def test_every_step_of_a_true_bundle_is_proven_but_the_last_one(made: Made) -> None:
    result = checked(made.whole, made.trust)
    assert codes(result, outcome=Outcome.CONTRADICTED) == []
    assert outcomes(result) == {**dict.fromkeys(range(1, 10), Outcome.PROVEN), 10: Outcome.NOT_PROVEN}
    assert result.holds
    assert result.subject["log_seen_at"] is not None
    (leg,) = result.deliveries
    assert (leg["recipient"], leg["state"]) == ("000.00.20.H41", "received")
    assert [(each["kind"], each["status"]) for each in leg["events"]] == [
        ("delivery.available", None),
        ("delivery.acknowledged", None),
        ("status.accepted", "03"),
    ]


def test_an_auditors_bundle_proves_by_digest_and_says_what_it_leaves_open(made: Made) -> None:
    result = checked(made.audited, made.trust)
    assert result.holds
    found = outcomes(result)
    assert {step for step, outcome in found.items() if outcome is not Outcome.PROVEN} == {6, 7, 10}
    assert codes(result, Step.OCTETS) == ["octets.withheld"]
    assert "signer.trusted" in codes(result, Step.SIGNATURE)
    assert "limits.content" in codes(result, Step.LIMITS)


def test_without_anchors_the_signer_is_not_proven_and_all_else_is(made: Made) -> None:
    result = checked(made.whole, Trust.read([made.keys]))
    assert not result.holds
    assert not result.contradicted
    assert [each.code for each in result.statements if each.spoils] == ["signer.no-anchors"]
    assert "signature.holds" in codes(result, Step.SIGNATURE)


def test_anchors_of_somebody_else_prove_no_signer(made: Made) -> None:
    trust = Trust.read([made.keys], anchors=[Pki.new("Khác", slot=77).root_pem.encode()])
    result = checked(made.whole, trust)
    assert [each.code for each in result.statements if each.spoils] == ["signer.no-path"]
    assert codes(result, Step.TIME) == ["stamp.untrusted"]


def test_the_key_of_the_log_alone_proves_the_events_and_not_the_receipt(made: Made) -> None:
    (log,) = ledger_keys(json.loads(made.keys))
    result = checked(made.whole, Trust.read([str(log).encode()], anchors=[made.pki.root_pem.encode()]))
    found = outcomes(result)
    assert (found[2], found[3], found[4]) == (Outcome.PROVEN, Outcome.PROVEN, Outcome.NOT_PROVEN)
    assert not result.holds
    assert not result.contradicted


def test_keys_of_another_node_prove_nothing(made: Made) -> None:
    other = str(LedgerKey.generate().verifiers("other.example/log")[0]).encode()
    result = checked(made.whole, Trust.read([other]))
    assert Outcome.PROVEN not in [outcomes(result)[step] for step in (1, 2, 3, 4, 9)]


def test_the_kinds_of_files_that_are_changed_below_are_all_there_are(made: Made) -> None:
    for name in made.members():
        assert [kind for kind, (pattern, _) in KINDS.items() if re.fullmatch(pattern, name)], name
    for kind in KINDS:
        assert of_kind(made, kind), kind
    roles = {layout.role_of(name) for name in made.members() if name not in layout.UNLISTED}
    assert roles == set(layout.Role) - {layout.Role.VERIFICATION_EXTRACT}


@pytest.mark.parametrize("kind", KINDS)
def test_a_changed_octet_in_any_file_is_found(made: Made, kind: str) -> None:
    members = made.members()
    for name in of_kind(made, kind):
        changed = packed(members | {name: flipped(members[name], len(members[name]) // 2)})
        assert checked(changed, made.keys_alone).contradicted, name


@pytest.mark.parametrize("kind", [kind for kind, (_, step) in KINDS.items() if step is not Step.CONTAINER])
def test_a_changed_octet_is_found_by_its_own_step_even_where_the_node_signs_it(made: Made, kind: str) -> None:
    members = made.members()
    step = KINDS[kind][1]
    name = of_kind(made, kind)[0]
    result = checked(made.signed(members | {name: flipped(members[name], len(members[name]) // 2)}), made.trust)
    assert outcomes(result)[1] is Outcome.PROVEN
    if kind == "stamp of the checkpoint":
        # A token whose certificate is broken is that of a stranger: the bundle is worth what it is without it.
        assert "checkpoint.stamped" not in codes(result)
    else:
        assert outcomes(result)[step.value] is not Outcome.PROVEN
        assert not result.holds


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "keys"])
def test_a_file_that_is_missing_is_missed(made: Made, kind: str) -> None:
    members = made.members()
    for name in of_kind(made, kind)[:1]:
        members.pop(name)
        assert checked(packed(members), made.keys_alone).contradicted, name


@pytest.mark.parametrize("kind", ["events", "proofs", "checkpoint", "receipt", "document", "reports"])
def test_a_file_the_node_itself_leaves_out_is_missed(made: Made, kind: str) -> None:
    members = made.members()
    name = of_kind(made, kind)[0]
    left = {each: octets for each, octets in members.items() if each != name}
    assert not checked(made.signed(left), made.trust).holds


def test_evidence_that_a_report_rests_on_is_missed(made: Made) -> None:
    members = made.members()
    for each in json.loads(members["verification/0000.json"])["evidence"]:
        name = layout.evidence_name(each["sha256"], each["kind"])
        left = {other: octets for other, octets in members.items() if other != name}
        assert "reports.no-evidence" in codes(checked(made.signed(left), made.keys_alone), Step.REPORTS), name


def test_content_that_is_withheld_by_a_forger_is_missed(made: Made) -> None:
    members = made.members()
    del members["document.edxml"]
    manifest = json.loads(members["manifest.json"])
    manifest["content"] = "withheld"
    manifest["files"] = [each for each in manifest["files"] if each["role"] != "document"]
    names = [name for name in members if name not in (layout.MIMETYPE, layout.MEDIA_TYPES)]
    members |= {"manifest.json": json_of(manifest), layout.MEDIA_TYPES: layout.media_types(names)}
    result = checked(packed(members), made.trust)
    assert codes(result, Step.CONTAINER) == ["agrees.not"]


def test_what_was_not_purged_is_not_called_purged(made: Made) -> None:
    members = made.members()
    del members["document.edxml"]
    result = checked(made.signed(members, content=layout.Content.PURGED), made.trust)
    assert codes(result, Step.OCTETS) == ["octets.not-purged"]


def test_a_renamed_file_is_found(made: Made) -> None:
    members = made.members()
    for kind in ("events", "certificates", "status reports", "reports"):
        name = of_kind(made, kind)[0]
        digit = re.search(r"[0-9]", name)
        assert digit is not None
        other = name[: digit.start()] + ("8" if digit[0] == "7" else "7") + name[digit.end() :]
        renamed = {other if each == name else each: octets for each, octets in members.items()}
        assert checked(packed(renamed), made.keys_alone).contradicted, name
        assert checked(made.signed(renamed), made.keys_alone).contradicted, name


def test_events_of_another_document_have_no_place_in_it(made: Made) -> None:
    result = checked(made.signed(made.members(), document="00000000-0000-7000-8000-000000000000"), made.trust)
    assert "events.other-document" in codes(result, Step.EVENTS)


def test_a_recipients_report_is_not_believed_to_say_what_it_does_not(made: Made) -> None:
    """The node signs receipt, event and tree alone; what the recipient signed is the recipient's."""
    assert checked(*told_anew(made, "03")).holds
    result = checked(*told_anew(made, "06"))
    assert codes(result, outcome=Outcome.CONTRADICTED) == ["statuses.other-words"]


OTHER = {"relation": "revokes", "document_id": "000.00.00.G22,2026/01/05,1/TB-VPCP"}
"""A link the document does not have."""


def test_what_a_document_says_of_others_is_proven_by_its_log_and_its_signature(made: Made) -> None:
    result = checked(made.whole, made.trust)
    assert "events.links" in codes(result, Step.EVENTS, outcome=Outcome.PROVEN)
    assert "signature.links" in codes(result, Step.SIGNATURE, outcome=Outcome.PROVEN)
    without = checked(made.audited, made.trust)
    assert "events.links" in codes(without, Step.EVENTS, outcome=Outcome.PROVEN)
    assert "signature.links" not in codes(without)


def test_links_of_the_manifest_are_those_the_log_tells_of(made: Made) -> None:
    members = made.members()
    [link] = layout.Manifest.read(members["manifest.json"]).links
    assert (link.relation, link.direction, link.document_id) == ("answers", "outgoing", ANSWERED.document_id)
    other = layout.Link(OTHER["relation"], "outgoing", OTHER["document_id"], None)
    for forged in ([], [other], [link, other], [link, link], [replace(link, relation="updates")]):
        result = checked(made.signed(members, links=forged), made.trust)
        assert codes(result, outcome=Outcome.CONTRADICTED) == ["events.other-links"], forged


def test_who_speaks_of_a_document_is_told_as_the_nodes_word_and_of_this_document_only(made: Made) -> None:
    members = made.members()
    manifest = layout.Manifest.read(members["manifest.json"])
    said = layout.Link("updates", "incoming", manifest.document_id, "00000000-0000-7000-8000-000000000000")
    result = checked(made.signed(members, links=[*manifest.links, said]), made.trust)
    assert result.holds
    assert "events.spoken-of" in codes(result, Step.EVENTS)
    for forged in (replace(said, document_id=OTHER["document_id"]), replace(said, direction="sideways")):
        result = checked(made.signed(members, links=[*manifest.links, forged]), made.trust)
        assert codes(result, outcome=Outcome.CONTRADICTED) == ["events.link-astray"], forged


def test_a_log_that_tells_of_other_links_than_were_signed_is_not_believed(made: Made) -> None:
    """The node signs manifest, receipt, event and tree alone; which document is meant, its sender signed."""
    links = [layout.Link(OTHER["relation"], "outgoing", OTHER["document_id"], None)]
    result = checked(*told_anew(made, "03", links=links))
    assert codes(result, outcome=Outcome.CONTRADICTED) == ["signature.other-links"]
    result = checked(*told_anew(made, "03", links=[]))
    assert codes(result, outcome=Outcome.CONTRADICTED) == ["signature.other-links"]


def told_anew(made: Made, status: str, *, links: Sequence[layout.Link] | None = None) -> tuple[bytes, Trust]:
    """Have the node, with all its keys, tell of the recipient's report under another code; returns whom to trust.

    Args:
        links: what it says the document says of others, where it says something else.
    """
    members = made.members()
    changes: dict[str, Any] = {} if links is None else {"links": links}
    [receipt] = of_kind(made, "receipts of status reports")
    claims = made.key.verify_jws(members[receipt].decode(), typ=RECEIPT_TYP)
    members[receipt] = made.key.sign_jws(claims | {"status_code": status}, typ=RECEIPT_TYP).encode()
    entries = {int(name[7:19]): name for name in of_kind(made, "events")}
    for name in entries.values():
        said = json.loads(members[name])
        if said["kind"] == "status.accepted":
            said["detail"]["status"] = status
            members[name] = canonical_json(said)
        if said["kind"] == "document.accepted" and links is not None:
            said["detail"]["links"] = [{"relation": each.relation, "document_id": each.document_id} for each in links]
            members[name] = canonical_json(said)
    tree = [members[entries[index]] if index in entries else b"" for index in range(max(entries) + 1)]
    checkpoint = Checkpoint("log.test", len(tree), merkle.root(tree))
    signer = LedgerKey.generate().signer(checkpoint.origin)
    members["checkpoint.txt"] = f"{checkpoint.text}\n{signer.line(checkpoint.text)}".encode()
    del members["checkpoint.tst"]
    inclusion = [
        {
            "index": index,
            "leaf_hash": merkle.leaf(tree[index]).hex(),
            "hashes": [each.hex() for each in merkle.inclusion(tree, index)],
        }
        for index in sorted(entries)
    ]
    proofs = {"origin": checkpoint.origin, "size": len(tree), "root": checkpoint.root.hex(), "inclusion": inclusion}
    members["proofs.json"] = json_of(proofs)
    trust = Trust.read([made.keys, str(signer.verifier).encode()], anchors=[made.pki.root_pem.encode()])
    return made.signed(members, **changes), trust


def test_a_bundle_that_was_packed_anew_holds(made: Made) -> None:
    assert checked(packed(made.members(), zipfile.ZIP_DEFLATED), made.trust).holds


@quick
@given(st.data())
def test_a_changed_octet_anywhere_is_found_or_changes_no_file(made: Made, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(made.whole) - 1))
    changed = flipped(made.whole, at)
    if not checked(changed, made.keys_alone).contradicted:
        assert made.members(changed) == made.members()


@quick
@given(st.data())
def test_a_bundle_that_is_cut_off_is_no_bundle(made: Made, data: st.DataObject) -> None:
    length = data.draw(st.integers(0, len(made.whole) - 1))
    result = checked(made.whole[:length], made.trust)
    assert result.contradicted
    assert outcomes(result)[1] is Outcome.CONTRADICTED


@quick
@given(st.dictionaries(st.sampled_from(["manifest.json", "proofs.json", "checkpoint.txt", "receipt.jws", "keys.json",
                                        "timestamp.json", "document.edxml", "verification/0000.json"]),
                       st.binary(max_size=40) | st.sampled_from([b"{}", b"[]", b"null", b'{"keys":1}', b"\x00",
                       b'{"files":[1]}', b'{"inclusion":[{"index":true}]}', b'{"inclusion":[[]]}'])))  # fmt: skip
def test_whatever_is_in_the_files_the_answer_is_a_result(made: Made, forged: dict[str, bytes]) -> None:
    members = made.members() | forged
    assert checked(packed(members), made.keys_alone).contradicted or members == made.members()
    if "manifest.json" not in forged:
        assert "step.broke" not in codes(checked(made.signed(members), made.keys_alone))


@quick
@given(st.binary(max_size=200))
def test_octets_that_are_no_bundle_are_refused(octets: bytes) -> None:
    result = checked(octets, Trust())
    assert codes(result, Step.CONTAINER) == ["container.unreadable"]
    assert not result.holds


def _named(name: str) -> Callable[[dict[str, bytes]], bytes]:
    return lambda members: packed(members | {name: b"x"})


def _twice(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO(packed(members))
    with zipfile.ZipFile(file, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("receipt.jws", b"another")
    return file.getvalue()


def _bomb(members: dict[str, bytes]) -> bytes:
    return packed(members | {"document.edxml": bytes(32 * 1024 * 1024)}, zipfile.ZIP_DEFLATED)


def _entry(members: dict[str, bytes], offset: int, value: bytes) -> bytes:
    """Change the second entry of the directory."""
    octets = packed(members)
    at = octets.index(b"PK\x01\x02", octets.index(b"PK\x01\x02") + 1) + offset
    return octets[:at] + value + octets[at + len(value) :]


CONTAINERS = {
    "something before": lambda members: b"MZ" + packed(members),
    "something behind": lambda members: packed(members) + b"\n",
    "a comment": lambda members: packed(members)[:-2] + b"\x01\x00!",
    "a way up": _named("../receipt.jws"),
    "an absolute path": _named("/receipt.jws"),
    "another spelling": _named("Receipt.jws"),
    "a folder": _named("evidence/"),
    "a name with a zero": _named("receipt.jws\u00e9"),
    "a file nobody knows": _named("README"),
    "a name twice": _twice,
    "a bomb": _bomb,
    "encrypted": lambda members: _entry(members, 8, b"\x01\x00"),
    "packed otherwise": lambda members: _entry(members, 10, b"\x63\x00"),
    "another length": lambda members: _entry(members, 24, b"\xff\xff\x00\x00"),
    "another checksum": lambda members: _entry(members, 16, b"\x00\x00\x00\x00"),
    "a member within another": lambda members: _entry(members, 42, b"\x00\x00\x00\x00"),
    "a wide length that is broken": lambda members: _entry(members, 24, b"\xff\xff\xff\xff"),
    "mimetype behind": lambda members: packed(dict(reversed(members.items()))),
    "no members": lambda _members: packed({}),
    "too many members": lambda _members: struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 65_534, 65_534, 0, 0, 0),
}


@pytest.mark.parametrize("trick", CONTAINERS)
def test_a_container_with_a_second_reading_is_refused(made: Made, trick: str) -> None:
    result = checked(CONTAINERS[trick](made.members()), made.trust)
    assert codes(result, Step.CONTAINER) == ["container.unreadable"]
    assert not result.holds


def _as_stream(members: dict[str, bytes]) -> bytes:
    class Stream(io.RawIOBase):
        written = b""

        def writable(self) -> bool:
            return True

        def write(self, piece: Any) -> int:
            self.written += bytes(piece)
            return len(piece)

    stream = Stream()
    with zipfile.ZipFile(stream, "w") as archive:  # type: ignore[call-overload]
        for name, octets in members.items():
            archive.writestr(name, octets)
    return stream.written


def _wide(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, octets in members.items():
            with archive.open(name, "w", force_zip64=True) as member:
                member.write(octets)
    octets = file.getvalue()
    *_, count, length, start, _ = struct.unpack("<4s4H2LH", octets[-22:])
    end = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, length, start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, len(octets) - 22, 1)
    last = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return octets[:-22] + end + locator + last


@pytest.mark.parametrize("form", [_as_stream, _wide])
def test_other_forms_of_the_same_container_are_read_the_same(
    made: Made, form: Callable[[dict[str, bytes]], bytes]
) -> None:
    members = made.members()
    container = Container.open(io.BytesIO(form(members)))
    assert {name: container.read(name, octets_max=1_000_000) for name in container.names} == members


def test_moments_beyond_the_calendar_are_none() -> None:
    for text in ("9999-12-31T23:59:59.999999-23:59", "0001-01-01T00:00:00+23:59", "2026-01-01T00:00:00", "x", 5, None):
        assert moment_of(text) is None
    assert vietnamese("9999-12-31T23:59:59.999999Z") == "9999-12-31T23:59:59.999999Z"
    assert vietnamese("2026-11-22T17:46:01.342116Z") == "23/11/2026 00:46:01 (UTC+7)"


@pytest.mark.parametrize(
    "text",
    [b"[" * 100_000, b"1" * 5_000, b"1e999", b"NaN", b'{"a":1,"a":2}', b"\xff", b"[" + b"0," * 50 + b"0]", b""],
)
def test_json_beyond_bounds_is_refused(text: bytes) -> None:
    with pytest.raises(JsonRefused):
        read_json(text, values_max=40 if text.startswith(b"[0") else 1_000_000)


def test_a_witness_that_was_named_must_have_signed(made: Made) -> None:
    private = LedgerKey.generate().signer("x").private
    witness = NoteSigner("witness.example", COSIGNATURE, private)
    named = Trust.read([made.keys], anchors=[made.pki.root_pem.encode()], witnesses=[str(witness.verifier)])
    result = checked(made.whole, named)
    assert [each.code for each in result.statements if each.spoils] == ["checkpoint.unwitnessed"]

    members = made.members()
    note = members["checkpoint.txt"].decode()
    text = note.rpartition("\n\n")[0] + "\n"
    seen_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=60)
    members["checkpoint.txt"] = (note + witness.line(text, at=seen_at)).encode()
    result = checked(made.signed(members), named)
    assert result.holds
    assert result.subject["log_seen_at"] == seen_at.isoformat().replace("+00:00", "Z")


def test_what_comes_from_the_future_is_not_believed(made: Made) -> None:
    result = checked(made.whole, made.trust, now=datetime(2020, 1, 1, tzinfo=UTC))
    assert not result.holds
    assert "manifest.future" in codes(result, Step.CONTAINER)
    assert "events.time" in codes(result, Step.EVENTS)


def test_a_list_that_came_later_shows_a_signer_who_was_revoked_before(made: Made) -> None:
    ders = [octets for name, octets in made.members().items() if name.endswith(".cer")]
    signer = next(each for each in map(load, ders) if "000.00.00.H41" in subject_of(each))
    for days, expected in ((-1, "signer.refused"), (1, "signer.revoked-later")):
        at = datetime.now(UTC) + timedelta(days=days)
        later = made.pki.crl([signer], at=at, next_update=NOW + 20 * YEAR, number=900)
        trust = Trust.read([made.keys], anchors=[made.pki.root_pem.encode()], lists=[later])
        assert expected in codes(checked(made.whole, trust), Step.SIGNATURE)


def test_keys_that_are_none_are_refused() -> None:
    witness = NoteSigner("w", COSIGNATURE, LedgerKey.generate().signer("x").private).verifier
    for octets in (b"", b"{}", b"[1]", b'{"keys":[]}', b'{"keys":[{"kty":"RSA"}]}', b"\xff\xfe", str(witness).encode()):
        with pytest.raises(RequestInvalid):
            Trust.read([octets])
    log = LedgerKey.generate().verifiers("x")[0]
    with pytest.raises(RequestInvalid):
        Trust.read([str(log).encode()], witnesses=[str(log)])


def test_everything_that_is_said_is_said_in_both_languages() -> None:
    said = set()
    for path in Path(room.__path__[0]).glob("*.py"):
        if path.stem != "words":
            said |= set(re.findall(r'"((?:[a-z]+)\.[a-z-]+)"', path.read_text("utf-8")))
    files = {"manifest.json", "manifest.jws", "receipt.jws", "timestamp.json", "proofs.json", "checkpoint.txt"}
    said -= files | {"checkpoint.tst", "keys.json", "document.edxml"}
    assert said <= STATEMENTS.keys() | {"octets.included"}
    assert STATEMENTS.keys() - said == {"octets.withheld", "octets.purged"}, "these are put together"
    places = re.compile(r"{(\w+)")
    for code, words in STATEMENTS.items():
        assert set(places.findall(words.vi)) == set(places.findall(words.en)), code
    assert set(STEPS) == set(Step)
    assert set(OUTCOMES) == set(Outcome)


def test_every_statement_of_a_bundle_can_be_said(made: Made) -> None:
    for octets in (made.whole, made.audited, b""):
        for statement in checked(octets, made.trust).statements:
            for language in ("vi", "en"):
                assert sentence(statement, language, local=True)  # type: ignore[arg-type]


def test_words_of_a_stranger_cannot_steer_a_terminal() -> None:
    assert printable("\x1b[2J\u202eabc") == "\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}abc"
    assert len(printable("x" * 1_000)) == 301


def test_receipts_are_called_the_same_here_and_where_they_are_written() -> None:
    assert RECEIPT_TYP == RECEIPT_TYPE
