"""Column types that mean the same on SQLite and PostgreSQL."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine
from typing_extensions import override

_TEXT_FORM = "%Y-%m-%dT%H:%M:%S.%fZ"
_TEXT_LENGTH = len("2026-11-22T03:04:05.678900Z")


class Instant(TypeDecorator[datetime]):
    """A moment in UTC: `timestamptz` on PostgreSQL, fixed-width ISO 8601 text (sorts as time does) on SQLite."""

    impl = sa.String(27)
    cache_ok = True

    @override
    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(sa.DateTime(timezone=True))
        return dialect.type_descriptor(sa.String(27))

    @override
    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        assert value.tzinfo is not None, "an instant without a zone is a bug"
        moment = value.astimezone(UTC)
        if dialect.name == "postgresql":
            return moment
        # Not strftime: its %Y has fewer than four digits before the year 1000, and the text would not sort.
        return f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"

    @override
    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if isinstance(value, datetime):
            return value.astimezone(UTC)
        if len(value) == _TEXT_LENGTH and value[-1] == "Z":
            # Many times as fast, and lists of rows have thousands of moments.
            return datetime.fromisoformat(value)
        return datetime.strptime(value, _TEXT_FORM).replace(tzinfo=UTC)
