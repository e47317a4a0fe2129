"""What it takes to believe that something is not at Zenvia: its list shows a moment, and one API key."""

from __future__ import annotations

from datetime import datetime, timedelta

from zenvia_webhooks.conf import conf
from zenvia_webhooks.models import Subscription

#: Absence from Zenvia's list is believed when it is seen twice, this far apart: a call may still be under way.
ABSENCE = timedelta(seconds=60)
#: What a call may take at Zenvia beyond the time that we wait for its answer.
MARGIN = timedelta(seconds=30)
#: Whoever had an event so lately is not lost, though another API key's list may be without it.
RECENT = timedelta(hours=1)
#: Nor whoever had one since it was first absent: then the list is no evidence, and only a long silence is.
PROVEN = timedelta(hours=24)


def is_absent(row: Subscription, now: datetime) -> bool:
    """Tell whether a row that Zenvia does not list now was so long ago not listed that it is believed."""
    return row.absent_since is not None and now - row.absent_since >= _absence(row.account)


def is_under_way(row: Subscription, now: datetime) -> bool:
    """Tell whether a call that registers a row may still be at work at Zenvia."""
    return row.status == Subscription.Status.PENDING and now - row.updated_at < _absence(row.account)


def has_events(row: Subscription, now: datetime) -> bool:
    """Tell whether events prove a registration to be alive that Zenvia's list is without."""
    last, since = row.last_event_at, row.absent_since
    if last is None:
        return False
    is_proven = since is not None and last > since
    if row.status == Subscription.Status.MISSING and not is_proven:
        return False
    return now - last < (PROVEN if is_proven else RECENT)


def _absence(account: str) -> timedelta:
    """Return how far apart two looks at Zenvia's list must be. Raises ZenviaConfigurationError."""
    return max(ABSENCE, timedelta(seconds=conf.account(account).timeout) + MARGIN)
