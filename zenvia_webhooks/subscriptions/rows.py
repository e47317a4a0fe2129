"""What is written to a row: nobody overwrites what somebody else has done meanwhile."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils.timezone import now
from django.utils.translation import gettext as _

from zenvia_webhooks.contracts.base import RemoteSubscription
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.signals import subscription_lost

Status = Subscription.Status

#: How long the previous token stays good after a rotation.
OVERLAP = timedelta(hours=24)
#: The columns of a registration that replaces nothing, or nothing any more.
NOTHING_PREVIOUS: dict[str, Any] = {"previous_url": "", "previous_topics": None}


def save(subscription: Subscription, **columns: Any) -> None:
    """Write the outcome of a call, whatever else has become of the row. Raises ValueError where it is gone."""
    if not _write(subscription, Subscription.objects.filter(pk=subscription.pk), columns):
        raise ValueError(_("It was deleted meanwhile."))


def save_if_unchanged(subscription: Subscription, **columns: Any) -> bool:
    """Write what a comparison says, unless somebody has changed the row since it was read; tell whether."""
    # Of two that do this at the same moment, the second finds another `updated_at`.
    unchanged = Subscription.objects.filter(pk=subscription.pk, updated_at=subscription.updated_at)
    return _write(subscription, unchanged, columns)


def begin(subscription: Subscription, **columns: Any) -> None:
    """Commit that Zenvia is about to be called. Raises ValueError where somebody else has just begun the same."""
    if not save_if_unchanged(subscription, **columns, status=Status.PENDING, absent_since=None):
        raise ValueError(_("It is active already, or somebody else is just registering it."))


def activated(subscription: Subscription, remote: RemoteSubscription) -> dict[str, Any]:
    """Return the columns of a row that Zenvia has. An overlap of two tokens begins now."""
    columns: dict[str, Any] = {
        "status": Status.ACTIVE,
        "remote_id": remote.id,
        "absent_since": None,
        "last_error": "",
        "last_synced_at": now(),
    }
    return columns | overlapping(subscription)


def overlapping(subscription: Subscription) -> dict[str, Any]:
    """Return the columns that let a previous token expire which was good until now."""
    if subscription.previous_token is None or subscription.previous_token_expires_at is not None:
        return {}
    overlap = OVERLAP if subscription.overlap is None else subscription.overlap
    return {"previous_token_expires_at": now() + overlap}


def restored(subscription: Subscription) -> dict[str, Any]:
    """Return the columns of a registration whose change was refused: as it was."""
    columns = {
        "status": Status.ACTIVE,
        "topics": subscription.previous_topics,
        "registered_url": subscription.previous_url,
        "absent_since": None,
        **NOTHING_PREVIOUS,
    }
    if subscription.previous_token is not None and subscription.previous_token_expires_at is None:
        columns |= {"token": subscription.previous_token, "previous_token": None, "overlap": None}
    return columns


def lose(subscription: Subscription, **columns: Any) -> bool:
    """Note that Zenvia no longer has a row's registration, and tell the host's receivers once; tell whether."""
    lost = save_if_unchanged(subscription, status=Status.MISSING, last_synced_at=now(), **columns)
    if lost:
        subscription_lost.send_robust(sender=Subscription, subscription=subscription)
    return lost


def _write(subscription: Subscription, rows: Any, columns: dict[str, Any]) -> bool:
    columns = {**columns, "updated_at": now()}
    written: int = rows.update(**columns)
    if written:
        for name, value in columns.items():
            setattr(subscription, name, value)
    return bool(written)
