"""Rows that were registered once, or should have been, and are registered again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.rows import row, stored, to_do
from tests.support.wire import Wire
from zenvia_webhooks import subscriptions
from zenvia_webhooks.exceptions import ZenviaConfigurationError
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.sandbox import Sandbox

Status = Subscription.Status

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("status", "new_token"), [("failed", False), ("inactive", True), ("missing", False)])
def test_what_is_not_active_is_registered_again(
    sandbox: Sandbox, settings: Any, status: Status, new_token: bool
) -> None:
    made = row(status, "old", absent=10)
    old_token = made.token
    settings.ZENVIA_WEBHOOKS["CALLBACK_BASE_URL"] = "https://moved.example.com"

    subscriptions.register_again(made)

    assert stored(made) == ("active", "subscription1", "")
    assert (made.token != old_token) == new_token
    assert sandbox.subscriptions[0].callback_url == f"https://moved.example.com/zenvia/webhook/{made.token}/"
    assert made.registered_url == sandbox.subscriptions[0].callback_url


def test_an_active_one_is_not_registered_again(sandbox: Sandbox) -> None:
    made = row(Status.ACTIVE, "subscription1")

    with pytest.raises(subscriptions.SubscriptionError, match="active already"):
        subscriptions.register_again(made)

    assert stored(made) == ("active", "subscription1", "")
    assert sandbox.requests == []


def test_without_a_callback_url_nothing_changes(sandbox: Sandbox, settings: Any) -> None:
    made = row(Status.INACTIVE)
    del settings.ZENVIA_WEBHOOKS["CALLBACK_BASE_URL"]

    with pytest.raises(ZenviaConfigurationError):
        subscriptions.register_again(made)

    assert stored(made)[0] == "inactive"
    assert sandbox.requests == []


@pytest.mark.parametrize(("status", "absent"), [("failed", None), ("missing", None), ("pending", 61)])
def test_of_two_that_register_again_at_once_the_second_is_refused(
    sandbox: Sandbox, status: Status, absent: int | None
) -> None:
    made = row(status, absent=absent)
    theirs = Subscription.objects.get(pk=made.pk)

    steps = to_do()
    subscriptions.register_again(made)
    if steps:
        assert subscriptions.reconcile("default", only=steps[0]) == []
    else:
        with pytest.raises(subscriptions.SubscriptionError, match="somebody else"):
            subscriptions.register_again(theirs)

    assert stored(made) == ("active", "subscription1", "")
    assert len(sandbox.subscriptions) == 1


@pytest.mark.parametrize(
    ("absent", "registered"), [(None, False), (30, False), (61, True)], ids=["unseen", "just now", "for a minute"]
)
def test_a_pending_one_that_zenvia_does_not_list_is_registered_again_after_a_minute(
    sandbox: Sandbox, absent: int | None, registered: bool
) -> None:
    made = row(Status.PENDING, absent=absent)
    absent_since = made.absent_since

    subscriptions.register_again(made)

    assert stored(made)[0] == ("active" if registered else "pending")
    assert len(sandbox.subscriptions) == registered
    if not registered:
        assert made.absent_since is not None
        assert absent_since in (None, made.absent_since)


def test_a_pending_one_that_zenvia_lists_is_active_without_another_call(sandbox: Sandbox) -> None:
    made = row(Status.PENDING, absent=61)
    sandbox.add(made.topics, made.registered_url)

    subscriptions.register_again(made)

    assert stored(made) == ("active", "subscription1", "")
    assert len(sandbox.subscriptions) == 1


def test_a_row_is_manual_by_a_persons_word_alone(wire: Wire) -> None:
    made = row(Status.FAILED)

    subscriptions.manual(made)

    assert stored(made) == ("active", "", "")
    assert made.is_manual
    assert wire.asked == []
    assert "manually" in subscriptions.describe(made)


@pytest.mark.parametrize("verb", [subscriptions.register, subscriptions.register_again])
def test_one_that_was_deleted_meanwhile_is_told_of(sandbox: Sandbox, verb: Callable[[Subscription], None]) -> None:
    made = row(Status.PENDING)
    Subscription.objects.all().delete()

    with pytest.raises(subscriptions.SubscriptionError, match="deleted meanwhile"):
        verb(made)

    assert sandbox.subscriptions == []
