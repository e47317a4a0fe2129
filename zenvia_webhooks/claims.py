"""Claiming: taking due events so that no two workers hold one at once.

An event is due when its `next_attempt_at` is past. A claim marks it with a fresh UUID and moves `next_attempt_at`
ahead by the lease, so that it falls due again should its holder die. Whoever writes an outcome asks first whether the
event still carries its claim: the fence against a holder that took longer than its lease.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest

from django.db import connections, router, transaction
from django.db.models import QuerySet

from zenvia_webhooks.clock import DatabaseNow, from_now
from zenvia_webhooks.conf import conf
from zenvia_webhooks.models import Event

#: The part of a lease after which nothing more is started.
STARTING_PART = 0.2


class ClaimLostError(Exception):
    """The event no longer carries this claim: the lease ran out, and another may have it."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What one run of the dispatcher has in hand."""

    id: uuid.UUID
    events: list[Event]
    #: Event id → when it fell due.
    due_at: dict[int, datetime | None]
    #: Whether more may be due than were taken.
    is_full: bool
    #: By `time.monotonic()`: nothing is started after it.
    starting_ends: float

    @property
    def may_start(self) -> bool:
        return time.monotonic() < self.starting_ends


def claim_due(limit: int) -> Claim:
    """Claim up to `limit` due events, half of them the newest due: a backlog does not make today's lead wait."""
    claim_id, lease = uuid.uuid4(), conf.lease_seconds
    using = router.db_for_write(Event)
    due = Event.objects.using(using).filter(next_attempt_at__lte=DatabaseNow())
    starting_ends = time.monotonic() + STARTING_PART * lease
    candidates, together = due, contextlib.ExitStack()
    # PostgreSQL, MariaDB from 10.6 and MySQL from 8 pass over what another worker is just taking. Elsewhere (SQLite)
    # the update's own condition decides: what another was faster to take is no longer due.
    if connections[using].features.has_select_for_update_skip_locked:
        together.enter_context(transaction.atomic(using=using))
        candidates = due.select_for_update(skip_locked=True)
    with together:
        due_at = _newest_and_oldest(candidates, limit)
        if due_at:
            due.filter(pk__in=due_at).update(claim=claim_id, next_attempt_at=from_now(lease))
    mine = Event.objects.using(using).filter(claim=claim_id).in_bulk(list(due_at)) if due_at else {}
    is_full = len(due_at) >= limit
    return Claim(
        id=claim_id,
        # With a backlog, newest and oldest in turn; else as they came.
        events=[mine[pk] for pk in (_in_turn(due_at) if is_full else sorted(mine)) if pk in mine],
        due_at=due_at,
        is_full=is_full,
        starting_ends=starting_ends,
    )


def _newest_and_oldest(candidates: QuerySet[Event], limit: int) -> dict[int, datetime | None]:
    rows = candidates.values_list("pk", "next_attempt_at")
    chosen = dict(rows.order_by("-next_attempt_at")[: limit // 2])
    for pk, due_at in rows.order_by("next_attempt_at")[:limit]:
        if len(chosen) == limit:
            break
        chosen[pk] = due_at
    return chosen


def _in_turn(due_at: Iterable[int]) -> list[int]:
    newest_first = list(due_at)
    newest, oldest = newest_first[: len(newest_first) // 2], newest_first[len(newest_first) // 2 :]
    return [pk for pair in zip_longest(newest, oldest) for pk in pair if pk is not None]


def lock(event: Event, claim_id: uuid.UUID) -> None:
    """Lock an event's row until the end of the present transaction.

    Raises ClaimLostError where it does not carry the claim any more.
    """
    using = router.db_for_write(Event)
    held = Event.objects.using(using).select_for_update().filter(pk=event.pk, claim=claim_id)
    if not list(held.values_list("pk")):
        raise ClaimLostError(f"event {event.pk} is no longer under claim {claim_id}")


def give_back(claim: Claim, events: Iterable[Event]) -> None:
    """Return events that were not started, as due as they were."""
    using = router.db_for_write(Event)
    for event in events:
        held = Event.objects.using(using).filter(pk=event.pk, claim=claim.id)
        held.update(claim=None, next_attempt_at=claim.due_at[event.pk])
