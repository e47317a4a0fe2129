"""The database's clock: the one that every process of a site shares, whatever their own clocks say."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import DateTimeField, DurationField, ExpressionWrapper, Value
from django.db.models.expressions import Combinable, Func
from django.db.models.functions import Now


def DatabaseNow() -> Now:  # noqa: N802  # it reads as the expression that it makes
    """Return the expression for this moment in UTC, by the database's clock.

    Of Django's own class, by which tools that cache queries know one that must not be cached.
    """
    moment = Now()

    def as_mysql(compiler: Any, connection: Any, **extra: Any) -> Any:
        # MariaDB and MySQL: NOW(), which Django's Now() uses, is in the server's time zone, and Django's session
        # does not set one; the columns hold UTC.
        return Func.as_sql(moment, compiler, connection, template="UTC_TIMESTAMP(6)", **extra)

    moment.as_mysql = as_mysql  # type: ignore[method-assign]
    return moment


def from_now(seconds: float) -> Combinable:
    """Return the moment that is so many seconds away, by the database's clock."""
    return ExpressionWrapper(
        DatabaseNow() + Value(timedelta(seconds=seconds), output_field=DurationField()),
        output_field=DateTimeField(),
    )


#: How much faster this machine's clock may run than the database's: no clock is set right at a higher rate than this.
DRIFT = 0.001


@dataclass(frozen=True, kw_only=True)
class ClockReading:
    """A reading of the database's clock, good for a few seconds.

    A row that is created takes its times from one, not from `DatabaseNow()`: an expression stays on the instance, and a
    host's receivers of `post_save` would find it where they expect a time.
    """

    moment: datetime
    read_at: float = field(default_factory=lambda: time.monotonic())

    def now(self) -> datetime:
        """Return this moment by the database's clock, or a little before: never one that is still to come."""
        return self.moment + timedelta(seconds=(time.monotonic() - self.read_at) * (1 - DRIFT))
