"""`Delivery.dismiss`."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.support import receivers
from tests.support.webhooks import arrived, let_time_pass
from zenvia_webhooks.dispatch.claims import claim_due
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Delivery, Event
from zenvia_webhooks.signals import lead_created

pytestmark = pytest.mark.django_db

NOTE, BROKEN = "tests.support.receivers.note", "tests.support.receivers.broken"


def failing(settings: Any, *, delays: list[int]) -> tuple[Event, Delivery]:
    """Return an event that one receiver took and another failed for, and the latter's delivery."""
    settings.ZENVIA_WEBHOOKS = {"RETRY_DELAYS": delays}
    lead_created.connect(receivers.note)
    lead_created.connect(receivers.broken)
    event = arrived()
    dispatch_due()
    return Event.objects.get(pk=event.pk), event.deliveries.get(receiver=BROKEN)


@pytest.mark.parametrize("delays", [[], [60]], ids=["failed", "retrying"])
def test_it_ends_what_has_not_succeeded_and_the_event_is_done(settings: Any, delays: list[int]) -> None:
    event, delivery = failing(settings, delays=delays)
    assert event.status == ("retrying" if delays else "failed")
    assert delivery.dismiss()
    event.refresh_from_db()
    assert (event.status, event.next_attempt_at, event.finished_at is None) == ("dispatched", None, False)
    assert (delivery.status, delivery.next_attempt_at, delivery.finished_at is None) == ("dismissed", None, False)
    assert not delivery.dismiss()
    let_time_pass()
    assert dispatch_due() == 0


def test_a_replay_leaves_it_unless_it_is_named(settings: Any) -> None:
    event, delivery = failing(settings, delays=[])
    delivery.dismiss()
    assert event.replay() == []
    assert event.replay([BROKEN]) == [BROKEN]


def test_what_is_still_open_keeps_the_event_going(settings: Any) -> None:
    event, delivery = failing(settings, delays=[60])
    other = Delivery.objects.create(event=event, receiver="other", next_attempt_at=event.next_attempt_at)
    assert delivery.dismiss()
    event.refresh_from_db()
    assert (event.status, event.next_attempt_at) == ("retrying", other.next_attempt_at)


def test_a_success_and_an_event_in_a_workers_hands_are_left(settings: Any) -> None:
    event, delivery = failing(settings, delays=[60])
    assert not event.deliveries.get(receiver=NOTE).dismiss()
    let_time_pass()
    claim = claim_due(1)
    assert [one.pk for one in claim.events] == [event.pk]
    assert not delivery.dismiss()
    assert event.deliveries.get(receiver=BROKEN).status == "retrying"
    # Stalled: its holder died. A late one must not write what it knew.
    let_time_pass()
    Delivery.objects.create(event=event, receiver="other", next_attempt_at=claim.events[0].received_at)
    assert delivery.dismiss()
    event.refresh_from_db()
    assert event.claim not in (None, claim.id)


def test_a_pending_event_stays_pending() -> None:
    event = arrived()
    delivery = Delivery.objects.create(event=event, receiver="renamed", next_attempt_at=event.next_attempt_at)
    Event.objects.filter(pk=event.pk).update(claim=uuid.uuid4())
    let_time_pass()
    assert delivery.dismiss()
    event.refresh_from_db()
    assert (event.status, event.next_attempt_at is None) == ("pending", False)
