"""The Celery tasks. Their names are public: route them as you like."""

from __future__ import annotations

import time

from celery import Task, shared_task

from zenvia_webhooks import dispatch, pools, pulse, retention, schedule, subscriptions, wakeup
from zenvia_webhooks.conf import conf
from zenvia_webhooks.pace import HARD_PART, SOFT_PART

#: Seconds that one run of the purge takes.
PURGE_SECONDS = 5


class DispatchTask(Task):  # type: ignore[type-arg]  # generic in the stubs alone
    """A task whose time limits follow `LEASE_SECONDS`.

    Properties, as a message that names the task carries no limits, and beat's schedule is a constant. A worker reads
    them when it starts. Only the prefork pool keeps them.
    """

    @property
    def soft_time_limit(self) -> float:  # type: ignore[override]  # a variable there
        return SOFT_PART * conf.lease_seconds

    @property
    def time_limit(self) -> float:  # type: ignore[override]  # a variable there
        return HARD_PART * conf.lease_seconds


# `expires` here too: django-celery-beat does not keep the schedule's.
@shared_task(bind=True, name=wakeup.TASK, base=DispatchTask, ignore_result=True, expires=wakeup.SWEEP_EXPIRES)
def dispatch_events(self: Task[..., int], sweep: bool = False) -> int:
    """Hand due events to their receivers; return how many were taken up. Beat says that it is the `sweep`."""
    pools.require_supported()
    if not self.request.is_eager:
        pulse.give(pulse.WORKER, *([pulse.BEAT] if sweep else []))
    return dispatch.dispatch_due()


@shared_task(name=schedule.PURGE_TASK, bind=True, ignore_result=True)
def purge_events(self: Task[[], int]) -> int:
    """Delete finished events older than `RETENTION_DAYS`, for some seconds; then leave the rest to a run of its own.

    So a worker of one process has time for events in between. Return how many were deleted.
    """
    days, purged = conf.retention_days, 0
    if days is None:
        return 0
    ends = time.monotonic() + PURGE_SECONDS
    for number in retention.purge(days):
        purged += number
        if time.monotonic() >= ends and not self.request.is_eager:
            self.apply_async(retry=False)
            break
    return purged


@shared_task(name="zenvia_webhooks.sync_subscriptions", ignore_result=True, expires=3600)
def sync_subscriptions() -> int:
    """Compare subscriptions with what Zenvia lists; return how many lines a person should see to."""
    return subscriptions.watch()
