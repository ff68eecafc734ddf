"""Steps 2 and 3: what the log signed, and which of its entries the events are."""

from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from app.errors import NotAuthenticated
from app.ledger.bundle import layout, link_steps
from app.ledger.bundle.bounded_json import JsonRefused, read_object
from app.ledger.bundle.case import CLOCKS_APART_MAX, Case, Entry, moment_of
from app.ledger.bundle.container import ContainerUnreadable
from app.ledger.bundle.steps import Tally
from app.ledger.canonical import canonical_json
from app.ledger.events import EventKind
from app.signing import merkle
from app.signing.checkpoint import Checkpoint
from app.signing.note import ED25519, NOTE_OCTETS_MAX, Note, open_note
from app.signing.path import UnknownRevocation
from app.signing.revocations import Revocations
from app.signing.timestamps import TOKEN_OCTETS_MAX, TimestampRefused, verify_token

EVENT_OCTETS_MAX: Final = 256 * 1024
"""Longest entry that is read; the longest a node writes names a thousand links."""
_STEPS_MAX: Final = 64
"""Most hashes of a proof: no tree has two to the power of so many entries."""
_HASH_CHARACTERS: Final = 64
_WHOLE_NODE: Final = frozenset({EventKind.RECEIPTS_TIMESTAMPED.value})
"""Events that speak of many documents at once, and may stand in the bundle of one of them."""


def check_checkpoint(case: Case, tally: Tally, revocations: Revocations) -> None:
    """Take step 2."""
    if layout.CHECKPOINT not in case.container:
        tally.missing("container.absent", file=layout.CHECKPOINT)
        return
    note = case.text_of(layout.CHECKPOINT, octets_max=NOTE_OCTETS_MAX)
    try:
        opened = open_note(note, (*case.trust.log, *case.trust.witnesses))
        checkpoint = Checkpoint.read(opened.text)
    except NotAuthenticated as error:
        tally.contradicted("checkpoint.refused", why=error)
        return
    by_log = [each for each in opened.signatures if each.key.algorithm == ED25519]
    if not case.trust.log:
        tally.missing("checkpoint.no-key")
    elif not any(each.key.name == checkpoint.origin and each.key in case.trust.log for each in by_log):
        tally.missing("checkpoint.unknown-key", origin=checkpoint.origin)
    else:
        case.checkpoint, case.text = checkpoint, opened.text
        tally.proven("checkpoint.signed", origin=checkpoint.origin, size=checkpoint.size, root=checkpoint.root.hex())
    _check_witnesses(case, tally, opened)
    if layout.CHECKPOINT_TIMESTAMP in case.container:
        _check_stamp(case, tally, opened.text, revocations)
    else:
        tally.aside("checkpoint.unstamped")


def _check_witnesses(case: Case, tally: Tally, opened: Note) -> None:
    for witness in case.trust.witnesses:
        signature = opened.by(witness)
        if signature is None or signature.at is None:
            tally.missing("checkpoint.unwitnessed", witness=witness.name)
        elif signature.at > case.now + CLOCKS_APART_MAX:
            tally.contradicted("checkpoint.future", who=witness.name, at=shown(signature.at))
        else:
            case.seen_at = max(filter(None, (case.seen_at, signature.at)))
            tally.proven("checkpoint.witnessed", witness=witness.name, at=shown(signature.at))


def _check_stamp(case: Case, tally: Tally, text: str, revocations: Revocations) -> None:
    token = case.container.read(layout.CHECKPOINT_TIMESTAMP, octets_max=TOKEN_OCTETS_MAX)
    if not case.trust.anchors:
        tally.aside("stamp.no-anchors", file=layout.CHECKPOINT_TIMESTAMP)
        return
    try:
        stamp = verify_token(
            token,
            text.encode("utf-8"),
            anchors=case.trust.anchors,
            revocations=revocations,
            unknown_revocation=UnknownRevocation.ACCEPT,
        )
    except TimestampRefused as error:
        refused_stamp(tally, layout.CHECKPOINT_TIMESTAMP, error)
        return
    if not stamp.proven:
        tally.aside("stamp.unknown", file=layout.CHECKPOINT_TIMESTAMP, at=shown(stamp.gen_time))
    elif stamp.gen_time > case.now + CLOCKS_APART_MAX:
        tally.contradicted("checkpoint.future", who=layout.CHECKPOINT_TIMESTAMP, at=shown(stamp.gen_time))
    else:
        case.seen_at = max(filter(None, (case.seen_at, stamp.gen_time)))
        tally.proven("checkpoint.stamped", at=shown(stamp.gen_time))


def refused_stamp(tally: Tally, file: str, error: TimestampRefused) -> None:
    """Note a time stamp that proves nothing: false where it is about something else, open where nobody vouches."""
    if all(finding.code == "rfc5280.6.1.no-path" for finding in error.findings if finding.refuses):
        tally.aside("stamp.untrusted", file=file, why=error)
    else:
        tally.contradicted("stamp.refused", file=file, why=error)


def check_events(case: Case, tally: Tally) -> None:
    """Take step 3."""
    names = case.names_of(layout.Role.EVENT)
    if not names:
        tally.missing("events.none")
        return
    proofs = _proofs(case, tally)
    if proofs is None:
        return
    entries = [entry for name in names if (entry := _entry(case, tally, name, proofs)) is not None]
    for index in sorted(proofs.keys() - {int(name[7:19]) for name in names}):
        tally.contradicted("events.proof-of-nothing", index=index)
    _check_order(case, tally, entries)
    if case.manifest is not None and case.manifest.events_pending:
        tally.aside("events.pending", count=case.manifest.events_pending)
    if case.checkpoint is None:
        tally.missing("events.no-tree")
        return
    case.events = tuple(entries)
    accepted = list(case.of_kind(EventKind.DOCUMENT_ACCEPTED))
    if len(accepted) != 1:
        tally.contradicted("events.acceptance", count=len(accepted))
    if len(entries) == len(names):
        tally.proven(
            "events.included", count=len(entries), size=case.checkpoint.size, last=entries[-1].index if entries else 0
        )
    link_steps.check_told(case, tally)


def _proofs(case: Case, tally: Tally) -> Mapping[int, Mapping[str, Any]] | None:
    """Read the proofs, by index; note where they are about another tree than the one the log signed."""
    if layout.PROOFS not in case.container:
        tally.missing("container.absent", file=layout.PROOFS)
        return None
    members = case.object_of(layout.PROOFS)
    if case.checkpoint is not None:
        pairs: dict[str, tuple[object, object]] = {
            "origin": (members.get("origin"), case.checkpoint.origin),
            "size": (members.get("size"), case.checkpoint.size),
            "root": (members.get("root"), case.checkpoint.root.hex()),
        }
        tally.agrees("agrees.not", f"{layout.PROOFS} / {layout.CHECKPOINT}", pairs)
    listed = members.get("inclusion")
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise ContainerUnreadable("its proofs are no list", layout.PROOFS)
    indexes = [each.get("index") for each in listed]
    if not all(isinstance(each, int) and not isinstance(each, bool) for each in indexes):
        raise ContainerUnreadable("a proof of it has no index", layout.PROOFS)
    if any(after <= before for before, after in pairwise(indexes)):
        tally.contradicted("events.order")
    return {each["index"]: each for each in listed}


def _entry(case: Case, tally: Tally, name: str, proofs: Mapping[int, Mapping[str, Any]]) -> Entry | None:
    """Read an event and follow its proof; None, with a note, where it is not the entry it says it is."""
    index, body = int(name[7:19]), case.container.read(name, octets_max=EVENT_OCTETS_MAX)
    try:
        said = read_object(body)
        if canonical_json(said) != body:
            tally.contradicted("events.not-canonical", file=name)
            return None
    except (JsonRefused, ValueError) as error:
        tally.contradicted("events.unreadable", file=name, why=error)
        return None
    proof = proofs.get(index)
    if proof is None:
        tally.missing("events.unproven", file=name)
        return None
    hashes = _hashes(proof.get("hashes"))
    if hashes is None or proof.get("leaf_hash") != merkle.leaf(body).hex():
        tally.contradicted("events.not-in-tree", file=name)
        return None
    if case.checkpoint is not None:
        root = merkle.root_by(hashes, body, position=index, size=case.checkpoint.size)
        if root != case.checkpoint.root:
            tally.contradicted("events.not-in-tree", file=name)
            return None
    return Entry(index, body, said)


def _hashes(listed: object) -> list[bytes] | None:
    if not isinstance(listed, list) or len(listed) > _STEPS_MAX:
        return None
    if not all(isinstance(each, str) and len(each) == _HASH_CHARACTERS for each in listed):
        return None
    try:
        return [bytes.fromhex(each) for each in listed]
    except ValueError:
        return None


def _check_order(case: Case, tally: Tally, entries: list[Entry]) -> None:
    """Check that each event is about this document, and that nothing is about it before it was accepted."""
    if case.manifest is not None:
        for each in entries:
            about = each.said.get("document")
            if about != case.manifest.document and not (about is None and each.kind in _WHOLE_NODE):
                tally.contradicted("events.other-document", index=each.index, document=about)
    ids = [str(each.said.get("id")) for each in entries]
    if len(set(ids)) != len(ids):
        tally.contradicted("events.twice")
    if entries and entries[0].kind != EventKind.DOCUMENT_ACCEPTED.value:
        tally.contradicted("events.before-acceptance", index=entries[0].index, kind=entries[0].kind)
    for each in entries:
        at = moment_of(each.said.get("at"))
        if at is None or at > case.now + CLOCKS_APART_MAX:
            tally.contradicted("events.time", index=each.index, at=each.said.get("at"))


def shown(moment: datetime) -> str:
    """Write a moment as JSON has it."""
    return moment.isoformat().replace("+00:00", "Z")
