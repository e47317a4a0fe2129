"""What beat has to do for this app; merge it into `CELERY_BEAT_SCHEDULE`."""

from __future__ import annotations

from typing import Any

from celery.schedules import crontab

from zenvia_webhooks import wakeup

PURGE_TASK = "zenvia_webhooks.purge_events"
RECOVER_TASK = "zenvia_webhooks.recover_events"
ALERTS_TASK = "zenvia_webhooks.send_alerts"
#: Seconds between two looks whether there is something to tell of.
ALERTS_INTERVAL = 60
#: On no schedule: a person asks for it, and the sweep takes up one that broke off.
REPLAY_TASK = "zenvia_webhooks.replay_events"

BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    # The sweep: everything that is due and that no hint told of.
    "zenvia_webhooks.dispatch_events": {
        "task": wakeup.TASK,
        "schedule": wakeup.SWEEP_INTERVAL,
        # By this a worker knows that beat is there. django-celery-beat keeps it, as it does not the options.
        "kwargs": {"sweep": True},
        "options": {"expires": wakeup.SWEEP_EXPIRES},
    },
    # Compares subscriptions with what Zenvia lists, and reports; it changes nothing at Zenvia.
    "zenvia_webhooks.sync_subscriptions": {
        "task": "zenvia_webhooks.sync_subscriptions",
        "schedule": 3600.0,
        "options": {"expires": 3600.0},
    },
    # Mails what is wrong to the site's MANAGERS.
    ALERTS_TASK: {"task": ALERTS_TASK, "schedule": ALERTS_INTERVAL, "options": {"expires": ALERTS_INTERVAL}},
    # For accounts with RECOVER alone: finds what arrived at Zenvia and not here.
    RECOVER_TASK: {"task": RECOVER_TASK, "schedule": 3600.0, "options": {"expires": 3600.0}},
    PURGE_TASK: {"task": PURGE_TASK, "schedule": crontab(hour="3", minute="17")},
}
