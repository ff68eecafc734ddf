"""Which event counts in which figure, and which spans of time it ends.

The words people read are in `definitions`; here is what is counted, event by event. An event counts at most once in a
figure. Figures of progress are nested: a report that jumps ahead counts in all it passed, so that among the same
deliveries there are never more accepted than arrived, nor more completed than accepted.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.store.schema import MEASURES

MEASURE_NAMES: tuple[str, ...] = MEASURES
"""Every figure that is counted, in the order reports show them."""

VERSION = 2
"""Version of the body of events that are written today: they say what every figure here needs."""

FIRST_VERSION = 1
"""Version of events from before figures were this fine; they count in the nine of then, now and in a recount."""

SPANS: tuple[str, ...] = ("to_fetch", "to_arrival", "to_acceptance", "to_completion")
"""Every span of time that is kept, each from when the document lay in the inbox."""

_BY_DOCUMENT_KIND = {"revocation": "revocations", "update": "updates", "replacement": "replacements"}
_BY_PROGRESS = {"arrived": "arrived", "received": "accepted", "completed": "completed", "refused": "returned"}
_BY_CHANGE = {"requested": "withdrawal_requests", "accepted": "changes_accepted", "refused": "changes_refused"}
_CHANGE_BY_STATUS = {"13": "requested", "15": "accepted", "16": "refused"}
_SPAN_BY_PROGRESS = {"arrived": "to_arrival", "received": "to_acceptance", "completed": "to_completion"}
_ALONE = {
    "delivery.available": "received",
    "delivery.acknowledged": "acknowledged",
    "delivery.withdrawn": "withdrawn",
    "delivery.redirected": "redirected",
    "delivery.undelivered": "undelivered",
    "delivery.expired": "expired",
    "delivery.overdue": "overdue",
    "document.refused": "refused",
    "status.refused": "refused",
}


_SENDING = ("sent", "signed", "with_paper", "electronic_only", "not_proven", "not_judged", "on_time", "late")
_KINDS_BY_MEASURE: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys((*_SENDING, *_BY_DOCUMENT_KIND.values()), ("document.accepted",)),
    **dict.fromkeys(
        ("statuses", *_BY_PROGRESS.values(), "completed_on_time", "completed_late", *_BY_CHANGE.values()),
        ("status.accepted",),
    ),
    **dict.fromkeys(("with_pdf", "pdf_signed"), ("document.inspected",)),
    **{measure: tuple(kind for kind, its in _ALONE.items() if its == measure) for measure in _ALONE.values()},
}


def kinds_counting_in(measure: str) -> tuple[str, ...]:
    """Return the kinds of events that can count in a figure; none for what is no figure."""
    return _KINDS_BY_MEASURE.get(measure, ())


def measures_of(kind: str, detail: Mapping[str, Any], version: object = VERSION) -> tuple[str, ...]:
    """Return the figures an event of this kind with this detail counts in, each by one.

    Args:
        detail: as the event's body has it; what is not of the expected form counts nowhere.
        version: of the event's body.
    """
    match kind:
        case "document.accepted":
            return tuple(_sending(detail, fine=version != FIRST_VERSION))
        case "status.accepted":
            return ("statuses", *(_reporting(detail) if version != FIRST_VERSION else ()))
        case "document.inspected":
            return tuple(_inspected(detail))
        case _ if kind in _ALONE:
            return (_ALONE[kind],)
        case _:
            return ()


def measures_column(kind: str, detail: Mapping[str, Any], version: object = VERSION) -> str | None:
    """Return the same as the text kept with the event, each name between blanks so that none is part of another."""
    if kind in _ALONE_COLUMN:
        return _ALONE_COLUMN[kind]
    return _between_blanks(measures_of(kind, detail, version))


def durations_of(kind: str, detail: Mapping[str, Any], version: object = VERSION) -> dict[str, int]:
    """Return the spans of time that end with an event, in whole seconds, by their name in `SPANS`."""
    seconds = detail.get("seconds")
    if version == FIRST_VERSION or type(seconds) is not int or seconds < 0:
        return {}
    match kind:
        case "delivery.acknowledged":
            return {"to_fetch": seconds}
        case "status.accepted":
            return {span: seconds for word, span in _SPAN_BY_PROGRESS.items() if word in _reached(detail)}
        case _:
            return {}


def durations_column(kind: str, detail: Mapping[str, Any], version: object = VERSION) -> str | None:
    """Return the same as the text kept with the event, as `name:seconds` between blanks; None where none ends."""
    if "seconds" not in detail:
        return None
    return _between_blanks(tuple(f"{name}:{seconds}" for name, seconds in durations_of(kind, detail, version).items()))


def spans_in(column: str | None) -> Iterator[tuple[str, int]]:
    """Read such a text back; what is none of ours in it is passed over, for the check of the log tells of it."""
    for part in (column or "").split():
        name, _, seconds = part.partition(":")
        if name in SPANS and len(seconds) <= _DIGITS_MAX and seconds.isascii() and seconds.isdigit():
            yield name, int(seconds)


_DIGITS_MAX = 18
"""More digits than any clock has seconds."""


def _sending(detail: Mapping[str, Any], *, fine: bool) -> Iterator[str]:
    yield "sent"
    if detail.get("signed"):
        yield "signed"
    yield "with_paper" if detail.get("paper") else "electronic_only"
    if not fine:
        return
    if detail.get("signature", "valid") != "valid":
        yield "not_proven"
    if detail.get("indication") == "INDETERMINATE":
        yield "not_judged"
    for word, measure in _BY_DOCUMENT_KIND.items():
        if detail.get("kind") == word:
            yield measure
    # Absent where it cannot be told: a document without a date is neither.
    match detail.get("on_time"):
        case True:
            yield "on_time"
        case False:
            yield "late"
        case _:
            pass


def _inspected(detail: Mapping[str, Any]) -> Iterator[str]:
    """Count documents, not attachments: those with a PDF, and of them those whose PDFs are all signed validly."""
    held, signed = detail.get("pdf"), detail.get("pdf_signed")
    if type(held) is int and held > 0:
        yield "with_pdf"
        if held == signed:
            yield "pdf_signed"


def _reporting(detail: Mapping[str, Any]) -> Iterator[str]:
    reached = _reached(detail)
    for word, measure in _BY_PROGRESS.items():
        if word in reached:
            yield measure
    if "completed" in reached:
        match detail.get("on_time"):
            case True:
                yield "completed_on_time"
            case False:
                yield "completed_late"
            case _:
                pass
    for code, change in _CHANGE_BY_STATUS.items():
        if detail.get("status") == code and detail.get("change") == change:
            yield _BY_CHANGE[change]


def _reached(detail: Mapping[str, Any]) -> Sequence[object]:
    reached = detail.get("reached")
    return reached if isinstance(reached, list | tuple) else ()


def _between_blanks(words: tuple[str, ...]) -> str | None:
    return f" {' '.join(words)} " if words else None


_ALONE_COLUMN = {kind: _between_blanks((measure,)) for kind, measure in _ALONE.items()}
