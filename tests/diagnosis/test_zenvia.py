"""What Zenvia lists, beside our subscriptions: what is a problem, and what was said already."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils.timezone import now

from tests.support.account import KEY, make_account, make_settings
from tests.support.factories import make_subscription
from zenvia_webhooks.diagnosis import Area, Finding, Severity, diagnose
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.sandbox import Sandbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def sandbox(settings: Any) -> Iterator[Sandbox]:
    with Sandbox(api_key=KEY) as sandbox:
        settings.ZENVIA_WEBHOOKS = make_settings(default=make_account(API_URL=sandbox.api_url), later={})
        yield sandbox


@pytest.fixture
def row(sandbox: Sandbox) -> Subscription:
    return make_subscription(at=sandbox)


def look() -> list[Finding]:
    before = list(Subscription.objects.values())
    found = list(diagnose([Area.ZENVIA]))
    assert list(Subscription.objects.values()) == before
    return found


def test_strangers_are_no_fault(row: Subscription, sandbox: Sandbox) -> None:
    sandbox.add(["lead.created"], "https://crm.other.example/hook")
    assert [finding.id for finding in look()] == ["zenvia-ok"]


def test_subscription_that_zenvia_lost(row: Subscription, sandbox: Sandbox) -> None:
    sandbox.remove(row.remote_id)
    [finding] = look()
    # It may be under way: that it is lost, a second comparison says.
    assert (finding.id, finding.severity) == ("unlisted-subscription", Severity.WARNING)
    Subscription.objects.update(absent_since=now() - timedelta(hours=1))
    [finding] = look()
    assert (finding.id, finding.severity) == ("missing-subscription", Severity.BROKEN)
    assert row.token not in finding.text
    # Then its row says so, and so does the look at the rows.
    Subscription.objects.update(status=Subscription.Status.MISSING)
    assert [finding.id for finding in look()] == ["zenvia-ok"]


def test_subscription_of_an_old_key_that_still_has_events_is_no_fault(row: Subscription, sandbox: Sandbox) -> None:
    sandbox.remove(row.remote_id)
    Subscription.objects.update(last_event_at=now() - timedelta(minutes=3))
    assert [finding.id for finding in look()] == ["zenvia-ok"]


def test_subscription_with_other_topics_at_zenvia(row: Subscription) -> None:
    Subscription.objects.update(topics=["quote.updated"], last_event_at=now())
    [finding] = look()
    assert (finding.id, finding.severity) == ("changed-subscription", Severity.BROKEN)


def test_subscription_that_calls_us_and_has_no_row(row: Subscription, sandbox: Sandbox) -> None:
    sandbox.add(["quote.updated"], row.callback_url.replace(row.token, "c" * 64))
    [finding] = look()
    assert (finding.id, finding.severity) == ("adoptable-subscription", Severity.WARNING)
    assert "c" * 64 not in finding.text
    assert "zenvia_sync_subscriptions" in finding.fix
    sandbox.add(["lead.created"], row.callback_url)
    assert sorted(finding.id for finding in look()) == ["adoptable-subscription", "extra-subscription"]
