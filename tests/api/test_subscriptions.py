"""What the API shows of subscriptions: no secret, whatever the row holds."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from zenvia_webhooks.models import Subscription
from zenvia_webhooks.models.subscription import new_token

SUBSCRIPTIONS = "/zenvia/api/subscriptions/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def rotated(subscription: Subscription) -> Subscription:
    subscription.previous_token = new_token()
    subscription.previous_token_expires_at = now() + timedelta(hours=1)
    subscription.registered_url = subscription.callback_url
    subscription.last_error = f"refused {subscription.callback_url}, was {subscription.previous_token}"
    subscription.save()
    return subscription


@pytest.mark.parametrize("path", ["", "{pk}/"])
def test_no_token_and_no_key_is_shown(admin_client: Client, rotated: Subscription, path: str) -> None:
    with CaptureQueriesContext(connection) as queries:
        response = admin_client.get(SUBSCRIPTIONS + path.format(pk=rotated.pk))
    content = response.content.decode()
    assert "https://crm.example.com/zenvia/webhook/" in content
    assert rotated.previous_token is not None
    for secret in (rotated.token, rotated.previous_token, "key-of-the-tests"):
        assert secret[7:] not in content
    assert not [query for query in queries if re.search(r"\btoken\b|\bprevious_token\b", query["sql"])]


def test_what_is_shown(admin_client: Client, subscription: Subscription) -> None:
    shown = admin_client.get(f"{SUBSCRIPTIONS}{subscription.pk}/").json()
    assert set(shown) == {
        *("id", "account", "topics", "status", "remote_id", "registered_url", "last_error"),
        *("absent_since", "last_synced_at", "last_event_at", "created_at", "updated_at"),
    }
    assert (shown["topics"], shown["remote_id"], shown["status"]) == (["lead.created"], "subscription1", "active")


@pytest.mark.parametrize(
    ("query", "count"), [("status=active", 1), ("status=failed", 1), ("account=second", 1), ("account=third", 0)]
)
def test_filters(admin_client: Client, subscription: Subscription, query: str, count: int) -> None:
    Subscription.objects.create(account="second", status="failed")
    assert len(admin_client.get(f"{SUBSCRIPTIONS}?{query}").json()["results"]) == count


@pytest.mark.parametrize("query", ["status=lost", "token=a", "cursor=a", "page_size=-1", f"cursor={2**63}"])
def test_an_odd_parameter_is_refused(admin_client: Client, query: str) -> None:
    assert admin_client.get(f"{SUBSCRIPTIONS}?{query}").status_code == 400
