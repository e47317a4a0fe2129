"""The errors that this app raises, and those that a receiver may raise to choose what comes next."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

#: (whether it has a message, and a hint) → what is said of an answer.
_ANSWERED = {
    (False, False): _("{call} was answered {status}"),
    (True, False): _("{call} was answered {status}: {message}"),
    (False, True): _("{call} was answered {status} ({hint})"),
    (True, True): _("{call} was answered {status}: {message} ({hint})"),
}


class ZenviaConfigurationError(ImproperlyConfigured):
    """A setting is missing or wrong; the text says which and what to write."""


class ZenviaError(Exception):
    """Zenvia's API did not do what it was asked. Never holds an API key."""

    #: Whether the call may have taken effect all the same.
    outcome_unknown: bool = True


class ZenviaConnectionError(ZenviaError, ConnectionError):
    """No whole answer came: refused, cut off, or too slow.

    `outcome_unknown` is False where no connection came about, so that nothing was sent.
    """

    def __init__(self, text: str | Promise, *, outcome_unknown: bool = True) -> None:
        self.outcome_unknown = outcome_unknown
        super().__init__(text)


class ZenviaAPIError(ZenviaError, ValueError):
    """Zenvia answered with an error, or with something that can't be read.

    `status` is the HTTP status, `code` and `message` are Zenvia's own words (`code` may be empty), `hint` is what else
    is known about such an answer, `retry_after` the seconds that Zenvia asks to wait, None where it says nothing.
    """

    def __init__(
        self,
        call: str,
        *,
        status: int,
        code: str = "",
        message: str | Promise = "",
        hint: str | Promise = "",
        retry_after: float | None = None,
    ) -> None:
        self.call, self.status, self.code, self.message, self.hint = call, status, code, message, hint
        self.retry_after = retry_after
        words = {"call": call, "status": status, "message": message, "hint": hint}
        text = _ANSWERED[bool(message), bool(hint)]
        # Lazy: each reader has a language of its own, and the log is English.
        super().__init__(format_lazy(text, **words))

    @property
    def outcome_unknown(self) -> bool:  # type: ignore[override]  # a class-wide fact there, by status here
        """True for a 2xx that can't be read, 408 and 5xx: the call may have taken effect."""
        return self.status < 300 or self.status == 408 or self.status >= 500


class RetryLater(Exception):
    """Raised by a receiver that wants to be attempted again after so many seconds.

    It counts as a failed attempt, and after the last that `RETRY_DELAYS` allows there is no other.
    Only the wait is the receiver's own, and that of no other receiver changes.
    Raises ValueError for anything but a number greater than 0 and less than a thousand million.
    """

    def __init__(self, seconds: float) -> None:
        if type(seconds) not in (int, float) or not 0 < seconds < 10**9:
            raise ValueError(f"RetryLater takes seconds, a number greater than 0, not {seconds!r}.")
        self.seconds = seconds
        super().__init__(f"the receiver asked for another attempt in {seconds:g} s")


class GiveUp(Exception):
    """Raised by a receiver for which no further attempt makes sense: its delivery is failed at once.

    The admin shows `reason`. The event can be replayed, like any other that failed.
    """

    def __init__(self, reason: str = "") -> None:
        self.reason = reason
        super().__init__(reason or "the receiver gave no reason")
