"""Whether worker and beat run, or the command that stands in for both, by their heartbeat; and which receivers do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, router
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from zenvia_webhooks import wakeup
from zenvia_webhooks.broker import app_name, connect, project_app
from zenvia_webhooks.diagnosis.findings import Area, Finding, broken, duration, ok, warning
from zenvia_webhooks.dispatch import heartbeat
from zenvia_webhooks.dispatch.heartbeat import Heartbeat
from zenvia_webhooks.models import Event
from zenvia_webhooks.models.clock import DatabaseNow

#: Seconds after which the doctor asks for a new heartbeat.
TWO_SWEEPS = 2 * wakeup.SWEEP_INTERVAL
#: Seconds after which a heartbeat that nobody has asked for is old: some sweeps, and the time between two writes.
OLD = 60
#: The same, of a command that cron runs.
COMMAND_OLD = 900
#: Seconds that a worker has for the hint which the broker's check has sent.
ANSWER_SECONDS = 5
#: Seconds that workers have to say which queues they consume.
CONSUMES_SECONDS = 1
#: How many receivers are named.
NAMED = 5


def check_worker() -> Iterator[Finding]:
    """Look for a worker's heartbeat; for an old one, wait whether the hint brings a new one."""
    before = heartbeat.last(heartbeat.WORKER)
    if before is not None and before.age < TWO_SWEEPS:
        yield ok(Area.WORKER, _("A worker took a message %(age)s ago.") % {"age": duration(before.age)})
    elif _is_busy() and _consumes():
        yield ok(Area.WORKER, _("A worker has events in hand."))
    elif _answers(before):
        yield ok(Area.WORKER, _("A worker took the message that was just sent."))
    else:
        yield _silent(before)


def read_worker() -> Iterator[Finding]:
    """Look for a worker's heartbeat, and call nobody."""
    before = heartbeat.last(heartbeat.WORKER)
    if before is not None and before.age < OLD:
        yield ok(Area.WORKER, _("A worker took a message %(age)s ago.") % {"age": duration(before.age)})
    else:
        yield _silent(before)


def _silent(before: Heartbeat | None) -> Finding:
    """Return what to say where no worker gave a sign of life in time."""
    start = {"app": app_name(), "queue": _queue(), "last": _last(before)}
    if (command := stand_in()) is not None:
        return warning(
            Area.WORKER,
            "no-worker",
            _("There is no worker; zenvia_dispatch_events ran %(age)s ago.") % {"age": duration(command.age)},
            _("Events wait until it runs again. A worker hands them out at once: celery -A %(app)s worker -Q %(queue)s")
            % start,
        )
    if _is_busy():
        return warning(
            Area.WORKER,
            "silent-worker",
            _("A worker has events in hand and gives no sign of life: a receiver is slow, or it died; %(last)s.")
            % start,
            _("See that it runs: celery -A %(app)s worker -Q %(queue)s. Give slow receivers time-outs.") % start,
        )
    return broken(
        Area.WORKER,
        "no-worker",
        _("No worker takes messages; %(last)s.") % start,
        _("Start one, and keep it running: celery -A %(app)s worker -Q %(queue)s") % start,
    )


def check_beat() -> Iterator[Finding]:
    """Look for beat's heartbeat, which a worker gives when a sweep comes in."""
    beat, worker = heartbeat.last(heartbeat.BEAT), heartbeat.last(heartbeat.WORKER)
    # Beat is as old as it was when the worker was last free to take its message.
    busy_for = worker.age if worker is not None and worker.age >= OLD else 0
    if beat is not None and beat.age - busy_for < max(OLD, 3 * _sweep_interval()):
        yield ok(Area.BEAT, _("Beat's sweep came in %(age)s ago.") % {"age": duration(beat.age)})
        return
    if (command := stand_in()) is not None:
        yield warning(
            Area.BEAT,
            "no-beat",
            _("There is no beat; zenvia_dispatch_events ran %(age)s ago.") % {"age": duration(command.age)},
            _("Have cron run zenvia_sync_subscriptions every hour and zenvia_purge_events every night, too."),
        )
        return
    yield broken(
        Area.BEAT,
        "no-beat",
        _("No sweep of beat's comes in; %(last)s. Failed deliveries are not attempted again.") % {"last": _last(beat)},
        _("Start exactly one: celery -A %(app)s beat. On its schedule must be our BEAT_SCHEDULE, kwargs included.")
        % {"app": app_name()},
    )


def check_receivers() -> Iterator[Finding]:
    """Look at what the worker noted of its receivers: this process may have others."""
    worker = heartbeat.last(heartbeat.WORKER)
    if worker is None or worker.age >= OLD:
        worker = stand_in() or worker
    each = worker.receivers if worker else []
    if not each:
        yield broken(
            Area.RECEIVERS,
            "no-receivers",
            _("No receiver is connected in the worker: events are stored, and that is all."),
            how_to_connect(),
        )
        return
    names = ", ".join(each[:NAMED]) + ", …" * (len(each) > NAMED)
    text = ngettext(
        "%(count)d receiver is connected in the worker: %(names)s.",
        "%(count)d receivers are connected in the worker: %(names)s.",
        len(each),
    )
    yield ok(Area.RECEIVERS, text % {"count": len(each), "names": names})


def how_to_connect() -> str:
    """Return what to do if no receiver is connected."""
    return _("Connect one, import its module in the ready() of your AppConfig, and restart the worker.")


def stand_in() -> Heartbeat | None:
    """Return the heartbeat of `zenvia_dispatch_events` where it runs often enough to do without a worker."""
    try:
        command = heartbeat.last(heartbeat.COMMAND)
    except DatabaseError:
        return None  # that it can't be read is said elsewhere
    return command if command is not None and command.age < COMMAND_OLD else None


def _is_busy() -> bool:
    """Tell whether a worker holds events, or died with them less than a lease ago."""
    events = Event.objects.using(router.db_for_write(Event))
    return events.filter(next_attempt_at__gt=DatabaseNow(), claim__isnull=False).exists()


def _consumes() -> bool:
    """Ask through the broker whether a worker consumes our queue: one answers even while all its processes work."""
    try:
        with connect(project_app()) as connection:
            inspect = project_app().control.inspect(timeout=CONSUMES_SECONDS, connection=connection)
            queues = (inspect.active_queues() or {}).values()
    except Exception:  # noqa: BLE001  # each transport has errors of its own, and some know no broadcasts
        return False
    return any(queue["name"] == _queue() for of_worker in queues for queue in of_worker)


def _answers(before: Heartbeat | None) -> bool:
    ends = time.monotonic() + ANSWER_SECONDS
    while True:
        after = heartbeat.last(heartbeat.WORKER)
        if after is not None and (before is None or after.written_at > before.written_at):
            return True
        if time.monotonic() > ends:
            return False
        time.sleep(0.1)


def _last(seen: Heartbeat | None) -> str:
    return _("there never was one") if seen is None else _("the last sign is %(age)s old") % {"age": duration(seen.age)}


def _queue() -> str:
    options: dict[str, Any] = project_app().amqp.router.route({}, wakeup.TASK)
    return str(options["queue"].name)


def _sweep_interval() -> float:
    """Return the seconds between two sweeps by the schedule in the settings; 0 where they don't say."""
    entries = (project_app().conf.beat_schedule or {}).values()
    found = [entry["schedule"] for entry in entries if isinstance(entry, dict) and entry.get("task") == wakeup.TASK]
    seconds = [every.total_seconds() if isinstance(every, timedelta) else every for every in found]
    return max((every for every in seconds if isinstance(every, int | float)), default=0)
