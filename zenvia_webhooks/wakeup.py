"""Hints: Celery messages that say "look at the table now".

The rows are the truth and a hint is best effort, so nobody waits for one: a thread of this process publishes them,
over a connection of its own with short time-outs. The sweep finds what no hint told of.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from typing import Any

from celery import Celery
from django.db import transaction
from kombu import Connection

from zenvia_webhooks import failpoints
from zenvia_webhooks.broker import connect, project_app

logger = logging.getLogger(__name__)

TASK = "zenvia_webhooks.dispatch_events"
#: Seconds between two sweeps.
SWEEP_INTERVAL = 10
#: Seconds that events wait in their order. Once one has waited for longer, there is a backlog: newest and oldest are
#: taken in turn, so that today's lead does not wait for it.
BACKLOG_SECONDS = SWEEP_INTERVAL
#: So many seconds ago falls due what comes many at a time, such as a replay: it is a backlog from its beginning.
BULK_SECONDS = 2 * BACKLOG_SECONDS
#: Seconds after which a hint is dropped: the next sweep has looked by then.
HINT_EXPIRES = SWEEP_INTERVAL
#: Seconds after which a sweep is dropped, so that they don't pile up in a queue that nobody reads. Far more than the
#: interval: if a queue is behind, or a worker's clock ahead, by more than `HINT_EXPIRES`, only sweeps come through.
SWEEP_EXPIRES = 3600
#: Seconds between two hints of one process, at least. After a pause they begin with the first and double to the second,
#: so that a burst wakes several workers within a tenth of a second.
FIRST_INTERVAL, INTERVAL = 0.01, 0.1
#: Seconds without a hint after the broker failed: the first time, and at most.
FIRST_PAUSE, LAST_PAUSE = 1, 10
#: Seconds that the exit of the process may wait for the last hint.
FLUSH_SECONDS = 0.5


def after_commit(using: str | None = None) -> None:
    """Hint that events are due, once the present transaction is committed."""
    transaction.on_commit(hint, using=using, robust=True)


def hint() -> None:
    """Hint that events are due. Returns at once and never raises.

    Under `task_always_eager` there is no worker to hint to: the events are dispatched here and now.
    """
    try:
        app = project_app()
        if app.conf.task_always_eager:
            _dispatch_in_line(app)
        else:
            _publisher().ask(app)
    except Exception:
        # Celery's settings can't be read, or no thread can be started.
        logger.exception("no hint could be given; events wait for the sweep")


def publish() -> None:
    """Publish a hint in this thread, over a connection of its own: a way to see whether the broker takes it.

    Raises what the transport raises, after a few seconds at most; such an error's text may hold the broker's password.
    """
    app = project_app()
    with connect(app) as connection:
        _send(app, connection)


def send(task: str, **arguments: Any) -> None:
    """Send the message of another task of ours in this thread, best effort: a few seconds at most, and never raises.

    Under `task_always_eager` the task runs here and now.
    """
    try:
        app = project_app()
        if app.conf.task_always_eager:
            _task(app, task).apply(kwargs=arguments)
            return
        with connect(app) as connection:
            producer = app.amqp.Producer(connection, auto_declare=False)
            app.send_task(task, kwargs=arguments, producer=producer, retry=False, ignore_result=True)
    except Exception as error:  # noqa: BLE001  # its text may hold the broker's password
        logger.warning("%s could not be sent: %s", task, type(error).__name__)


def flush(seconds: float = FLUSH_SECONDS) -> bool:
    """Wait for the last hint to be published; tell whether it was."""
    publisher = _current
    return publisher is None or publisher.is_failing or publisher.idle.wait(seconds)


def _dispatch_in_line(app: Celery) -> None:
    if getattr(_in_line, "running", False):
        return  # the run below goes on until nothing is due
    _in_line.running = True
    try:
        while (run := _task(app, TASK).apply()).successful() and run.result:
            pass
    except Exception:
        logger.exception("dispatching in line failed; the events are stored and stay due")
    finally:
        _in_line.running = False


def _task(app: Celery, name: str) -> Any:
    if name not in app.tasks:
        app.loader.import_default_modules()  # as a worker does when it starts, and a web process does not
    return app.tasks[name]


class Publisher(threading.Thread):
    """Publishes a hint at once when asked, then at intervals that double, and always one after the last request."""

    def __init__(self) -> None:
        super().__init__(name="zenvia-webhooks-wakeup", daemon=True)
        self.idle = threading.Event()
        self.is_failing = False
        self._asked = threading.Event()
        self._lock = threading.Lock()
        self._app: Celery | None = None
        self._connection: Connection | None = None
        self._connection_app: Celery | None = None

    def ask(self, app: Celery) -> None:
        with self._lock:
            self._app = app
            was_asked = self._asked.is_set()
            self.idle.clear()
            self._asked.set()
        if not was_asked:
            # The publisher's turn: else it has to wait until this thread has answered its request. If it was asked
            # already, it is about to run, or rests; and this takes 70 µs, a tenth of what a webhook takes.
            time.sleep(0)

    def run(self) -> None:
        pause: float = FIRST_PAUSE
        interval = FIRST_INTERVAL
        while True:
            if not self._asked.wait(INTERVAL):
                interval = FIRST_INTERVAL
                self._asked.wait()
            with self._lock:
                self._asked.clear()
                app = self._app
            if app is not None and self._publish(app):
                pause, wait, interval = FIRST_PAUSE, interval, min(2 * interval, INTERVAL)
            else:
                pause, wait = min(2 * pause, LAST_PAUSE), pause
            with self._lock:
                if not self._asked.is_set():
                    self.idle.set()
            time.sleep(wait)

    def _publish(self, app: Celery) -> bool:
        try:
            failpoints.reach("wakeup.publishing")
            self._send(app)
        except Exception as error:  # noqa: BLE001  # whatever the transport: the sweep makes up for it
            # The kind of the error alone: its text may hold the broker's password.
            if not self.is_failing:
                logger.warning("no hint could be sent: %s; events wait for the sweep", type(error).__name__)
            self.is_failing = True
            self._disconnect()
            return False
        if self.is_failing:
            logger.info("hints are sent again")
        self.is_failing = False
        return True

    def _send(self, app: Celery) -> None:
        if self._connection_app is not app:
            self._disconnect()
        if self._connection is not None:
            try:
                _send(app, self._connection)
                return
            except Exception:  # whatever the transport: it may have been closed while idle, so a new one is tried
                logger.debug("the kept connection to the broker is broken", exc_info=True)
                self._disconnect()
        self._connection, self._connection_app = connect(app), app
        _send(app, self._connection)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.release()
            except Exception:  # whatever the transport: it is thrown away
                logger.debug("the broken connection could not be closed", exc_info=True)


def _send(app: Celery, connection: Connection) -> None:
    producer = app.amqp.Producer(connection, auto_declare=False)
    app.send_task(TASK, producer=producer, retry=False, expires=HINT_EXPIRES, ignore_result=True)


_in_line = threading.local()
_current: Publisher | None = None
_start_lock = threading.Lock()


def _publisher() -> Publisher:
    global _current
    with _start_lock:
        if _current is None or not _current.is_alive():
            _current = Publisher()
            _current.start()
        return _current


def _forget() -> None:
    # A fork copies no thread, and its parent may have held the lock.
    global _current, _start_lock
    _current, _start_lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_forget)
atexit.register(flush)
