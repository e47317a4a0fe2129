"""What host projects import by name."""

from __future__ import annotations

from importlib import import_module

import pytest

PUBLIC = {
    "api.urls": ("app_name", "urlpatterns"),
    "client": ("RemoteSubscription", "ZenviaClient"),
    "contracts.values": ("Interaction", "Lead", "Quote"),
    "exceptions": ("GiveUp", "RetryLater"),
    "models": ("Delivery", "Event", "EventKey", "Subscription", "TaskRun"),
    "redaction": ("RedactTokens",),
    "sandbox": ("Habits", "Listing", "Sandbox"),
    "schedule": ("BEAT_SCHEDULE",),
    "signals": (
        *("lead_created", "quote_updated", "interaction_resolved", "message_received", "message_sent"),
        *("event_received", "delivery_failed", "subscription_lost", "person_erased", "non_atomic"),
    ),
    "tasks": ("dispatch_events", "purge_events", "sync_subscriptions"),
    "urls": ("app_name", "urlpatterns"),
}


@pytest.mark.parametrize("module", PUBLIC)
def test_public_names_are_where_hosts_import_them_from(module: str) -> None:
    found = vars(import_module(f"zenvia_webhooks.{module}"))
    assert set(PUBLIC[module]) <= set(found)
