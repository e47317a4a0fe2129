"""What goes wrong at Zenvia, on demand: refusals, slow and empty answers, broken connections."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from zenvia_webhooks.sandbox.messages import Reply, Request, error_reply

CODES = {401: "unauthorized", 403: "forbidden", 404: "not_found", 409: "conflict", 503: "unavailable"}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What happens to the next calls of a kind."""

    #: How many calls are left.
    next: int = 1
    #: Which calls: "GET", "POST" or "DELETE"; None for any.
    method: str | None = None
    #: The call is refused with this status and does nothing. None: it does what it says.
    status: int | None = None
    #: Its answer has no body.
    empty: bool = False
    #: Seconds until the answer.
    delay: float = 0
    #: No answer comes at all: the connection is closed.
    hang_up: bool = False

    def __str__(self) -> str:
        calls = f"{self.next} {self.method or 'API'} call{'s' * (self.next > 1)}"
        what = [str(self.status or ""), "empty" * self.empty, "no answer" * self.hang_up]
        late = f"after {self.delay:g} s" if self.delay else ""
        return f"{calls}: " + ", ".join(part for part in (*what, late) if part)


class Faults:
    """The faults that are planned, first come first served."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: list[Fault] = []

    @property
    def planned(self) -> list[Fault]:
        with self._lock:
            return list(self._planned)

    def plan(self, fault: Fault) -> None:
        """Raise ValueError for a fault that would be none."""
        if fault.next < 1 or fault.delay < 0:
            raise ValueError("'next' must be 1 or more, and 'delay' 0 or more seconds.")
        if fault.status is not None and not 300 <= fault.status <= 599:
            raise ValueError("'status' must be one of a refusal, 300 to 599.")
        if fault == Fault(next=fault.next, method=fault.method):
            raise ValueError("Say what goes wrong: status, empty, delay or hang_up.")
        with self._lock:
            self._planned.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._planned.clear()

    def apply(self, request: Request, answer: Callable[[], Reply]) -> Reply:
        """Return the answer to a call, or what the first fault that is planned for it makes of it.

        The call has done its work when a slow, empty or lost answer follows; a refusal does none.
        """
        fault = self._take(request.method)
        if fault is None:
            return answer()
        reply = answer() if fault.status is None else _refusal(fault.status)
        time.sleep(fault.delay)
        if fault.empty:
            reply = replace(reply, body=b"")
        return replace(reply, hang_up=fault.hang_up)

    def _take(self, method: str) -> Fault | None:
        with self._lock:
            for index, fault in enumerate(self._planned):
                if fault.method in (None, method):
                    self._planned[index : index + 1] = [replace(fault, next=fault.next - 1)] if fault.next > 1 else []
                    return fault
        return None


def _refusal(status: int) -> Reply:
    return error_reply(status, CODES.get(status, "refused"), "The sandbox was told to refuse this call.")
