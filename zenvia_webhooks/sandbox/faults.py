"""What goes wrong at Zenvia, on demand: refusals, slow, empty and unreadable answers, broken connections."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypedDict

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from zenvia_webhooks.sandbox.messages import Reply, Request, error_reply

CODES = {
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
    429: "too_many_requests",
    503: "unavailable",
}


#: What a proxy in front of Zenvia may say instead.
PAGE = b"<!doctype html><title>Bad gateway</title><h1>Bad gateway</h1>"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What happens to the next calls of a kind."""

    #: How many calls are left.
    next: int = 1
    #: How many go well before.
    skip: int = 0
    #: Which calls: "GET", "POST" or "DELETE"; None for any.
    method: str | None = None
    #: Which calls: those whose path, without "/v1", begins so, such as "/prospects"; None for any.
    path: str | None = None
    #: The call is refused with this status and does nothing. None: it does what it says.
    status: int | None = None
    #: The refusal's header Retry-After, in seconds.
    retry_after: int | None = None
    #: Its answer has no body.
    empty: bool = False
    #: Its answer is a page in HTML.
    html: bool = False
    #: Seconds until the answer; 600 is a server that hangs. Ends when the sandbox heals or closes.
    delay: float = 0
    #: No answer comes at all: the connection is closed.
    hang_up: bool = False

    def __str__(self) -> str:
        calls = ngettext("%(count)d %(method)s call", "%(count)d %(method)s calls", self.next)
        parts = [calls % {"count": self.next, "method": self.method or "API"}]
        parts += [_("to %(path)s") % {"path": self.path}] if self.path is not None else []
        parts += [_("after %(count)d more") % {"count": self.skip}] if self.skip else []
        what = {
            str(self.status): self.status is not None,
            _("empty"): self.empty,
            "HTML": self.html,
            _("no answer"): self.hang_up,
            _("after %(seconds)s s") % {"seconds": f"{self.delay:g}"}: self.delay > 0,
        }
        return f"{' '.join(parts)}: {', '.join(name for name, is_so in what.items() if is_so)}"


class FaultOptions(TypedDict, total=False):
    """How a fault is told: the fields of `Fault`."""

    next: int
    skip: int
    method: str | None
    path: str | None
    status: int | None
    retry_after: int | None
    empty: bool
    html: bool
    delay: float
    hang_up: bool


class Faults:
    """The faults that are planned, first come first served."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: list[Fault] = []
        self._healed = threading.Event()

    @property
    def planned(self) -> list[Fault]:
        with self._lock:
            return list(self._planned)

    def plan(self, fault: Fault) -> None:
        """Raise ValueError for a fault that would be none."""
        if fault.next < 1 or fault.skip < 0 or fault.delay < 0:
            raise ValueError("'next' must be 1 or more, 'skip' and 'delay' (seconds) 0 or more.")
        if fault.status is not None and not 300 <= fault.status <= 599:
            raise ValueError("'status' must be one of a refusal, 300 to 599.")
        if fault == Fault(next=fault.next, skip=fault.skip, method=fault.method, path=fault.path):
            raise ValueError("Say what goes wrong: status, empty, html, delay or hang_up.")
        with self._lock:
            self._planned.append(fault)

    def clear(self) -> None:
        """Forget them all, and let go what is being delayed."""
        with self._lock:
            self._planned.clear()
            self._healed.set()
            self._healed = threading.Event()

    def apply(self, request: Request, answer: Callable[[], Reply]) -> Reply:
        """Return the answer to a call, or what the first fault that is planned for it makes of it.

        The call has done its work when a slow, empty or lost answer follows; a refusal does none.
        """
        healed = self._healed
        fault = self._take(request)
        if fault is None:
            return answer()
        reply = answer() if fault.status is None else _refusal(fault.status, request)
        if fault.retry_after is not None:
            reply = replace(reply, headers={**reply.headers, "Retry-After": str(fault.retry_after)})
        healed.wait(fault.delay)
        if fault.html:
            reply = replace(reply, body=PAGE, headers={"Content-Type": "text/html"})
        if fault.empty:
            reply = replace(reply, body=b"")
        return replace(reply, hang_up=fault.hang_up)

    def _take(self, request: Request) -> Fault | None:
        with self._lock:
            for index, fault in enumerate(self._planned):
                path = request.route.removeprefix("/v1")
                if fault.method not in (None, request.method) or not path.startswith(fault.path or ""):
                    continue
                if fault.skip:
                    self._planned[index] = replace(fault, skip=fault.skip - 1)
                    return None
                self._planned[index : index + 1] = [replace(fault, next=fault.next - 1)] if fault.next > 1 else []
                return fault
        return None


def _refusal(status: int, request: Request) -> Reply:
    message = "The sandbox was told to refuse this call."
    if status == 403:
        # As Zenvia does, it names the scope.
        scope = "prospects:read" if request.route.startswith("/v1/prospect") else "notifications"
        message = f"The key lacks the scope {scope}."
    return error_reply(status, CODES.get(status, "refused"), message)
