"""Whether a newer event about the same object has arrived."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from django.test import Client
from django.utils.timezone import now

from tests.support.webhooks import prospect_stored
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Event, EventKey, Subscription
from zenvia_webhooks.signals import event_received

pytestmark = pytest.mark.django_db

Kind = EventKey.Kind
#: The lead of most samples.
ANA = "69af014baa00aa11aa22aa01"

seen: list[tuple[int, int, bool]] = []


def look(sender: Any, event: Event, **kwargs: Any) -> None:
    """Note how many keys the event has, how many there are, and whether it is superseded."""
    seen.append((event.keys.count(), EventKey.objects.count(), event.is_superseded))


def test_a_newer_event_about_the_same_object_supersedes(client: Client, subscription: Subscription) -> None:
    times = [f"2026-03-10T15:3{minute}:00.000Z" for minute in range(3)]
    old, equal, new = (prospect_stored(client, subscription, type="updated", updatedAt=time) for time in times)
    Event.objects.filter(pk=equal.pk).update(occurred_at=old.occurred_at)
    EventKey.objects.write([old, equal])
    events = [Event.objects.get(pk=event.pk) for event in (old, equal, new)]
    # The newest has arrived, and no worker has taken it up.
    assert [event.is_superseded for event in events] == [False, False, False]
    EventKey.objects.write([new])
    assert [event.is_superseded for event in events] == [True, True, False]


@pytest.mark.parametrize(
    "other", [{"prospect": {"id": "another"}}, {"updatedAt": None, "received": "?", "type": "updated"}]
)
def test_another_object_and_an_unknown_time_supersede_nothing(
    client: Client, subscription: Subscription, other: dict[str, Any]
) -> None:
    first = prospect_stored(client, subscription, updatedAt="2020-01-01T00:00:00Z")
    second = prospect_stored(client, subscription, **other)
    EventKey.objects.write([first, second])
    assert (first.is_superseded, second.is_superseded) == (False, False)


def test_another_accounts_object_supersedes_nothing(client: Client, subscription: Subscription) -> None:
    first = prospect_stored(client, subscription, updatedAt="2020-01-01T00:00:00Z")
    subscription.account = "other"
    subscription.save()
    EventKey.objects.write([first, prospect_stored(client, subscription)])
    assert not first.is_superseded


def test_an_event_that_is_not_stored_is_not_superseded() -> None:
    assert not Event(occurred_at=now()).is_superseded


PROSPECT: dict[str, dict[str, Any]] = {
    "created": {"type": "created", "updatedAt": "2026-03-10T15:31:00Z"},
    "changed": {"type": "updated", "updatedAt": "2026-03-10T15:32:00Z", "prospect": {"label": "hot"}},
    "archived": {"type": "updated", "updatedAt": "2026-03-10T15:33:00Z", "prospect": {"status": "archived"}},
}


@pytest.mark.parametrize("together", [True, False], ids=["in one claim", "one by one"])
@pytest.mark.parametrize("order", list(itertools.permutations(PROSPECT)), ids=" ".join)
def test_one_prospect_in_each_order(
    client: Client, subscription: Subscription, order: tuple[str, ...], together: bool
) -> None:
    seen.clear()
    event_received.connect(look)
    events = {}
    for name in order:
        events[name] = prospect_stored(client, subscription, **PROSPECT[name])
        if not together:
            dispatch_due()
    if together:
        dispatch_due()
    assert {name: event.is_superseded for name, event in events.items()} == {
        "created": True,
        "changed": True,
        "archived": False,
    }
    # What each receiver was told as it ran: superseded by whatever newer one had arrived by then.
    by_time = list(PROSPECT)
    arrived_by = order if together else None
    told = [
        any(by_time.index(other) > by_time.index(name) for other in (arrived_by or order[: number + 1]))
        for number, name in enumerate(order)
    ]
    assert [one[2] for one in seen] == told
