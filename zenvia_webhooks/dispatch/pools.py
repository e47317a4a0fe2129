"""Which of Celery's pools our receivers may run in."""

from __future__ import annotations

import logging
import os
from typing import Any

from celery.concurrency import prefork, solo, thread
from celery.signals import celeryd_after_setup
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from zenvia_webhooks.exceptions import ZenviaConfigurationError

logger = logging.getLogger(__name__)

SUPPORTED = (prefork.TaskPool, solo.TaskPool, thread.TaskPool)

#: This worker's pool; None outside of workers. A forked process has it from its parent.
_pool: type | None = None


@celeryd_after_setup.connect(weak=False)
def note_pool(instance: Any, **kwargs: Any) -> None:
    """Keep the pool of the worker that starts in this process."""
    global _pool
    _pool = instance.pool_cls
    if is_prefork() and not hasattr(os, "fork"):
        # Celery says nothing, and its tasks then fail before any code of theirs.
        logger.error(
            "Celery's default pool, prefork, does not run on Windows: no event is lost, and none is handed out here. "
            "Start the worker with --pool threads or solo, where nothing ends a receiver that hangs; or in WSL."
        )


def is_prefork() -> bool:
    """Tell whether this is a process of Celery's default pool, which ends a task that hangs."""
    return _pool is not None and issubclass(_pool, prefork.TaskPool)


def require_supported() -> None:
    """Raise ZenviaConfigurationError in a worker whose pool can't run receivers.

    Under gevent and eventlet, receivers would share one thread: one that waits in C code holds up all others, nothing
    can interrupt it, and Django's connections are not made for it. Called by the task, not when the worker starts: a
    worker may be there for other tasks alone.
    """
    if _pool is not None and not issubclass(_pool, SUPPORTED):
        raise ZenviaConfigurationError(
            format_lazy(
                _(
                    "zenvia_webhooks does not run in Celery's pool {pool}: no event is lost, and none is handed out "
                    "here. Start a worker with --pool prefork (the default), threads or solo; with "
                    "CELERY_TASK_ROUTES, our tasks can have one of their own."
                ),
                pool=_pool.__module__,
            )
        )
