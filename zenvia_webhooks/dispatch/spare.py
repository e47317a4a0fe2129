"""A connection to the database that a worker opens ahead, when a run ends, for its next one.

Celery closes the connections of each task, and to open one takes about as long as the claim of an event. A used one is
not kept, as receivers may have left a role, a lock or a search path there. Only in the prefork pool: elsewhere nothing
ends the wait for a database that no longer answers.
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
from django.db import connections, router

from zenvia_webhooks import wakeup
from zenvia_webhooks.dispatch import transactions
from zenvia_webhooks.models import Event

#: Seconds after which it is not used any more: a firewall may have dropped what is idle.
MOST_IDLE = 60
#: Others may hold what the start of a task sets, such as its tenant, or make connections in a way of their own.
ENGINES = (
    "django.db.backends.postgresql",
    "django.db.backends.mysql",
    "django.contrib.gis.db.backends.postgis",
    "django.contrib.gis.db.backends.mysql",
)


@dataclass(frozen=True, kw_only=True)
class _Spare:
    alias: str
    #: The driver's, which Django's has as its `connection`. Django's stays where it is, as a host's code may hold it.
    connection: Any
    close_at: float | None
    #: As they were then: a host may change them for a task.
    settings: dict[str, Any]
    opened: float = field(default_factory=lambda: time.monotonic())


#: Of this process, which runs one task at a time.
_spare: _Spare | None = None


@contextmanager
def used_and_replaced() -> Iterator[None]:
    """Let the block use the spare connection, and open one for the next run, unless the block raises."""
    is_spare = _use()
    try:
        yield
    except Exception as error:
        if is_spare and transactions.is_databases(error):
            # A failover may have left it read-only. The next run has a new one.
            wakeup.hint()
        raise
    # What the run did is done: if the database does not answer any more, the next one will say so.
    with contextlib.suppress(Exception):
        _open()


def _use() -> bool:
    """Use the spare if none is open, the settings are the same and it is not too old; else close it. Tell if used."""
    global _spare
    if _spare is None:
        return False
    present = connections[_spare.alias]
    is_new = time.monotonic() - _spare.opened <= MOST_IDLE and present.settings_dict == _spare.settings
    if present.connection is not None or not is_new:
        close()
        return False
    spare, _spare = _spare, None
    present.connection, present.close_at = spare.connection, spare.close_at
    # Also where the host has no CONN_HEALTH_CHECKS: else a database that was restarted would cost a run.
    present.health_check_enabled = True  # type: ignore[attr-defined]  # not in the stubs
    present.close_if_unusable_or_obsolete()
    return True


def _open() -> None:
    """Open one where the host's settings keep connections open."""
    global _spare
    present = connections[router.db_for_write(Event)]
    if present.settings_dict["CONN_MAX_AGE"] == 0 or present.settings_dict["ENGINE"] not in ENGINES:
        return
    settings = copy.deepcopy(present.settings_dict)
    # First the old one: the server may allow no more than there are workers.
    present.close()
    try:
        present.ensure_connection()
    except BaseException:
        # It may be half set up.
        present.close()
        raise
    opened, present.connection = present.connection, None
    _spare = _Spare(alias=present.alias, connection=opened, close_at=present.close_at, settings=settings)


@task_prerun.connect(weak=False)
@worker_process_shutdown.connect(weak=False)
def close(sender: Any = None, **kwargs: Any) -> None:
    """Close the spare where another task begins, which will open one of its own, and where the process ends."""
    global _spare
    if _spare is not None and getattr(sender, "name", "") != wakeup.TASK:
        spare, _spare = _spare, None
        with contextlib.suppress(Exception):
            spare.connection.close()
