"""A worker's connection to the database, kept from one of our runs to the next.

Celery closes every connection before and after each task, whatever CONN_MAX_AGE is, and to open one takes longer than
all that is done for a single event. So ours is put aside when a run ends, where Celery does not see it.
"""

from __future__ import annotations

import threading
import time

from django.db import Error, connections, router
from django.db.backends.base.base import BaseDatabaseWrapper

from zenvia_webhooks.models import Event

#: Seconds for which it is kept without a run, at most: what is idle for longer, a firewall may have dropped unseen.
MOST_IDLE = 30


class _Kept(threading.local):
    connection: BaseDatabaseWrapper | None = None
    since = 0.0


_kept = _Kept()


def put_aside() -> None:
    """At the end of a run: keep its connection, unless CONN_MAX_AGE is 0 or something is left open on it."""
    connection = connections[router.db_for_write(Event)]
    settings = connection.settings_dict
    is_pooled = settings["OPTIONS"].get("pool")
    if settings["CONN_MAX_AGE"] == 0 or is_pooled or connection.connection is None or connection.in_atomic_block:
        return
    _kept.connection, _kept.since = connection, time.monotonic()
    del connections[connection.alias]


def take_back() -> None:
    """At the beginning of a run: use what was kept, if it is neither too old nor broken, and nothing else is open."""
    connection, _kept.connection = _kept.connection, None
    if connection is None:
        return
    try:
        connection.close_if_unusable_or_obsolete()
        if time.monotonic() - _kept.since > MOST_IDLE or connections[connection.alias].connection is not None:
            connection.close()
        # Also where the host has no CONN_HEALTH_CHECKS: else a database that was restarted would cost a run.
        connection.health_check_enabled = True  # type: ignore[attr-defined]  # not in the stubs
        connection.close_if_health_check_failed()
    except Error:
        return  # it can't even be closed: a new one is opened
    if connection.connection is not None:
        connections[connection.alias] = connection
