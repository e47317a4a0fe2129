"""Purging: events that are done with are deleted, once they are old."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import IntegrityError, connections, router, transaction
from django.db.models import ProtectedError, Q, QuerySet, RestrictedError
from django.utils.timezone import now

from zenvia_webhooks.models import Event
from zenvia_webhooks.models.about import MICROSECOND

logger = logging.getLogger(__name__)

#: Statuses that end an event. Quarantined ones are purged like the others: their bodies hold personal data, too.
FINISHED = (
    Event.Status.DISPATCHED,
    Event.Status.UNHANDLED,
    Event.Status.FAILED,
    Event.Status.QUARANTINED,
    Event.Status.ERASED,
)
#: Events that one transaction deletes: few, as whatever wants one of their rows waits for it.
BATCH = 200

#: An event's `received_at` and id: how far a purge has come.
Position = tuple[datetime, int]


@dataclass(frozen=True, kw_only=True)
class Purged:
    """What one transaction of a purge did."""

    #: Events deleted.
    number: int
    #: Where to go on; None at the end.
    position: Position | None
    #: How long it took.
    seconds: float


def to_purge(days: float) -> QuerySet[Event]:
    """Return the finished events that were received more than so many days ago."""
    moment = now()
    age = min(timedelta(days=days), moment - datetime(1000, 1, 1, tzinfo=UTC))  # some mean "keep" by a large number
    # By `received_at`, which has an index, and by status alone: for "next_attempt_at is null" MariaDB would choose that
    # column's index, where nearly all rows are null.
    return Event.objects.using(router.db_for_write(Event)).filter(received_at__lt=moment - age, status__in=FINISHED)


def purge(days: float, after: Position | None = None) -> Iterator[Purged]:
    """Delete `to_purge(days)`, what belongs to it included, in small transactions, the oldest first; yield each one.

    It begins behind `after`, if given. Left alone is what is due or under a claim, whatever its status says, and what
    rows of the host's own protect.
    """
    old = to_purge(days).order_by("received_at", "pk")
    skips_locked = connections[old.db].features.has_select_for_update_skip_locked
    while True:
        began = time.monotonic()
        with transaction.atomic(using=old.db):
            # Locked, so that a replay comes before or after, never in between.
            locked = (old.filter(_behind(after)) if after else old).select_for_update(skip_locked=skips_locked)
            rows = list(locked.values_list("pk", "received_at", "next_attempt_at", "claim")[:BATCH])
            done = [
                pk for pk, _received_at, next_attempt_at, claim in rows if next_attempt_at is None and claim is None
            ]
            deleted = _delete(done, old.db)
        if deleted < len(done):
            logger.warning("%s old events are kept, as rows that refer to them protect them", len(done) - deleted)
        took = time.monotonic() - began
        is_last = len(rows) < BATCH
        after = None if is_last else (rows[-1][1], rows[-1][0])
        yield Purged(number=deleted, position=after, seconds=took)
        if is_last:
            return


def _behind(position: Position) -> Q:
    received_at, pk = position
    # The first condition has the index begin there: with the second alone, all that is passed would be read again.
    return Q(received_at__gt=received_at - MICROSECOND) & (Q(received_at__gt=received_at) | Q(pk__gt=pk))


def _delete(pks: Sequence[int], using: str) -> int:
    """Delete these events but for those that are protected; return how many are gone."""
    connection = connections[using]
    try:
        with transaction.atomic(using=using):
            # Without their columns: bodies may be large.
            Event.objects.using(using).filter(pk__in=pks).only("pk").delete()
            if connection.vendor == "postgresql":
                # Now: a foreign key with DO_NOTHING would else fail at the commit, too late to keep just that event.
                connection.check_constraints()
    except (ProtectedError, RestrictedError, IntegrityError):
        if len(pks) == 1:
            return 0
        middle = len(pks) // 2
        return _delete(pks[:middle], using) + _delete(pks[middle:], using)
    return len(pks)
