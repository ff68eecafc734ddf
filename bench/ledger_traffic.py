"""Events of a land that never was, as rows: who sends what to whom, takes it over, reports, signs in and is refused.

Rows are as a node would have written and sealed them, so that a verification of the ledger finds nothing wrong with
them; what nobody reads here is left out: bodies, signatures, receipts and verification reports.
"""

import heapq
import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any, NamedTuple

from app.ledger.canonical import leaf_hash
from app.ledger.events import instant_text
from app.statistics.measures import VERSION, durations_column, measures_column
from bench.province import Body

SIGN_INS = 2.2
"""For each document, about; a client signs in once an hour."""
REFUSED = 0.01
FETCHED = 0.97
REPORTED = 0.3
READ = 0.004
TYPES = (
    ("cong-van", 46), ("bao-cao", 14), ("quyet-dinh", 11), ("thong-bao", 9), ("ke-hoach", 8), ("giay-moi", 7),
    ("to-trinh", 3), ("nghi-quyet", 1), ("luat", 0.001),
)  # fmt: skip
NOTATIONS = ("UBND-VP", "QĐ-UBND", "BC-STC", "TB-VP", "KH-UBND", "GM-SNV", "CV/TU", "TTr-SXD")
_TEXT = (
    "báo cáo kết quả thực hiện nhiệm vụ phát triển kinh tế xã hội quý đầu năm về việc triển khai kế hoạch cải cách "
    "hành chính chuyển đổi số phòng chống thiên tai cấp giấy chứng nhận quyền sử dụng đất đai đầu tư công giải ngân "
    "vốn trung ương địa phương bổ nhiệm cán bộ công chức viên chức giáo dục y tế dân số môi trường xây dựng nông thôn "
    "mới giảm nghèo bền vững an toàn giao thông trật tự quốc phòng an ninh tổng kết sơ kết mời họp góp ý dự thảo nghị "
    "định thông tư hướng dẫn kiểm tra giám sát thanh tra khiếu nại tố cáo"
)
WORDS = _TEXT.split()


class EventRow(NamedTuple):
    """A row of `events`, its columns in their order."""

    id: str
    position: int
    at: datetime
    kind: str
    outcome: str
    actor: str
    agency: str | None
    tier: str | None
    branch: str | None
    document_type: str | None
    peer_tier: str | None
    document: str | None
    delivery: str | None
    measures: str | None
    durations: str | None
    body: str
    leaf_hash: str


class Later(NamedTuple):
    """What happens when its moment comes; gives the rows that go with the event at its index."""

    at: datetime
    number: int
    event: dict[str, Any]
    rows: Callable[[int], None]


class Traffic:
    """Makes events in the order of the ledger; rows of other tables gather in `rows` until they are taken."""

    def __init__(self, agencies: list[Body], *, events: int, first: datetime, last: datetime, base: int) -> None:
        self.rng = random.Random(f"ledger/{events}")
        self.agencies = [body for body in agencies if body.connected]
        self.cumulated = list(accumulate(body.weight for body in self.agencies))
        self.actors = [self._id(first) for _ in self.agencies]
        self.auditors = [self._id(first) for _ in range(3)]
        self.events = events
        self.first, self.step = first, (last - first) / max(events, 1)
        self.position = base
        self.end = base + events
        self.later: list[Later] = []
        self.number = 0
        self.rows: dict[str, list[dict[str, Any]]] = {"documents": [], "deliveries": [], "status_reports": []}

    def all(self) -> Iterator[EventRow]:
        """Give every event."""
        while self.position < self.end:
            now = self.first + self.step * (self.events - (self.end - self.position))
            if self.later and (self.later[0].at <= now or self.position + len(self.later) >= self.end):
                due = heapq.heappop(self.later)
                due.rows(self.position)
                yield self._event(at=due.at, **due.event)
                continue
            yield from self._next(now)

    def _next(self, now: datetime) -> Iterator[EventRow]:
        rng = self.rng
        chance = rng.random()
        place = rng.choices(range(len(self.agencies)), cum_weights=self.cumulated)[0]
        left = self.end - self.position - len(self.later)
        if left < 12 or chance < SIGN_INS / (1 + SIGN_INS):
            if chance < READ:
                query = {"query": self._digest()}
                yield self._event(at=now, kind="trail.read", actor=rng.choice(self.auditors), detail=query)
            else:
                detail = {"method": "private_key_jwt", "scopes": ["exchange"]}
                yield self._event(at=now, kind="token.issued", actor=self.actors[place], detail=detail)
        elif rng.random() < REFUSED:
            detail = {"codes": ["xmldsig.3.2.1.digest-mismatch"], "problem": "document-refused"}
            detail |= {"sha256": self._digest(), "size": 50_000}
            refused = {"kind": "document.refused", "outcome": "refused", "body": self.agencies[place]}
            yield self._event(at=now, actor=self.actors[place], detail=detail, **refused)
        else:
            yield from self._send(place, now)

    def _send(self, place: int, now: datetime) -> Iterator[EventRow]:
        rng = self.rng
        self.number += 1
        sender, actor = self.agencies[place], self.actors[place]
        document = self._document(sender, actor, now)
        count = 1 if rng.random() < 0.7 else 2
        others = set(rng.choices(range(len(self.agencies)), cum_weights=self.cumulated, k=count))
        others = (others - {place}) or {(place + 1) % len(self.agencies)}
        detail = {
            **{name: document[name] for name in ("document_id", "sha256", "size", "kind", "on_time")},
            "signed": True, "paper": document["with_paper"], "certificate": "", "recipients": len(others), "links": [],
        }  # fmt: skip
        about = {"document_type": document["document_type"], "document": document["id"]}
        self.rows["documents"].append(document)
        yield self._event(at=now, kind="document.accepted", actor=actor, body=sender, detail=detail, **about)
        for other in others:
            yield self._deliver(document, sender, actor, other, now, about)

    def _deliver(
        self, document: dict[str, Any], sender: Body, actor: str, other: int, now: datetime, about: dict[str, Any]
    ) -> EventRow:
        rng, recipient, theirs = self.rng, self.agencies[other], self.actors[other]
        row = self._delivery(document, recipient, now) | {"kind": "document", "position": self.position}
        self.rows["deliveries"].append(row)
        told = {"body": recipient, "peer_tier": sender.tier, "delivery": row["id"], **about}
        if rng.random() < FETCHED:
            seconds = int(rng.expovariate(1 / 9_000)) + 1
            taken = now + timedelta(seconds=seconds)
            row |= {"progress": "delivered", "in_inbox": False, "acknowledged_at": taken}
            detail = {"seconds": seconds, "state": "delivered", "in_inbox": False, "acknowledged": True}
            self._plan(taken, kind="delivery.acknowledged", actor=theirs, detail=detail, **told)
            if rng.random() < REPORTED:
                self._report(document, row, sender, recipient, theirs, now, taken, told)
        detail = {"sender": sender.code, "addressed_to": recipient.code, "priority": 0, "state": "available"}
        return self._event(at=now, kind="delivery.available", actor=actor, detail=detail, **told)

    def _report(
        self,
        document: dict[str, Any],
        row: dict[str, Any],
        sender: Body,
        recipient: Body,
        actor: str,
        sent: datetime,
        taken: datetime,
        told: dict[str, Any],
    ) -> None:
        at = taken + timedelta(seconds=int(self.rng.expovariate(1 / 90_000)) + 1)
        row["progress"] = "received"
        report = {
            "id": self._id(at), "document": document["id"], "delivery": row["id"], "reporter": recipient.code,
            "status_code": "03", "description": None, "reported_at": at, "accepted_at": at, "state": "received",
            "sha256": self._digest(), "size": 3_000, "client_id": actor, "verification": _NOTHING_FOUND, "receipt": "",
            "purged_at": None,
        }  # fmt: skip
        notice = self._delivery(document, sender, at) | {"kind": "status", "status_report": report["id"]}
        detail = {
            "report": report["id"], "status": "03", "sha256": report["sha256"], "certificate": "",
            "recipient": recipient.code, "before": "delivered", "state": "received", "in_inbox": False,
            "reached": ["arrived", "received"], "seconds": int((at - sent).total_seconds()),
        }  # fmt: skip
        about = {"document_type": document["document_type"], "document": document["id"]}
        theirs = {"body": sender, "delivery": notice["id"], **about}

        def available(position: int) -> None:
            self.rows["deliveries"].append(notice | {"position": position})

        self._plan(
            at, rows=lambda _: self.rows["status_reports"].append(report),
            kind="status.accepted", actor=actor, detail=detail, **told,
        )  # fmt: skip
        said = {"report": report["id"], "status": "03", "state": "available"}
        self._plan(at, rows=available, kind="status.available", actor=actor, detail=said, **theirs)

    def _plan(self, at: datetime, rows: Callable[[int], None] = lambda _: None, **event: Any) -> None:
        self.number += 1
        heapq.heappush(self.later, Later(at, self.number, event, rows))

    def _document(self, sender: Body, actor: str, at: datetime) -> dict[str, Any]:
        rng = self.rng
        code = f"{self.number}/{rng.choice(NOTATIONS)}"
        document_type = rng.choices([name for name, _ in TYPES], weights=[weight for _, weight in TYPES])[0]
        subject = " ".join(rng.choices(WORDS, k=7))
        return {
            "id": self._id(at), "sender": sender.code, "sender_tier": sender.tier,
            "document_id": f"{sender.code},{at:%Y/%m/%d},{code}", "sha256": self._digest(),
            "size": rng.randrange(20_000, 900_000), "kind": "new", "code": code, "subject": f"V/v {subject}",
            "document_type": document_type, "type_name": document_type, "priority": 0,
            "promulgation_date": at.date(), "due_date": None, "with_paper": rng.random() < 0.07,
            "on_time": rng.random() < 0.95, "client_id": actor, "accepted_at": at, "verification": _NOTHING_FOUND,
            "receipt": "", "indication": "TOTAL-PASSED", "signature": "valid", "certificate": None, "purged_at": None,
        }  # fmt: skip

    def _delivery(self, document: dict[str, Any], recipient: Body, at: datetime) -> dict[str, Any]:
        return _EMPTY_DELIVERY | {
            "id": self._id(at), "document": document["id"], "recipient": recipient.code,
            "addressed_to": recipient.code, "available_at": at,
        }  # fmt: skip

    def _event(
        self,
        *,
        at: datetime,
        kind: str,
        actor: str,
        detail: dict[str, Any],
        outcome: str = "accepted",
        body: Body | None = None,
        document_type: str | None = None,
        peer_tier: str | None = None,
        document: str | None = None,
        delivery: str | None = None,
    ) -> EventRow:
        members: dict[str, Any] = {"v": VERSION, "id": self._id(at), "kind": kind, "at": instant_text(at)}
        members |= {"actor": actor, "outcome": outcome, "detail": detail}
        standing = (body.code, body.tier, body.branch) if body else (None, None, None)
        about = (*standing, document_type, peer_tier, document, delivery)
        members |= {name: value for name, value in zip(_ABOUT, about, strict=True) if value is not None}
        # What RFC 8785 makes of such members; a verification of the ledger reads them again and finds out.
        text = json.dumps(members, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        counts = measures_column(kind, detail), durations_column(kind, detail)
        hashed = leaf_hash(text.encode())
        row = EventRow(members["id"], self.position, at, kind, outcome, actor, *about, *counts, text, hashed)
        self.position += 1
        return row

    def _id(self, at: datetime) -> str:
        bits = self.rng.getrandbits(74)
        milliseconds = int(at.timestamp() * 1000)
        tail = f"{0x8000 | bits & 0x3FFF:04x}-{bits >> 14 & 0xFFFFFFFFFFFF:012x}"
        return f"{milliseconds >> 16:08x}-{milliseconds & 0xFFFF:04x}-7{bits >> 62:03x}-{tail}"

    def _digest(self) -> str:
        return f"{self.rng.getrandbits(256):064x}"


_ABOUT = ("agency", "tier", "branch", "document_type", "peer_tier", "document", "delivery")
_NOTHING_FOUND = {"indication": "total-passed", "certificate": "", "findings": [], "attachments": []}
_EMPTY_DELIVERY: dict[str, Any] = {
    "id": "", "document": "", "kind": "", "status_report": None, "notice": None, "concerns": None, "recipient": "",
    "addressed_to": "", "progress": "available", "change": None, "change_by": None, "superseded_by": None,
    "added_by": None, "priority": 0, "available_at": None, "undelivered_at": None, "expires_at": None, "due_at": None,
    "overdue_at": None, "overdue_sender": None, "acknowledged_at": None, "in_inbox": True, "position": None,
}  # fmt: skip

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
LAST = datetime(2026, 12, 1, tzinfo=UTC)
