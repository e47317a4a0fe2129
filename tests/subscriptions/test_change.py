"""Rotation and change of topics: what becomes of row and tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils.timezone import now

from tests.support.changes import Change, both_changes, to_quotes
from tests.support.rows import columns, row, stored
from zenvia_webhooks import subscriptions
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.sandbox import Sandbox

Status = Subscription.Status

pytestmark = pytest.mark.django_db

both_contracts = pytest.mark.parametrize("contract", ["help_center", "conversion"])


def registered() -> Subscription:
    """Return a row that is registered, and what it is like in the database."""
    made = subscriptions.add("default", ["lead.created"])
    subscriptions.register(made)
    assert made.status == Status.ACTIVE
    return made


@both_contracts
def test_a_rotation_registers_anew_and_then_removes_the_one_before(
    sandbox: Sandbox, account: dict[str, Any], contract: str
) -> None:
    account["CONTRACT"] = contract
    made = registered()
    old_token, calls = made.token, len(sandbox.requests)
    Subscription.objects.update(stored_bytes=2**30)

    subscriptions.rotate(made, overlap=timedelta(hours=2))

    [there] = sandbox.subscriptions
    assert stored(made) == ("active", there.id, "")
    assert there.callback_url == made.registered_url == made.callback_url
    assert old_token not in there.callback_url
    # What a stranger stored with the old token does not count against the new one.
    assert made.stored_bytes == 0
    methods = [request.method for request in sandbox.requests[calls:]]
    assert methods == (["GET", "POST", "GET", "DELETE", "GET"] if contract == "help_center" else ["GET", "POST", "GET"])
    assert made.previous_token == old_token
    assert made.previous_token_expires_at is not None
    assert abs(made.previous_token_expires_at - now() - timedelta(hours=2)) < timedelta(minutes=1)
    assert made.accepts(old_token)
    made.previous_token_expires_at -= timedelta(hours=2)
    assert not made.accepts(old_token)
    assert (made.previous_url, made.previous_topics) == ("", None)


@both_contracts
def test_a_change_of_topics_keeps_the_url(sandbox: Sandbox, account: dict[str, Any], contract: str) -> None:
    account["CONTRACT"] = contract
    made = registered()
    url = made.registered_url

    to_quotes(made)

    [there] = sandbox.subscriptions
    assert stored(made) == ("active", there.id, "")
    assert (there.callback_url, made.registered_url) == (url, url)
    assert there.topics == (("quote.updated",) if contract == "help_center" else ("quotes",))
    assert made.topics == ["quote.updated"]
    assert made.previous_token is None


def test_several_topics_are_one_subscription_where_the_contract_has_it_so(
    sandbox: Sandbox, account: dict[str, Any]
) -> None:
    account["CONTRACT"] = "conversion"
    made = registered()

    subscriptions.change_topics(made, ["lead.created", "quote.updated", "lead.created"])

    assert made.topics == ["lead.created", "quote.updated"]
    assert sandbox.subscriptions[0].topics == ("prospects", "quotes")


def test_topics_that_are_the_same_to_zenvia_take_no_call(sandbox: Sandbox, account: dict[str, Any]) -> None:
    account["CONTRACT"] = "conversion"
    made = registered()
    calls = len(sandbox.requests)

    subscriptions.change_topics(made, ["lead.updated"])

    assert Subscription.objects.get().topics == ["lead.updated"]
    assert len(sandbox.requests) == calls


@pytest.mark.parametrize(
    ("topics", "words"),
    [([], "exactly one topic"), (["a", "b"], "exactly one topic"), (["lead.created"], "these topics already")],
)
def test_topics_that_cant_be_are_refused_without_a_call(sandbox: Sandbox, topics: list[str], words: str) -> None:
    made = registered()
    before, calls = columns(made), len(sandbox.requests)

    with pytest.raises(subscriptions.SubscriptionError, match=words):
        subscriptions.change_topics(made, topics)

    assert (columns(made), len(sandbox.requests)) == (before, calls)


@pytest.mark.parametrize("status", [Status.FAILED, Status.MISSING])
def test_a_topic_of_a_row_that_cant_be_registered_beside_is_taken_over(
    sandbox: Sandbox, account: dict[str, Any], status: Status
) -> None:
    other = row(status)
    Subscription.objects.filter(pk=other.pk).update(topics=["quote.updated"])
    account["CONTRACT"] = "conversion"
    made = Subscription(topics=["lead.created"])
    made.registered_url = made.callback_url
    made.save()
    subscriptions.register(made)

    subscriptions.change_topics(made, ["lead.created", "quote.updated"])

    assert [one.topics for one in sandbox.subscriptions] == [("prospects", "quotes")]


def test_a_topic_that_another_row_has_is_refused(sandbox: Sandbox) -> None:
    made, other = registered(), subscriptions.add("default", ["quote.updated"])

    with pytest.raises(
        subscriptions.SubscriptionError, match=f"quote.updated has a subscription already.* see #{other.pk}"
    ):
        to_quotes(made)


@both_changes
@pytest.mark.parametrize("status", [status for status in Status if status != Status.ACTIVE])
def test_only_an_active_one_is_changed(sandbox: Sandbox, change: Change, status: Status) -> None:
    made = row(status)

    with pytest.raises(
        subscriptions.SubscriptionError, match="not known yet" if status == Status.PENDING else "Only an active"
    ):
        change(made)

    assert sandbox.requests == []


def test_a_second_rotation_within_the_overlap_is_refused_and_says_until_when(sandbox: Sandbox) -> None:
    made = registered()
    subscriptions.rotate(made)
    before, calls = columns(made), len(sandbox.requests)

    with pytest.raises(
        subscriptions.SubscriptionError, match=r"are good until Nov\.|are good until .* (a\.m\.|p\.m\.|noon|midnight)"
    ):
        subscriptions.rotate(made)

    assert (columns(made), len(sandbox.requests)) == (before, calls)

    Subscription.objects.update(previous_token_expires_at=now() - timedelta(seconds=1))
    made.refresh_from_db()
    subscriptions.rotate(made)

    assert made.previous_token == before["token"]
    assert len(sandbox.subscriptions) == 1


def test_topics_change_within_an_overlap_and_leave_it_as_it_is(sandbox: Sandbox) -> None:
    made = registered()
    subscriptions.rotate(made)
    tokens = made.token, made.previous_token, made.previous_token_expires_at

    to_quotes(made)

    assert (made.token, made.previous_token, made.previous_token_expires_at) == tokens
    assert len(sandbox.subscriptions) == 1


def test_an_overlap_can_be_nothing_but_not_less(sandbox: Sandbox) -> None:
    made = registered()
    old = made.token
    with pytest.raises(subscriptions.SubscriptionError, match="negative"):
        subscriptions.rotate(made, overlap=timedelta(seconds=-1))

    subscriptions.rotate(made, overlap=timedelta(0))

    assert not made.accepts(old)


@both_changes
def test_of_two_changes_at_once_the_second_is_refused(sandbox: Sandbox, change: Change) -> None:
    made = registered()
    theirs = Subscription.objects.get()

    change(made)
    with pytest.raises(subscriptions.SubscriptionError, match="somebody else"):
        change(theirs)

    assert len(sandbox.subscriptions) == 1
