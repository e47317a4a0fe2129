"""Events by the people that they are about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from django.db import connections, models, router, transaction

from zenvia_webhooks.conf import conf
from zenvia_webhooks.models.event_key import EventKey
from zenvia_webhooks.models.subscription import Subscription
from zenvia_webhooks.models.walk import WalkQuerySet
from zenvia_webhooks.people import keys

#: Events without keys that are given theirs before anybody is looked for, newest first, and in one batch: a web process
#: does it, and of the largest payloads, 256 KB, each takes some 2 MB of memory.
MOST_KEYED, KEYED_AT_ONCE = 10_000, 20

#: What few events have on a site where all is well: these have an index of their own.
RARE_STATUSES = ("retrying", "unhandled", "failed", "quarantined", "erased")
#: Of two events, the one with the lower id was received at most this much later.
MAX_DISORDER = timedelta(minutes=10)

#: The resolution of a moment on every database, and how times are compared here: `received_at__gt=moment - MICROSECOND`
#: is "at that moment or later", `__lte` of the same is "earlier". SQLite compares texts, and holds "30.120" where
#: Django asks for "30.120000": by plain comparison, what is exactly `moment` would be earlier.
MICROSECOND = timedelta(microseconds=1)

E = TypeVar("E", bound=models.Model)


class EventQuerySet(WalkQuerySet[E]):
    def of_topic(self, topic: str) -> EventQuerySet[E]:
        return self.hold("topic", topic)

    def of_status(self, status: str) -> EventQuerySet[E]:
        """Return those of a status; those of `RARE_STATUSES`, and what is new in the queue, through an index."""
        if status in RARE_STATUSES and self.held == "topic":
            return self.filter(status=status)
        if status in RARE_STATUSES:
            return self.filter(status__in=RARE_STATUSES).hold("status", status)
        if status == "pending":
            return self.filter(status=status, next_attempt_at__isnull=False)
        return self.filter(status=status)

    def failing_for(self, receiver: str) -> EventQuerySet[E]:
        """Return those whose delivery to a receiver has not succeeded, and was not dismissed."""
        # At most one delivery of an event is a receiver's, so no event is there twice.
        return self.hold("deliveries__failing_receiver", receiver, id_column="deliveries__event_id")

    # Lists are walked by id: without a bound on the id too, what finds no more would walk on to the end of the table.

    def received_since(self, moment: datetime) -> EventQuerySet[E]:
        """Return those received then or later."""
        rows = self.model._default_manager.using(self.db)
        earlier = rows.filter(received_at__lte=moment - MAX_DISORDER).order_by("-received_at", "-pk")
        last = earlier.values_list("pk", flat=True).first() or 0
        return self.filter(received_at__gt=moment - MICROSECOND).bounded(gt=last)

    def received_until(self, moment: datetime) -> EventQuerySet[E]:
        """Return those received earlier."""
        rows = self.model._default_manager.using(self.db)
        later = rows.filter(received_at__gte=moment + MAX_DISORDER).order_by("received_at", "pk")
        first = later.values_list("pk", flat=True).first()
        until = self.filter(received_at__lte=moment - MICROSECOND)
        return until if first is None else until.bounded(lt=first)

    def about(self, text: str, *, newest: int | None = None) -> EventQuerySet[E]:
        """Return those about a person: a phone number in any notation, an e-mail address, a lead's id.

        None for an empty text. Events that no worker has taken up yet, such as an outage's, get their keys first.
        With `newest`, so many at the least, where there are more of a text that may mean several things.
        """
        readings = keys.asked(text, accounts())
        self.write_missing_keys()
        # Not from a replica, which may not have what was written just now.
        there = EventKey.objects.using(router.db_for_write(self.model))
        found = [one for one in readings if there.of([one]).exists()]
        if len(found) != 1:
            bounds = {f"event__{name}": bound for name, bound in self.bounds.items()}
            named = there.of(found).filter(**bounds)
            return self.by_keys(named.filter(event__gt=there.floor(found, newest) if newest else 0))
        events = self.using(there.db)
        return events.hold("keys__digest", found[0].digest, id_column="keys__event_id", keys__kind=found[0].kind)

    def by_keys(self, found: models.QuerySet[EventKey]) -> EventQuerySet[E]:
        """Return those that have one of these keys."""
        # Not from a replica, which may not have what was written just now.
        using = router.db_for_write(self.model)
        events: EventQuerySet[E] = self.using(using).filter(pk__in=found.using(using).values("event"))
        return events

    def locked(self, *, skip_locked: bool = False) -> EventQuerySet[E]:
        """Lock the rows until the end of the transaction.

        Rows that refer to them need not be waited for: the host's, written in a receiver's transaction, and their keys.
        """
        no_key = connections[self.db].features.has_select_for_no_key_update
        return self.select_for_update(skip_locked=skip_locked, no_key=no_key)

    def write_missing_keys(self) -> None:
        """Write the keys of events that no worker has taken up yet, such as an outage's: else they would be missed."""
        using = router.db_for_write(self.model)
        events = self.model._default_manager.using(using)
        pending = events.filter(next_attempt_at__isnull=False, status="pending", keys__isnull=True)
        with transaction.atomic(using=using):
            pks = list(pending.order_by("-pk").values_list("pk", flat=True)[:MOST_KEYED])
        self.write_keys(pks)

    def write_keys(self, pks: Sequence[int]) -> None:
        """Write the keys of these events, few at a time."""
        events = self.model._default_manager.using(router.db_for_write(self.model)).defer("body", "headers")
        # In the order of `EventKey.objects.write()` from batch to batch, too: all may be in one transaction.
        in_order = sorted(pks)
        for start in range(0, len(in_order), KEYED_AT_ONCE):
            batch = events.filter(pk__in=in_order[start : start + KEYED_AT_ONCE])
            EventKey.objects.write(batch)  # type: ignore[arg-type]  # events, which this module is below


def accounts() -> list[str]:
    """Return the accounts that events may be of: those of the settings, and those that once were."""
    using = router.db_for_write(Subscription)
    known = Subscription.objects.using(using).values_list("account", flat=True).distinct()
    return sorted({*conf.aliases(), *known})
