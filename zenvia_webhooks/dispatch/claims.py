"""Claiming: taking due events so that no two workers hold one at once.

An event is due when its `next_attempt_at` is past. A claim marks it with a fresh UUID and moves `next_attempt_at`
ahead by the lease, so that it falls due again should its holder die. Whoever writes an outcome asks first whether the
event still carries its claim: the fence against a holder that took longer than its lease.

One that falls due with a claim on it is stalled: its holder died, and it may be what killed it. It is claimed alone.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest

from django.db import connections, router, transaction
from django.db.models import QuerySet

from zenvia_webhooks import failpoints
from zenvia_webhooks.dispatch.lease import RunClock
from zenvia_webhooks.models import Event
from zenvia_webhooks.models.clock import DatabaseNow, from_now

#: Event id → when it fell due, in the order in which they were chosen.
DueAt = dict[int, datetime | None]


class ClaimLostError(Exception):
    """The event no longer carries this claim: the lease ran out, and another may have it."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What one run of the dispatcher has in hand."""

    id: uuid.UUID
    events: list[Event]
    due_at: DueAt
    #: Whether more may be due than were taken.
    is_full: bool
    #: Whether its event was in the hands of a holder that died.
    is_stalled: bool
    #: Of the run that made it.
    clock: RunClock


def claim_due(limit: int, *, newest: int | None = None, clock: RunClock | None = None) -> Claim:
    """Claim up to `limit` due events that are not stalled.

    So many of them are the newest due (by default, half): a backlog does not make today's lead wait.
    """
    due = _due().filter(claim=None)
    number = limit // 2 if newest is None else newest
    return _claim(due, lambda rows: _newest_and_oldest(rows, limit, number), limit, clock or RunClock())


def claim_stalled(clock: RunClock | None = None) -> Claim:
    """Claim the stalled event that has been due for longest, if there is any."""
    stalled, clock = _due().exclude(claim=None), clock or RunClock()
    # There is hardly ever one, and a look without a lock gets in nobody's way.
    if not stalled.exists():
        return Claim(id=uuid.uuid4(), events=[], due_at={}, is_full=False, is_stalled=True, clock=clock)
    return _claim(stalled, lambda rows: dict(rows.order_by("next_attempt_at")[:1]), 1, clock, is_stalled=True)


def _due() -> QuerySet[Event]:
    return Event.objects.using(router.db_for_write(Event)).filter(next_attempt_at__lte=DatabaseNow())


def _claim(
    due: QuerySet[Event],
    choose: Callable[[QuerySet[Event, tuple[int, datetime | None]]], DueAt],
    limit: int,
    clock: RunClock,
    *,
    is_stalled: bool = False,
) -> Claim:
    claim_id, using = uuid.uuid4(), due.db
    candidates, together = due, contextlib.ExitStack()
    # PostgreSQL, MariaDB from 10.6 and MySQL from 8 pass over what another worker is just taking. Elsewhere (SQLite)
    # the update's own condition decides: what another was faster to take is no longer due.
    if connections[using].features.has_select_for_update_skip_locked:
        together.enter_context(transaction.atomic(using=using))
        candidates = due.select_for_update(skip_locked=True)
    with together:
        due_at = choose(candidates.values_list("pk", "next_attempt_at"))
        if due_at:
            due.filter(pk__in=due_at).update(claim=claim_id, next_attempt_at=from_now(clock.lease_seconds))
    if due_at:
        failpoints.reach("claims.after_claim")
    mine = Event.objects.using(using).filter(claim=claim_id).in_bulk(list(due_at)) if due_at else {}
    is_full = len(due_at) >= limit
    return Claim(
        id=claim_id,
        # With a backlog, newest and oldest in turn; else as they came.
        events=[mine[pk] for pk in (_in_turn(due_at) if is_full else sorted(mine)) if pk in mine],
        due_at=due_at,
        is_full=is_full,
        is_stalled=is_stalled,
        clock=clock,
    )


def _newest_and_oldest(rows: QuerySet[Event, tuple[int, datetime | None]], limit: int, newest: int) -> DueAt:
    chosen = dict(rows.order_by("-next_attempt_at")[:newest])
    return chosen | dict(rows.exclude(pk__in=chosen).order_by("next_attempt_at")[: limit - len(chosen)])


def _in_turn(due_at: Iterable[int]) -> list[int]:
    chosen = list(due_at)
    newest, oldest = chosen[: len(chosen) // 2], chosen[len(chosen) // 2 :]
    return [pk for pair in zip_longest(newest, oldest) for pk in pair if pk is not None]


def lock(event: Event, claim_id: uuid.UUID) -> None:
    """Lock an event's row until the end of the present transaction.

    Raises ClaimLostError where it does not carry the claim any more.
    """
    using = router.db_for_write(Event)
    held = Event.objects.using(using).select_for_update().filter(pk=event.pk, claim=claim_id)
    if not list(held.values_list("pk")):
        raise ClaimLostError(f"event {event.pk} is no longer under claim {claim_id}")


def release(claim: Claim, events: Iterable[Event]) -> None:
    """Return events that were not started, as due as they were; a stalled one stays stalled."""
    using = router.db_for_write(Event)
    for event in events:
        held = Event.objects.using(using).filter(pk=event.pk, claim=claim.id)
        # A claim that nobody holds: under its old one, a holder that is merely late could still write.
        left = uuid.uuid4() if claim.is_stalled else None
        held.update(claim=left, next_attempt_at=claim.due_at[event.pk])
