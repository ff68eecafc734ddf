"""Moments as columns: the same on both databases, and sorted as time is."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql, sqlite

from app.ledger.events import instant_text
from app.store.columns import Instant
from app.store.database import Database

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
FIRST, LAST = datetime.fromisoformat("0001-01-02"), datetime.fromisoformat("9999-12-30")
MOMENTS = st.datetimes(FIRST, LAST, timezones=ZONES)

_moments = sa.Table("moments", sa.MetaData(), sa.Column("number", sa.Integer), sa.Column("at", Instant))


class _Kept:
    def __init__(self, url: str) -> None:
        self.runner = asyncio.Runner()
        self.database = Database(url)
        self.runner.run(self._write(_moments.metadata.create_all))

    async def _write(self, step: object) -> None:
        async with self.database.write() as tx:
            await tx.run_sync(step)  # type: ignore[arg-type]

    def in_order(self, moments: list[datetime]) -> list[datetime]:
        """Write moments and read them sorted by the database."""

        async def work() -> list[datetime]:
            async with self.database.write() as tx:
                await tx.execute(_moments.delete())
                await tx.execute(_moments.insert(), [{"number": n, "at": at} for n, at in enumerate(moments)])
            async with self.database.read() as tx:
                return list((await tx.execute(sa.select(_moments.c.at).order_by(_moments.c.at))).scalars())

        return self.runner.run(work())

    def close(self) -> None:
        self.runner.run(self.database.close())
        self.runner.close()


@pytest.fixture
def kept(empty_database_url: str) -> Iterator[_Kept]:
    """A table of moments."""
    table = _Kept(empty_database_url)
    yield table
    table.close()


@given(moments=st.lists(MOMENTS, min_size=1, max_size=8))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_moments_come_back_as_they_went_in_and_sort_as_time_does(kept: _Kept, moments: list[datetime]) -> None:
    assert kept.in_order(moments) == sorted(moment.astimezone(UTC) for moment in moments)


@given(MOMENTS)
def test_the_text_of_sqlite_is_that_of_events(moment: datetime) -> None:
    column, dialect = Instant(), sqlite.dialect()
    text = column.process_bind_param(moment, dialect)
    assert text == instant_text(moment)
    back = column.process_result_value(text, dialect)
    assert back == moment
    assert back.tzinfo is UTC


@given(MOMENTS, MOMENTS)
def test_the_texts_of_sqlite_sort_as_time_does(one: datetime, other: datetime) -> None:
    column, dialect = Instant(), sqlite.dialect()
    texts = [column.process_bind_param(each, dialect) for each in (one, other)]
    assert (texts[0] < texts[1]) == (one < other)


@pytest.mark.parametrize("dialect", [sqlite.dialect(), postgresql.dialect()], ids=["sqlite", "postgresql"])
def test_no_moment_stays_none_and_a_naive_one_is_a_bug(dialect: sa.Dialect) -> None:
    column = Instant()
    assert column.process_bind_param(None, dialect) is None
    assert column.process_result_value(None, dialect) is None
    with pytest.raises(AssertionError, match="zone"):
        column.process_bind_param(datetime.fromisoformat("2026-11-22"), dialect)
