"""Rows for the tests, as they would be after a while."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils.timezone import now

from tests.support.factories import make_subscription
from zenvia_webhooks import subscriptions
from zenvia_webhooks.models import Subscription

Status = Subscription.Status


def row(status: Status, remote_id: str = "", *, age: int = 3600, absent: int | None = None) -> Subscription:
    """Create a row that was last touched `age` seconds ago, and first seen absent `absent` seconds ago."""
    absent_since = None if absent is None else now() - timedelta(seconds=absent)
    return make_subscription(status=status, remote_id=remote_id, age=age, absent_since=absent_since)


def to_do(account: str = "default") -> list[subscriptions.Step]:
    """Return what a plan of now says must be done."""
    return [step for step in subscriptions.current_plan(account) if step.action != subscriptions.Action.KEEP]


def listed(subscription: Subscription, remote_id: object = "subscription1") -> dict[str, object]:
    return {"id": remote_id, "topic": subscription.topics[0], "callbackUrl": subscription.registered_url}


def stored(subscription: Subscription) -> tuple[str, str, str]:
    """Return status, id at Zenvia and error as the database has them; they must be what the caller's object says."""
    fresh = Subscription.objects.get(pk=subscription.pk)
    assert (fresh.status, fresh.remote_id, fresh.last_error, fresh.absent_since, fresh.token) == (
        subscription.status,
        subscription.remote_id,
        subscription.last_error,
        subscription.absent_since,
        subscription.token,
    )
    return fresh.status, fresh.remote_id, fresh.last_error


def columns(subscription: Subscription) -> dict[str, Any]:
    """Return all that a change may change in the database."""
    values = Subscription.objects.filter(pk=subscription.pk).values().get()
    return {name: value for name, value in values.items() if name not in ("updated_at", "last_error", "last_synced_at")}
