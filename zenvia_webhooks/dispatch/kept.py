"""A worker's connection to the database, kept from one of our runs to the next, as `CONN_MAX_AGE` says.

Celery closes all connections around each task, and to open one takes longer than all that is done for a single event.
So ours is put aside when a run ends, where Celery does not see it. Only in the prefork pool: elsewhere nothing ends the
wait for a database that no longer answers on it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import Error, connections, router
from django.db.backends.base.base import BaseDatabaseWrapper

from zenvia_webhooks.dispatch import transactions
from zenvia_webhooks.models import Event

#: Seconds without a run after which it is kept no longer: a firewall may have dropped what is idle, and tells nobody.
MOST_IDLE = 60
#: Where Django's own connections are defined. Others may hold a state that a task's start sets, such as its tenant.
DJANGOS_OWN = ("django.db.backends.", "django.contrib.gis.db.backends.")


@dataclass(frozen=True)
class _Kept:
    connection: BaseDatabaseWrapper
    since: float = field(default_factory=time.monotonic)


#: Of this process, which has one thread.
_kept: _Kept | None = None


@contextmanager
def from_run_to_run() -> Iterator[None]:
    """Let the block use the connection of the run before, and keep its own for the next one, unless it raises."""
    _take_back()
    yield
    _put_aside()


def _take_back() -> None:
    """Use what was kept, if it is neither too old nor broken, and nothing else is in use."""
    global _kept
    kept, _kept = _kept, None
    if kept is None:
        return
    connection, present = kept.connection, connections[kept.connection.alias]
    is_old = time.monotonic() - kept.since > MOST_IDLE
    try:
        if is_old or present.connection is not None or present.execute_wrappers:
            connection.close()
        connection.close_if_unusable_or_obsolete()
    except Error:
        return  # it can't even be closed: a new one is opened
    if connection.connection is not None:
        # Also where the host has no CONN_HEALTH_CHECKS: else a database that was restarted would cost a run.
        connection.health_check_enabled = True  # type: ignore[attr-defined]  # not in the stubs
        connections[connection.alias] = connection


def _put_aside() -> None:
    """Keep this run's connection if the host keeps its own, and the next run may find it as a new one would be."""
    global _kept
    connection = connections[router.db_for_write(Event)]
    if connection.settings_dict["CONN_MAX_AGE"] == 0 or not type(connection).__module__.startswith(DJANGOS_OWN):
        return
    is_touched = connection.errors_occurred or connection.execute_wrappers or transactions.is_open_on(connection)
    if connection.connection is not None and not is_touched:
        _kept = _Kept(connection)
        del connections[connection.alias]
