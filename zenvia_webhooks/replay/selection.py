"""Which events a list shows, and a replay takes: plain values that can be stored, with nothing of a person in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, time
from typing import Any

from django.db import router
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.timezone import is_naive, make_aware

from zenvia_webhooks.contracts import ENVELOPES
from zenvia_webhooks.models import Delivery, Event
from zenvia_webhooks.models.about import EventQuerySet
from zenvia_webhooks.models.delivery import stored_name

#: The value of `topic` that stands for all that are not known.
OTHERS = "others"
#: What no index finds is looked for among so many of the newest events, or of the newest that an index finds.
NEWEST, NEWEST_FOUND = 10_000, 1500


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
        """Return what the address of the admin's list says; nothing has an id that can't be read there."""
        return cls(
            ids=tuple(_ids(parameters.get("ids", ""))),
            statuses=(parameters["status"],) if parameters.get("status") else (),
            topic=parameters.get("topic", ""),
            account=parameters.get("account", ""),
            subscription="".join(map(str, _ids(parameters.get("subscription", ""))[:1])),
            receiver=parameters.get("receiver", ""),
            since=_moment(parameters.get("received_at__gte", "")),
            until=_moment(parameters.get("received_at__lt", "")),
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

    def events(self, *, after: int = 0) -> EventQuerySet[Event]:
        """Return the events above an id, of the database that is written to."""
        events = Event.objects.using(router.db_for_write(Event))
        return self._without_index(self._by_index(events.bounded(gt=after)))

    def newest(self) -> EventQuerySet[Event]:
        """Return those of the events that a list looks through, of the database that is written to."""
        events = Event.objects.using(router.db_for_write(Event))
        failing = self.newest_failing(events.db)
        if failing is None:
            return self.among_newest(self.narrow(events))
        return replace(self, receiver="").narrow(events.filter(pk__in=failing))

    def narrow(self, events: EventQuerySet[Event]) -> EventQuerySet[Event]:
        """Return those of these events that fit. By `order_by("pk")`, or "-pk", an index finds them."""
        return self._without_index(self._by_index(events))

    def among_newest(self, events: EventQuerySet[Event]) -> EventQuerySet[Event]:
        """Return those of `events` that a list looks through, so that it costs the same however many are stored."""
        return self._by_time(events.bounded(gt=self.floor(events.db)))

    def floor(self, using: str) -> int:
        """Return an id above which a list looks through all; 0 where that is all there are."""
        if self.ids or not self._has_more():
            return 0
        failing = self.newest_failing(using)
        return self._floor_of_index(using) if failing is None else min(failing, default=1) - 1

    def newest_failing(self, using: str) -> list[int] | None:
        """Return the ids of the newest events that a receiver has not had, as many as a list looks through.

        None without a receiver, and with a span of time that is over: those that came just after it would be among
        them. To join deliveries and events in the same query would have PostgreSQL guess how many it finds: it may read
        a whole table, or start a second process.
        """
        if not self.receiver or self.ids:
            return None
        bounds = self.in_span(Event.objects.using(using)).bounds
        if "lt" in bounds:
            return None
        name, deliveries = stored_name(self.receiver, using), Delivery.objects.using(using)
        within = deliveries.filter(event_id__gt=bounds.get("gt", 0))
        failing = within.hold("failing_receiver", name, id_column="event_id").order_by("-pk")
        return list(failing.values_list("event_id", flat=True)[:NEWEST_FOUND])

    def _floor_of_index(self, using: str) -> int:
        found = self._by_index(Event.objects.using(using))
        most = NEWEST_FOUND if found.held else NEWEST
        return self._by_time(found).order_by("-pk").values_list("pk", flat=True)[most : most + 1].first() or 0

    def _by_time(self, events: EventQuerySet[Event]) -> EventQuerySet[Event]:
        """Have the index of the times give a span's order, if no other does."""
        return events.led_by("received_at") if (self.since or self.until) and not events.held else events

    def in_span(self, events: EventQuerySet[Event]) -> EventQuerySet[Event]:
        """Return those of the span of time."""
        if self.since:
            events = events.received_since(datetime.fromisoformat(self.since))
        return events.received_until(datetime.fromisoformat(self.until)) if self.until else events

    def _by_index(self, events: EventQuerySet[Event]) -> EventQuerySet[Event]:
        """Return those that fit what one index finds: the most selective is held."""
        if self.ids:
            events = events.filter(pk__in=self.ids)
        events = self.in_span(events)
        if self.receiver:
            return events.failing_for(stored_name(self.receiver, events.db))
        if len(self.statuses) == 1 and self.statuses[0] != Event.Status.DISPATCHED:
            return events.of_status(self.statuses[0])
        if self.topic and self.topic != OTHERS:
            return events.of_topic(self.topic)
        return events

    def _has_more(self) -> bool:
        """Tell whether anything is asked for besides what `_by_index()` finds."""
        finds = (
            bool(self.receiver),
            bool(self.statuses) and self.statuses != (Event.Status.DISPATCHED,),
            self.topic not in ("", OTHERS),
        )
        asked = (self.receiver, self.statuses, self.topic, self.account, self.subscription)
        return sum(map(bool, asked)) > any(finds)

    def _without_index(self, events: EventQuerySet[Event]) -> EventQuerySet[Event]:
        wanted: dict[str, Any] = {"account": self.account, "subscription_id": self.subscription}
        if events.held != "status":
            wanted["status__in"] = self.statuses
        if events.held != "topic" and self.topic != OTHERS:
            wanted["topic"] = self.topic
        events = events.filter(**{name: value for name, value in wanted.items() if value})
        return events.exclude(topic__in=known_topics()) if self.topic == OTHERS else events


def known_topics() -> list[str]:
    """Return the topics that this version knows: asking the table for its own would read all of it."""
    return sorted({topic for envelope in ENVELOPES.values() for topic in envelope.ARRIVING})


def _ids(text: str) -> list[int]:
    # 0 is nobody's: left out, it would leave all of them.
    return [int(one) if one.isascii() and one.isdecimal() and len(one) < 19 else 0 for one in text.split(",") if text]


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
