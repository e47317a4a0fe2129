"""How the deliveries to each receiver stand, by a bounded number of rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import takewhile
from typing import NamedTuple

from django.db import router
from django.db.models.functions import Left
from django.utils.timezone import now

from zenvia_webhooks.dispatch.attempts import NotConnectedError
from zenvia_webhooks.models import Delivery, Event
from zenvia_webhooks.models.clock import DatabaseNow
from zenvia_webhooks.redaction import first_line

#: How many deliveries are read: the newest, and older ones that are open, of so many events.
NEWEST, OPEN = 2000, 1000
#: How many characters of an error are read.
ERROR_READ = 500
#: A delivery that was given up longer ago is no longer counted.
GIVEN_UP = timedelta(hours=24)
#: What the share is a share of.
RECENT = timedelta(hours=1)
#: So many in a row that failed once, and a receiver may fail for all: nobody need wait for a second attempt.
IN_A_ROW = 3
#: Of more lines of one class, each names somebody without quotes: they are one error.
MOST_LINES = 3

Status = Delivery.Status


class Row(NamedTuple):
    """What is read of a delivery."""

    pk: int
    event: int
    receiver: str
    status: str
    attempts: int
    finished_at: datetime | None
    #: Its first characters.
    error: str

    @property
    def is_failing(self) -> bool:
        if self.status == Status.RETRYING:
            return self.attempts > 0 and bool(self.error)
        is_given_up = self.status in (Status.FAILED, Status.GONE)
        return is_given_up and self.finished_at is not None and self.finished_at > now() - GIVEN_UP

    @property
    def is_failing_again(self) -> bool:
        """Whether it failed twice or more, or for good."""
        return self.is_failing and (self.attempts > 1 or self.status != Status.RETRYING)

    @property
    def is_unconnected(self) -> bool:
        return self.is_failing and self.error_class == NotConnectedError.__name__

    @property
    def error_class(self) -> str:
        return self.error.partition("\n")[0].partition(":")[0].strip().rpartition(".")[2]


@dataclass(kw_only=True)
class Standing:
    """How the deliveries to one receiver stand."""

    receiver: str
    #: Newest first.
    rows: list[Row] = field(default_factory=list)

    @property
    def failing_in_a_row(self) -> list[Row]:
        """Return those that fail, back to the newest that succeeded."""
        return [row for row in takewhile(lambda row: row.status != Status.SUCCEEDED, self.rows) if row.is_failing]

    @property
    def last_success(self) -> datetime | None:
        return max((row.finished_at for row in self._succeeded() if row.finished_at), default=None)

    @property
    def may_fail_for_all(self) -> bool:
        in_a_row = self.failing_in_a_row
        if any(row.is_failing_again for row in in_a_row):
            # One alone may be an odd lead, but if nothing else came through.
            return len(in_a_row) > 1 or self.last_success is None
        return len(in_a_row) >= IN_A_ROW

    def groups(self, *, with_first_failures: bool) -> list[list[Row]]:
        """Return the failing deliveries by error, most first."""
        failing = [row for row in self.rows if row.is_failing_again or (with_first_failures and row.is_failing)]
        lines: dict[str, set[str]] = defaultdict(set)
        for row in failing:
            lines[row.error_class].add(first_line(row.error))
        groups: dict[str, list[Row]] = defaultdict(list)
        for row in failing:
            is_by_line = len(lines[row.error_class]) <= MOST_LINES
            groups[first_line(row.error) if is_by_line else row.error_class].append(row)
        return sorted(groups.values(), key=len, reverse=True)

    def percentage(self, failing: int) -> int:
        """Return how many of a hundred deliveries of the last hour these are: 100 for all alone, 0 for none alone."""
        since = now() - RECENT
        succeeded = sum(row.finished_at is not None and row.finished_at > since for row in self._succeeded())
        of_all = succeeded + sum(row.is_failing for row in self.rows)
        return max(100 * failing // of_all, 1)

    def _succeeded(self) -> Iterator[Row]:
        return (row for row in self.rows if row.status == Status.SUCCEEDED)


def read_rows() -> list[Row]:
    """Return the newest deliveries, then older ones that are open; newest first."""
    rows = Delivery.objects.using(router.db_for_write(Delivery)).annotate(start=Left("error", ERROR_READ))
    columns = rows.values_list("pk", "event_id", "receiver", "status", "attempts", "finished_at", "start")
    newest = [Row(*values) for values in columns.order_by("-pk")[:NEWEST]]
    if len(newest) < NEWEST:
        return newest
    # By the index of the events, as that of the deliveries knows no times. What is due now is left out: a backlog of
    # new events may stand before it.
    retrying = Event.objects.using(rows.db).filter(next_attempt_at__gt=DatabaseNow(), status=Event.Status.RETRYING)
    of = list(retrying.order_by("next_attempt_at").values_list("pk", flat=True)[:OPEN])
    older = columns.filter(event__in=of, status=Status.RETRYING, pk__lt=newest[-1].pk).order_by("-pk")
    return newest + [Row(*values) for values in older[:OPEN]]
