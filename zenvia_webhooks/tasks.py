"""The Celery tasks. Their names are public: route them as you like."""

from __future__ import annotations

from celery import shared_task

from zenvia_webhooks import dispatch, wakeup


# `expires` here too: django-celery-beat does not keep the schedule's.
@shared_task(name=wakeup.TASK, ignore_result=True, expires=wakeup.HINT_EXPIRES)
def dispatch_events() -> int:
    """Hand due events to their receivers; return how many were taken up."""
    return dispatch.dispatch_due()
