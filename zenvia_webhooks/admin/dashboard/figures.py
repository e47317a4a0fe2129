"""The figures of the dashboard, each from a bounded number of rows: what it costs does not grow with the table."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import NamedTuple

from django.db import router
from django.db.models import QuerySet
from django.utils.timezone import localtime, now

from zenvia_webhooks.conf import conf
from zenvia_webhooks.diagnosis import recent
from zenvia_webhooks.exceptions import ZenviaConfigurationError
from zenvia_webhooks.models import Delivery, Event, Recovery
from zenvia_webhooks.models.clock import DatabaseNow
from zenvia_webhooks.models.delivery import NOT_SUCCEEDED
from zenvia_webhooks.recovery.memory import find

#: So many of the newest deliveries are read.
MOST_READ = 10_000
#: What is open is counted up to this number.
MOST_COUNTED = 1000
#: How many of a receiver's slowest runs are named.
SLOWEST = 3

Status = Event.Status


class EventRow(NamedTuple):
    pk: int
    received_at: datetime
    topic: str
    status: str
    finished_at: datetime | None
    subscription: int | None
    contract: str


class DeliveryRow(NamedTuple):
    event: int
    receiver: str
    status: str
    attempts: int
    duration_ms: int | None


@dataclass(frozen=True, kw_only=True)
class Span:
    """What the dashboard looks back on: whole hours or whole days, the present one included."""

    days: int
    since: datetime
    #: What one bar of a chart stands for.
    step: timedelta

    @classmethod
    def of_days(cls, days: int) -> Span:
        moment = localtime()
        if days == 1:
            hour = moment.replace(minute=0, second=0, microsecond=0)
            return cls(days=1, since=hour - timedelta(hours=23), step=timedelta(hours=1))
        day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        return cls(days=days, since=day - timedelta(days=days - 1), step=timedelta(days=1))

    @property
    def steps(self) -> int:
        return 24 if self.days == 1 else self.days


@dataclass(kw_only=True)
class ReceiverFigures:
    """How a receiver fared."""

    name: str
    statuses: Counter[str] = field(default_factory=Counter)
    runs: list[tuple[int, int]] = field(default_factory=list)

    @property
    def failing(self) -> int:
        return sum(self.statuses[status] for status in NOT_SUCCEEDED)

    @property
    def percentage(self) -> int:
        """Return how many of a hundred deliveries succeeded; 100 for all alone."""
        succeeded = self.statuses[Delivery.Status.SUCCEEDED]
        return 100 * succeeded // max(succeeded + self.failing, 1)

    @property
    def typical_ms(self) -> int | None:
        return int(median(took for took, _event in self.runs)) if self.runs else None

    @property
    def slowest(self) -> list[tuple[int, int]]:
        """Return milliseconds and event of the slowest runs."""
        return sorted(self.runs, reverse=True)[:SLOWEST]


@dataclass(frozen=True, kw_only=True)
class Figures:
    span: Span
    events: Sequence[EventRow]
    deliveries: Sequence[DeliveryRow]
    due: int
    retrying: int
    #: Whether every event of the span was read.
    is_all: bool

    @property
    def statuses(self) -> Counter[str]:
        return Counter(row.status for row in self.events)

    @property
    def topics(self) -> Counter[str]:
        return Counter(row.topic for row in self.events)

    @property
    def outcomes(self) -> Counter[str]:
        return Counter(row.status for row in self.deliveries)

    @property
    def receivers(self) -> list[ReceiverFigures]:
        """Return each receiver's figures, the worst first."""
        found: dict[str, ReceiverFigures] = {}
        for row in self.deliveries:
            one = found.setdefault(row.receiver, ReceiverFigures(name=row.receiver))
            one.statuses[row.status] += 1
            if row.duration_ms is not None:
                one.runs.append((row.duration_ms, row.event))
        return sorted(found.values(), key=lambda one: (one.percentage, -one.failing, one.name))

    def by_step(self) -> list[Counter[str]]:
        """Return topic → number, for each step of the span."""
        steps: dict[int, Counter[str]] = defaultdict(Counter)
        for row in self.events:
            steps[min((row.received_at - self.span.since) // self.span.step, self.span.steps - 1)][row.topic] += 1
        return [steps[step] for step in range(self.span.steps)]

    def waits(self) -> list[tuple[timedelta, int]]:
        """Return how long delivered events took from received to delivered, and which, the quickest first."""
        return sorted(
            (row.finished_at - row.received_at, row.pk)
            for row in self.events
            if row.finished_at and row.status == Status.DISPATCHED
        )


def read_events() -> list[EventRow]:
    """Return the recent events, newest first: for the figures, and for the verdict above them."""
    columns = ("pk", "received_at", "topic", "status", "finished_at", "subscription_id", "contract")
    rows = recent.newest().values_list(*columns)[: recent.RECENT_EVENTS]
    return [EventRow(*values) for values in rows]


def counted(rows: Sequence[EventRow]) -> recent.Recent:
    """Return what a verdict goes by, of the recent events."""
    groups: dict[tuple[int | None, str, str, str], list[int]] = defaultdict(list)
    for row in rows:
        groups[row.subscription, row.topic, row.contract, row.status].append(row.pk)
    return recent.Recent(
        groups=[recent.Group(*key, number=len(pks), newest=max(pks)) for key, pks in groups.items()],
        is_all=len(rows) < recent.RECENT_EVENTS,
    )


def read_figures(span: Span, newest: Sequence[EventRow]) -> Figures:
    """Return the figures of a span of the recent events, which are handed in."""
    events = Event.objects.using(router.db_for_write(Event))
    rows = [row for row in newest if row.received_at >= span.since]
    return Figures(
        span=span,
        events=rows,
        is_all=len(newest) < recent.RECENT_EVENTS or len(rows) < len(newest),
        deliveries=_deliveries(min((row.pk for row in rows), default=None)),
        due=count(events.filter(next_attempt_at__lte=DatabaseNow())),
        retrying=count(events.of_status(Status.RETRYING)),
    )


def count(rows: QuerySet[Event]) -> int:
    """Count up to `MOST_COUNTED` and one more."""
    return rows.order_by()[: MOST_COUNTED + 1].count()


def _deliveries(first_event: int | None) -> list[DeliveryRow]:
    if first_event is None:
        return []
    # Not narrowed by event: a table in which few are left would be read to its end for them.
    newest = Delivery.objects.using(router.db_for_write(Delivery)).order_by("-pk")
    columns = ("event_id", "receiver", "status", "attempts", "duration_ms")
    rows = [DeliveryRow(*values) for values in newest.values_list(*columns)[:MOST_READ]]
    return [row for row in rows if row.event >= first_event]


@dataclass(frozen=True, kw_only=True)
class Recovered:
    """How an account's comparison with what Zenvia lists stands."""

    account: str
    #: None where it was never compared.
    row: Recovery | None

    @property
    def missing(self) -> int:
        counts = self.row.counts.values() if self.row else ()
        return sum(max(one["listed"] - one["here"] - one["recovered"], 0) for one in counts)

    @property
    def is_under_way(self) -> bool:
        return self.row is not None and self.row.finished_at is None and not self.row.error

    @property
    def is_whole(self) -> bool:
        row = self.row
        return bool(row and not row.error and not self.missing and row.whole_until and row.whole_until <= now())


def recovered() -> list[Recovered]:
    """Return the accounts with RECOVER."""
    try:
        accounts = [account for account in conf.accounts.values() if account.recover]
    except ZenviaConfigurationError:
        return []  # the verdict says so
    return [Recovered(account=one.alias, row=find(one.alias, Recovery.Runner.TASK)) for one in accounts]
