"""The Celery tasks. Their names are public: route them as you like."""

from __future__ import annotations

import logging
import time
from contextlib import nullcontext
from datetime import datetime
from typing import Any

from celery import Task, shared_task
from django.utils.translation import override

from zenvia_webhooks import retention, schedule, subscriptions, wakeup
from zenvia_webhooks.conf import conf
from zenvia_webhooks.diagnosis import alerts
from zenvia_webhooks.dispatch import dispatcher, heartbeat, pools, spare, transactions
from zenvia_webhooks.dispatch.lease import HARD_PART, SOFT_PART, RunClock
from zenvia_webhooks.exceptions import ZenviaConfigurationError
from zenvia_webhooks.recovery import hourly, progress
from zenvia_webhooks.recovery.explanation import NoListsError
from zenvia_webhooks.replay import job

logger = logging.getLogger(__name__)

#: Seconds that one run of the purge takes, and until the next one begins.
PURGE_SECONDS, PURGE_PAUSE = 5, 5
#: Seconds that one run of the recovery takes.
RECOVER_SECONDS = 20
#: Seconds that one run of a replay takes.
REPLAY_SECONDS = 3


class OwnTask(Task):  # type: ignore[type-arg]  # generic in the stubs alone
    """A task of ours: a host's defaults for its own tasks don't apply to it.

    A rate limit would hold up leads, and redelivering the message of a worker that died does nothing that the next
    sweep does not do. It starts outside of any transaction that another task of the process has left open.
    """

    ignore_result = True
    rate_limit = 0  # type: ignore[assignment]  # none; None would be the host's default
    acks_late = False
    reject_on_worker_lost = False

    def before_start(self, task_id: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if not self.request.is_eager:
            transactions.end_all()

    def on_failure(self, exc: BaseException, *args: Any, **kwargs: Any) -> None:
        if transactions.is_databases(exc):
            transactions.close_all()


class DispatchTask(OwnTask):
    """A task whose time limits follow `LEASE_SECONDS`.

    They are properties, which a worker reads when it starts: a message that names the task carries no limits, and
    beat's schedule is a constant. Only the prefork pool keeps them.
    """

    @property
    def soft_time_limit(self) -> float:  # type: ignore[override]  # a variable there
        return SOFT_PART * conf.lease_seconds

    @property
    def time_limit(self) -> float:  # type: ignore[override]  # a variable there
        return HARD_PART * conf.lease_seconds


# `expires` here too: django-celery-beat does not keep the schedule's.
@shared_task(bind=True, name=wakeup.TASK, base=DispatchTask, expires=wakeup.SWEEP_EXPIRES)
def dispatch_events(self: Task[..., int], sweep: bool = False) -> int:
    """Hand due events to their receivers; return how many were taken up.

    A `sweep`, which beat asks for, goes on until nothing is due or the next one comes: if hints get lost, nothing else
    hands events out.
    """
    clock = RunClock()
    pools.require_supported()
    is_workers_own = not (self.request.is_eager or self.request.called_directly)
    with spare.used_and_replaced() if is_workers_own and pools.is_prefork() else nullcontext():
        if not self.request.is_eager:
            heartbeat.write(heartbeat.WORKER, *([heartbeat.BEAT] if sweep else []))
        taken_up = 0
        while begun := dispatcher.dispatch_due(clock=clock):
            taken_up += begun
            if not (sweep and clock.may_start and clock.elapsed < wakeup.SWEEP_INTERVAL):
                break
        if sweep:
            job.take_up_silent()
    return taken_up


@shared_task(name=schedule.PURGE_TASK, bind=True, base=OwnTask)
def purge_events(self: Task[..., int], after: tuple[str, int] | None = None) -> int:
    """Delete finished events older than `RETENTION_DAYS`, for some seconds; leave the rest to a run some seconds later.

    So a worker of one process, and the database, have time for events in between. `after` is how far the previous run
    has come: the last event's `received_at` in ISO 8601, and its id. Return how many were deleted.
    """
    days, purged = conf.retention_days, 0
    if days is None:
        return 0
    ends = time.monotonic() + PURGE_SECONDS
    for batch in retention.purge(days, after and (datetime.fromisoformat(after[0]), after[1])):
        purged += batch.number
        if batch.position and time.monotonic() >= ends and not self.request.is_eager:
            received_at, pk = batch.position
            later = {"after": [received_at.isoformat(), pk]}
            self.apply_async(kwargs=later, countdown=PURGE_PAUSE, retry=False)
            break
    return purged


@shared_task(name=schedule.RECOVER_TASK, bind=True, expires=3600, base=OwnTask)
def recover_events(self: Task[..., int], account: str | None = None, calls_made: int = 0) -> int:
    """Compare what Zenvia lists with what is stored, for accounts with RECOVER, and recover what is missing.

    For some seconds; then leave the rest to a run of its own, for that `account`, which has made `calls_made` calls.
    Return how many events were recovered.
    """
    recovered, aliases = 0, [account] if account else hourly.accounts()
    if not aliases:
        progress.note_nothing_to_do()
    for alias in aliases:
        if account is None and hourly.is_running(alias):
            continue
        ends = None if self.request.is_eager else time.monotonic() + RECOVER_SECONDS
        try:
            reports = hourly.recover(alias, calls_made=calls_made, ends=ends)
        except (NoListsError, ZenviaConfigurationError) as error:
            with override("en"):  # the log, unlike pages and commands, has one language
                logger.warning("account %s can't be recovered: %s", alias, error)
            continue
        recovered += sum(report.recovered for report in reports)
        if reports and reports[-1].is_out_of_time:
            made = calls_made + reports[-1].calls
            self.apply_async(kwargs={"account": alias, "calls_made": made}, retry=False)
    return recovered


@shared_task(name=schedule.REPLAY_TASK, bind=True, base=OwnTask)
def replay_events(self: Task[..., None], turn: int) -> None:
    """Go on with the replay that somebody asked for, for some seconds; then leave the rest to a run of its own.

    So a worker of one process has time for the events themselves. A `turn` that is not the job's latest does nothing.
    """
    ends = time.monotonic() + REPLAY_SECONDS
    while job.advance(turn):
        if time.monotonic() >= ends and not self.request.is_eager:
            self.apply_async(kwargs={"turn": turn}, retry=False)
            break


@shared_task(name="zenvia_webhooks.sync_subscriptions", expires=3600, base=OwnTask)
def sync_subscriptions() -> int:
    """Compare subscriptions with what Zenvia lists; return how many lines a person should see to."""
    return subscriptions.compare_all()


@shared_task(name=schedule.ALERTS_TASK, expires=schedule.ALERTS_INTERVAL, base=OwnTask)
def send_alerts() -> int:
    """Mail what is wrong to the site's `MANAGERS`, each kind once an hour at most; return how many mails were sent."""
    return alerts.send()
