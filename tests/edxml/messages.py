"""Messages for the tests: one valid one of each kind, and strategies for every message there can be."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import strategies as st

from app.edxml.encoding import encode
from app.edxml.model import (
    Attachment,
    Business,
    DocumentCode,
    DocumentKind,
    DocumentMessage,
    DocumentType,
    Handling,
    Organization,
    Receiver,
    ReceiverChange,
    Reference,
    Replacement,
    ReportedError,
    ResponseFor,
    Signer,
    Staff,
    StatusCode,
    StatusMessage,
    Trace,
    Update,
)
from app.edxml.organ_id import OrganId

PDF = b"%PDF-1.7\n% mau\n"
AT = datetime(2026, 11, 22, 3, tzinfo=UTC)

DOCUMENT = DocumentMessage(
    sender=Organization(OrganId.parse("000.00.00.G22"), name="Văn phòng Chính phủ"),
    recipients=(Organization(OrganId.parse("000.00.00.H41"), name="UBND tỉnh Nghệ An"),),
    document_id="000.00.00.G22,2026/09/30,7816/VPCP-TTĐT",
    code=DocumentCode("7816", "VPCP-TTĐT"),
    promulgated_at_place="Hà Nội",
    promulgated_on=date(2026, 9, 30),
    document_type=DocumentType(2, 18, "Công văn"),
    subject="V/v thử nghiệm",
    signer=Signer("TL.", "Cục trưởng", "Lê Văn Mẫu"),
    traces=(Trace(OrganId.parse("000.00.00.G22"), datetime(2026, 9, 30, 2, tzinfo=UTC)),),
    references=(Reference("1", "application/pdf", None, "7816.pdf"),),
    attachments=(Attachment("1", "7816.pdf", None, "application/pdf", encode(PDF)),),
)
STATUS = StatusMessage(
    sender=Organization(OrganId.parse("000.00.00.H41"), name="UBND tỉnh Nghệ An"),
    response_for=ResponseFor(
        OrganId.parse("000.00.00.G22"), "7816/VPCP-TTĐT", date(2026, 9, 30), "000.00.00.G22,2026/09/30,7816/VPCP-TTĐT"
    ),
    status=StatusCode.RECEIVED,
    reported_at=datetime(2026, 10, 1, 1, tzinfo=UTC),
)

# Any text XML can carry that reading does not trim; line ends included, as a lone CR is written as a reference.
TEXTS = (
    st.text(
        alphabet=st.one_of(
            st.sampled_from(["đ", "Ế", "&", "<", ">", "]", '"', "'", "\r", "\n", "\t", " ", "😀"]),
            st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"),
        ),
        min_size=1,
        max_size=20,
    )
    .map(str.strip)
    .filter(bool)
)
MAYBE = st.none() | TEXTS
ORGAN_IDS = st.sampled_from(
    ["000.00.00.G22", "H41.3", "0100109106", "Z01ABC", "28.22.H17", "vxp.saas.03", "A01." + "9" * 31]
).map(OrganId.parse)
DAYS = st.dates()
_FIRST_SECOND = datetime(1, 1, 2, tzinfo=UTC)
INSTANTS = st.integers(0, 9_997 * 365 * 86_400).map(lambda seconds: _FIRST_SECOND + timedelta(seconds=seconds))
NUMBERS = st.none() | st.integers(0, 999_999_999)
BASE64 = st.none() | st.binary(min_size=1, max_size=200).map(encode)

ORGANIZATIONS = st.builds(Organization, ORGAN_IDS, MAYBE, MAYBE, MAYBE, MAYBE, MAYBE, MAYBE, MAYBE)
RESPONSES_FOR = st.builds(ResponseFor, st.none() | ORGAN_IDS, MAYBE, st.none() | DAYS, MAYBE).filter(
    lambda response_for: response_for != ResponseFor()
)
STAFF = st.none() | st.builds(Staff, MAYBE, MAYBE, MAYBE, MAYBE, MAYBE, MAYBE).filter(lambda staff: staff != Staff())


def listed(strategy: st.SearchStrategy, size: int = 3) -> st.SearchStrategy:  # type: ignore[type-arg]
    return st.lists(strategy, max_size=size).map(tuple)


UPDATES = st.builds(
    Update,
    st.none() | st.booleans(),
    st.none() | st.booleans(),
    listed(st.builds(Receiver, ORGAN_IDS, st.sampled_from(ReceiverChange))),
)
BUSINESSES = st.builds(
    Business,
    st.sampled_from(DocumentKind),
    MAYBE,
    MAYBE,
    st.none() | st.booleans(),
    st.none() | UPDATES,
    listed(st.builds(Replacement, TEXTS, listed(ORGAN_IDS))),
    STAFF,
)
HANDLINGS = st.builds(
    Handling,
    NUMBERS,
    MAYBE,
    MAYBE,
    NUMBERS,
    NUMBERS,
    st.none() | st.booleans(),
    listed(TEXTS),
    listed(TEXTS),
    listed(TEXTS),
)
DOCUMENTS = st.builds(
    DocumentMessage,
    sender=ORGANIZATIONS,
    recipients=st.lists(ORGANIZATIONS, min_size=1, max_size=3).map(tuple),
    document_id=TEXTS,
    code=st.builds(DocumentCode, MAYBE, MAYBE),
    promulgated_at_place=MAYBE,
    promulgated_on=st.none() | DAYS,
    document_type=st.builds(DocumentType, NUMBERS, NUMBERS, MAYBE),
    subject=MAYBE,
    content=MAYBE,
    signer=st.none() | st.builds(Signer, MAYBE, MAYBE, MAYBE).filter(lambda signer: signer != Signer()),
    due_date=st.none() | DAYS,
    places=listed(TEXTS),
    handling=HANDLINGS,
    response_for=listed(RESPONSES_FOR),
    steering_type=NUMBERS,
    task_codes=listed(TEXTS),
    application_type=MAYBE,
    traces=listed(st.builds(Trace, st.none() | ORGAN_IDS, st.none() | INSTANTS).filter(lambda trace: trace != Trace())),
    business=st.none() | BUSINESSES,
    errors=listed(st.builds(ReportedError, MAYBE, MAYBE).filter(lambda error: error != ReportedError())),
    references=listed(st.builds(Reference, st.none() | st.sampled_from(["1", "a-2"]), MAYBE, MAYBE, MAYBE)),
    attachments=listed(st.builds(Attachment, st.none() | st.sampled_from(["1", "a-2"]), MAYBE, MAYBE, MAYBE, BASE64)),
)
STATUSES = st.builds(
    StatusMessage,
    sender=ORGANIZATIONS,
    response_for=RESPONSES_FOR,
    status=st.sampled_from(StatusCode),
    staff=STAFF,
    description=MAYBE,
    reported_at=st.none() | INSTANTS,
)
