"""One attempt: run a receiver for an event, and write how that ended."""

from __future__ import annotations

import asyncio
import copy
import inspect
import logging
import time
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from asgiref.sync import async_to_sync
from celery.exceptions import SoftTimeLimitExceeded
from django.db import router, transaction

from zenvia_webhooks import failpoints
from zenvia_webhooks.conf import conf
from zenvia_webhooks.dispatch import outcomes
from zenvia_webhooks.dispatch.claims import Claim, ClaimLostError
from zenvia_webhooks.dispatch.frames import frames_of
from zenvia_webhooks.dispatch.lease import SOFT_PART, RunClock
from zenvia_webhooks.dispatch.outcomes import WorkerDiedError
from zenvia_webhooks.dispatch.retries import is_last
from zenvia_webhooks.dispatch.transactions import TransactionLeftOpenError, close_all, is_databases, none_left_open
from zenvia_webhooks.exceptions import GiveUp, RetryLater
from zenvia_webhooks.models import Delivery, Event
from zenvia_webhooks.redaction import drop_values
from zenvia_webhooks.signals import Receiver, delivery_failed
from zenvia_webhooks.signals.interruptions import only_exceptions

logger = logging.getLogger(__name__)


class NotConnectedError(Exception):
    """The receiver is not connected in this worker: renamed, removed, or in code not deployed here yet."""


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
    #: None if it is not connected in this worker.
    receiver: Receiver | None
    #: The delivery's row; None on the first attempt of a new event.
    row: Delivery | None
    #: The event's other deliveries if no other attempt is due after this one: see `Outcome`.
    others: Sequence[Delivery] | None = None

    @property
    def number(self) -> int:
        return (self.row.attempts if self.row else 0) + 1


def run_attempt(attempt: Attempt) -> outcomes.Outcome:
    """Run a receiver and write how the attempt ended.

    Raises ClaimLostError if another worker has taken the event over meanwhile.
    """
    outcome = _outcome_of(attempt, attempt.number, started=time.monotonic())
    if attempt.row is not None and is_last(attempt.row.attempts):
        outcome.attempts = attempt.row.attempts
        died = WorkerDiedError("the worker died in the last attempt, or RETRY_DELAYS was cut")
        _record_failure(attempt, outcome, died)
        return outcome
    if attempt.row is not None or attempt.claim.is_stalled:
        # Counted beforehand, so that a receiver which kills its worker is attempted a bounded number of times.
        outcome.row = outcomes.count_attempt(attempt.event, attempt.claim, attempt.name, attempt.row, attempt.number)
        failpoints.reach("attempts.after_count")
    try:
        with only_exceptions():
            _deliver(attempt, outcome)
    except ClaimLostError:
        raise
    except Exception as error:  # noqa: BLE001  # a receiver's, whatever it is; it is logged
        drop_values(error)
        readable = _readable(attempt, error)
        _log(attempt, outcome, error)
        if not outcome.is_committed:
            module = attempt.receiver.module if attempt.receiver else ""
            _record_failure(attempt, outcome, readable, frames_of(error, module))
    return outcome


def record_death(attempt: Attempt) -> Delivery:
    """Write that an attempt has no outcome: its worker died, or was too late with it. Return its delivery's row."""
    outcome = _outcome_of(attempt, attempt.number - 1, started=None)
    died = WorkerDiedError("the worker died in this attempt, or held the event for longer than LEASE_SECONDS")
    return _record_failure(attempt, outcome, died)


def _outcome_of(attempt: Attempt, attempts: int, *, started: float | None) -> outcomes.Outcome:
    return outcomes.Outcome(
        event=attempt.event,
        claim=attempt.claim,
        receiver=attempt.name,
        attempts=attempts,
        started=started,
        row=attempt.row,
        others=attempt.others,
    )


def _readable(attempt: Attempt, error: Exception) -> Exception:
    """Return what the admin shows of a failed attempt, and close the connections that it may have broken."""
    is_interrupted, clock = isinstance(error, SoftTimeLimitExceeded), attempt.claim.clock
    # Whatever the receiver made of an interruption, it may have come in the middle of a query.
    if is_interrupted or clock.seconds_left <= 0 or is_databases(error):
        close_all()
    return TooSlowError(clock) if is_interrupted else error


def _log(attempt: Attempt, outcome: outcomes.Outcome, error: Exception) -> None:
    log: dict[str, Any] = {"receiver": attempt.name, "event": attempt.event.pk, "attempt": attempt.number}
    if outcome.is_committed:
        logger.error(
            "on_commit of receiver=%(receiver)s failed event=%(event)s attempt=%(attempt)s", log, exc_info=error
        )
    elif isinstance(error, RetryLater | GiveUp):
        log["choice"] = outcomes.error_text(error)
        logger.warning("receiver=%(receiver)s failed event=%(event)s attempt=%(attempt)s %(choice)s", log)
    else:
        logger.error("receiver=%(receiver)s failed event=%(event)s attempt=%(attempt)s", log, exc_info=error)


def _record_failure(attempt: Attempt, outcome: outcomes.Outcome, error: Exception, frames: str = "") -> Delivery:
    row = outcome.write_failure(error, frames, is_gone=attempt.receiver is None)
    if row.status != Delivery.Status.SUCCEEDED:
        try:
            with none_left_open():
                delivery_failed.send_robust(sender=Delivery, event=_copy(attempt.event), delivery=row)
        except TransactionLeftOpenError:
            logger.exception("a receiver of delivery_failed left a transaction open event=%s", attempt.event.pk)
    return row


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
        # The first of the transaction's callbacks, so that it runs even if one of the receiver's own raises.
        transaction.on_commit(outcome.committed, using=using)
        # Nothing of ours is locked or written until it has returned.
        outcome.write_success(_call(attempt.receiver, attempt.event, clock))


def _call(receiver: Receiver, event: Event, clock: RunClock) -> Any:
    # A copy, so that a receiver does not see what another did to it.
    arguments: Mapping[str, Any] = {"signal": receiver.signal, "sender": Event, "event": _copy(event)}
    failpoints.reach("attempts.before_receiver")
    returned = receiver.function(**arguments)
    # By what it returned: a decorator, or an object that can be called, does not show that it is asynchronous.
    if inspect.isawaitable(returned):
        # It can't read what the claim left out.
        arguments["event"].refresh_from_db(fields=["body"])
        returned = async_to_sync(_finish)(returned, clock)
    if clock.seconds_left <= 0:
        # An `except Exception` of the receiver's swallows Celery's interruption; only the prefork pool interrupts.
        raise TooSlowError(clock)
    failpoints.reach("attempts.after_receiver")
    return returned


def _copy(event: Event) -> Event:
    copied = copy.copy(event)
    # What else a row holds can't be changed in its place.
    copied.payload, copied.headers = copy.deepcopy((event.payload, event.headers))
    return copied


async def _finish(awaitable: Awaitable[Any], clock: RunClock) -> Any:
    try:
        async with asyncio.timeout(clock.seconds_left) as limit:
            return await awaitable
    except TimeoutError:
        if limit.expired():
            raise TooSlowError(clock) from None
        raise
