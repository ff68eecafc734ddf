"""What a check says, in Vietnamese and English: one table for every step, outcome, statement and kind of event."""

import re
from collections.abc import Mapping
from datetime import timedelta, timezone
from typing import Final, Literal, NamedTuple

from app.ledger.bundle.case import moment_of
from app.ledger.bundle.steps import Outcome, Statement, Step

Language = Literal["vi", "en"]

VIETNAM: Final = timezone(timedelta(hours=7), "+07")
"""Times for people are those of Việt Nam, UTC+7 all year; JSON has UTC."""


_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}Z")


class Words(NamedTuple):
    """A meaning in both languages, with places for values; nothing here is markup."""

    vi: str
    en: str

    def said(self, language: Language, values: Mapping[str, str] | None = None) -> str:
        """Give it in one of them."""
        return (self.vi if language == "vi" else self.en).format(**(values or {}))


OUTCOMES: Final[Mapping[Outcome, Words]] = {
    Outcome.PROVEN: Words("ĐÃ CHỨNG MINH", "PROVEN"),
    Outcome.NOT_PROVEN: Words("CHƯA CHỨNG MINH", "NOT PROVEN"),
    Outcome.CONTRADICTED: Words("MÂU THUẪN", "CONTRADICTED"),
}

STEPS: Final[Mapping[Step, Words]] = {
    Step.CONTAINER: Words("Gói chứng cứ còn nguyên và do trục ký", "The bundle is whole, and the node signed it"),
    Step.CHECKPOINT: Words("Điểm kiểm tra của sổ cái", "The checkpoint of the log"),
    Step.EVENTS: Words("Các sự kiện nằm trong sổ cái", "The events are in the log"),
    Step.RECEIPT: Words("Biên nhận của trục", "The node's receipt"),
    Step.OCTETS: Words("Nội dung văn bản", "The document's octets"),
    Step.SIGNATURE: Words("Chữ ký số và chứng thư của người ký", "The signature and the signer's certificate"),
    Step.REPORTS: Words("Báo cáo kiểm tra chữ ký lúc tiếp nhận", "The verification reports"),
    Step.TIME: Words("Dấu thời gian của biên nhận", "The time stamp of the receipt"),
    Step.DELIVERIES: Words("Diễn biến gửi, nhận, xử lý", "What became of the deliveries"),
    Step.LIMITS: Words("Những điều gói này không chứng minh", "What this bundle does not prove"),
}

STATEMENTS: Final[Mapping[str, Words]] = {
    # Step 1.
    "container.unreadable": Words(
        "Tệp không phải gói chứng cứ đọc được: {file} {why}.", "The file is no readable bundle: {file} {why}."
    ),
    "container.mimetype": Words(
        "Tệp mimetype ghi {said!r}, không phải ASiC-E.", "The file mimetype says {said!r}, which is not ASiC-E."
    ),
    "container.absent": Words("Thiếu tệp {file}.", "The file {file} is missing."),
    "container.media-types": Words(
        "Danh sách tệp META-INF/manifest.xml không khớp các tệp trong gói.",
        "META-INF/manifest.xml is not the list of the files that are here.",
    ),
    "manifest.unreadable": Words("Không đọc được manifest.json: {why}.", "manifest.json cannot be read: {why}."),
    "manifest.future": Words(
        "Gói tự ghi là lập lúc {made_at}, sau thời điểm kiểm tra; đồng hồ của một bên sai.",
        "The bundle says it was made at {made_at}, which lies ahead; one of the clocks is wrong.",
    ),
    "manifest.unlisted": Words(
        "Tệp {file} không có trong bản kê đã ký.", "The file {file} is not in the manifest that was signed."
    ),
    "manifest.digest": Words(
        "Tệp {file} đã bị thay đổi: không đúng giá trị băm hoặc độ dài trong bản kê đã ký.",
        "The file {file} was changed: it has not the digest or length the signed manifest gives.",
    ),
    "manifest.whole": Words(
        "Đủ {files} tệp, không tệp nào bị thay đổi kể từ khi trục {node} lập và ký gói này ({made_at}).",
        "All {files} files are as they were when the node {node} made and signed this bundle ({made_at}).",
    ),
    "jws.no-key": Words(
        "Không kiểm tra được chữ ký của {file}: chưa cung cấp khóa ký biên nhận của trục (tệp jwks.json).",
        "The signature of {file} cannot be checked: no key of the node's receipts was given (its jwks.json).",
    ),
    "jws.unknown-key": Words(
        "{file} được ký bằng khóa không có trong các khóa đã cung cấp ({why}).",
        "{file} is signed with a key that is not among those given ({why}).",
    ),
    "jws.refused": Words(
        "Chữ ký của {file} không phải của trục: {why}.", "The signature of {file} is not the node's: {why}."
    ),
    "agrees.not": Words(
        "{place}: {name} khác nhau: {one!r} và {other!r}.", "{place}: {name} differs: {one!r} and {other!r}."
    ),
    # Step 2.
    "checkpoint.refused": Words(
        "Điểm kiểm tra không đọc được hoặc chữ ký sai: {why}.",
        "The checkpoint cannot be read, or a signature of it is wrong: {why}.",
    ),
    "checkpoint.no-key": Words(
        "Chưa cung cấp khóa của sổ cái, nên chưa biết ai ký điểm kiểm tra.",
        "No key of the log was given, so it is not known who signed the checkpoint.",
    ),
    "checkpoint.unknown-key": Words(
        "Không khóa nào đã cung cấp ký điểm kiểm tra của {origin}.",
        "None of the keys given signed the checkpoint of {origin}.",
    ),
    "checkpoint.signed": Words(
        "Sổ cái {origin} đã ký: gồm {size} mục, giá trị gốc {root}.",
        "The log {origin} signed that it has {size} entries with the root {root}.",
    ),
    "checkpoint.witnessed": Words(
        "Bên làm chứng {witness} đã thấy sổ cái này lúc {at}.", "The witness {witness} saw this log at {at}."
    ),
    "checkpoint.unwitnessed": Words(
        "Bên làm chứng {witness} không ký điểm kiểm tra này.", "The witness {witness} did not sign this checkpoint."
    ),
    "checkpoint.future": Words(
        "{who} ghi thời điểm {at}, sau thời điểm kiểm tra.", "{who} names {at}, which lies ahead."
    ),
    "checkpoint.stamped": Words(
        "Có dấu thời gian: sổ cái đã có đến đó muộn nhất lúc {at}.",
        "It is time-stamped: the log had come that far at {at} at the latest.",
    ),
    "checkpoint.unstamped": Words("Điểm kiểm tra không có dấu thời gian.", "The checkpoint has no time stamp."),
    "stamp.no-anchors": Words(
        "Chưa kiểm tra dấu thời gian trong {file}: chưa cung cấp chứng thư gốc tin cậy.",
        "The time stamp in {file} was not judged: no trust anchor was given.",
    ),
    "stamp.untrusted": Words(
        "Dấu thời gian trong {file} do tổ chức không dẫn tới chứng thư gốc đã cung cấp ({why}).",
        "The time stamp in {file} is by an authority that leads to no anchor that was given ({why}).",
    ),
    "stamp.refused": Words(
        "Dấu thời gian trong {file} không đúng: {why}", "The time stamp in {file} does not hold: {why}"
    ),
    "stamp.unknown": Words(
        "Dấu thời gian trong {file} ghi {at}, nhưng chưa biết chứng thư của tổ chức cấp có bị thu hồi hay không.",
        "The time stamp in {file} says {at}; whether its authority's certificate was revoked is not known.",
    ),
    # Step 3.
    "events.none": Words("Gói không có sự kiện nào.", "The bundle has no event."),
    "events.no-tree": Words(
        "Chưa có điểm kiểm tra đáng tin để đối chiếu các sự kiện.",
        "There is no checkpoint to be relied on that the events could be compared with.",
    ),
    "events.order": Words(
        "Thứ tự các mục trong proofs.json không tăng dần.", "The entries in proofs.json are not in ascending order."
    ),
    "events.proof-of-nothing": Words(
        "Có chứng minh cho mục {index} nhưng thiếu sự kiện đó.", "There is a proof of entry {index}, and no such event."
    ),
    "events.unproven": Words("Thiếu chứng minh cho {file}.", "There is no proof of {file}."),
    "events.unreadable": Words("Không đọc được {file}: {why}.", "{file} cannot be read: {why}."),
    "events.not-canonical": Words(
        "{file} không ở dạng JSON chuẩn (RFC 8785).", "{file} is not canonical JSON (RFC 8785)."
    ),
    "events.not-in-tree": Words(
        "{file} không phải là mục mà sổ cái đã ký ở vị trí đó.",
        "{file} is not the entry the log signed at that place.",
    ),
    "events.acceptance": Words(
        "Phải có đúng một sự kiện tiếp nhận văn bản; ở đây có {count}.",
        "There must be one event of the document's acceptance; there are {count}.",
    ),
    "events.before-acceptance": Words(
        "Sự kiện {index} ({kind}) đứng trước sự kiện tiếp nhận.", "Event {index} ({kind}) stands before the acceptance."
    ),
    "events.other-document": Words(
        "Sự kiện {index} nói về văn bản khác: {document}.", "Event {index} is about another document: {document}."
    ),
    "events.twice": Words("Một sự kiện có mặt hai lần.", "An event is there twice."),
    "events.time": Words(
        "Sự kiện {index} ghi thời điểm không hợp lệ hoặc ở tương lai: {at}.",
        "Event {index} names a time that is none, or lies ahead: {at}.",
    ),
    "events.pending": Words(
        "Trục cho biết còn {count} sự kiện của văn bản chưa được điểm kiểm tra này bao gồm; hãy lấy gói mới hơn.",
        "The node says that {count} more events are not covered by this checkpoint; fetch a newer bundle for them.",
    ),
    "events.included": Words(
        "Cả {count} sự kiện đúng là các mục của sổ cái {size} mục đó, mục sau cùng ở vị trí {last}.",
        "All {count} events are entries of that log of {size}, the last one at place {last}.",
    ),
    "events.links": Words(
        "Văn bản này nói về {count} văn bản khác; bản kê và sự kiện tiếp nhận ghi như nhau.",
        "The document speaks of {count} others; the manifest and the event of acceptance name the same.",
    ),
    "events.other-links": Words(
        "Văn bản liên quan trong bản kê ({one}) không phải văn bản mà sự kiện tiếp nhận ghi ({other}).",
        "Of another document the manifest says {one!r}, the event of acceptance {other!r}.",
    ),
    "events.link-astray": Words(
        "Bản kê có liên kết ({direction}) không đi từ văn bản này và cũng không đến văn bản này: {document_id}.",
        "The manifest has a link ({direction}) neither from nor to this document: {document_id}.",
    ),
    "events.spoken-of": Words(
        "Theo lời trục, có {count} văn bản khác nói về văn bản này; gói chứng cứ của từng văn bản đó mới chứng minh.",
        "By the node's word {count} other documents speak of this one; only their own bundles prove it.",
    ),
    # Step 4.
    "receipt.no-event": Words(
        "Biên nhận do trục ký, nhưng chưa có sự kiện tiếp nhận được chứng minh để đối chiếu.",
        "The node signed the receipt; no proven event of acceptance is here to compare it with.",
    ),
    "receipt.agrees": Words(
        "Trục đã ký biên nhận: nhận văn bản {document_id} của {sender} lúc {at}; sổ cái ghi đúng như vậy.",
        "The node signed that it took {document_id} from {sender} at {at}; the log says the same.",
    ),
    # Step 5.
    "octets.no-digest": Words(
        "Chưa có giá trị băm được chứng minh để đối chiếu nội dung.",
        "There is no proven digest that the document could be compared with.",
    ),
    "octets.content": Words(
        "Bản kê ghi nội dung là {content!r}, nhưng các tệp trong gói nói khác.",
        "The manifest says the content is {content!r}, and the files say otherwise.",
    ),
    "octets.not-purged": Words(
        "Bản kê ghi nội dung đã hủy, nhưng sổ cái không có sự kiện hủy.",
        "The manifest says the content was thrown away, and the log tells of no such thing.",
    ),
    "octets.withheld": Words(
        "Nội dung không kèm theo gói này; giá trị băm SHA-256 {sha256} thay cho nó. Ai có văn bản thì tự đối chiếu.",
        "The content is left out; its SHA-256 {sha256} stands for it. Whoever has the document can compare it.",
    ),
    "octets.purged": Words(
        "Nội dung đã được hủy theo thời hạn lưu; giá trị băm SHA-256 {sha256} thay cho nó.",
        "The content was thrown away by the rules of retention; its SHA-256 {sha256} stands for it.",
    ),
    "octets.other": Words(
        "document.edxml có giá trị băm {sha256}, không phải {digest} như trong biên nhận và sổ cái.",
        "document.edxml has the digest {sha256}, not {digest} as receipt and log say.",
    ),
    "octets.proven": Words(
        "document.edxml đúng từng byte là văn bản đã nhận: {size} byte, SHA-256 {sha256}.",
        "document.edxml is octet by octet what was received: {size} octets, SHA-256 {sha256}.",
    ),
    # Step 6.
    "evidence.too-many": Words(
        "Có {count} tệp chứng thư, danh sách thu hồi… ({octets} byte): quá nhiều để xem.",
        "There are {count} pieces of evidence of {octets} octets: too many to be looked at.",
    ),
    "evidence.digest": Words(
        "{file} không có giá trị băm như tên của nó.", "{file} has not the digest it is named by."
    ),
    "evidence.unreadable": Words("Không đọc được {file}: {why}.", "{file} cannot be read: {why}."),
    "evidence.not-believed": Words(
        "Không dùng {file} để xét thu hồi: {why}.", "{file} was not relied on for revocations: {why}."
    ),
    "signature.no-receipt": Words(
        "Chưa có biên nhận được chứng minh, nên chưa biết phải xét chữ ký nào, tại thời điểm nào.",
        "Without a proven receipt it is not known which signature is to be judged, and as of when.",
    ),
    "signature.legacy": Words(
        "Văn bản được nhận theo ngoại lệ cho hệ thống cũ (dạng chữ ký: {form}); chữ ký không chứng minh được gì.",
        "The document was let in by an exception for older systems (form: {form}); its signature proves nothing.",
    ),
    "signature.refused": Words("Chữ ký của văn bản không đúng: {why}", "The document's signature does not hold: {why}"),
    "signature.part": Words(
        "Chữ ký chỉ bao gồm một phần văn bản.", "The signature covers only a part of the document."
    ),
    "signature.holds": Words(
        "Chữ ký {number} đúng và bao gồm toàn bộ văn bản; khóa thuộc chứng thư của {subject} ({method}).",
        "Signature {number} holds and covers the whole document; its key is that of {subject} ({method}).",
    ),
    "signature.other-id": Words(
        "Văn bản không mang mã định danh {document_id} như trong biên nhận.",
        "The document does not bear the DocumentId {document_id} of the receipt.",
    ),
    "signature.links": Words(
        "Chính văn bản đã ký nói về {count} văn bản khác, đúng như sổ cái ghi.",
        "The signed document itself speaks of {count} others, the same that the log names.",
    ),
    "signature.other-links": Words(
        "Văn bản liên quan trong văn bản đã ký ({one}) không phải văn bản mà sổ cái ghi ({other}).",
        "Of another document the signed one says {one!r}, the log {other!r}.",
    ),
    "signature.other-certificate": Words(
        "Chứng thư đã ký ({certificate}) không phải chứng thư ghi trong biên nhận.",
        "The certificate it is signed with ({certificate}) is not the one the receipt names.",
    ),
    "signature.withheld": Words(
        "Nội dung không có ở đây nên không tính lại được chữ ký; chỉ xét chứng thư ghi trong biên nhận.",
        "Without the content the signature cannot be computed again; only the certificate of the receipt is judged.",
    ),
    "signature.no-certificate": Words(
        "Không có chứng thư của người ký trong gói.", "The signer's certificate is not in the bundle."
    ),
    "signer.no-anchors": Words(
        "Chưa chứng minh được người ký là ai: chưa cung cấp chứng thư gốc tin cậy. Chuỗi chứng thư của {subject} hợp "
        "lệ đến {root}, tại {at}; gốc này có đáng tin hay không, gói không chứng minh được.",
        "Who the signer is, is not proven: no trust anchor was given. The chain of {subject} holds up to {root}, as of "
        "{at}; whether that root is to be trusted, no bundle can say.",
    ),
    "signer.no-root": Words(
        "Chưa chứng minh được người ký là ai: chưa cung cấp chứng thư gốc tin cậy, và gói không có chứng thư của "
        "người cấp ({issuer}) cho {subject}.",
        "Who the signer is, is not proven: no trust anchor was given, and the certificate of the issuer ({issuer}) of "
        "{subject} is not here.",
    ),
    "signer.no-path": Words(
        "Chứng thư của {subject} không dẫn tới chứng thư gốc nào đã cung cấp; người cấp là {issuer}.",
        "The certificate of {subject} leads to none of the anchors that were given; its issuer is {issuer}.",
    ),
    "signer.refused": Words(
        "Chứng thư của {subject} không dùng được tại {at}: {why}",
        "The certificate of {subject} does not count as of {at}: {why}",
    ),
    "signer.unknown": Words(
        "Chứng thư của {subject}: chưa đủ căn cứ tại {at}: {why}",
        "The certificate of {subject}: too little is known as of {at}: {why}",
    ),
    "signer.revoked-later": Words(
        "Chứng thư của {subject} bị thu hồi sau đó, lúc {when}; chữ ký có trước vẫn có giá trị.",
        "The certificate of {subject} was revoked later, at {when}; what was signed before stays valid.",
    ),
    "signer.trusted": Words(
        "Chứng thư của {subject} dẫn tới gốc tin cậy {root}, còn hiệu lực và không bị thu hồi tại {at}.",
        "The certificate of {subject} leads to the anchor {root}, in force and not revoked as of {at}.",
    ),
    # Step 7.
    "reports.no-event": Words(
        "Chưa có sự kiện tiếp nhận được chứng minh để đối chiếu.", "There is no proven acceptance to compare with."
    ),
    "reports.none": Words(
        "Sổ cái không nhắc đến báo cáo kiểm tra nào cho văn bản này.", "The log speaks of no verification report."
    ),
    "reports.untold": Words(
        "Báo cáo kiểm tra lần {revision} không được sổ cái nhắc đến.",
        "The log does not speak of the verification report {revision}.",
    ),
    "reports.digest": Words(
        "{file} không phải báo cáo mà sổ cái đã ghi giá trị băm.",
        "{file} is not the report whose digest the log has.",
    ),
    "reports.extract": Words(
        "{file} kết luận {indication}: bản trích không có nội dung, theo lời trục; sổ cái chỉ ghi giá trị băm của bản "
        "đầy đủ.",
        "{file} concludes {indication}: an extract without what tells of the content, by the node's word; the log has "
        "the digest of the whole report only.",
    ),
    "reports.absent": Words(
        "Thiếu báo cáo kiểm tra lần {revision} mà sổ cái có nhắc đến.",
        "The verification report {revision} that the log speaks of is missing.",
    ),
    "reports.unreadable": Words("Không đọc được {file}: {why}.", "{file} cannot be read: {why}."),
    "reports.no-evidence": Words(
        "{file} dựa vào chứng cứ {sha256} mà gói không có.", "{file} rests on the evidence {sha256}, which is not here."
    ),
    "reports.agree": Words(
        "{file} đúng là báo cáo của trục, kết luận {indication}.",
        "{file} is the node's report, and concludes {indication}.",
    ),
    "reports.other-signers": Words(
        "Báo cáo nêu người ký {said}; ở đây tìm thấy {found}.",
        "The report names the signers {said}; here {found} were found.",
    ),
    "reports.failed": Words(
        "Báo cáo mới nhất của chính trục kết luận chữ ký không hợp lệ.",
        "The node's own newest report concludes that the signature does not hold.",
    ),
    "reports.open": Words(
        "Báo cáo mới nhất của trục kết luận {indication}: khi đó chưa đủ căn cứ.",
        "The node's newest report concludes {indication}: too little was known then.",
    ),
    # Step 8.
    "time.none": Words(
        "Biên nhận không có dấu thời gian; thời điểm nhận do trục tự ghi.",
        "The receipt has no time stamp; its time is the node's own word.",
    ),
    "time.unreadable": Words("Không đọc được timestamp.json: {why}.", "timestamp.json cannot be read: {why}."),
    "time.other-receipt": Words("timestamp.json nói về biên nhận khác.", "timestamp.json is about another receipt."),
    "time.before": Words(
        "Dấu thời gian ({at}) có trước khi biên nhận được lập ({accepted_at}).",
        "The time stamp ({at}) is older than the receipt ({accepted_at}).",
    ),
    "time.stamped": Words(
        "Biên nhận đã có muộn nhất lúc {at}, theo {authority}.",
        "The receipt existed at {at} at the latest, says {authority}.",
    ),
    # Step 9.
    "deliveries.no-events": Words(
        "Chưa có sự kiện được chứng minh để kể lại diễn biến.", "There are no proven events to tell it from."
    ),
    "deliveries.no-receipt": Words(
        "Chưa có biên nhận được chứng minh để đối chiếu nơi nhận.",
        "There is no proven receipt to compare the recipients with.",
    ),
    "deliveries.not-made": Words(
        "Biên nhận hứa chuyển tới {recipient} (lượt gửi {delivery}); sổ cái không ghi như vậy.",
        "The receipt promises a delivery to {recipient} ({delivery}); the log does not tell of it.",
    ),
    "deliveries.made": Words(
        "Sổ cái ghi đủ {count} nơi nhận trong biên nhận, từ {at}; diễn biến kể từ {events} sự kiện ở bảng dưới.",
        "The log tells of all {count} recipients of the receipt, from {at} on; {events} events tell what follows.",
    ),
    "statuses.untold": Words(
        "Báo cáo trạng thái {report} không được sổ cái nhắc đến.",
        "The log does not speak of the status report {report}.",
    ),
    "statuses.no-receipt": Words(
        "Thiếu biên nhận của báo cáo trạng thái {report}.", "The receipt of the status report {report} is missing."
    ),
    "statuses.other": Words(
        "{file} không phải báo cáo trạng thái trong biên nhận.", "{file} is not the status report of its receipt."
    ),
    "statuses.refused": Words("Chữ ký của {file} không đúng: {why}", "The signature of {file} does not hold: {why}"),
    "statuses.other-words": Words(
        "{file} do cơ quan báo cáo ký, nhưng không báo trạng thái {status} về văn bản này.",
        "{file} is signed, and does not report {status} on this document.",
    ),
    "statuses.legacy": Words(
        "{reporter} báo trạng thái {status} ({report}) theo ngoại lệ cho hệ thống cũ ({form}); chữ ký không chứng minh "
        "được gì.",
        "{reporter} reported {status} ({report}) by an exception for older systems ({form}); its signature proves "
        "nothing.",
    ),
    "statuses.by-digest": Words(
        "{reporter} báo trạng thái {status} ({report}): biên nhận và sổ cái khớp; nội dung báo cáo không kèm theo.",
        "{reporter} reported {status} ({report}): receipt and log agree; the report itself is left out.",
    ),
    "statuses.signer": Words(
        "{reporter} báo trạng thái {status} ({report}): chưa chứng minh được chứng thư của {subject} đáng tin tại "
        "{at}: {why}",
        "{reporter} reported {status} ({report}): that the certificate of {subject} is to be trusted as of {at} is not "
        "proven: {why}",
    ),
    "statuses.proven": Words(
        "{reporter} báo trạng thái {status} ({report}): nội dung, chữ ký, biên nhận và sổ cái khớp nhau.",
        "{reporter} reported {status} ({report}): octets, signature, receipt and log agree.",
    ),
    # Step 10.
    "limits.later": Words(
        "Rằng không còn sự kiện nào khác hoặc mới hơn về văn bản này: chỉ toàn bộ sổ cái cho thấy điều đó.",
        "That there is no other or later event about this document: only the log as a whole shows that.",
    ),
    "limits.claimed": Words(
        "Các thời điểm trong biên nhận, sự kiện và chữ ký là lời của bên ghi; chỉ dấu thời gian và bên làm chứng "
        "chứng minh thời điểm.",
        "Times in receipts, events and signatures are claims of whoever wrote them; only time stamps and witnesses "
        "prove a time.",
    ),
    "limits.registration": Words(
        "Chứng thư nào thuộc cơ quan nào, và ai báo trạng thái, là theo danh bạ của trục.",
        "Which certificate belongs to which agency, of the sender and of those who reported, is as the node's registry "
        "has it.",
    ),
    "limits.operator": Words(
        "Khóa công khai đã cung cấp có đúng là của trục hay không, phải biết từ nguồn khác.",
        "Whether the keys that were given are really the node's has to be known from elsewhere.",
    ),
    "limits.content": Words(
        "Nội dung văn bản và chữ ký trên đó, vì nội dung không có trong gói.",
        "What the document says, and its signature, because the content is not in the bundle.",
    ),
    "limits.anchors": Words(
        "Người ký là ai, và mọi dấu thời gian, vì chưa cung cấp chứng thư gốc tin cậy (--anchors).",
        "Who the signer is, and every time stamp, because no trust anchor was given (--anchors).",
    ),
    "limits.witnesses": Words(
        "Rằng trục không đưa cho người khác một sổ cái khác: chưa nêu bên làm chứng nào (--witness).",
        "That the node shows everybody the same log: no witness was named (--witness).",
    ),
    # any
    "step.not-reached": Words("Chưa kiểm tra được.", "It could not be looked at."),
    "step.broke": Words(
        "Không kiểm tra được vì nội dung bất thường: {why}.", "It could not be checked, for something is odd: {why}."
    ),
    "step.no-room": Words(
        "Không kiểm tra được trên máy này: {why}.", "It could not be checked on this machine: {why}."
    ),
    "file.unreadable": Words("Tệp {file}: {why}.", "The file {file}: {why}."),
}

HAPPENED: Final[Mapping[str, Words]] = {
    "delivery.available": Words("vào hộp thư nơi nhận", "available to the recipient"),
    "delivery.acknowledged": Words("nơi nhận lấy về", "taken over by the recipient"),
    "delivery.withdrawn": Words("đã thu hồi", "withdrawn"),
    "delivery.change_requested": Words("đề nghị thu hồi hoặc cập nhật", "withdrawal or update asked for"),
    "delivery.superseded": Words("có văn bản khác thay thế", "superseded by another document"),
    "delivery.redirected": Words("chuyển tới cơ quan kế thừa", "redirected to the successor"),
    "delivery.undelivered": Words("quá giờ chưa lấy về", "not fetched in time"),
    "delivery.expired": Words("hết hạn lưu chờ", "expired unfetched"),
    "delivery.overdue": Words("quá hạn xử lý", "overdue"),
    "status.accepted": Words("báo trạng thái {status}", "status {status} reported"),
}

STATES: Final[Mapping[str, Words]] = {
    "available": Words("trong hộp thư", "available"),
    "delivered": Words("đã lấy về", "delivered"),
    "arrived": Words("đã đến", "arrived"),
    "received": Words("đã tiếp nhận", "received"),
    "assigned": Words("đã phân công", "assigned"),
    "in_progress": Words("đang xử lý", "in progress"),
    "completed": Words("đã hoàn thành", "completed"),
    "refused": Words("từ chối tiếp nhận", "refused"),
    "withdrawn": Words("đã thu hồi", "withdrawn"),
    "expired": Words("hết hạn lưu chờ", "expired"),
    "withdrawal_requested": Words("đề nghị thu hồi", "withdrawal requested"),
    "update_requested": Words("đề nghị cập nhật", "update requested"),
    "change_accepted": Words("đồng ý thay đổi", "change accepted"),
    "change_refused": Words("không đồng ý thay đổi", "change refused"),
}

VERDICTS: Final[Mapping[str, Words]] = {
    "holds": Words(
        "KẾT LUẬN: GÓI CHỨNG CỨ ĐỨNG VỮNG. Với bất kỳ ai tin khóa của trục và các chứng thư gốc đã cung cấp, gói này "
        "chứng minh: trục {node} đã nhận văn bản {document_id} (SHA-256 {sha256}) từ {sender} lúc {accepted_at}, và "
        "{events} sự kiện ở trên đã được ghi vào sổ cái {log}.",
        "VERDICT: THE BUNDLE HOLDS. To everybody who trusts the node's keys and the anchors that were given, it proves "
        "that the node {node} took the document {document_id} (SHA-256 {sha256}) from {sender} at {accepted_at}, and "
        "that the {events} events above were entered into the log {log}.",
    ),
    "signed": Words("Văn bản do {signers} ký.", "The document is signed by {signers}."),
    "as-of": Words(
        "Tính đến khi sổ cái có {size} mục, muộn nhất lúc {at}.",
        "As of the log's first {size} entries, which were there at {at} at the latest.",
    ),
    "as-of-claimed": Words(
        "Tính đến khi sổ cái có {size} mục; theo lời trục là không muộn hơn {at}, chưa có bên thứ ba xác nhận.",
        "As of the log's first {size} entries; by the node's word not later than {at}, which no third party confirms.",
    ),
    "open": Words(
        "KẾT LUẬN: CHƯA CHỨNG MINH ĐƯỢC. Không có gì mâu thuẫn, nhưng còn điều phải chứng minh mà chưa chứng minh được "
        "(các bước {steps}).",
        "VERDICT: NOT PROVEN. Nothing is contradicted, but something that must be proven is not (steps {steps}).",
    ),
    "contradicted": Words(
        "KẾT LUẬN: KHÔNG DÙNG LÀM CHỨNG CỨ ĐƯỢC. Gói đã bị thay đổi hoặc tự mâu thuẫn (các bước {steps}).",
        "VERDICT: NOT TO BE RELIED ON. The bundle was changed or contradicts itself (steps {steps}).",
    ),
}


def sentence(statement: Statement, language: Language, *, local: bool = False) -> str:
    """Say a statement in plain words.

    Args:
        local: whether moments are written for people, in Vietnamese time; else as they are, in UTC.
    """
    values = {name: vietnamese(value) for name, value in statement.values.items()} if local else statement.values
    return STATEMENTS[statement.code].said(language, values)


def vietnamese(text: str) -> str:
    """Write a moment as people in Việt Nam do; whatever is none stays as it is."""
    moment = moment_of(text) if _MOMENT.fullmatch(text) else None
    return f"{moment.astimezone(VIETNAM):%d/%m/%Y %H:%M:%S} (UTC+7)" if moment is not None else text
