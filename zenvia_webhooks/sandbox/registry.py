"""What the stand-in Zenvia remembers, in memory and safe for threads."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from zenvia_webhooks.sandbox.messages import RecordedRequest

#: A sandbox that runs for weeks keeps this many requests.
MOST_REQUESTS = 1000


@dataclass(frozen=True, kw_only=True)
class Registration:
    """A subscription as Zenvia has it."""

    id: str
    #: Zenvia's own strings; exactly one under `help_center`.
    topics: tuple[str, ...]
    callback_url: str


class Registry:
    """The registrations and the latest API calls."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._registrations: dict[str, Registration] = {}
        self._requests: deque[RecordedRequest] = deque(maxlen=MOST_REQUESTS)
        self._last_number = 0

    @property
    def registrations(self) -> list[Registration]:
        with self._lock:
            return list(self._registrations.values())

    @property
    def requests(self) -> list[RecordedRequest]:
        with self._lock:
            return list(self._requests)

    def add(self, topics: Sequence[str], callback_url: str) -> Registration:
        """Register, under an id that was never used before."""
        with self._lock:
            self._last_number += 1
            made = Registration(id=f"subscription{self._last_number}", topics=tuple(topics), callback_url=callback_url)
            self._registrations[made.id] = made
            return made

    def get(self, remote_id: str) -> Registration | None:
        with self._lock:
            return self._registrations.get(remote_id)

    def remove(self, remote_id: str) -> Registration | None:
        """Forget a registration and return it; None where there is none of that id."""
        with self._lock:
            return self._registrations.pop(remote_id, None)

    def record(self, request: RecordedRequest) -> None:
        with self._lock:
            self._requests.append(request)
