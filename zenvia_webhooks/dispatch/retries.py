"""When a delivery that failed is attempted again: the schedule of `RETRY_DELAYS`."""

from __future__ import annotations

import random

from zenvia_webhooks.conf import conf
from zenvia_webhooks.exceptions import GiveUp, RetryLater

#: Retries are spread by this part, up and down, so that what failed together does not come back together.
JITTER = 0.1


def is_last(attempts: int) -> bool:
    """Tell whether a delivery that was tried so often is not tried again."""
    return attempts > len(conf.retry_delays)


def delay_after(attempts: int) -> float | None:
    """Return the seconds until the next attempt, spread by `JITTER`; None where it was the last."""
    delays = conf.retry_delays
    if is_last(attempts):
        return None
    return delays[attempts - 1] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311  # no secret


def wait_after(error: Exception, attempts: int) -> float | None:
    """Return the seconds until the next attempt after this error; None where there is none."""
    if isinstance(error, GiveUp) or is_last(attempts):
        return None
    return error.seconds if isinstance(error, RetryLater) else delay_after(attempts)
