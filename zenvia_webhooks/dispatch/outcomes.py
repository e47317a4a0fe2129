"""Writing how an attempt ended, and the event's status that follows from it."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import router, transaction

from zenvia_webhooks import failpoints, safe_json
from zenvia_webhooks.dispatch.claims import Claim, ClaimLostError, lock
from zenvia_webhooks.dispatch.retries import delay_after, wait_after
from zenvia_webhooks.erasure import erase
from zenvia_webhooks.models import Delivery, Event, statements
from zenvia_webhooks.models.delivery import NOT_SUCCEEDED, event_status, result_of

MAX_ERROR_LENGTH = 2000


class WorkerDiedError(Exception):
    """An attempt that was begun and has no outcome."""


@dataclass(kw_only=True)
class Outcome:
    """The outcome of one attempt. Each write raises ClaimLostError if the event is no longer ours."""

    event: Event
    claim: Claim
    receiver: str
    #: This attempt included.
    attempts: int
    #: When the attempt began, by `time.monotonic()`; None if nobody knows.
    started: float | None
    #: The delivery's row; None on the first attempt of a new event.
    row: Delivery | None
    #: The event's other deliveries if no other attempt is due after this one: its success then ends the claim.
    others: Sequence[Delivery] | None = None
    is_committed: bool = field(default=False, init=False)
    has_ended_claim: bool = field(default=False, init=False)
    #: The delivery's row as this attempt leaves it.
    written: Delivery = field(init=False)

    def committed(self) -> None:
        """Note that the receiver's transaction, and the success with it, is committed."""
        self.is_committed = True

    def write_success(self, returned: object) -> None:
        """Write that the receiver succeeded, in the present transaction."""
        columns = {"status": Delivery.Status.SUCCEEDED, "error": "", "result": result_of(returned)}
        if not self._end_with(**columns, next_attempt_at=None, finished_at=self.claim.now(self.event)):
            # One whose person was erased meanwhile is erased after the commit, with what is written here.
            self._write(**columns, next_attempt_at=None, finished_at=lock(self.event, self.claim.id))
        failpoints.reach("outcomes.before_commit")

    def _end_with(self, **columns: Any) -> bool:
        """End the claim with this outcome, if it is the last; tell whether that is done."""
        if self.others is None:
            return False
        row = self._new(**columns)
        finished = _finished(self.event, self.claim, [*self.others, row])
        if self.row is None:
            self.written = row
            self.has_ended_claim = _end_claim(self.event, self.claim, finished, then=row)
        else:
            # Before the delivery, as it locks the event, and only if that is still ours.
            self.has_ended_claim = _end_claim(self.event, self.claim, finished)
            if self.has_ended_claim:
                self._write(**columns)
        return self.has_ended_claim

    def write_failure(self, error: BaseException, frames: str, *, is_gone: bool) -> Delivery:
        """Write that the receiver failed, where, and when it is attempted again, if at all; return its row.

        If it has succeeded in this attempt after all, its row is left as it is.
        """
        self.has_ended_claim = False
        final = Delivery.Status.GONE if is_gone else Delivery.Status.FAILED
        delay = wait_after(error, self.attempts)
        with transaction.atomic(using=router.db_for_write(Event)):
            moment = lock(self.event, self.claim.id)
            next_attempt_at = None if delay is None else moment + timedelta(seconds=delay)
            if delay is not None and isinstance(error, WorkerDiedError) and self.row is not None:
                next_attempt_at = self.row.next_attempt_at  # as it was committed before that attempt
            return self._write(
                status=final if delay is None else Delivery.Status.RETRYING,
                error=error_text(error),
                traceback=frames,
                next_attempt_at=next_attempt_at,
                finished_at=moment if delay is None else None,
            )

    def _write(self, **columns: Any) -> Delivery:
        using = router.db_for_write(Event)
        if self.row is None:
            self.written = self._new(**columns)
            statements.insert(self.written, using=using)
        else:
            # Nobody else writes rows under our claim. If one is finished all the same, an earlier commit of ours came
            # through although the connection broke, and its success must not become a failure.
            rows = Delivery.objects.using(using)
            rows.open().filter(pk=self.row.pk).update(**columns, **self._measured())
            self.written = rows.get(pk=self.row.pk)
        return self.written

    def _new(self, **columns: Any) -> Delivery:
        row = Delivery(event=self.event, receiver=self.receiver, **columns, **self._measured())
        # As the database will write it, so that a host's receiver of `post_save` that reads it need not ask for it.
        row.failing_receiver = row.receiver if row.status in NOT_SUCCEEDED else None
        return row

    def _measured(self) -> dict[str, int | None]:
        took = None if self.started is None else int(1000 * (time.monotonic() - self.started))
        return {"attempts": self.attempts, "duration_ms": took}


def count_attempt(event: Event, claim: Claim, receiver: str, row: Delivery | None, number: int) -> Delivery:
    """Commit an attempt's number, and when the one after it would be due, before it runs; return its delivery's row.

    Its error and traceback stay empty until there is an outcome: see `is_without_outcome`.
    """
    rows = Delivery.objects.using(router.db_for_write(Event))
    delay = delay_after(number)
    with transaction.atomic(using=rows.db):
        # After the last attempt, it is due for as long as its event is ours: if we die, the next holder finds it.
        due_at = lock(event, claim.id) + timedelta(seconds=delay or 0)
        begun = {"attempts": number, "next_attempt_at": due_at, "error": "", "traceback": ""}
        if row is None:
            return rows.create(event=event, receiver=receiver, **begun)
        rows.filter(pk=row.pk).update(**begun)
        return rows.get(pk=row.pk)


def is_without_outcome(row: Delivery) -> bool:
    """Tell whether a delivery's last attempt began and never ended."""
    return row.status == Delivery.Status.RETRYING and row.attempts > 0 and not row.error


def error_text(error: BaseException) -> str:
    """Return what a delivery keeps of an exception: its kind and message, safe for every database."""
    text: str = safe_json.make_safe("".join(traceback.format_exception_only(error)).strip())
    return text[:MAX_ERROR_LENGTH]


def finish_event(event: Event, claim: Claim, rows: Sequence[Delivery]) -> None:
    """Write an event's status, and when it is due again, by all its deliveries; end the claim.

    They are what the holder of the claim has read and written: nobody else writes them. Read again outside of a
    transaction, they might come from a replica that does not know yet what was written a moment ago.
    Raises ClaimLostError.
    """
    if not _end_claim(event, claim, _finished(event, claim, rows)):
        finish_as_erased(event, claim)


def _finished(event: Event, claim: Claim, rows: Sequence[Delivery]) -> dict[str, Any]:
    next_attempts = [row.next_attempt_at for row in rows if row.next_attempt_at is not None]
    return {
        "status": event_status(event, rows),
        "next_attempt_at": min(next_attempts, default=None),
        "finished_at": None if next_attempts else claim.now(event),
    }


def finish_as_same(event: Event, claim: Claim, other: int) -> None:
    """Write that receivers have another event, of that id, in this one's place; end the claim.

    Raises ClaimLostError.
    """
    columns = {"next_attempt_at": None, "finished_at": claim.now(event), "same_as": other}
    if not _end_claim(event, claim, {"status": Event.Status.DISPATCHED, **columns}):
        finish_as_erased(event, claim)


def finish_as_erased(event: Event, claim: Claim) -> None:
    """Erase an event whose person was erased while somebody had it; raises ClaimLostError."""
    if not erase.finish_marked(event.pk, claim.id):
        raise ClaimLostError(f"event {event.pk} is no longer under claim {claim.id}")


def _end_claim(event: Event, claim: Claim, columns: Mapping[str, Any], then: Delivery | None = None) -> bool:
    """Tell whether it was there to be ended, on an event that nobody has marked as erased; write a delivery then."""
    using, erased = router.db_for_write(Event), Event.Status.ERASED
    return statements.end_claim(Event, event.pk, claim.id, columns, unless=erased, using=using, then=then)
