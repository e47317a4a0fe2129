"""Calls to Zenvia, one at a time and politely: a pause between them that grows where they are refused, and an end."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from zenvia_webhooks.client import ZenviaClient
from zenvia_webhooks.contracts.listing import Listed, ObjectList
from zenvia_webhooks.exceptions import ZenviaAPIError, ZenviaConnectionError, ZenviaError

T = TypeVar("T")

#: Seconds between two calls, and at most while calls are refused now and then.
PAUSE, LONGEST_PAUSE = 0.2, 30.0
#: Seconds after the first refusal; each further one in a row doubles it.
FIRST_PAUSE = 1.0
#: So many refusals in a row, or as many as there is time for, end a run.
MOST_REFUSALS, REFUSED_SECONDS = 5, 60.0
#: Calls of one run.
MOST_CALLS = 2000


class NotNowError(Exception):
    """The run has had its calls: the next one goes on."""


class OutOfTimeError(NotNowError):
    """The run has had its time."""


class Calls:
    """The calls of one run for one account."""

    def __init__(self, client: ZenviaClient, *, most: int | None = None, ends: float | None = None) -> None:
        """Make `most` calls at most, none after `ends` (by `time.monotonic()`)."""
        self.client = client
        #: So many were made.
        self.made = 0
        self._most, self._ends = MOST_CALLS if most is None else most, ends
        self._pause = 0.0
        #: What Zenvia asks to wait before the next call.
        self._asked = 0.0

    def page(self, of: ObjectList, since: datetime, until: datetime, before: str | None = None) -> list[Listed]:
        """Return one page of a list. Raises NotNowError, and ZenviaError where there is no use in going on."""
        return self._call(lambda: self.client.list_objects(of, since, until, before=before))

    def lead(self, lead_id: str) -> dict[str, Any] | None:
        """Return one lead, None where Zenvia has it no more; raises as `page` does."""
        return self._call(lambda: self.client.get_lead(lead_id))

    def _call(self, make: Callable[[], T]) -> T:
        refusals, began = 0, time.monotonic()
        while True:
            self._wait_for_turn()
            try:
                answer = make()
            except ZenviaError as error:
                refusals += 1
                self._pause = min(max(FIRST_PAUSE, 2 * self._pause), LONGEST_PAUSE)
                self._asked = error.retry_after or 0.0 if isinstance(error, ZenviaAPIError) else 0.0
                next_ends = time.monotonic() - began + self._wait + self.client.account.timeout
                # Out of time while refused, it ends as refused: a run that goes on at once would not wait.
                if (
                    not passes(error)
                    or refusals >= MOST_REFUSALS
                    or next_ends > REFUSED_SECONDS
                    or self._is_out_of_time
                ):
                    raise
            else:
                self._pause, self._asked = max(PAUSE, self._pause / 2), 0.0
                return answer

    @property
    def _wait(self) -> float:
        return max(self._pause, self._asked)

    @property
    def _is_out_of_time(self) -> bool:
        return self._ends is not None and time.monotonic() + self._wait >= self._ends

    def _wait_for_turn(self) -> None:
        if self.made >= self._most:
            raise NotNowError(
                ngettext(
                    "it made %(count)d call, as many as one run may",
                    "it made %(count)d calls, as many as one run may",
                    self.made,
                )
                % {"count": self.made}
            )
        if self._is_out_of_time:
            raise OutOfTimeError(_("its time was over"))
        time.sleep(self._wait)
        self.made += 1


def passes(error: ZenviaError) -> bool:
    """Tell whether the same call may be answered well a little later: too many calls, an outage, a proxy's page."""
    if isinstance(error, ZenviaAPIError):
        return error.status in (408, 429) or error.status >= 500 or error.status < 300
    return isinstance(error, ZenviaConnectionError)
