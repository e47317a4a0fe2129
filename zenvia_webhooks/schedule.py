"""What beat has to do for this app; merge it into `CELERY_BEAT_SCHEDULE`."""

from __future__ import annotations

from typing import Any

from celery.schedules import crontab

from zenvia_webhooks import wakeup

PURGE_TASK = "zenvia_webhooks.purge_events"

BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    # The sweep: everything that is due and that no hint told of.
    "zenvia_webhooks.dispatch_events": {
        "task": wakeup.TASK,
        "schedule": wakeup.HINT_EXPIRES,
        # An old message is worth nothing: the next sweep looks at the same table.
        "options": {"expires": wakeup.HINT_EXPIRES},
    },
    PURGE_TASK: {"task": PURGE_TASK, "schedule": crontab(hour="3", minute="17")},
}
