"""Reads that lag behind writes: what a run has just written it never reads back outside of a transaction."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.support import receivers
from tests.support.lag import lagging_reads
from tests.support.webhooks import arrived, let_time_pass, payload, post
from zenvia_webhooks.dispatch.claims import claim_due
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Event, Subscription
from zenvia_webhooks.signals import delivery_failed, event_received, lead_created

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_claim_has_the_events_that_it_took() -> None:
    event = arrived()
    with lagging_reads():
        claim = claim_due(10)
    assert [held.pk for held in claim.events] == [event.pk]


def test_a_new_event_is_handed_out_and_finished() -> None:
    lead_created.connect(receivers.create_customer)
    event_received.connect(receivers.note)
    event = arrived()
    with lagging_reads():
        assert dispatch_due() == 1
    event.refresh_from_db()
    assert (event.status, event.claim, event.next_attempt_at) == (Event.Status.DISPATCHED, None, None)


def test_a_failure_is_written_told_and_attempted_again() -> None:
    told: list[Any] = []

    def tell(sender: Any, delivery: Any, **kwargs: Any) -> None:
        told.append(delivery.attempts)

    receivers.failures_left = 2
    lead_created.connect(receivers.flaky)
    delivery_failed.connect(tell)
    event = arrived()
    try:
        for _ in range(3):
            with lagging_reads():
                assert dispatch_due() == 1
            event.refresh_from_db()
            assert event.claim is None
            let_time_pass()
    finally:
        delivery_failed.disconnect(tell)
    assert (event.status, event.deliveries.get().attempts, told) == (Event.Status.DISPATCHED, 3, [1, 2])


def test_a_replay_that_was_just_committed_is_handed_out() -> None:
    lead_created.connect(receivers.note)
    event = arrived()
    dispatch_due()
    Event.objects.update(status=Event.Status.RETRYING, next_attempt_at=event.received_at)
    with lagging_reads():
        assert event.replay(["tests.support.receivers.note"])
        dispatch_due()
    assert len(receivers.calls) == 2


def test_a_new_subscriptions_webhook_and_its_repetition_are_stored(client: Client) -> None:
    with lagging_reads():
        subscription = Subscription.objects.create(topics=["lead.created"])
        answers = [post(client, subscription, payload("lead_created")).json() for _ in range(2)]  # type: ignore[attr-defined]  # the test client's
    assert [answer["status"] for answer in answers] == ["accepted", "duplicate"]
