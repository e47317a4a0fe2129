"""The Celery tasks. Their names are public: route them as you like."""

from __future__ import annotations

from celery import shared_task

from zenvia_webhooks import dispatch, subscriptions, wakeup


# `expires` here too: django-celery-beat does not keep the schedule's.
@shared_task(name=wakeup.TASK, ignore_result=True, expires=wakeup.HINT_EXPIRES)
def dispatch_events() -> int:
    """Hand due events to their receivers; return how many were taken up."""
    return dispatch.dispatch_due()


@shared_task(name="zenvia_webhooks.sync_subscriptions", ignore_result=True, expires=3600)
def sync_subscriptions() -> int:
    """Compare subscriptions with what Zenvia lists; return how many lines a person should see to."""
    return subscriptions.watch()
