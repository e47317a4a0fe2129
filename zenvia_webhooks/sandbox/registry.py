"""What the stand-in Zenvia remembers, in memory and safe for threads."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from zenvia_webhooks.sandbox.messages import RecordedRequest
from zenvia_webhooks.sandbox.object_ids import ObjectIds

#: A sandbox that runs for weeks keeps this many requests.
MOST_REQUESTS = 1000


@dataclass(frozen=True, kw_only=True)
class Registration:
    """A subscription as Zenvia has it."""

    id: str
    #: Zenvia's own strings; exactly one under `help_center`.
    topics: tuple[str, ...]
    callback_url: str
    #: Whose API it was made in.
    contract: str = "help_center"


class Registry:
    """The registrations and the latest API calls."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._registrations: dict[str, Registration] = {}
        self._requests: deque[RecordedRequest] = deque(maxlen=MOST_REQUESTS)
        self._last_number = 0
        self._ids = ObjectIds()

    @property
    def registrations(self) -> list[Registration]:
        with self._lock:
            return list(self._registrations.values())

    @property
    def requests(self) -> list[RecordedRequest]:
        with self._lock:
            return list(self._requests)

    def of(self, contract: str) -> list[Registration]:
        """Return the registrations of one API."""
        return [one for one in self.registrations if one.contract == contract]

    def add(
        self, topics: Sequence[str], callback_url: str, contract: str = "help_center", *, replaces: bool = False
    ) -> Registration:
        """Register, under an id that was never used before; `replaces` forgets the others of the same API."""
        with self._lock:
            if replaces:
                self._forget(contract)
            self._last_number += 1
            made = Registration(
                id=self._ids.new(datetime.now(UTC)) if contract == "conversion" else f"subscription{self._last_number}",
                topics=tuple(topics),
                callback_url=callback_url,
                contract=contract,
            )
            self._registrations[made.id] = made
            return made

    def get(self, remote_id: str, contract: str | None = None) -> Registration | None:
        """Return a registration, of any API by default; None where there is none of that id."""
        with self._lock:
            found = self._registrations.get(remote_id)
            return found if found and contract in (None, found.contract) else None

    def remove(self, remote_id: str, contract: str | None = None) -> Registration | None:
        """Forget a registration and return it; None where there is none of that id."""
        with self._lock:
            found = self._registrations.get(remote_id)
            if found is None or contract not in (None, found.contract):
                return None
            return self._registrations.pop(remote_id)

    def remove_all(self, contract: str) -> int:
        """Forget every registration of one API; return how many there were."""
        with self._lock:
            return self._forget(contract)

    def _forget(self, contract: str) -> int:
        gone = [one.id for one in self._registrations.values() if one.contract == contract]
        for remote_id in gone:
            del self._registrations[remote_id]
        return len(gone)

    def record(self, request: RecordedRequest) -> None:
        with self._lock:
            self._requests.append(request)
