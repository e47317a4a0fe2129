"""The errors that this app raises."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured


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

    def __init__(self, text: str, *, outcome_unknown: bool = True) -> None:
        self.outcome_unknown = outcome_unknown
        super().__init__(text)


class ZenviaAPIError(ZenviaError, ValueError):
    """Zenvia answered with an error, or with something that can't be read.

    `status` is the HTTP status, `code` and `message` are Zenvia's own words (`code` may be empty), `hint` is what else
    is known about such an answer.
    """

    def __init__(self, call: str, *, status: int, code: str = "", message: str = "", hint: str = "") -> None:
        self.call, self.status, self.code, self.message, self.hint = call, status, code, message, hint
        text = f"{call} was answered {status}" + (f": {message}" if message else "")
        super().__init__(text + (f" ({hint})" if hint else ""))

    @property
    def outcome_unknown(self) -> bool:  # type: ignore[override]  # a class-wide fact there, by status here
        """True for a 2xx that can't be read, 408 and 5xx: the call may have taken effect."""
        return self.status < 300 or self.status == 408 or self.status >= 500
