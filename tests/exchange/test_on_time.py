"""Whether a document was sent on time, through HTTP: the edges of the deadline at weekends, Tết, exchanged days."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta

import pytest

from app.regulations.calendar import ZONE
from tests.exchange.mail import enlist, send
from tests.exchange.passing import living_at
from tests.exchange.remains import remains
from tests.support.office import PROVINCE, Exchange, Office, register_certificate

MICROSECOND = timedelta(microseconds=1)


@pytest.fixture(scope="module")
def sender(on_sqlite: Exchange) -> Iterator[Office]:
    """An agency whose seal holds all through 2026."""
    with ExitStack() as stack:
        office = enlist(on_sqlite, stack)
        seal = on_sqlite.pki.seal(office.organ_id, "Cơ quan gửi")
        register_certificate(on_sqlite.administrator, office.organ_id, seal, on_sqlite.pki)
        yield Office(office.organ_id, seal, office.system)


@pytest.mark.parametrize(
    ("signed_on", "last"),
    [
        (date(2026, 11, 18), datetime(2026, 11, 19, 12, tzinfo=ZONE)),
        (date(2026, 11, 20), datetime(2026, 11, 23, 12, tzinfo=ZONE)),
        (date(2026, 2, 13), datetime(2026, 2, 23, 12, tzinfo=ZONE)),
        (date(2026, 8, 21), datetime(2026, 8, 22, 12, tzinfo=ZONE)),
    ],
    ids=["a working day", "a Friday", "the Friday before Tết", "the Friday before an exchanged Saturday"],
)
def test_the_last_moment_is_on_time_and_the_next_is_not(
    on_sqlite: Exchange, sender: Office, signed_on: date, last: datetime
) -> None:
    """QĐ 28/2018/QĐ-TTg Đ6."""
    edge = last.astimezone(UTC)
    assert [said(on_sqlite, sender, signed_on, at=at) for at in (edge, edge + MICROSECOND)] == [True, False]


def test_of_an_impossible_day_nothing_is_said(on_sqlite: Exchange, sender: Office) -> None:
    assert said(on_sqlite, sender, date(1, 1, 1), at=datetime(2026, 11, 18, 3, tzinfo=UTC)) is None


def said(exchange: Exchange, sender: Office, signed_on: date, *, at: datetime) -> bool | None:
    """Send at a moment and return what the log says about it."""
    with living_at(at, sender.system):
        sent = send(sender, PROVINCE, promulgated_on=signed_on, due_date=date(9999, 12, 31))
    remains(exchange)
    events = exchange.auditor.pages("/v1/audit/events", event="document.accepted", document_id=sent.id)
    [told] = [event["detail"].get("on_time") for event in events]
    assert told in (True, False, None)
    return told
