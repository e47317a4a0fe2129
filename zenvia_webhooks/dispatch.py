"""Handing events to receivers: claim what is due, deliver, record.

One way for a new event, a retry, a swept one and a replay: a row that is due.
"""

from __future__ import annotations

import copy
import inspect
import logging
import time
from collections.abc import Awaitable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from asgiref.sync import async_to_sync
from django.db import router, transaction

from zenvia_webhooks import outcomes, wakeup
from zenvia_webhooks.claims import Claim, ClaimLostError, claim_due, give_back
from zenvia_webhooks.clock import DatabaseNow
from zenvia_webhooks.conf import conf
from zenvia_webhooks.models import Delivery, Event
from zenvia_webhooks.signals import Receiver, delivery_failed, receivers_of

logger = logging.getLogger(__name__)


class NotConnectedError(Exception):
    """The receiver is not connected in this worker: renamed, removed, or in code not deployed here yet."""


class ReceiverExitedError(Exception):
    """The receiver wanted to end the process; it is one of many that run there."""


class WorkerDiedError(Exception):
    """No try is left, and the last one has no outcome."""


@dataclass(frozen=True, kw_only=True)
class Try:
    """One run of one receiver for one event under one claim."""

    event: Event
    claim: Claim
    name: str
    #: None where it is not connected in this worker.
    receiver: Receiver | None
    #: The delivery's row; None on the first try of a new event.
    row: Delivery | None

    @property
    def number(self) -> int:
        return (self.row.attempts if self.row else 0) + 1


def dispatch_due() -> int:
    """Hand one claim's worth of due events to their receivers; return how many were claimed."""
    claim = claim_due(conf.batch_size)
    if claim.is_full:
        # Before the work, so that an idle process shares it.
        wakeup.hint()
    waiting = list(claim.events)
    try:
        while waiting and claim.may_start:
            event = waiting.pop(0)
            try:
                dispatch(event, claim)
            except ClaimLostError as lost:
                logger.warning("%s; its outcome is left to the present holder", lost)
    finally:
        # Also after an error: what was not started need not wait for the end of the lease.
        give_back(claim, waiting)
        if waiting:
            wakeup.hint()
    return len(claim.events)


def dispatch(event: Event, claim: Claim) -> None:
    """Hand a claimed event to every receiver that is due, then write its status.

    Raises ClaimLostError where another has taken it over meanwhile.
    """
    for attempt in _tries(event, claim):
        if not claim.may_start:
            give_back(claim, [event])
            return
        _run(attempt)
    outcomes.finish_event(event, claim)


def _tries(event: Event, claim: Claim) -> Iterator[Try]:
    connected = receivers_of(event.topic, Event)
    # Not from a replica, which may not know yet who has succeeded.
    deliveries = event.deliveries.using(router.db_for_write(Event))
    rows = {row.receiver: row for row in deliveries.all()}
    if event.status == Event.Status.PENDING:
        for name, receiver in connected.items():
            if name not in rows:
                yield Try(event=event, claim=claim, name=name, receiver=receiver, row=None)
    if not rows:
        return  # a new event: what has just failed waits for its time
    for row in deliveries.open().filter(next_attempt_at__lte=DatabaseNow()).order_by("pk"):
        yield Try(event=event, claim=claim, name=row.receiver, receiver=connected.get(row.receiver), row=row)


def _run(attempt: Try) -> None:
    outcome = outcomes.Outcome(
        event=attempt.event,
        claim=attempt.claim,
        receiver=attempt.name,
        attempts=attempt.number,
        started=time.monotonic(),
        row=attempt.row,
    )
    if attempt.row is not None:
        if outcomes.is_last(attempt.row.attempts):
            outcome.attempts = attempt.row.attempts
            _record_failure(
                attempt, outcome, WorkerDiedError("the worker died in the last try, or RETRY_DELAYS was cut")
            )
            return
        # Counted beforehand, so that a receiver which kills its worker does not run for ever.
        outcomes.count_retry(attempt.event, attempt.claim, attempt.row, attempt.number)
    try:
        _deliver(attempt, outcome)
    except ClaimLostError:
        raise
    except Exception as error:
        log = {"receiver": attempt.name, "event": attempt.event.pk, "attempt": attempt.number}
        if outcome.is_committed:
            logger.exception("on_commit of receiver=%(receiver)s failed event=%(event)s attempt=%(attempt)s", log)
            return
        logger.exception("receiver=%(receiver)s failed event=%(event)s attempt=%(attempt)s", log)
        _record_failure(attempt, outcome, error)


def _record_failure(attempt: Try, outcome: outcomes.Outcome, error: Exception) -> None:
    row = outcome.write_failure(error, is_gone=attempt.receiver is None)
    delivery_failed.send_robust(sender=Delivery, event=attempt.event, delivery=row)


def _deliver(attempt: Try, outcome: outcomes.Outcome) -> None:
    if attempt.receiver is None:
        raise NotConnectedError(f"{attempt.name} is not connected in this worker")
    using = router.db_for_write(Event)
    if not (conf.atomic_receivers and attempt.receiver.is_atomic):
        returned = _call(attempt.receiver, attempt.event)
        with transaction.atomic(using=using):
            outcome.write_success(returned)
        return
    with transaction.atomic(using=using):
        # The first of the transaction's callbacks, so that it runs whatever becomes of the receiver's own.
        transaction.on_commit(outcome.committed, using=using)
        # Nothing of ours is locked or written until it has returned.
        outcome.write_success(_call(attempt.receiver, attempt.event))


def _call(receiver: Receiver, event: Event) -> Any:
    # A copy: what one receiver does to it, the next does not see.
    arguments: Mapping[str, Any] = {"signal": receiver.signal, "sender": Event, "event": copy.deepcopy(event)}
    try:
        returned = receiver.function(**arguments)
    except SystemExit as error:
        if type(error) is not SystemExit:
            raise  # Celery's own, which is for the worker
        raise ReceiverExitedError(f"it called sys.exit({error.code!r})") from error
    # By what it returned: a decorator, or an object that can be called, does not show that it is asynchronous.
    return async_to_sync(_finish)(returned) if inspect.isawaitable(returned) else returned


async def _finish(awaitable: Awaitable[Any]) -> Any:
    return await awaitable
