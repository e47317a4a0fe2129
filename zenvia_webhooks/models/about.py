"""Events by the people that they are about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from django.db import connections, models, router, transaction

from zenvia_webhooks.conf import conf
from zenvia_webhooks.models.event_key import EventKey
from zenvia_webhooks.models.subscription import Subscription
from zenvia_webhooks.people import keys

#: Events without keys that are given theirs before anybody is looked for, newest first, and in one batch: a web process
#: does it, and of the largest payloads, 256 KB, each takes some 2 MB of memory.
MOST_KEYED, KEYED_AT_ONCE = 10_000, 20

E = TypeVar("E", bound=models.Model)


class EventQuerySet(models.QuerySet[E]):
    def about(self, text: str) -> EventQuerySet[E]:
        """Return those about a person: a phone number in any notation, an e-mail address, a lead's id.

        None for an empty text. Events that no worker has taken up yet, such as an outage's, get their keys first.
        """
        readings = keys.asked(text, accounts())
        self.write_missing_keys()
        return self.by_keys(EventKey.objects.of(readings))

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
        for start in range(0, len(pks), KEYED_AT_ONCE):
            batch = events.filter(pk__in=pks[start : start + KEYED_AT_ONCE])
            EventKey.objects.write(batch)  # type: ignore[arg-type]  # events, which this module is below


def accounts() -> list[str]:
    """Return the accounts that events may be of: those of the settings, and those that once were."""
    using = router.db_for_write(Subscription)
    known = Subscription.objects.using(using).values_list("account", flat=True).distinct()
    return sorted({*conf.aliases(), *known})
