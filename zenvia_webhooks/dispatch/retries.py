"""When a delivery that failed is attempted again: the schedule of `RETRY_DELAYS`."""

from __future__ import annotations

import random

from zenvia_webhooks.conf import conf
from zenvia_webhooks.exceptions import GiveUp, RetryLater

#: Each delay is longer or shorter by up to this part, so that what failed together does not come back together.
JITTER = 0.1


def is_last(attempts: int) -> bool:
    """Tell whether a delivery that has been attempted so often is not attempted again."""
    return attempts > len(conf.retry_delays)


def delay_after(attempts: int) -> float | None:
    """Return the seconds until the next attempt, spread by `JITTER`; None if it was the last."""
    delays = conf.retry_delays
    if is_last(attempts):
        return None
    return delays[attempts - 1] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311  # no secret


def wait_after(error: BaseException, attempts: int) -> float | None:
    """Return the seconds until the next attempt after this error; None if there is none."""
    if isinstance(error, GiveUp) or is_last(attempts):
        return None
    # A child of RetryLater may have left its constructor out.
    chosen = getattr(error, "seconds", None) if isinstance(error, RetryLater) else None
    return chosen if isinstance(chosen, int | float) else delay_after(attempts)
