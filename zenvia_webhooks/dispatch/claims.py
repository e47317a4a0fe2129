"""Claiming: taking due events so that no two workers hold the same event.

An event is due if its `next_attempt_at` is past. A claim writes a fresh UUID on it and moves `next_attempt_at` ahead by
the lease, so that the event falls due again if its holder dies. An outcome is written only if the event still carries
the claim: this keeps out a holder that took longer than its lease.

An event that falls due with a claim on it is stalled: its holder died. It is claimed alone, as it may have killed it.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import zip_longest
from random import getrandbits
from typing import Any, NamedTuple, cast

from django.db import connections, router, transaction
from django.db.models import Case, When
from django.db.models.functions import Length
from django.db.models.lookups import LessThanOrEqual

from zenvia_webhooks import failpoints
from zenvia_webhooks.dispatch.lease import RunClock
from zenvia_webhooks.erasure import erase
from zenvia_webhooks.models import Delivery, Event, EventKey, statements
from zenvia_webhooks.models.about import EventQuerySet
from zenvia_webhooks.models.clock import DatabaseNow, from_now
from zenvia_webhooks.models.event_key import KeysNotWrittenError

#: Bytes of the bodies behind the payloads that one claim holds in memory.
MAX_BYTES = 8 * 1024 * 1024
WriteKeys = Callable[[Iterable[Event]], None]
#: What a claim reads of an event.
COLUMNS = tuple(field.attname for field in Event._meta.concrete_fields if field.name != "body")


class ClaimLostError(Exception):
    """The event no longer carries this claim: the lease ran out, and another worker may hold it."""


class Due(NamedTuple):
    """A due event as the database's driver reads it."""

    pk: int
    #: Bytes of its body.
    size: int
    #: The moment by the database's clock.
    now: Any
    #: Whether its payload, which is NULL here, has still to be read.
    is_large: bool
    #: Of `COLUMNS`.
    columns: list[Any]


@dataclass(frozen=True, kw_only=True)
class DueDelivery:
    """A delivery of a claimed event, as it was at the moment of the claim."""

    row: Delivery
    #: Whether its next attempt is due, by the database's clock.
    is_due: bool


@dataclass(kw_only=True)
class Claim:
    """The events that one run of the dispatcher has claimed at once."""

    #: Whether its event was claimed before, by a holder that died.
    is_stalled: bool
    #: The clock of the run that made the claim.
    clock: RunClock
    id: uuid.UUID = field(default_factory=uuid.uuid4)
    events: list[Event] = field(default_factory=list)
    #: Event id → its deliveries, oldest first. While the claim holds, nobody else writes them.
    deliveries: dict[int, list[DueDelivery]] = field(default_factory=dict)
    #: Event id → when it fell due.
    due_at: dict[int, datetime | None] = field(default_factory=dict)
    #: Whether more may be due than were taken.
    is_full: bool = False
    #: Whether some that were locked meanwhile did not fit.
    is_cut: bool = False
    #: A moment just before the claim was written, by `time.monotonic()`.
    made_at: float = 0.0
    #: Seconds that the one which fell due first had waited then.
    waited: float = 0.0

    def now(self, event: Event) -> datetime:
        """Return this moment by the database's clock, without asking it; at most a little later, never earlier."""
        lease_ends = cast(datetime, event.next_attempt_at)
        held_for = time.monotonic() - self.made_at
        return lease_ends + timedelta(seconds=held_for - self.clock.lease_seconds)


def claim_due(limit: int, *, newest: int = 0, clock: RunClock | None = None) -> Claim:
    """Claim up to `limit` due events that are not stalled: the oldest due, but for `newest` of them."""
    return _claim(limit, newest, clock or RunClock(), is_stalled=False)


def longest_wait() -> float:
    """Return the seconds that the event which is due for longest has waited; 0 if none is due.

    Claims nothing, and may be read from a replica: it decides an order alone.
    """
    using = router.db_for_write(Event)
    due = _due(using, is_stalled=False).order_by("next_attempt_at").annotate(now=DatabaseNow())
    row = due.values_list("now", "next_attempt_at").first()
    return 0.0 if row is None else (row[0] - cast(datetime, row[1])).total_seconds()


def claim_stalled(clock: RunClock | None = None) -> Claim:
    """Claim the stalled event that has been due for longest, if there is one."""
    return _claim(1, 0, clock or RunClock(), is_stalled=True)


def _claim(limit: int, newest: int, clock: RunClock, *, is_stalled: bool) -> Claim:
    with suppress(KeysNotWrittenError):
        return _make(limit, newest, clock, EventKey.objects.insert, is_stalled=is_stalled)
    # That must not cost the events. A savepoint, which `write()` makes, takes two more queries.
    return _make(limit, newest, clock, EventKey.objects.write, is_stalled=is_stalled)


def _make(limit: int, newest: int, clock: RunClock, write_keys: WriteKeys, *, is_stalled: bool) -> Claim:
    using = router.db_for_write(Event)
    claim = Claim(is_stalled=is_stalled, clock=clock)
    locks_rows = connections[using].features.has_select_for_update
    # Without a lock first: there is hardly ever a stalled one, and a lock would be in other workers' way.
    if (is_stalled or not locks_rows) and not _due(using, is_stalled=is_stalled).exists():
        return claim
    with transaction.atomic(using=using):
        if not locks_rows:
            # SQLite locks the whole database, and a transaction that begins with a read can't always go on to write.
            Event.objects.using(using).filter(pk=0).update(claim=None)
        claim.made_at = time.monotonic()
        chosen = _newest_and_oldest(using, limit, newest, is_stalled=is_stalled)
        fitting = _that_fit(chosen)
        claim.is_cut = len(fitting) < len(chosen)
        claim.is_full = claim.is_cut or len(chosen) >= limit
        if fitting:
            _take(claim, fitting, write_keys, using)
    if fitting:
        failpoints.reach("claims.after_claim")
    return claim


def _due(using: str, *, is_stalled: bool) -> EventQuerySet[Event]:
    due = Event.objects.using(using).filter(next_attempt_at__lte=DatabaseNow())
    return due.exclude(claim=None) if is_stalled else due.filter(claim=None)


def _newest_and_oldest(using: str, limit: int, newest: int, *, is_stalled: bool) -> list[Due]:
    """Lock the due events that are to be claimed; return them in the order in which they are handed out."""
    # So that all payloads that are read here are of no more than `MAX_BYTES`, whether they fit in the claim or not.
    large = MAX_BYTES // max(limit, 1)
    latest = _choose(using, "-next_attempt_at", newest, is_stalled, large) if newest else []
    is_more = len(latest) == newest < limit
    oldest = _choose(using, "next_attempt_at", limit - newest, is_stalled, large) if is_more else []
    known = {due.pk for due in latest}
    oldest = [due for due in oldest if due.pk not in known]
    if newest and len(latest) + len(oldest) == limit:
        # Which come first, chance decides: of a short-lived process's claim, only the first may have their turn.
        pairs = zip_longest(latest, oldest) if getrandbits(1) else zip_longest(oldest, latest)
        return [due for pair in pairs for due in pair if due is not None]
    return sorted(latest + oldest, key=lambda due: due.pk)  # as they came


def _choose(using: str, order: str, limit: int, is_stalled: bool, large: int) -> list[Due]:
    """Lock the first due events in an order, until the end of the transaction."""
    with connections[using].cursor() as cursor:
        cursor.execute(*_select(using, order, limit, is_stalled, large))
        return [Due(pk, size, now, size > large, columns) for pk, size, now, *columns in cursor.fetchall()]


@lru_cache(maxsize=256)
def _select(using: str, order: str, limit: int, is_stalled: bool, large: int) -> tuple[str, tuple[Any, ...]]:
    """Return the statement, and its parameters: to build it takes the ORM longer than to run it."""
    size = Length("body")
    payload = Case(When(LessThanOrEqual(size, large), then="payload"))
    columns = [payload if name == "payload" else name for name in COLUMNS]
    # PostgreSQL, MariaDB from 10.6 and MySQL from 8 pass over what another worker is just taking.
    skips_locked = connections[using].features.has_select_for_update_skip_locked
    due = _due(using, is_stalled=is_stalled).order_by(order).locked(skip_locked=skips_locked)[:limit]
    rows = due.values_list("pk", size, DatabaseNow(), *columns)
    statement: tuple[str, tuple[Any, ...]] = rows.query.get_compiler(using=using).as_sql()
    return statement


def _that_fit(chosen: Sequence[Due]) -> list[Due]:
    """Return those that `MAX_BYTES` allows, in their order."""
    fitting: list[Due] = []
    held = 0
    for due in chosen:
        held += due.size
        if fitting and held > MAX_BYTES:
            break
        fitting.append(due)
    return fitting


def _take(claim: Claim, chosen: Sequence[Due], write_keys: WriteKeys, using: str) -> None:
    """Write the claim on these events, and what it holds of them.

    What is read is read in the claim's transaction: once it is committed, a read that a pooler sends to a replica may
    not find it yet.
    """
    read = statements.reader(Event, COLUMNS, using)
    large = [due.pk for due in chosen if due.is_large]
    whole = Event.objects.using(using).defer("body").in_bulk(large) if large else {}
    now = statements.value(Event, "received_at", chosen[0].now, using)
    lease_ends = now + timedelta(seconds=claim.clock.lease_seconds)
    for due in chosen:
        event = whole.get(due.pk) or read(due.columns)
        claim.due_at[event.pk] = event.next_attempt_at
        event.claim, event.next_attempt_at = claim.id, lease_ends
        claim.events.append(event)
    claim.waited = (now - min(filter(None, claim.due_at.values()))).total_seconds()
    # What is locked is found by its key alone. By the index of what is due, MariaDB would lock what others are just
    # finishing, too: one of the two would end in a deadlock.
    statements.begin_claim(Event, list(claim.due_at), claim.id, lease_ends, using=using)
    # A commit of their own would keep the first receiver waiting.
    write_keys(event for event in claim.events if event.status == Event.Status.PENDING)
    # A pending one that nobody has begun has none.
    begun = [event.pk for event in claim.events if claim.is_stalled or event.status != Event.Status.PENDING]
    claim.deliveries = _deliveries(begun, using)


def _deliveries(events: Collection[int], using: str) -> dict[int, list[DueDelivery]]:
    if not events:
        return {}
    rows = Delivery.objects.using(using).filter(event__in=events).order_by("pk")
    found: dict[int, list[DueDelivery]] = {}
    for row in rows.annotate(now=DatabaseNow()):
        moment: datetime = row.now  # type: ignore[attr-defined]  # the annotation
        is_due = row.next_attempt_at is not None and row.next_attempt_at <= moment
        found.setdefault(row.event_id, []).append(DueDelivery(row=row, is_due=is_due))
    return found


def lock(event: Event, claim_id: uuid.UUID) -> datetime:
    """Lock an event's row until the end of the present transaction; return the moment, by the database's clock.

    Raises ClaimLostError if it does not carry the claim any more.
    """
    using = router.db_for_write(Event)
    held = Event.objects.using(using).filter(pk=event.pk, claim=claim_id).locked()
    for moment in held.annotate(now=DatabaseNow()).values_list("now", flat=True):
        return moment
    raise ClaimLostError(f"event {event.pk} is no longer under claim {claim_id}")


def give_up(claim: Claim, event: Event, seconds: float) -> None:
    """Leave an event whose run broke off to others: stalled, and due in some `seconds`, or sooner by its lease."""
    held = Event.objects.using(router.db_for_write(Event)).filter(pk=event.pk, claim=claim.id)
    held.filter(next_attempt_at__gt=from_now(seconds)).update(claim=uuid.uuid4(), next_attempt_at=from_now(seconds))


def release(claim: Claim, events: Iterable[Event], *, are_begun: bool = False) -> None:
    """Release events, due when they were before. A stalled one stays stalled, and one that was begun is from now on.

    One whose person was erased meanwhile is erased.
    """
    using = router.db_for_write(Event)
    for event in events:
        held = Event.objects.using(using).filter(pk=event.pk, claim=claim.id)
        # A claim that nobody holds: under the previous one, a holder that is merely late could still write.
        left = uuid.uuid4() if claim.is_stalled or are_begun else None
        if not held.exclude(status=Event.Status.ERASED).update(claim=left, next_attempt_at=claim.due_at[event.pk]):
            erase.finish_marked(event.pk, claim.id)
