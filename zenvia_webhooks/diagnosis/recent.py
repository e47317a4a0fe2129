"""The newest events of the last days, counted in the database: once for all who look at them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from django.db import router
from django.db.models import Count, Max, QuerySet
from django.utils.timezone import now

from zenvia_webhooks.models import Event

#: Events of so many days, and the newest so many, are recent.
RECENT_DAYS, RECENT_EVENTS = 7, 10_000
#: So many groups are read, the largest: whoever has a token can invent topics.
MOST_GROUPS = 1000


class Group(NamedTuple):
    """Recent events that have these in common."""

    subscription: int | None
    topic: str
    contract: str
    status: str
    number: int
    #: The id of the newest.
    newest: int


@dataclass(frozen=True, kw_only=True)
class Recent:
    groups: Sequence[Group]
    #: Whether none of the last days' events was left out.
    is_all: bool

    def of(self, status: Event.Status) -> Iterator[Group]:
        return (group for group in self.groups if group.status == status)

    def count(self, status: Event.Status) -> int:
        return sum(group.number for group in self.of(status))

    def topics(self, status: Event.Status) -> Counter[str]:
        found: Counter[str] = Counter()
        for group in self.of(status):
            found[group.topic] += group.number
        return found


def newest() -> QuerySet[Event]:
    """Return the events of the last days, newest first: whoever reads them takes at most `RECENT_EVENTS`."""
    since = now() - timedelta(days=RECENT_DAYS)
    return _events().filter(received_at__gte=since).order_by("-received_at", "-pk")


def read_recent() -> Recent:
    """Count recent events in two queries, each by the index of `received_at`."""
    oldest = newest().values_list("received_at", flat=True)[RECENT_EVENTS - 1 : RECENT_EVENTS].first()
    since = oldest or now() - timedelta(days=RECENT_DAYS)
    columns = ("subscription_id", "topic", "contract", "status")
    counted = _events().filter(received_at__gte=since).order_by().values_list(*columns)
    rows = counted.annotate(number=Count("pk"), last=Max("pk")).order_by("-number")[:MOST_GROUPS]
    groups = [Group(*row) for row in rows]
    return Recent(groups=groups, is_all=oldest is None and len(groups) < MOST_GROUPS)


def _events() -> QuerySet[Event]:
    return Event.objects.using(router.db_for_write(Event))
