"""One object, its webhook and its recovery: receivers have one of them, whichever comes first."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support import recovering
from tests.support.recovering import connect, dispatch_all, seen_by
from zenvia_webhooks.dispatch import same_object
from zenvia_webhooks.models import Event, EventKey, Subscription
from zenvia_webhooks.models.clock import ClockReading
from zenvia_webhooks.sandbox.history import Envelope, History
from zenvia_webhooks.webhook import intake

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _receivers() -> None:
    recovering.seen.clear()
    connect()


@pytest.fixture
def history() -> History:
    return History()


def by_webhook(subscription: Subscription, envelope: Envelope) -> Event:
    body = json.dumps(envelope).encode()
    return Event.objects.get(pk=intake.store(subscription, body, headers={}, remote_addr="").event_id)


def recovered(_subscription: Subscription, envelope: Envelope) -> Event:
    """Store it as a recovery does: Zenvia lists it a little otherwise than its webhook had it."""
    listed = {key: value for key, value in envelope.items() if key not in ("subscriptionId", "sent", "received")}
    listed["type"] = "created"
    listed["prospect"] = {key: value for key, value in listed["prospect"].items() if key != "whatsAppDueAt"}
    about = envelope.get("quote") or envelope.get("interaction") or envelope["prospect"]
    clock = ClockReading(moment=datetime.now(UTC) - timedelta(seconds=1))
    body = json.dumps({**listed, "recovered": True}).encode()
    identity = f"{about['id']}:{about.get('status')}"
    return Event.objects.get(pk=intake.store_recovered("default", body, identity=identity, clock=clock))


WAYS = [(by_webhook, recovered), (recovered, by_webhook)]
Way = Callable[[Subscription, Envelope], Event]


@pytest.mark.parametrize("topic", ["lead.created", "interaction.created", "quote.created"])
@pytest.mark.parametrize(("first", "second"), WAYS)
@pytest.mark.parametrize("is_dispatched_between", [True, False])
def test_receivers_have_one_of_both(
    subscription: Subscription, history: History, topic: str, first: Way, second: Way, is_dispatched_between: bool
) -> None:
    envelope = history.happen(topic)
    one = first(subscription, envelope)
    if is_dispatched_between:
        dispatch_all()
    other = second(subscription, envelope)
    dispatch_all()
    assert set(recovering.seen.values()) == {1}
    events = {event.pk: event for event in Event.objects.all()}
    assert {event.status for event in events.values()} == {"dispatched"}
    ran = {pk for pk, event in events.items() if event.deliveries.exists()}
    [left] = set(events) - ran
    assert events[left].same_as == ran.pop()
    if is_dispatched_between:
        assert left == other.pk
    assert one.pk != other.pk


def taken_up(*events: Event) -> None:
    """Have workers begin with these: each has its keys."""
    for event in events:
        EventKey.objects.write([event])


@pytest.mark.parametrize("who_looks_first", ["webhook", "recovered"])
def test_two_workers_with_one_each_at_the_same_moment(
    subscription: Subscription, history: History, who_looks_first: str
) -> None:
    envelope = history.happen("lead.created")
    events = [by_webhook(subscription, envelope), recovered(subscription, envelope)]
    taken_up(*events)
    order = events if who_looks_first == "webhook" else events[::-1]
    replaced = [event.pk for event in order for pk in same_object.decide([event]) if pk == event.pk]
    assert replaced == [events[1].pk]


def test_a_webhook_that_was_taken_up_before_the_other_was_stored_runs(
    subscription: Subscription, history: History
) -> None:
    envelope = history.happen("lead.created")
    webhook = by_webhook(subscription, envelope)
    taken_up(webhook)
    assert same_object.decide([webhook]) == {}
    other = recovered(subscription, envelope)
    taken_up(other)
    assert same_object.decide([other]) == {other.pk: webhook.pk}


def test_a_recovered_one_that_was_taken_up_before_its_webhook_came_runs(
    subscription: Subscription, history: History
) -> None:
    envelope = history.happen("lead.created")
    one = recovered(subscription, envelope)
    taken_up(one)
    webhook = by_webhook(subscription, envelope)
    assert same_object.decide([one]) == {}
    taken_up(webhook)
    assert same_object.decide([webhook]) == {webhook.pk: one.pk}
    # Also when its worker dies and it is taken up again.
    assert same_object.decide([one]) == {}


def test_what_a_change_says_is_another_matter(subscription: Subscription, history: History) -> None:
    recovered(subscription, history.happen("lead.created"))
    by_webhook(subscription, history.happen("lead.updated"))
    dispatch_all()
    assert not Event.objects.exclude(deliveries=None, topic="lead.updated").filter(
        deliveries=None, topic="lead.created"
    )
    assert Event.objects.get(topic="lead.updated").same_as is None


def test_a_quote_is_handed_out_once_for_each_status(subscription: Subscription, history: History) -> None:
    offered = history.happen("quote.created")
    by_webhook(subscription, offered)
    accepted = history.happen("quote.updated", "accepted")
    recovered(subscription, accepted)
    dispatch_all()
    quote_id = offered["quote"]["id"]
    expected = {("see_quote", quote_id, "pending"): 1, ("see_quote", quote_id, "accepted"): 1}
    assert dict(recovering.seen) == expected
    by_webhook(subscription, accepted)
    dispatch_all()
    assert dict(recovering.seen) == expected


def test_two_webhooks_are_two_events(subscription: Subscription, history: History) -> None:
    envelope = history.happen("lead.created")
    by_webhook(subscription, envelope)
    by_webhook(subscription, {**envelope, "updatedAt": "2026-01-01T00:00:00.000Z"})
    dispatch_all()
    assert list(seen_by("see_lead").values()) == [2]


def test_one_that_was_left_out_can_be_replayed(subscription: Subscription, history: History) -> None:
    envelope = history.happen("lead.created")
    by_webhook(subscription, envelope)
    dispatch_all()
    left = recovered(subscription, envelope)
    dispatch_all()
    assert left.replay()
    dispatch_all()
    assert list(seen_by("see_lead").values()) == [2]


def test_the_same_is_recovered_once(subscription: Subscription, history: History) -> None:
    envelope: dict[str, Any] = history.happen("lead.created")
    one = recovered(subscription, envelope)
    changed = {**envelope, "prospect": {**envelope["prospect"], "group": "another shop"}}
    assert recovered(subscription, changed) == one
    assert Event.objects.get().duplicates == 1


def test_accounts_are_apart(subscription: Subscription, history: History) -> None:
    envelope = history.happen("lead.created")
    recovered(subscription, envelope)
    Subscription.objects.update(account="other")
    subscription.refresh_from_db()
    by_webhook(subscription, envelope)
    dispatch_all()
    assert list(seen_by("see_lead").values()) == [2]
