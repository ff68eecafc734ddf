"""Checking an evidence bundle with nothing but the keys and anchors somebody trusts: no node, no network, no clock.

The steps, numbered as in the output and in docs/evidence.md:

 (1) container    the files are those of the manifest, and the node signed it            `container`, `packing`
 (2) checkpoint   the log signed size and root of its tree; witnesses and stamp over it  `log_steps`
 (3) events       each is an entry of that tree, in order, about this document           `log_steps`
 (4) receipt      the node signed it, and it says what the event of acceptance says      `document_steps`
 (5) octets       the document has the digest they name, or only digests are here        `document_steps`
 (6) signature    verified again from the octets; the signer's certificate and its path  `document_steps`, `knowledge`
 (7) reports      what the node found then is what the log says, and what is found now   `history_steps`
 (8) time         the time stamp of the receipt                                          `document_steps`
 (9) deliveries   receipts of status reports; where each delivery stands                 `history_steps`, `told`
(10) limits       what no bundle proves                                                  here

A step goes on as far as what it needs was proven before, and says so where it was not. What breaks in a step counts
against the bundle: it was not established, so it is not proven.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, BinaryIO, Final

from app.errors import DataFault
from app.ledger.bundle import layout, told
from app.ledger.bundle.case import Case
from app.ledger.bundle.container import Container, ContainerUnreadable
from app.ledger.bundle.document_steps import check_octets, check_receipt, check_signature, check_time
from app.ledger.bundle.history_steps import check_deliveries, check_reports
from app.ledger.bundle.knowledge import Knowledge, gathered
from app.ledger.bundle.log_steps import check_checkpoint, check_events, shown
from app.ledger.bundle.packing import check_packing
from app.ledger.bundle.steps import Result, Step, StepResult, Tally
from app.ledger.bundle.trust import Trust
from app.signing.certificates import fingerprint, subject_of

_Work = Callable[[Tally], None]

_LIMITS: Final = ("limits.later", "limits.claimed", "limits.registration", "limits.operator")
"""What is never proven by a bundle alone, whatever is in it."""


def check(file: BinaryIO, *, trust: Trust, now: datetime) -> Result:
    """Check a bundle; whatever is in it, the answer is a result.

    Args:
        file: the bundle, seekable.
        trust: what is trusted from the start.
        now: the moment of checking, aware; used only to find what claims to come from the future.
    """
    tallies = {step: Tally(step) for step in Step}
    try:
        container = Container.open(file)
    except ContainerUnreadable as error:
        tallies[Step.CONTAINER].contradicted("container.unreadable", file=error.member, why=error.defect)
        for step in Step:
            if step not in (Step.CONTAINER, Step.LIMITS):
                tallies[step].missing("step.not-reached")
        _limits(tallies[Step.LIMITS], None)
        return _result(tallies, {}, ())
    case, known = Case(container, trust, now), Knowledge(trust.anchors)

    def gather(tally: Tally) -> None:
        nonlocal known
        known = gathered(case, tally)

    work: list[tuple[Step, _Work]] = [
        (Step.CONTAINER, lambda tally: check_packing(case, tally)),
        # First of what step 6 needs: certificates and lists also say whether time stamps count.
        (Step.SIGNATURE, gather),
        (Step.CHECKPOINT, lambda tally: check_checkpoint(case, tally, known.revocations)),
        (Step.EVENTS, lambda tally: check_events(case, tally)),
        (Step.RECEIPT, lambda tally: check_receipt(case, tally)),
        (Step.OCTETS, lambda tally: check_octets(case, tally)),
        (Step.SIGNATURE, lambda tally: check_signature(case, tally, known)),
        (Step.REPORTS, lambda tally: check_reports(case, tally, known)),
        (Step.TIME, lambda tally: check_time(case, tally, known)),
        (Step.DELIVERIES, lambda tally: check_deliveries(case, tally, known)),
    ]
    for step, act in work:
        _taken(tallies[step], act)
    _limits(tallies[Step.LIMITS], case)
    return _result(tallies, _subject(case), told.deliveries(case.events))


def _taken(tally: Tally, act: _Work) -> None:
    """Take a step; what breaks in it is found against the bundle, never in favour of it."""
    try:
        act(tally)
    except ContainerUnreadable as error:
        tally.contradicted("file.unreadable", file=error.member, why=error.defect)
    except (OSError, DataFault) as error:
        # The container wraps what is wrong with its own file: this is the machine's, such as a full disk.
        tally.missing("step.no-room", why=error)
    except Exception as error:  # noqa: BLE001 - a bundle comes from anybody; whatever breaks, it was not established
        tally.contradicted("step.broke", why=f"{type(error).__name__} {error}")


def _limits(tally: Tally, case: Case | None) -> None:
    for code in _LIMITS:
        tally.open(code)
    if case is None:
        return
    if case.manifest is not None and case.manifest.content is not layout.Content.INCLUDED:
        tally.open("limits.content")
    if not case.trust.anchors:
        tally.open("limits.anchors")
    if not case.trust.witnesses:
        tally.open("limits.witnesses")


def _subject(case: Case) -> dict[str, Any]:
    receipt = case.receipt or {}
    manifest, checkpoint = case.manifest, case.checkpoint
    return {
        "node": manifest.node if manifest else None,
        "document": manifest.document if manifest else None,
        "document_id": manifest.document_id if manifest else None,
        "content": manifest.content.value if manifest else None,
        "made_at": manifest.made_at if manifest else None,
        "sender": receipt.get("sender"),
        "sha256": receipt.get("sha256"),
        "size": receipt.get("size"),
        "accepted_at": receipt.get("accepted_at"),
        "stamped_at": shown(case.stamp) if case.stamp else None,
        "signers": [{"subject": subject_of(each), "sha256": fingerprint(each)} for each in case.signers],
        "signed_before": shown(case.moment) if case.moment else None,
        "log": checkpoint.origin if checkpoint else None,
        "log_size": checkpoint.size if checkpoint else None,
        "log_root": checkpoint.root.hex() if checkpoint else None,
        "log_seen_at": shown(case.seen_at) if case.seen_at else None,
        "events": len(case.events),
    }


def _result(tallies: dict[Step, Tally], subject: dict[str, Any], legs: tuple[Any, ...]) -> Result:
    return Result(tuple(StepResult(step, tuple(tallies[step].statements)) for step in Step), subject, legs)
