"""When a subscription counts as lost, and when not: the evidence is Zenvia's list, twice, and silence."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils.timezone import now

from tests.support.rows import row, to_do
from zenvia_webhooks import subscriptions, tasks
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.sandbox import Sandbox
from zenvia_webhooks.schedule import BEAT_SCHEDULE
from zenvia_webhooks.signals import subscription_lost

Status = Subscription.Status

pytestmark = pytest.mark.django_db


@pytest.fixture
def lost() -> Iterator[list[int]]:
    """Collect the numbers of the rows that `subscription_lost` tells of."""
    told: list[int] = []

    def tell(sender: Any, subscription: Subscription, **_kwargs: Any) -> None:
        assert (sender, subscription.status) == (Subscription, Status.MISSING)
        told.append(subscription.pk)

    subscription_lost.connect(tell)
    yield told
    subscription_lost.disconnect(tell)


def pass_seconds(seconds: float) -> None:
    """Move the clock for what is noted in the rows."""
    for made in Subscription.objects.all():
        moments = {name: getattr(made, name) for name in ("absent_since", "last_event_at")}
        earlier = {name: moment and moment - timedelta(seconds=seconds) for name, moment in moments.items()}
        Subscription.objects.filter(pk=made.pk).update(**earlier)


def look() -> str:
    """Compare as beat does; return the one row's status."""
    tasks.sync_subscriptions()
    return Subscription.objects.get().status


def test_it_is_on_beats_schedule_hourly() -> None:
    entry = BEAT_SCHEDULE[tasks.sync_subscriptions.name]
    assert (entry["task"], entry["schedule"]) == ("zenvia_webhooks.sync_subscriptions", 3600)


def test_one_that_is_absent_twice_a_minute_apart_is_lost_and_that_is_told_once(
    sandbox: Sandbox, lost: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    made = row(Status.ACTIVE, "subscription1")

    assert look() == "active"
    assert look() == "active"
    pass_seconds(61)
    assert look() == "missing"
    pass_seconds(61)
    assert look() == "missing"

    assert lost == [made.pk]
    assert {request.method for request in sandbox.requests} == {"GET"}
    assert f"#{made.pk} lead.created (default): not listed, register" in caplog.text
    assert made.token not in caplog.text


def test_a_receiver_that_fails_is_logged_and_goes_no_further(sandbox: Sandbox, lost: list[int]) -> None:
    def fails(**_kwargs: Any) -> None:
        raise RuntimeError

    row(Status.ACTIVE, "subscription1", absent=61)
    subscription_lost.connect(fails)
    try:
        assert look() == "missing"
    finally:
        subscription_lost.disconnect(fails)
    assert len(lost) == 1


def test_one_that_is_listed_again_was_never_lost(sandbox: Sandbox, lost: list[int]) -> None:
    made = row(Status.ACTIVE, "subscription1")
    look()
    there = sandbox.add(made.topics, made.registered_url)
    pass_seconds(61)

    assert look() == "active"
    made.refresh_from_db()
    assert (made.absent_since, made.remote_id) == (None, there.id)
    sandbox.remove(there.id)
    assert look() == "active"
    assert lost == []


@pytest.mark.parametrize("status", [Status.MISSING, Status.FAILED, Status.PENDING])
def test_whatever_zenvia_lists_is_active(sandbox: Sandbox, status: Status) -> None:
    made = row(status, absent=3600)
    sandbox.add(made.topics, made.registered_url)

    assert look() == "active"


def test_apply_registers_a_lost_one_again_and_tells_of_it(sandbox: Sandbox, lost: list[int]) -> None:
    made = row(Status.ACTIVE, "old", absent=61)

    [step] = to_do()
    assert (step.kind, step.action, step.changes_zenvia) == ("missing", "register", True)
    subscriptions.reconcile("default", only=step)

    made.refresh_from_db()
    assert (made.status, made.remote_id) == ("active", "subscription1")
    assert lost == [made.pk]
    assert to_do() == []


@pytest.mark.parametrize("timeout", [10, 200])
def test_the_wait_is_longer_than_a_call_may_take(sandbox: Sandbox, account: dict[str, Any], timeout: float) -> None:
    account["TIMEOUT"] = timeout
    row(Status.PENDING, absent=61)
    row(Status.ACTIVE, "a", absent=61)

    actions = [step.action for step in to_do()]

    assert actions == (["register", "register"] if timeout == 10 else ["wait", "wait"])


# A new API key that does not list the old key's rows


def test_one_that_has_events_is_not_lost_whatever_the_list_says(
    sandbox: Sandbox, lost: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    made = row(Status.ACTIVE, "subscription1")
    Subscription.objects.update(last_event_at=now() - timedelta(minutes=3))

    for _hour in range(3):
        assert look() == "active"
        pass_seconds(61)
    [line] = subscriptions.current_plan("default")
    made.refresh_from_db()

    assert line.reason == "Not listed by this API key, last event 6 minutes ago: it is alive."
    assert "Not listed by this API key, last event 6 minutes ago." in subscriptions.describe(made)
    assert to_do() == []
    assert lost == []
    assert {request.method for request in sandbox.requests} == {"GET"}
    assert caplog.text == ""

    pass_seconds(3600)
    assert look() == "missing"
    assert lost == [made.pk]


def test_one_event_since_it_was_absent_speaks_for_a_day(sandbox: Sandbox, lost: list[int]) -> None:
    row(Status.ACTIVE, "subscription1")
    look()
    pass_seconds(7200)
    Subscription.objects.update(last_event_at=now())

    pass_seconds(23 * 3600)
    assert look() == "active"
    pass_seconds(2 * 3600)
    assert look() == "missing"
    assert len(lost) == 1


def test_a_lost_one_that_has_events_after_all_is_active(sandbox: Sandbox) -> None:
    row(Status.MISSING, absent=3600)
    Subscription.objects.update(last_event_at=now() - timedelta(hours=2))
    assert look() == "missing"

    Subscription.objects.update(last_event_at=now())

    assert look() == "active"


def test_a_manual_one_is_never_lost(sandbox: Sandbox, lost: list[int]) -> None:
    row(Status.ACTIVE, "", absent=3600)

    assert look() == "active"
    assert to_do() == []


def test_beat_reports_an_account_that_cant_be_asked_and_goes_on(
    sandbox: Sandbox, account: dict[str, Any], settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ZENVIA_WEBHOOKS["ACCOUNTS"] = {"wrong": {**account, "API_KEY": "wrong"}, "none": {}, "default": account}
    row(Status.ACTIVE, "subscription1", absent=61)
    caplog.set_level(logging.WARNING)

    assert tasks.sync_subscriptions() == 2

    assert Subscription.objects.get().status == "missing"
    assert "account wrong could not be compared with Zenvia: GET /subscriptions was answered 401" in caplog.text
    assert "none" not in caplog.text
