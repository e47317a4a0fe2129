"""The events of a claim that are not begun yet, and how long they wait behind the one that runs."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

from django.db import connections, router

from zenvia_webhooks.broker import project_app
from zenvia_webhooks.dispatch.batching import PATIENCE
from zenvia_webhooks.dispatch.claims import Claim, give_up, release
from zenvia_webhooks.dispatch.transactions import close_all
from zenvia_webhooks.models import Event
from zenvia_webhooks.wakeup import SWEEP_INTERVAL

logger = logging.getLogger(__name__)


class Held:
    """A claim's events in their order, taken one by one; the block's end releases those that are left.

    Those that wait for longer than `PATIENCE` are released meanwhile, by a thread with a database connection of its
    own, which then calls `on_released`. Not on SQLite, where it would wait for the receiver's transaction.
    """

    def __init__(self, claim: Claim, on_released: Callable[[], None]) -> None:
        self._claim, self._on_released = claim, on_released
        self._events, self._lock = deque(claim.events), threading.Lock()
        self._timer: threading.Timer | None = None
        #: How many were taken.
        self.begun = 0
        self._taken: Event | None = None

    def take(self) -> Event | None:
        """Return the next event, which is then begun; None if none is left."""
        with self._lock:
            if not self._events:
                return None
            self.begun += 1
            self._taken = self._events.popleft()
            return self._taken

    def __enter__(self) -> Self:
        connection = connections[router.db_for_write(Event)]
        # In a transaction, as in a host's tests, nobody else sees the claim; and if tasks run in line, there is nobody
        # else.
        sees_others = not connection.in_atomic_block and not project_app().conf.task_always_eager
        if len(self._events) > 1 and connection.features.has_select_for_update and sees_others:
            timer = threading.Timer(PATIENCE, self._release_meanwhile)
            timer.daemon = True
            try:
                timer.start()
            except RuntimeError:
                logger.exception("no thread can be started: what waits behind a slow receiver waits for its end")
            else:
                self._timer = timer
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if error is None:
            release(self._claim, self._take_all())
            return
        try:
            # On a new connection, as a failover may have left this one read-only: what was not begun must not wait for
            # the end of the lease.
            close_all()
            release(self._claim, self._take_all())
            if self._taken is not None:
                # If its outcome is not written, for a deadlock or a failover, it need not wait for its lease.
                give_up(self._claim, self._taken, SWEEP_INTERVAL)
        except Exception:
            logger.exception("events could not be released; they wait for the end of their lease")

    def _take_all(self) -> list[Event]:
        with self._lock:
            left = list(self._events)
            self._events.clear()
        return left

    def _release_meanwhile(self) -> None:
        try:
            if left := self._take_all():
                release(self._claim, left)
                self._on_released()
        except Exception:
            logger.exception("events could not be released; they wait for the end of their lease")
        finally:
            connections.close_all()
