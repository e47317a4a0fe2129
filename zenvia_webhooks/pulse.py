"""The pulse of workers, beat and the command that stands in for both: a row each, by which others see them.

A worker gives the first two. Beat's is in the message of a sweep, so it shows that beat, broker and worker all do
their part.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import datetime

from django.db import connections, router, transaction

from zenvia_webhooks import signals
from zenvia_webhooks.clock import DatabaseNow
from zenvia_webhooks.models import Event, TaskRun

logger = logging.getLogger(__name__)

#: `TaskRun.task` of the rows.
WORKER, BEAT, COMMAND = "worker", "beat", "zenvia_dispatch_events"
#: Seconds between two writes of one process, for each row, at least.
INTERVAL = 15
#: How many receivers a worker's note names.
MAX_NAMED = 50

#: Row → when this process last wrote it, by `time.monotonic()`.
_given_at: dict[str, float] = {}


@dataclass(frozen=True, kw_only=True)
class Pulse:
    """The last sign of a worker, of beat or of the command."""

    #: By the database's clock.
    given_at: datetime
    #: Seconds ago.
    age: float
    note: str


def give(*tasks: str) -> None:
    """Note that these run: `WORKER`, and `BEAT` where it is for a sweep, or `COMMAND`. Never raises."""
    for task in tasks:
        now = time.monotonic()
        if now - _given_at.get(task, -INTERVAL) < INTERVAL:
            continue
        _given_at[task] = now
        try:
            _write(task, "" if task == BEAT else connected())
        except Exception:
            # No reason to hold up an event; what is wrong with the database will show there.
            logger.exception("the pulse of %s could not be written", task)


def last(task: str) -> Pulse | None:
    """Return the last pulse of `WORKER`, `BEAT` or `COMMAND`; None where there never was one."""
    rows = TaskRun.objects.using(router.db_for_write(TaskRun)).filter(task=task)
    row = rows.annotate(now=DatabaseNow()).values_list("started_at", "now", "note").first()
    if row is None:
        return None
    given_at, now, note = row
    return Pulse(given_at=given_at, age=(now - given_at).total_seconds(), note=note)


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


def _write(task: str, note: str) -> None:
    using = router.db_for_write(TaskRun)
    # A savepoint where a transaction is open: its error is not to be that transaction's.
    with transaction.atomic(using=using):
        rows = TaskRun.objects.using(using)
        if not rows.filter(task=task).exists():
            rows.bulk_create([TaskRun(task=task, started_at=DatabaseNow(), note=note)], ignore_conflicts=True)
            return
        # Where another writes it just now, its pulse does as well; and that one may hang, with the row locked.
        skips_locked = connections[using].features.has_select_for_update_skip_locked
        free = rows.filter(task=task).select_for_update(skip_locked=skips_locked)
        rows.filter(pk__in=list(free.values_list("pk", flat=True))).update(started_at=DatabaseNow(), note=note)
