from __future__ import annotations

import logging
from typing import Any

from celery import Celery
from celery.signals import worker_ready

app = Celery("speed")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_ready.connect
def say_so(**kwargs: Any) -> None:
    # Celery's own line is below the level that the workers log at.
    logging.getLogger(__name__).warning("the worker is ready.")
