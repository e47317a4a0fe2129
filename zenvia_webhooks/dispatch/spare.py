"""A connection to the database that a worker opens ahead, when a run ends, for its next one.

Celery closes all connections around each task, whatever `CONN_MAX_AGE` is, and to open one takes about as long as the
claim of an event. A used one is not kept, as receivers may have left a role, a lock or a search path there. Only in the
prefork pool: elsewhere nothing ends the wait for a database that no longer answers.
"""

from __future__ import annotations

import contextlib
import copy
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from celery.signals import task_prerun, worker_process_shutdown
from django.db import Error, connections, router
from django.db.backends.base.base import BaseDatabaseWrapper

from zenvia_webhooks import wakeup
from zenvia_webhooks.models import Event

#: Seconds after which it is not used any more: a firewall may have dropped what is idle, and tells nobody.
MOST_IDLE = 60
#: Those of Django's own that have a server. Others may hold what the start of a task sets, such as its tenant.
ENGINES = (
    "django.db.backends.postgresql",
    "django.db.backends.mysql",
    "django.contrib.gis.db.backends.postgis",
    "django.contrib.gis.db.backends.mysql",
)


@dataclass(frozen=True, kw_only=True)
class _Spare:
    connection: BaseDatabaseWrapper
    #: As they were then: a host may change them for a task.
    settings: dict[str, Any]
    opened: float = field(default_factory=lambda: time.monotonic())


#: Of this process, which runs one task at a time.
_spare: _Spare | None = None


@contextmanager
def used_and_replaced() -> Iterator[None]:
    """Let the block use the spare connection, and open one for the next run, unless the block raises."""
    _use()
    yield
    _open()


def _use() -> None:
    """Put the spare in the place of the present one, if that is closed and as it was, and the spare is not too old."""
    global _spare
    spare, _spare = _spare, None
    if spare is None:
        return
    connection, present = spare.connection, connections[spare.connection.alias]
    is_old = time.monotonic() - spare.opened > MOST_IDLE
    is_changed = present.settings_dict != spare.settings or present.execute_wrappers
    with contextlib.suppress(Error):
        if is_old or is_changed or present.connection is not None:
            connection.close()
        connection.close_if_unusable_or_obsolete()
        if connection.connection is not None:
            # Also where the host has no CONN_HEALTH_CHECKS: else a database that was restarted would cost a run.
            connection.health_check_enabled = True  # type: ignore[attr-defined]  # not in the stubs
            connections[connection.alias] = connection


def _open() -> None:
    """Open one where the host's settings keep connections open."""
    global _spare
    present = connections[router.db_for_write(Event)]
    settings = copy.deepcopy(present.settings_dict)
    if settings["CONN_MAX_AGE"] == 0 or settings["ENGINE"] not in ENGINES:
        return
    # One at a time: the server may allow no more than there are workers.
    present.close()
    connection = connections.create_connection(present.alias)
    # If the database does not answer, the next run will say so.
    with contextlib.suppress(Error):
        connection.connect()
        _spare = _Spare(connection=connection, settings=settings)


@task_prerun.connect(weak=False)
@worker_process_shutdown.connect(weak=False)
def close(sender: Any = None, **kwargs: Any) -> None:
    """Close the spare where another task begins, which will open one of its own, and where the process ends."""
    global _spare
    if _spare is not None and getattr(sender, "name", "") != wakeup.TASK:
        spare, _spare = _spare, None
        with contextlib.suppress(Error):
            spare.connection.close()
