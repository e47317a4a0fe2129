"""What it takes to believe that something is not at Zenvia: its list shows a moment, and one API key."""

from __future__ import annotations

from datetime import timedelta

from django.utils.timezone import now

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


def absence(account: str) -> timedelta:
    """Return how far apart two looks at Zenvia's list must be. Raises ZenviaConfigurationError."""
    return max(ABSENCE, timedelta(seconds=conf.account(account).timeout) + MARGIN)


def is_absent(subscription: Subscription) -> bool:
    """Tell whether a row that Zenvia does not list now was so long ago not listed that it is believed."""
    since = subscription.absent_since
    return since is not None and now() - since >= absence(subscription.account)


def has_events(subscription: Subscription) -> bool:
    """Tell whether events prove a registration to be alive that Zenvia's list is without."""
    last, since = subscription.last_event_at, subscription.absent_since
    if last is None:
        return False
    is_proven = since is not None and last > since
    if subscription.status == Subscription.Status.MISSING and not is_proven:
        return False
    return now() - last < (PROVEN if is_proven else RECENT)
