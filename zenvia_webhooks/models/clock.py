"""The database's clock: the one that every process of a site shares, whatever their own clocks say."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import DateTimeField, DurationField, ExpressionWrapper, Value
from django.db.models.expressions import Combinable, Func
from django.db.models.functions import Now


class DatabaseNow(Now):
    """This moment in UTC, by the database's clock."""

    def as_mysql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        # MariaDB and MySQL: NOW(), which Django's Now() uses, is in the server's time zone, and Django's session
        # does not set one; the columns hold UTC.
        return Func.as_sql(self, compiler, connection, template="UTC_TIMESTAMP(6)", **extra)


def from_now(seconds: float) -> Combinable:
    """Return the moment that is so many seconds away, by the database's clock."""
    return ExpressionWrapper(
        DatabaseNow() + Value(timedelta(seconds=seconds), output_field=DurationField()),
        output_field=DateTimeField(),
    )
