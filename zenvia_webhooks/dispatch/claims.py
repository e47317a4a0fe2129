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
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any, cast

from django.db import connections, router, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Length

from zenvia_webhooks import failpoints
from zenvia_webhooks.dispatch.lease import RunClock
from zenvia_webhooks.erasure import erase
from zenvia_webhooks.models import Delivery, Event, EventKey
from zenvia_webhooks.models.about import EventQuerySet
from zenvia_webhooks.models.clock import DatabaseNow, from_now

#: Bytes of the bodies behind the payloads that one claim holds in memory.
MAX_BYTES = 8 * 1024 * 1024
#: A due event: its id, when it fell due, and the bytes of its body.
Due = tuple[int, datetime | None, int]


class ClaimLostError(Exception):
    """The event no longer carries this claim: the lease ran out, and another worker may hold it."""


@dataclass(frozen=True, kw_only=True)
class DueDelivery:
    """A delivery of a claimed event, as it was at the moment of the claim."""

    row: Delivery
    #: Whether its next attempt is due, by the database's clock.
    is_due: bool


@dataclass(frozen=True, kw_only=True)
class Claim:
    """The events that one run of the dispatcher has claimed at once."""

    id: uuid.UUID
    events: list[Event]
    #: Event id → its deliveries, oldest first. While the claim holds, nobody else writes them.
    deliveries: dict[int, list[DueDelivery]]
    #: Event id → when it fell due.
    due_at: dict[int, datetime | None]
    #: Whether more may be due than were taken.
    is_full: bool
    #: Whether its event was claimed before, by a holder that died.
    is_stalled: bool
    #: The clock of the run that made the claim.
    clock: RunClock
    #: A moment just before the claim was written, by `time.monotonic()`.
    made_at: float

    def now(self, event: Event) -> datetime:
        """Return this moment by the database's clock, without asking it; at most a little later, never earlier."""
        lease_ends = cast(datetime, event.next_attempt_at)
        held_for = time.monotonic() - self.made_at
        return lease_ends + timedelta(seconds=held_for - self.clock.lease_seconds)


def claim_due(limit: int, *, newest: int | None = None, clock: RunClock | None = None) -> Claim:
    """Claim up to `limit` due events that are not stalled.

    `newest` of them are the newest due (by default, half), so that today's lead does not wait behind a backlog.
    """
    due = _due().filter(claim=None)
    number = limit // 2 if newest is None else newest
    return _claim(due, lambda rows: _newest_and_oldest(rows, limit, number), limit, clock or RunClock())


def claim_stalled(clock: RunClock | None = None) -> Claim:
    """Claim the stalled event that has been due for longest, if there is one."""
    stalled, clock = _due().exclude(claim=None), clock or RunClock()
    # Without a lock, as there is hardly ever one, and a lock would be in other workers' way.
    if not stalled.exists():
        none: dict[str, Any] = {"events": [], "deliveries": {}, "due_at": {}, "made_at": clock.started}
        return Claim(id=uuid.uuid4(), is_full=False, is_stalled=True, clock=clock, **none)
    return _claim(stalled, lambda rows: list(rows.order_by("next_attempt_at")[:1]), 1, clock, is_stalled=True)


def _due() -> EventQuerySet[Event]:
    return Event.objects.using(router.db_for_write(Event)).filter(next_attempt_at__lte=DatabaseNow())


def _claim(
    due: EventQuerySet[Event],
    choose: Callable[[QuerySet[Event, Due]], list[Due]],
    limit: int,
    clock: RunClock,
    *,
    is_stalled: bool = False,
) -> Claim:
    claim_id, made_at, using = uuid.uuid4(), time.monotonic(), due.db
    # PostgreSQL, MariaDB from 10.6 and MySQL from 8 pass over what another worker is just taking. On SQLite
    # the update's own condition decides: what another was faster to take is no longer due. There, the choice is made
    # before the transaction, as one that begins with a read can't always go on to write.
    skips_locked = connections[using].features.has_select_for_update_skip_locked
    columns = ("pk", "next_attempt_at", Length("body"))
    chosen = [] if skips_locked else choose(due.values_list(*columns))
    due_at: dict[int, datetime | None] = {}
    mine: dict[int, Event] = {}
    deliveries: dict[int, list[DueDelivery]] = {}
    if skips_locked or chosen:
        with transaction.atomic(using=using):
            if skips_locked:
                chosen = choose(due.locked(skip_locked=True).values_list(*columns))
            if due_at := _that_fit(chosen, limit):
                made_at = time.monotonic()
                # What is locked is found by its key alone. By the index of what is due, MariaDB would lock what others
                # are just finishing, too: one of the two would end in a deadlock.
                taken = Event.objects.using(using) if skips_locked else due
                mine, deliveries = _take(taken.filter(pk__in=due_at), claim_id, clock)
    if due_at:
        failpoints.reach("claims.after_claim")
    return Claim(
        id=claim_id,
        events=[mine[pk] for pk in due_at if pk in mine],
        deliveries=deliveries,
        due_at=due_at,
        is_full=len(chosen) >= limit or len(due_at) < len(chosen),
        is_stalled=is_stalled,
        clock=clock,
        made_at=made_at,
    )


def _take(
    taken: QuerySet[Event], claim_id: uuid.UUID, clock: RunClock
) -> tuple[dict[int, Event], dict[int, list[DueDelivery]]]:
    """Write the claim on these events; return them by id, and their deliveries.

    All in the claim's transaction: once it is committed, a read that a pooler sends to a replica may not find it yet.
    """
    taken.update(claim=claim_id, next_attempt_at=from_now(clock.lease_seconds))
    rows = Event.objects.using(taken.db).filter(claim=claim_id).defer("body")
    was_attempted = Exists(Delivery.objects.filter(event=OuterRef("pk")))
    mine: dict[int, Event] = {event.pk: event for event in rows.annotate(was_attempted=was_attempted)}
    # A commit of their own would keep the first receiver waiting.
    EventKey.objects.write(event for event in mine.values() if event.status == Event.Status.PENDING)
    return mine, _deliveries([pk for pk, event in mine.items() if vars(event).pop("was_attempted")], taken.db)


def _that_fit(chosen: Sequence[Due], limit: int) -> dict[int, datetime | None]:
    """Return id → when it fell due, in the order in which they are handed out, of those that `MAX_BYTES` allow."""
    due_at: dict[int, datetime | None] = {}
    held = 0
    # With a backlog, newest and oldest in turn; else as they came.
    for pk, moment, size in _in_turn(chosen) if len(chosen) >= limit else sorted(chosen):
        held += size
        if due_at and held > MAX_BYTES:
            break
        due_at[pk] = moment
    return due_at


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


def _newest_and_oldest(rows: QuerySet[Event, Due], limit: int, newest: int) -> list[Due]:
    chosen = list(rows.order_by("-next_attempt_at")[:newest])
    if len(chosen) < newest:
        return chosen  # there are no more
    oldest = rows.exclude(pk__in=[pk for pk, _due_at, _size in chosen]).order_by("next_attempt_at")
    return chosen + list(oldest[: limit - newest])


def _in_turn(chosen: Sequence[Due]) -> list[Due]:
    newest, oldest = chosen[: len(chosen) // 2], chosen[len(chosen) // 2 :]
    return [due for pair in zip_longest(newest, oldest) for due in pair if due is not None]


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


def release(claim: Claim, events: Iterable[Event]) -> None:
    """Release events that were not begun, due when they were before; a stalled one stays stalled.

    One whose person was erased meanwhile is erased.
    """
    using = router.db_for_write(Event)
    for event in events:
        held = Event.objects.using(using).filter(pk=event.pk, claim=claim.id)
        # A claim that nobody holds: under the previous one, a holder that is merely late could still write.
        left = uuid.uuid4() if claim.is_stalled else None
        if not held.exclude(status=Event.Status.ERASED).update(claim=left, next_attempt_at=claim.due_at[event.pk]):
            erase.finish_marked(event.pk, claim.id)
