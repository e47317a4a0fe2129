"""One attempt: a receiver is run for an event, and what came of it is written down."""

from __future__ import annotations

import asyncio
import copy
import inspect
import logging
import time
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any

from asgiref.sync import async_to_sync
from celery.exceptions import SoftTimeLimitExceeded
from django.db import connections, router, transaction

from zenvia_webhooks import failpoints
from zenvia_webhooks.conf import conf
from zenvia_webhooks.dispatch import outcomes
from zenvia_webhooks.dispatch.claims import Claim, ClaimLostError
from zenvia_webhooks.dispatch.lease import SOFT_PART, RunClock
from zenvia_webhooks.dispatch.outcomes import WorkerDiedError
from zenvia_webhooks.dispatch.retries import is_last
from zenvia_webhooks.dispatch.transactions import TransactionLeftOpenError, none_left_open
from zenvia_webhooks.exceptions import GiveUp, RetryLater
from zenvia_webhooks.models import Delivery, Event
from zenvia_webhooks.signals import Receiver, delivery_failed

logger = logging.getLogger(__name__)


class NotConnectedError(Exception):
    """The receiver is not connected in this worker: renamed, removed, or in code not deployed here yet."""


class ReceiverExitedError(Exception):
    """The receiver wanted to end the process; it is one of many that run there."""


class ReceiverCancelledError(Exception):
    """The receiver let a cancellation out that was not meant for it."""


class TooSlowError(Exception):
    """The receiver was still running at the soft time limit."""

    def __init__(self, clock: RunClock) -> None:
        super().__init__(
            f"it was still running {SOFT_PART * clock.lease_seconds:g} s after its run began, "
            f"{SOFT_PART:.0%} of LEASE_SECONDS"
        )


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One run of one receiver for one event under one claim."""

    event: Event
    claim: Claim
    name: str
    #: None where it is not connected in this worker.
    receiver: Receiver | None
    #: The delivery's row; None on the first attempt of a new event.
    row: Delivery | None

    @property
    def number(self) -> int:
        return (self.row.attempts if self.row else 0) + 1


def run_attempt(attempt: Attempt) -> None:
    """Run a receiver and write down how it went.

    Raises ClaimLostError where another has taken the event over meanwhile.
    """
    outcome = _outcome_of(attempt, attempt.number, started=time.monotonic())
    if attempt.row is not None and is_last(attempt.row.attempts):
        outcome.attempts = attempt.row.attempts
        _record_failure(
            attempt, outcome, WorkerDiedError("the worker died in the last attempt, or RETRY_DELAYS was cut")
        )
        return
    if attempt.row is not None or attempt.claim.is_stalled:
        # Counted beforehand, so that a receiver which kills its worker does not run for ever.
        outcome.row = outcomes.count_attempt(attempt.event, attempt.claim, attempt.name, attempt.row, attempt.number)
        failpoints.reach("attempts.after_count")
    try:
        _deliver(attempt, outcome)
    except ClaimLostError:
        raise
    except Exception as error:
        log: dict[str, Any] = {"receiver": attempt.name, "event": attempt.event.pk, "attempt": attempt.number}
        readable = _readable(attempt, error)
        if outcome.is_committed:
            logger.exception("on_commit of receiver=%(receiver)s failed event=%(event)s attempt=%(attempt)s", log)
            return
        if isinstance(error, RetryLater | GiveUp):
            log["choice"] = repr(error)
            logger.warning("receiver=%(receiver)s failed event=%(event)s attempt=%(attempt)s %(choice)s", log)
        else:
            logger.exception("receiver=%(receiver)s failed event=%(event)s attempt=%(attempt)s", log)
        _record_failure(attempt, outcome, readable)


def record_death(attempt: Attempt) -> None:
    """Write down that an attempt which was begun has no outcome: its worker died, or was too late with it."""
    outcome = _outcome_of(attempt, attempt.number - 1, started=None)
    died = WorkerDiedError("the worker died in this attempt, or held the event for longer than LEASE_SECONDS")
    _record_failure(attempt, outcome, died)


def _outcome_of(attempt: Attempt, attempts: int, *, started: float | None) -> outcomes.Outcome:
    return outcomes.Outcome(
        event=attempt.event,
        claim=attempt.claim,
        receiver=attempt.name,
        attempts=attempts,
        started=started,
        row=attempt.row,
    )


def _readable(attempt: Attempt, error: Exception) -> Exception:
    clock, connection = attempt.claim.clock, connections[router.db_for_write(Event)]
    # Whatever the receiver made of the interruption: it may have come in the middle of a query.
    if (isinstance(error, SoftTimeLimitExceeded) or clock.seconds_left <= 0) and not connection.in_atomic_block:
        connection.close()
    return TooSlowError(clock) if isinstance(error, SoftTimeLimitExceeded) else error


def _record_failure(attempt: Attempt, outcome: outcomes.Outcome, error: Exception) -> None:
    row = outcome.write_failure(error, is_gone=attempt.receiver is None)
    if row.status != Delivery.Status.SUCCEEDED:
        try:
            with none_left_open():
                delivery_failed.send_robust(sender=Delivery, event=copy.deepcopy(attempt.event), delivery=row)
        except TransactionLeftOpenError:
            logger.exception("a receiver of delivery_failed left a transaction open event=%s", attempt.event.pk)


def _deliver(attempt: Attempt, outcome: outcomes.Outcome) -> None:
    if attempt.receiver is None:
        raise NotConnectedError(f"{attempt.name} is not connected in this worker")
    using, clock = router.db_for_write(Event), attempt.claim.clock
    if not (conf.atomic_receivers and attempt.receiver.is_atomic):
        with none_left_open():
            returned = _call(attempt.receiver, attempt.event, clock)
        with transaction.atomic(using=using):
            outcome.write_success(returned)
        return
    with none_left_open(), transaction.atomic(using=using):
        # The first of the transaction's callbacks, so that it runs whatever becomes of the receiver's own.
        transaction.on_commit(outcome.committed, using=using)
        # Nothing of ours is locked or written until it has returned.
        outcome.write_success(_call(attempt.receiver, attempt.event, clock))


def _call(receiver: Receiver, event: Event, clock: RunClock) -> Any:
    # A copy: what one receiver does to it, the next does not see.
    arguments: Mapping[str, Any] = {"signal": receiver.signal, "sender": Event, "event": copy.deepcopy(event)}
    failpoints.reach("attempts.before_receiver")
    try:
        returned = receiver.function(**arguments)
        # By what it returned: a decorator, or an object that can be called, does not show that it is asynchronous.
        if inspect.isawaitable(returned):
            returned = async_to_sync(_finish)(returned, clock)
    except SystemExit as error:
        if type(error) is not SystemExit or (isinstance(error.code, int) and error.code < 0):
            raise  # Celery's own, and what a pool's process makes of a signal: meant for the worker
        raise ReceiverExitedError(f"it called sys.exit({error.code!r})") from error
    except asyncio.CancelledError as error:
        # No `Exception`, and so nothing that Celery survives.
        raise ReceiverCancelledError("something that it awaited was cancelled") from error
    if clock.seconds_left <= 0:
        # `except Exception` swallows Celery's interruption, and where the pool is no prefork one there is none.
        raise TooSlowError(clock)
    failpoints.reach("attempts.after_receiver")
    return returned


async def _finish(awaitable: Awaitable[Any], clock: RunClock) -> Any:
    try:
        async with asyncio.timeout(clock.seconds_left) as limit:
            return await awaitable
    except TimeoutError:
        if limit.expired():
            raise TooSlowError(clock) from None
        raise
