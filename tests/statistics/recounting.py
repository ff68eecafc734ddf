"""Counting a log in plain Python, by somebody who knows the definitions and nothing of the node's code."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from app.routers.conditions import NDJSON
from tests.support.agency import AgencySystem

ALONE = {
    "delivery.available": "received", "delivery.acknowledged": "acknowledged", "delivery.withdrawn": "withdrawn",
    "delivery.overdue": "overdue", "delivery.undelivered": "undelivered", "delivery.expired": "expired",
    "delivery.redirected": "redirected", "document.refused": "refused", "status.refused": "refused",
}  # fmt: skip
SENT = {
    "sent", "signed", "with_paper", "electronic_only", "revocations", "updates", "replacements", "on_time", "late",
    "withdrawal_requests", "withdrawn", "not_proven", "not_judged", "with_pdf", "pdf_signed",
}  # fmt: skip
EITHER = {"statuses", "refused"}


def read_log(auditor: AgencySystem, query: str = "") -> list[dict[str, Any]]:
    """Read events as an auditor does, all that the query finds."""
    answer = auditor.get(f"/v1/audit/events?{query}", headers={"Accept": NDJSON})
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def counted_in(event: dict[str, Any]) -> list[str]:
    """Say in which figures an event counts, from the words of the contract."""
    detail = event["detail"]
    match event["event"]:
        case "document.accepted":
            told = ["sent", "with_paper" if detail["paper"] else "electronic_only"] + ["signed"] * detail["signed"]
            told += [f"{detail['kind']}s"] * (detail["kind"] != "new")
            told += ["not_proven"] * (detail.get("signature", "valid") != "valid")
            told += ["not_judged"] * (detail.get("indication") == "INDETERMINATE")
            return told + {True: ["on_time"], False: ["late"]}.get(detail.get("on_time"), [])
        case "status.accepted":
            return ["statuses", *_told_by_a_report(detail)]
        case "document.inspected":
            held = detail["pdf"]
            return ["with_pdf"] * (held > 0) + ["pdf_signed"] * (0 < held == detail["pdf_signed"])
        case kind:
            return [ALONE[kind]] if kind in ALONE else []


def _told_by_a_report(detail: dict[str, Any]) -> list[str]:
    reached = detail.get("reached", [])
    told = [word for word in ("arrived", "completed") if word in reached]
    told += ["accepted"] * ("received" in reached) + ["returned"] * ("refused" in reached)
    if "completed" in reached and "on_time" in detail:
        told.append("completed_on_time" if detail["on_time"] else "completed_late")
    match detail["status"], detail.get("change"):
        case "13", "requested":
            told.append("withdrawal_requests")
        case "15", "accepted":
            told.append("changes_accepted")
        case "16", "refused":
            told.append("changes_refused")
        case _:
            pass
    return told


def seconds_of(event: dict[str, Any]) -> dict[str, int]:
    """Say which spans of time an event ends, and how long they were."""
    detail = event["detail"]
    if event["event"] == "delivery.acknowledged":
        return {"to_fetch": detail["seconds"]} if "seconds" in detail else {}
    if event["event"] != "status.accepted":
        return {}
    ends = {"arrived": "to_arrival", "received": "to_acceptance", "completed": "to_completion"}
    return {ends[word]: detail["seconds"] for word in detail.get("reached", []) if word in ends}


def month_of(event: dict[str, Any]) -> str:
    """Say in which month of Vietnam it happened."""
    return f"{datetime.fromisoformat(event['time']).replace(tzinfo=None) + timedelta(hours=7):%Y-%m}"


def province_of(code: str) -> str:
    """Say which level-one code an agency's code has in it, in either form."""
    if re.fullmatch(r"\d{3}\.\d\d\.\d\d\.[A-Z]\d\d", code):
        return code[-3:]
    return code[:3] if re.fullmatch(r"[A-Y]\d\d(\.[0-9A-Z]+)*", code) else ""


def recount(
    events: Iterable[dict[str, Any]], key: tuple[str, ...]
) -> tuple[dict[tuple[str, ...], Counter[str]], dict[tuple[str, ...], dict[str, list[int]]]]:
    """Count figures and gather spans of time by a key of months and members of events."""
    sums: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    spans: dict[tuple[str, ...], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for event in events:
        named = event | {"month": month_of(event), "province": province_of(event["agency"] or "")}
        place = tuple(named[name] or "" for name in key)
        sums[place].update(counted_in(event))
        for name, seconds in seconds_of(event).items():
            spans[place][name].append(seconds)
    return {place: counts for place, counts in sums.items() if counts}, spans


def exact(spans: list[int], percent: int) -> int:
    """Return the smallest span that at least so many per cent of them do not exceed."""
    return next(span for span in sorted(spans) if 100 * sum(each <= span for each in spans) >= percent * len(spans))
