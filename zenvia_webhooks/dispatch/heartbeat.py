"""The heartbeat of workers, beat and the command that stands in for both: a row each, by which others see them.

A worker writes the first two. Beat's comes with the message of a sweep, so it shows that beat, broker and worker all
work.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import datetime

from celery.exceptions import SoftTimeLimitExceeded
from django.db import connections, router, transaction

from zenvia_webhooks import signals
from zenvia_webhooks.models import Event, TaskRun
from zenvia_webhooks.models.clock import DatabaseNow

logger = logging.getLogger(__name__)

#: `TaskRun.task` of the rows.
WORKER, BEAT, COMMAND = "worker", "beat", "zenvia_dispatch_events"
#: Seconds between two writes of one process, for each row, at least.
INTERVAL = 15
#: How many receivers a worker's note names.
MAX_NAMED = 50

#: Row → when this process last wrote it, by `time.monotonic()`.
_written_at: dict[str, float] = {}


@dataclass(frozen=True, kw_only=True)
class Heartbeat:
    """The last heartbeat of a worker, of beat or of the command."""

    #: By the database's clock.
    written_at: datetime
    #: Seconds ago.
    age: float
    note: str

    @property
    def receivers(self) -> list[str]:
        """The names of the receivers in a worker's note; one that is connected to two signals is one."""
        return list(dict.fromkeys(line.partition(": ")[2] or line for line in self.note.splitlines()))


def write(*tasks: str) -> None:
    """Write that these run: `WORKER`, and `BEAT` if it is for a sweep, or `COMMAND`.

    Raises nothing but SoftTimeLimitExceeded: Celery interrupts a task once, and then the claim would wait in vain for a
    database that does not answer.
    """
    for task in tasks:
        now = time.monotonic()
        # A clock that runs backwards is a test's, which was stopped at some other time.
        if 0 <= now - _written_at.get(task, -INTERVAL) < INTERVAL:
            continue
        _written_at[task] = now
        try:
            _write_row(task, "" if task == BEAT else connected())
        except SoftTimeLimitExceeded:
            raise
        except Exception:
            # An event must not wait for it; and if the database fails, that will show when the event is claimed.
            logger.exception("the heartbeat of %s could not be written", task)


def last(task: str) -> Heartbeat | None:
    """Return the last heartbeat of `WORKER`, `BEAT` or `COMMAND`; None if there never was one."""
    rows = TaskRun.objects.using(router.db_for_write(TaskRun)).filter(task=task)
    row = rows.annotate(now=DatabaseNow()).values_list("started_at", "now", "note").first()
    if row is None:
        return None
    written_at, now, note = row
    return Heartbeat(written_at=written_at, age=(now - written_at).total_seconds(), note=note)


def connected() -> str:
    """Return the receivers of this process, a line each, such as `lead_created: contacts.receivers.save_contact`."""
    lines = [
        f"{name}: {receiver.name}"
        for name, signal in vars(signals).items()
        if isinstance(signal, signals.EventSignal)
        for receiver in signal.connected(Event)
    ]
    more = [f"… {len(lines) - MAX_NAMED} more"] if len(lines) > MAX_NAMED else []
    return "\n".join([*lines[:MAX_NAMED], *more])


def _write_row(task: str, note: str) -> None:
    using = router.db_for_write(TaskRun)
    # A savepoint if a transaction is open: an error here must not end that one.
    with transaction.atomic(using=using):
        rows = TaskRun.objects.using(using)
        if not rows.filter(task=task).exists():
            rows.bulk_create([TaskRun(task=task, started_at=DatabaseNow(), note=note)], ignore_conflicts=True)
            return
        # If another process has the row locked, nothing is written: its heartbeat is as good, and it may hang.
        skips_locked = connections[using].features.has_select_for_update_skip_locked
        free = rows.filter(task=task).select_for_update(skip_locked=skips_locked)
        rows.filter(pk__in=list(free.values_list("pk", flat=True))).update(started_at=DatabaseNow(), note=note)
