"""Writing down how an attempt went, and what that makes of the event."""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass, field
from typing import Any

from django.db import router, transaction

from zenvia_webhooks import failpoints, safe_json
from zenvia_webhooks.dispatch.claims import Claim, ClaimLostError, lock
from zenvia_webhooks.dispatch.retries import delay_after, wait_after
from zenvia_webhooks.models import Delivery, Event
from zenvia_webhooks.models.clock import DatabaseNow, from_now
from zenvia_webhooks.models.delivery import result_of
from zenvia_webhooks.signals import event_received, topic_signal

MAX_ERROR_LENGTH = 2000


class WorkerDiedError(Exception):
    """An attempt that was begun and has no outcome."""


@dataclass(kw_only=True)
class Outcome:
    """The outcome of one attempt. Each write raises ClaimLostError where the event is no longer ours."""

    event: Event
    claim: Claim
    receiver: str
    #: This attempt included.
    attempts: int
    #: By `time.monotonic()`; None where nobody knows.
    started: float | None
    #: The delivery's row; None on the first attempt of a new event.
    row: Delivery | None
    is_committed: bool = field(default=False, init=False)

    def committed(self) -> None:
        """Take note that the receiver's transaction, success included, is committed."""
        self.is_committed = True

    def write_success(self, returned: object) -> None:
        """Write that the receiver succeeded, in the present transaction."""
        lock(self.event, self.claim.id)
        self._write(
            status=Delivery.Status.SUCCEEDED,
            error="",
            result=result_of(returned),
            next_attempt_at=None,
            finished_at=DatabaseNow(),
        )
        failpoints.reach("outcomes.before_commit")

    def write_failure(self, error: Exception, *, is_gone: bool) -> Delivery:
        """Write that the receiver failed, and when it is tried again, if at all; return its row.

        One that has succeeded in this attempt, after all, is left as it is.
        """
        final = Delivery.Status.GONE if is_gone else Delivery.Status.FAILED
        delay = wait_after(error, self.attempts)
        next_attempt_at: Any = None if delay is None else from_now(delay)
        if delay is not None and isinstance(error, WorkerDiedError) and self.row is not None:
            next_attempt_at = self.row.next_attempt_at  # as it was committed before that attempt
        with transaction.atomic(using=router.db_for_write(Event)):
            lock(self.event, self.claim.id)
            pk = self._write(
                status=final if delay is None else Delivery.Status.RETRYING,
                error=error_text(error),
                next_attempt_at=next_attempt_at,
                finished_at=DatabaseNow() if delay is None else None,
            )
        return Delivery.objects.using(router.db_for_write(Event)).get(pk=pk)

    def _write(self, **columns: Any) -> int:
        took = None if self.started is None else int(1000 * (time.monotonic() - self.started))
        columns |= {"attempts": self.attempts, "duration_ms": took}
        rows = Delivery.objects.using(router.db_for_write(Event))
        # Nobody else writes rows under our claim. Should one be finished, or there before us, all the same, our own
        # commit came through although the connection broke, and its success must not become a failure.
        if self.row is not None:
            rows.open().filter(pk=self.row.pk).update(**columns)
            return self.row.pk
        return rows.create(event=self.event, receiver=self.receiver, **columns).pk


def count_attempt(event: Event, claim: Claim, receiver: str, row: Delivery | None, number: int) -> Delivery:
    """Commit an attempt's number, and when the one after it would be due, before it runs; return its delivery's row.

    Its error stays empty until there is an outcome: see `is_without_outcome`.
    """
    rows = Delivery.objects.using(router.db_for_write(Event))
    delay = delay_after(number)
    # After the last, it is due for as long as its event is ours: whoever takes that over finds that it died.
    begun = {"attempts": number, "next_attempt_at": DatabaseNow() if delay is None else from_now(delay), "error": ""}
    with transaction.atomic(using=rows.db):
        lock(event, claim.id)
        if row is None:
            row = rows.create(event=event, receiver=receiver, **begun)
        else:
            rows.filter(pk=row.pk).update(**begun)
    return rows.get(pk=row.pk)


def is_without_outcome(row: Delivery) -> bool:
    """Tell whether a delivery's last attempt was begun and never ended."""
    return row.status == Delivery.Status.RETRYING and row.attempts > 0 and not row.error


def error_text(error: Exception) -> str:
    """Return what a delivery keeps of an exception: its kind and message, safe for every database."""
    text: str = safe_json.make_safe("".join(traceback.format_exception_only(error)).strip())
    return text[:MAX_ERROR_LENGTH]


def finish_event(event: Event, claim: Claim) -> None:
    """Write an event's status, and when it is due again, by its deliveries; end the claim.

    Raises ClaimLostError.
    """
    using = router.db_for_write(Event)
    rows = list(Delivery.objects.using(using).filter(event=event))
    next_attempts = [row.next_attempt_at for row in rows if row.next_attempt_at is not None]
    # Nobody else writes rows under our claim, so they are as they were read if it is still there.
    held = Event.objects.using(using).filter(pk=event.pk, claim=claim.id)
    written = held.update(
        status=event_status(event.topic, rows),
        claim=None,
        next_attempt_at=min(next_attempts, default=None),
        finished_at=None if next_attempts else DatabaseNow(),
    )
    if not written:
        raise ClaimLostError(f"event {event.pk} is no longer under claim {claim.id}")


def event_status(topic: str, rows: list[Delivery]) -> Event.Status:
    """Return what deliveries make of their event, each connected receiver having one."""
    statuses = {row.status for row in rows}
    if Delivery.Status.RETRYING in statuses:
        return Event.Status.RETRYING
    if statuses & {Delivery.Status.FAILED, Delivery.Status.GONE}:
        return Event.Status.FAILED
    own = topic_signal(topic)
    if own is not None:
        # A mere logger on `event_received` does not hide that nobody takes leads. What is connected to neither here
        # was connected to the topic's own signal elsewhere, or before.
        own_names = {receiver.name for receiver in own.connected(Event)}
        loggers = {receiver.name for receiver in event_received.connected(Event)} - own_names
        rows = [row for row in rows if row.receiver not in loggers]
    return Event.Status.DISPATCHED if rows else Event.Status.UNHANDLED
