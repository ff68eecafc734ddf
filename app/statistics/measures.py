"""Which event counts in which figure; the definitions behind every number the node publishes.

| measure | counts | belongs to |
| --- | --- | --- |
| sent | documents accepted | the sender |
| signed | of these, with a packet signature that verified | the sender |
| with_paper | of these, announced with a paper copy (Bussiness/Paper = 1) | the sender |
| electronic_only | of these, without a paper copy | the sender |
| received | deliveries laid into an inbox, one per recipient | the recipient |
| acknowledged | deliveries taken over | the recipient |
| statuses | business status reports accepted | the reporter |
| refused | documents and statuses refused | the sender where known |
| withdrawn | deliveries withdrawn with the recipient's consent | the sender |

Sources: the indicators of edXML practice (QĐ 28/2018/QĐ-TTg Đ11: sent, received; Đ5.3, Đ7.2: paper; Đ4: signed).
"received" counts deliveries, not documents, as the published figures do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.store.schema import MEASURES

MEASURE_NAMES: tuple[str, ...] = MEASURES
"""Every measure, in the order reports show them."""


@dataclass(frozen=True, slots=True)
class Definition:
    """What a measure counts, for people."""

    vi: str
    en: str


DEFINITIONS: dict[str, Definition] = {
    "sent": Definition("Văn bản gửi đi được tiếp nhận vào trục", "Documents accepted from the agency"),
    "received": Definition(
        "Lượt văn bản chuyển đến hộp thư đơn vị nhận", "Deliveries to the agency, one per recipient of a document"
    ),
    "acknowledged": Definition("Lượt văn bản đơn vị nhận đã lấy về", "Deliveries the agency took over"),
    "statuses": Definition("Trạng thái xử lý đã báo", "Status reports accepted from the agency"),
    "refused": Definition("Văn bản và trạng thái bị trục từ chối", "Documents and status reports refused by the node"),
    "withdrawn": Definition("Lượt văn bản lấy lại được đồng ý", "Deliveries withdrawn with the recipient's consent"),
    "signed": Definition("Văn bản gửi có chữ ký số hợp lệ", "Of sent: with a valid packet signature"),
    "with_paper": Definition("Văn bản gửi có kèm bản giấy", "Of sent: a paper copy follows"),
    "electronic_only": Definition("Văn bản gửi hoàn toàn điện tử", "Of sent: no paper copy follows"),
    "revocations": Definition("Văn bản thu hồi đã gửi", "Of sent: revocations of earlier documents"),
    "updates": Definition("Văn bản cập nhật đã gửi", "Of sent: updates of earlier documents"),
    "replacements": Definition("Văn bản thay thế đã gửi", "Of sent: replacements of earlier documents"),
    "on_time": Definition("Văn bản gửi đúng hạn", "Of sent: by the morning of the working day after its date"),
    "late": Definition("Văn bản gửi chậm", "Of sent: later than that"),
    "withdrawal_requests": Definition("Yêu cầu lấy lại đã gửi", "Withdrawals asked for by the sender (13)"),
    "changes_accepted": Definition("Đồng ý cập nhật, lấy lại", "Changes agreed to by the recipient (15)"),
    "changes_refused": Definition("Từ chối cập nhật, lấy lại", "Changes refused by the recipient (16)"),
    "arrived": Definition("Lượt văn bản báo đã đến", "Deliveries reported as arrived (01)"),
    "accepted": Definition("Lượt văn bản đã tiếp nhận", "Deliveries accepted by the clerk (03)"),
    "returned": Definition("Lượt văn bản bị từ chối tiếp nhận", "Deliveries sent back with a reason (02)"),
    "completed": Definition("Lượt văn bản đã xử lý xong", "Deliveries processed (06)"),
    "completed_on_time": Definition("Xử lý xong đúng hạn", "Of completed: by the due date"),
    "completed_late": Definition("Xử lý xong quá hạn", "Of completed: after the due date"),
    "overdue": Definition("Lượt văn bản quá hạn xử lý", "Deliveries not completed when their due date was over"),
    "undelivered": Definition("Lượt văn bản chưa nhận", "Deliveries nobody fetched in time"),
    "expired": Definition("Lượt văn bản hết hạn", "Deliveries that expired unfetched"),
    "redirected": Definition("Lượt chuyển đơn vị kế thừa", "Deliveries that went to the successor of a closed code"),
}
"""The words of the workbook and the console, by measure."""


def measures_of(kind: str, detail: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the figures an event of this kind with this detail counts in, each by one."""
    match kind:
        case "document.accepted":
            paper = "with_paper" if detail.get("paper") else "electronic_only"
            return ("sent", "signed", paper) if detail.get("signed") else ("sent", paper)
        case "delivery.available":
            return ("received",)
        case "delivery.acknowledged":
            return ("acknowledged",)
        case "status.accepted":
            return ("statuses",)
        case "document.refused" | "status.refused":
            return ("refused",)
        case "delivery.withdrawn":
            return ("withdrawn",)
        case _:
            return ()


def measures_column(kind: str, detail: Mapping[str, Any]) -> str | None:
    """Return the same as the text kept with the event, each name between blanks so that none is part of another."""
    counted = measures_of(kind, detail)
    return f" {' '.join(counted)} " if counted else None


def durations_column(kind: str, detail: Mapping[str, Any]) -> str | None:
    """Return the spans of time that end with an event, as `name:seconds` between blanks; None where none ends."""
    del kind, detail
    return None
