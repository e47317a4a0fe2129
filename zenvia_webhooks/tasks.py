"""The Celery tasks. Their names are public: route them as you like."""

from __future__ import annotations

from celery import Task, shared_task

from zenvia_webhooks import dispatch, wakeup
from zenvia_webhooks.conf import conf
from zenvia_webhooks.pace import HARD_PART, SOFT_PART


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
@shared_task(name=wakeup.TASK, base=DispatchTask, ignore_result=True, expires=wakeup.HINT_EXPIRES)
def dispatch_events() -> int:
    """Hand due events to their receivers; return how many were taken up."""
    return dispatch.dispatch_due()
