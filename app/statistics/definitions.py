"""Every published figure, defined once: the methods page, the workbook and the documentation show these words.

Sources name the provision a figure answers to. Where no provision defines one (no list of indicators is published),
the figure is this node's own, made from what the messages say (decision 0012).
"""

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Side(StrEnum):
    """Whose doing a figure is, which says under which agency it counts."""

    SENT = "sent"
    """The sender's: what it sent and what became of that at its own wish."""
    RECEIVED = "received"
    """The recipient's: what lay in its inbox and what it did with it."""
    EITHER = "either"
    """Anybody's that reports or is refused."""


class Group(StrEnum):
    """What sort of figure it is."""

    COUNT = "count"
    """Events of a month, added up."""
    SHARE = "share"
    """One count divided by another; null where the divisor is 0."""
    SPAN = "span"
    """Time from when a document lay in the inbox, median and 95th percentile; null where none ended in the month."""
    PRESENT = "present"
    """What is so at this moment, not in the month."""
    PARTICIPATION = "participation"
    """Agencies and their certificates over a period."""


@dataclass(frozen=True, slots=True)
class Definition:
    """What a figure means, for people.

    Attributes:
        vi: its meaning in Vietnamese.
        en: its meaning in English.
        formula: how it comes from the events of the log, or from other figures.
        source: provision it answers to.
        dated: in which month it counts.
    """

    vi: str
    en: str
    formula: str
    source: str
    group: Group = Group.COUNT
    side: Side = Side.SENT
    dated: str = "Tháng trục tiếp nhận văn bản"


_QD28 = "QĐ 28/2018/QĐ-TTg"
_OURS = "Trục, quyết định 0012"
_REPORTED = "Tháng trục nhận được báo cáo trạng thái; báo cáo muộn tính vào tháng báo, số của tháng trước không đổi"
_HAPPENED = "Tháng sự kiện xảy ra"


def _sent(vi: str, en: str, formula: str, source: str) -> Definition:
    return Definition(vi, en, formula, source)


def _asked(vi: str, en: str, formula: str, source: str) -> Definition:
    return Definition(vi, en, formula, source, dated=_REPORTED)


def _laid(vi: str, en: str, formula: str, source: str) -> Definition:
    return Definition(vi, en, formula, source, side=Side.RECEIVED, dated=_HAPPENED)


def _reported(vi: str, en: str, formula: str, source: str) -> Definition:
    return Definition(vi, en, formula, source, side=Side.RECEIVED, dated=_REPORTED)


COUNTS = MappingProxyType(
    {
        "sent": _sent(
            "Văn bản gửi đi được tiếp nhận vào trục; mỗi văn bản tính một lần, dù gửi nhiều nơi",
            "Documents accepted from the agency, each once, to however many recipients",
            "document.accepted",
            f"{_QD28} Đ11",
        ),
        "received": _laid(
            "Lượt văn bản chuyển đến hộp thư đơn vị nhận; mỗi nơi nhận tính một lượt",
            "Deliveries to the agency, one per recipient of a document",
            "delivery.available",
            f"{_QD28} Đ11",
        ),
        "acknowledged": _laid(
            "Lượt văn bản đơn vị nhận đã lấy về",
            "Deliveries the agency took over",
            "delivery.acknowledged",
            f"{_QD28} Đ9, Đ10",
        ),
        "statuses": Definition(
            "Báo cáo trạng thái xử lý đã được tiếp nhận, kể cả báo muộn hoặc báo lại",
            "Status reports accepted from the agency, late and repeated ones included",
            "status.accepted",
            f"{_QD28} Đ9, Đ10",
            side=Side.EITHER,
            dated=_REPORTED,
        ),
        "refused": Definition(
            "Văn bản và trạng thái bị trục từ chối, tính cho bên gửi nếu xác định được",
            "Documents and status reports refused by the node, of the sender where it is known",
            "document.refused + status.refused",
            f"{_QD28} Đ5.4",
            side=Side.EITHER,
            dated=_HAPPENED,
        ),
        "withdrawn": Definition(
            "Lượt văn bản lấy lại được bên nhận đồng ý, tính cho bên gửi",
            "Deliveries of the agency's documents withdrawn with the recipient's consent",
            "delivery.withdrawn",
            f"{_QD28} Đ8, Đ9; NĐ 30/2020/NĐ-CP Đ18.4",
            dated=_REPORTED,
        ),
        "signed": _sent(
            "Trong số gửi: có chữ ký số của gói tin hợp lệ",
            "Of sent: with a packet signature that verified",
            "document.accepted, signed",
            f"{_QD28} Đ4",
        ),
        "with_paper": _sent(
            "Trong số gửi: có kèm bản giấy",
            "Of sent: a paper copy follows",
            "document.accepted, Bussiness/Paper = 1",
            f"{_QD28} Đ5.3, Đ7.2",
        ),
        "electronic_only": _sent(
            "Trong số gửi: hoàn toàn điện tử, không kèm bản giấy",
            "Of sent: no paper copy follows",
            "sent − with_paper",
            f"{_QD28} Đ5.3",
        ),
        "revocations": _sent(
            "Trong số gửi: thu hồi văn bản đã gửi",
            "Of sent: revocations of earlier documents",
            "document.accepted, BussinessDocType = 1",
            "QCVN 102:2016/BTTTT; NĐ 30/2020/NĐ-CP Đ18.4",
        ),
        "updates": _sent(
            "Trong số gửi: cập nhật văn bản đã gửi",
            "Of sent: updates of earlier documents",
            "document.accepted, BussinessDocType = 2",
            "QCVN 102:2016/BTTTT; NĐ 30/2020/NĐ-CP Đ18.3",
        ),
        "replacements": _sent(
            "Trong số gửi: thay thế văn bản đã gửi",
            "Of sent: replacements of earlier documents",
            "document.accepted, BussinessDocType = 3",
            "QCVN 102:2016/BTTTT; NĐ 30/2020/NĐ-CP Đ18.3",
        ),
        "on_time": _sent(
            "Trong số gửi: gửi trong ngày ký, chậm nhất trong buổi sáng ngày làm việc tiếp theo",
            "Of sent: on the day of its date or by the morning of the next working day",
            "document.accepted, tiếp nhận trước hạn tính từ PromulgationDate",
            f"{_QD28} Đ6",
        ),
        "late": _sent(
            "Trong số gửi: gửi sau hạn đó; văn bản không ghi ngày thì không tính vào cả hai",
            "Of sent: later than that; a document without a date counts in neither",
            "document.accepted, tiếp nhận sau hạn",
            f"{_QD28} Đ6",
        ),
        "withdrawal_requests": _asked(
            "Yêu cầu lấy lại văn bản đã gửi (trạng thái 13)",
            "Withdrawals asked for by the sender (status 13)",
            "status.accepted, 13, mở yêu cầu",
            "QCVN 102:2016/BTTTT",
        ),
        "changes_accepted": _reported(
            "Bên nhận đồng ý cập nhật, lấy lại (trạng thái 15)",
            "Updates and withdrawals agreed to by the recipient (status 15)",
            "status.accepted, 15, đóng yêu cầu",
            "QCVN 102:2016/BTTTT",
        ),
        "changes_refused": _reported(
            "Bên nhận từ chối cập nhật, lấy lại (trạng thái 16)",
            "Updates and withdrawals refused by the recipient (status 16)",
            "status.accepted, 16, đóng yêu cầu",
            "QCVN 102:2016/BTTTT",
        ),
        "arrived": _reported(
            "Lượt văn bản được báo đã đến (01) hoặc đã đi xa hơn; mỗi lượt tính một lần",
            "Deliveries reported as arrived (01) or further, each once",
            "status.accepted, lần đầu đạt 01",
            f"{_QD28} Đ10",
        ),
        "accepted": _reported(
            "Lượt văn bản được báo đã tiếp nhận (03) hoặc đã đi xa hơn; mỗi lượt tính một lần",
            "Deliveries reported as accepted by the clerk (03) or further, each once",
            "status.accepted, lần đầu đạt 03",
            f"{_QD28} Đ9, Đ10",
        ),
        "returned": _reported(
            "Lượt văn bản bên nhận từ chối tiếp nhận, có lý do (02)",
            "Deliveries the recipient sent back with a reason (02)",
            "status.accepted, 02",
            f"{_QD28} Đ5.4; NĐ 30/2020/NĐ-CP Đ21.2",
        ),
        "completed": _reported(
            "Lượt văn bản được báo đã xử lý xong (06); mỗi lượt tính một lần",
            "Deliveries reported as processed (06), each once",
            "status.accepted, lần đầu đạt 06",
            f"{_QD28} Đ10",
        ),
        "completed_on_time": _reported(
            "Trong số xử lý xong: đúng hạn trả lời ghi trên văn bản",
            "Of completed: by the due date of the document",
            "status.accepted, 06, không sau DueDate",
            f"{_QD28} Đ10",
        ),
        "completed_late": _reported(
            "Trong số xử lý xong: sau hạn; văn bản không ghi hạn thì không tính vào cả hai",
            "Of completed: after it; a document without a due date counts in neither",
            "status.accepted, 06, sau DueDate",
            f"{_QD28} Đ10",
        ),
        "overdue": _laid(
            "Lượt văn bản đến hạn mà chưa báo xử lý xong",
            "Deliveries not completed when their due date was over",
            "delivery.overdue",
            f"{_QD28} Đ10; {_OURS}",
        ),
        "undelivered": _laid(
            "Lượt văn bản quá thời gian chờ mà chưa ai lấy về",
            "Deliveries nobody fetched in the time the node waits before it tells the sender",
            "delivery.undelivered",
            f"{_QD28} Đ8; {_OURS}",
        ),
        "expired": _laid(
            "Lượt văn bản hết hạn lưu chờ, rời hộp thư mà chưa ai lấy về",
            "Deliveries that left the inbox unfetched",
            "delivery.expired",
            _OURS,
        ),
        "redirected": _laid(
            "Lượt văn bản gửi mã đã đóng, chuyển đến đơn vị kế thừa",
            "Deliveries addressed to a closed code that went to its successor",
            "delivery.redirected",
            f"QĐ 20/2020/QĐ-TTg; {_OURS}",
        ),
        "not_proven": _sent(
            "Trong số gửi: không có chữ ký chứng minh được, tiếp nhận theo chính sách riêng của bên gửi",
            "Of sent: without a signature that proves anything, accepted by a policy for its sender",
            "document.accepted, signature ≠ valid",
            f"{_QD28} Đ4; {_OURS}",
        ),
        "not_judged": _sent(
            "Trong số gửi: khi tiếp nhận chưa biết chứng thư có bị thu hồi hay không",
            "Of sent: when it was accepted it was not known whether its certificate was revoked",
            "document.accepted, indication = INDETERMINATE",
            f"NĐ 68/2024/NĐ-CP Đ31, Đ32; {_OURS}",
        ),
        "with_pdf": Definition(
            "Văn bản có tệp PDF kèm theo đã được kiểm tra chữ ký",
            "Documents with PDF attachments whose signatures were looked at",
            "document.inspected, pdf > 0",
            f"NĐ 30/2020/NĐ-CP Đ13; {_OURS}",
            dated=_HAPPENED,
        ),
        "pdf_signed": Definition(
            "Trong số đó: mọi tệp PDF đều có chữ ký số hợp lệ",
            "Of those: documents all of whose PDFs carry a valid signature",
            "document.inspected, pdf_signed = pdf",
            f"NĐ 30/2020/NĐ-CP Đ13; {_OURS}",
            dated=_HAPPENED,
        ),
    }
)
"""What is counted, by measure, in the order of `measures.MEASURE_NAMES`."""


def _share(vi: str, en: str, formula: str, source: str, side: Side) -> Definition:
    return Definition(vi, en, formula, source, Group.SHARE, side, "Như các số tạo nên tỷ lệ")


SHARES = MappingProxyType(
    {
        "signed_share": _share(
            "Tỷ lệ văn bản gửi có chữ ký số",
            "Share of documents sent that are signed",
            "signed / sent",
            f"{_QD28} Đ4",
            Side.SENT,
        ),
        "electronic_only_share": _share(
            "Tỷ lệ văn bản gửi hoàn toàn điện tử",
            "Share of documents sent without a paper copy",
            "electronic_only / sent",
            f"{_QD28} Đ5.3",
            Side.SENT,
        ),
        "on_time_share": _share(
            "Tỷ lệ văn bản gửi đúng hạn, trong số biết được hạn",
            "Share of documents sent on time, of those whose deadline is known",
            "on_time / (on_time + late)",
            f"{_QD28} Đ6",
            Side.SENT,
        ),
        "completed_on_time_share": _share(
            "Tỷ lệ xử lý xong đúng hạn, trong số văn bản có hạn",
            "Share of processed deliveries that were processed on time, of those with a due date",
            "completed_on_time / (completed_on_time + completed_late)",
            f"{_QD28} Đ10",
            Side.RECEIVED,
        ),
        "returned_share": _share(
            "Tỷ lệ lượt văn bản bị bên nhận từ chối tiếp nhận",
            "Share of deliveries the recipient sent back",
            "returned / received",
            f"{_QD28} Đ5.4",
            Side.RECEIVED,
        ),
        "pdf_signed_share": _share(
            "Tỷ lệ văn bản có mọi tệp PDF được ký số hợp lệ, trong số văn bản có tệp PDF",
            "Share of documents all of whose PDFs are validly signed, of those with PDFs",
            "pdf_signed / with_pdf",
            f"NĐ 30/2020/NĐ-CP Đ13; {_OURS}",
            Side.SENT,
        ),
        "refused_share": _share(
            "Tỷ lệ văn bản, trạng thái bị trục từ chối",
            "Share of documents and status reports that the node refused",
            "refused / (sent + statuses + refused)",
            _OURS,
            Side.EITHER,
        ),
    }
)
"""One count divided by the sum of others; the formula is read by `rates`."""


def _span(vi: str, en: str, ends: str, source: str, dated: str = _REPORTED) -> Definition:
    return Definition(vi, en, ends, source, Group.SPAN, Side.RECEIVED, dated)


SPANS = MappingProxyType(
    {
        "to_fetch": _span(
            "Thời gian từ khi vào hộp thư đến khi lấy về",
            "Time from the inbox until the agency took it over",
            "delivery.acknowledged − delivery.available",
            f"{_QD28} Đ6",
            _HAPPENED,
        ),
        "to_arrival": _span(
            "Thời gian từ khi vào hộp thư đến báo cáo đầu tiên cho biết đã đến (01 trở đi)",
            "Time from the inbox until the first report of arrival (01 or further)",
            "status.accepted (lần đầu đạt 01) − delivery.available",
            f"{_QD28} Đ6, Đ9",
        ),
        "to_acceptance": _span(
            "Thời gian từ khi vào hộp thư đến báo cáo đầu tiên cho biết đã tiếp nhận (03 trở đi)",
            "Time from the inbox until the first report of acceptance (03 or further)",
            "status.accepted (lần đầu đạt 03) − delivery.available",
            f"{_QD28} Đ6, Đ9",
        ),
        "to_completion": _span(
            "Thời gian từ khi vào hộp thư đến báo cáo xử lý xong (06)",
            "Time from the inbox until the report that it was processed (06)",
            "status.accepted (06) − delivery.available",
            f"{_QD28} Đ10",
        ),
    }
)
"""Spans of time, each shown as `median_seconds_…` and `p95_seconds_…`; at most 1 % beside the exact one (`spread`)."""


def _present(vi: str, en: str, formula: str, source: str) -> Definition:
    return Definition(vi, en, formula, source, Group.PRESENT, Side.RECEIVED, "Thời điểm lập báo cáo")


PRESENT = MappingProxyType(
    {
        "not_yet_fetched": _present(
            "Lượt văn bản đang chờ trong hộp thư, chưa lấy về",
            "Deliveries of documents that wait in the inbox at this moment",
            "deliveries, in_inbox",
            f"{_QD28} Đ8",
        ),
        "overdue_now": _present(
            "Lượt văn bản đã quá hạn mà đến nay chưa xử lý xong",
            "Deliveries past their due date that are not completed at this moment",
            "deliveries, overdue_at",
            f"{_QD28} Đ10; {_OURS}",
        ),
    }
)
"""What is so now, of one agency or of all."""


def _taking_part(vi: str, en: str, formula: str, source: str) -> Definition:
    return Definition(vi, en, formula, source, Group.PARTICIPATION, Side.EITHER, "Cuối kỳ báo cáo")


PARTICIPATION = MappingProxyType(
    {
        "registered": _taking_part(
            "Cơ quan có trong danh bạ của trục vào ngày cuối kỳ, theo khối và cấp của ngày đó",
            "Agencies of the directory on the last day of the period, by tier and branch of that day",
            "agencies, valid_from ≤ ngày cuối kỳ ≤ valid_to",
            f"{_QD28} Đ15",
        ),
        "active": _taking_part(
            "Trong số đó: có gửi hoặc nhận ít nhất một văn bản trong kỳ",
            "Of these: sent or received at least one document in the period",
            "sent + received > 0",
            f"{_QD28} Đ15",
        ),
        "sending": _taking_part(
            "Trong số đó: có gửi ít nhất một văn bản trong kỳ",
            "Of registered: sent at least one document in the period",
            "sent > 0",
            _OURS,
        ),
        "receiving": _taking_part(
            "Trong số đó: có nhận ít nhất một văn bản trong kỳ",
            "Of registered: received at least one document in the period",
            "received > 0",
            _OURS,
        ),
        "share": _taking_part(
            "Tỷ lệ cơ quan gửi, nhận văn bản điện tử",
            "Share of registered agencies that exchange electronically",
            "active / registered",
            f"{_QD28} Đ5.2, Đ15",
        ),
        "ended": _taking_part(
            "Có gửi hoặc nhận trong kỳ nhưng không còn vào ngày cuối kỳ; không tính vào các số trên",
            "Sent or received in the period and gone on its last day; counted in none of the above",
            "sent + received > 0, không registered",
            _OURS,
        ),
        "documents_sent": _taking_part(
            "Văn bản các cơ quan này đã gửi trong kỳ",
            "Documents sent by these agencies in the period",
            "Σ sent",
            f"{_QD28} Đ11",
        ),
        "documents_received": _taking_part(
            "Lượt văn bản các cơ quan này đã nhận trong kỳ",
            "Deliveries to these agencies in the period",
            "Σ received",
            f"{_QD28} Đ11",
        ),
        "electronic_only_share": _taking_part(
            "Tỷ lệ văn bản gửi hoàn toàn điện tử trong kỳ",
            "Share of these documents sent without a paper copy",
            "Σ electronic_only / Σ sent",
            f"{_QD28} Đ5.3",
        ),
        "organisation_certificates": _taking_part(
            "Chứng thư số của tổ chức còn hiệu lực vào thời điểm cuối kỳ",
            "Certificates of organisations in force at the end of the period",
            "certificates, kind = seal",
            "NĐ 68/2024/NĐ-CP; NĐ 30/2020/NĐ-CP Đ5",
        ),
        "person_certificates": _taking_part(
            "Chứng thư số của cá nhân còn hiệu lực vào thời điểm cuối kỳ",
            "Certificates of persons in force at the end of the period",
            "certificates, kind = person",
            "NĐ 68/2024/NĐ-CP; NĐ 30/2020/NĐ-CP Đ5",
        ),
    }
)
"""Who took part in a period."""

DEFINITIONS = MappingProxyType({**COUNTS, **SHARES, **SPANS, **PRESENT})
"""Every figure of the exchange reports, by name."""
