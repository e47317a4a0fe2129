"""Which events a list shows, and a replay takes: plain values that can be stored, with nothing of a person in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, time
from typing import Any

from django.db import router
from django.db.models import QuerySet
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.timezone import is_naive, make_aware

from zenvia_webhooks.contracts import ENVELOPES
from zenvia_webhooks.models import Delivery, Event

#: The value of `topic` that stands for all that are not known.
OTHERS = "others"
#: What no index serves is looked for among so many of the newest events.
NEWEST = 100_000
#: Statuses of events that are due now or later.
IN_QUEUE = frozenset((Event.Status.PENDING, Event.Status.RETRYING))
#: What a receiver's delivery is while it has not succeeded, and somebody wants it to.
NOT_SUCCEEDED = (Delivery.Status.RETRYING, Delivery.Status.FAILED, Delivery.Status.GONE)


@dataclass(frozen=True, kw_only=True)
class Selection:
    """All that is named must fit; an empty one is every event."""

    ids: tuple[int, ...] = ()
    statuses: tuple[str, ...] = ()
    #: A canonical topic, or `OTHERS`.
    topic: str = ""
    account: str = ""
    #: Its id.
    subscription: str = ""
    #: The name of one that has not succeeded.
    receiver: str = ""
    #: Received at or after, and before: in ISO 8601.
    since: str = ""
    until: str = ""

    @classmethod
    def stored(cls, values: Mapping[str, Any]) -> Selection:
        """Return what `as_json()` gave."""
        lists = {name: tuple(values.get(name, ())) for name in ("ids", "statuses")}
        return cls(**{field.name: values.get(field.name, "") for field in fields(cls)} | lists)

    @classmethod
    def of_list(cls, parameters: Mapping[str, str]) -> Selection:
        """Return what the address of the admin's list says; what can't be read there is left out."""
        given = {name.removesuffix("__exact"): value for name, value in parameters.items()}
        return cls(
            ids=tuple(map(int, _ids(given.get("ids", "")))),
            statuses=(given["status"],) if given.get("status") else (),
            topic=given.get("topic", ""),
            account=given.get("account", ""),
            subscription="".join(_ids(given.get("subscription", ""))[:1]),
            receiver=given.get("receiver", ""),
            since=_moment(given.get("received_at__gte", "")),
            until=_moment(given.get("received_at__lt", "")),
        )

    def as_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value}

    def as_parameters(self) -> dict[str, str]:
        """Return what `of_list()` reads."""
        named = {
            "ids": ",".join(map(str, self.ids)),
            "status": "".join(self.statuses[:1]),
            "topic": self.topic,
            "account": self.account,
            "subscription": self.subscription,
            "receiver": self.receiver,
            "received_at__gte": self.since,
            "received_at__lt": self.until,
        }
        return {name: value for name, value in named.items() if value}

    def events(self) -> QuerySet[Event]:
        """Return the events, of the database that is written to."""
        return self.narrow(Event.objects.using(router.db_for_write(Event)))

    def narrow(self, events: QuerySet[Event]) -> QuerySet[Event]:
        """Return those of these events that fit."""
        wanted = {
            "pk__in": self.ids,
            "status__in": self.statuses,
            "account": self.account,
            "subscription_id": self.subscription,
            "received_at__gte": self.since and datetime.fromisoformat(self.since),
            "received_at__lt": self.until and datetime.fromisoformat(self.until),
        }
        events = events.filter(**{name: value for name, value in wanted.items() if value})
        if self.statuses and IN_QUEUE.issuperset(self.statuses):
            events = events.filter(next_attempt_at__isnull=False)  # the queue's index has those rows alone
        if self.topic == OTHERS:
            events = events.exclude(topic__in=known_topics())
        elif self.topic:
            events = events.filter(topic=self.topic)
        if self.receiver:
            # At most one delivery of an event is a receiver's, so no event is there twice.
            events = events.filter(deliveries__receiver=self.receiver, deliveries__status__in=NOT_SUCCEEDED)
        return events

    def among_newest(self, events: QuerySet[Event]) -> QuerySet[Event]:
        """Return those of `events` that a list looks through: the newest `NEWEST` if no index finds what is wanted."""
        has_no_index = self.account or self.subscription or self.receiver or self.topic == OTHERS
        if self.ids or not has_no_index:
            return events
        all_of_span = Selection(until=self.until).narrow(Event.objects.using(events.db))
        newest = all_of_span.order_by("-received_at", "-pk").values_list("received_at", flat=True)
        floor = newest[NEWEST : NEWEST + 1].first()
        return events if floor is None else events.filter(received_at__gt=floor)


def known_topics() -> list[str]:
    """Return the topics that this version knows: asking the table for its own would read all of it."""
    return sorted({topic for envelope in ENVELOPES.values() for topic in envelope.ARRIVING})


def _ids(text: str) -> list[str]:
    return [one for one in text.split(",") if one.isascii() and one.isdecimal() and len(one) < 19]


def _moment(text: str) -> str:
    try:
        found = parse_datetime(text)
        if found is None and (day := parse_date(text)):
            found = datetime.combine(day, time.min)
    except ValueError:
        return ""
    if found is None:
        return ""
    return (make_aware(found) if is_naive(found) else found).isoformat()
