"""Makers of rows. What a test does not name is as it is on a site where all is well."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.utils.timezone import now

from tests.support.account import CALLBACK_BASE_URL
from zenvia_webhooks.conf import conf
from zenvia_webhooks.models import Event, Subscription
from zenvia_webhooks.sandbox import Sandbox
from zenvia_webhooks.webhook.intake import store


def make_subscription(*, at: Sandbox | None = None, age: float = 0, **columns: Any) -> Subscription:
    """Create an active subscription, registered for its own URL; `at` a sandbox, too, if there is one.

    It was last touched `age` seconds ago. Columns that are named win.
    """
    row = Subscription(**{"topics": ["lead.created"], "remote_id": "subscription1", "status": "active", **columns})
    if "registered_url" not in columns:
        row.registered_url = (conf.callback_base_url or CALLBACK_BASE_URL) + path_of(row)
    if at is not None:
        row.remote_id = at.add(row.topics, row.registered_url).id
    row.save()
    if age:
        Subscription.objects.filter(pk=row.pk).update(updated_at=now() - timedelta(seconds=age))
        row.refresh_from_db()
    return row


def make_event(topic: str = "lead.created", data: dict[str, Any] | None = None, **columns: Any) -> Event:
    """Store an event as the webhook does, of a lead of its own; then change the columns that are named."""
    subscription = columns.pop("subscription", None) or _subscription()
    body = envelope(topic, **{"leadId": str(Event.objects.count()), **(data or {})})
    event_id = store(subscription, body, headers={}, remote_addr="").event_id
    if columns:
        Event.objects.filter(pk=event_id).update(**columns)
    return Event.objects.get(pk=event_id)


def envelope(topic: str = "lead.created", **data: Any) -> bytes:
    return json.dumps({"topic": topic, "eventTime": "2024-12-09T15:30:00Z", "data": data}).encode()


def path_of(subscription: Subscription) -> str:
    return f"/zenvia/webhook/{subscription.token}/"


def _subscription() -> Subscription:
    """Return the one that all events of a test come through where nothing else is said."""
    return Subscription.objects.filter(remote_id="of-the-tests").first() or make_subscription(remote_id="of-the-tests")
